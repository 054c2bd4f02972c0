"""The centre's command where packages of other extras are missing."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """\
import sys
sys.modules["pymodbus"] = None
sys.argv[1:] = ["demo", "--once"]
from central.cli import main
main()
"""


def test_the_demo_without_its_packages_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "EXTRA_MISSING: The command demo needs pymodbus. Install meterline[demo].\n"
    )
