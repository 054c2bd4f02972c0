"""The documents make a site without a warning, with a picture of every screen that the demo has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tests.support.size import SOAK

pytestmark = [
    pytest.mark.skipif(not os.environ.get(SOAK), reason=f"{SOAK} is unset: builds the site"),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
PICTURES = 40


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, str(REPOSITORY / "tools" / "docs.py"), "--target", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Candidates for correction" in (site / "guide" / "3-bills.html").read_text("utf-8")
    assert len(list((site / "_images").glob("*.png"))) >= PICTURES, done.stderr
    assert (site / "index.html").is_file()
