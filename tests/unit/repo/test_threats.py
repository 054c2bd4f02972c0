"""SECURITY.md names, for each control, a test that is there."""

from __future__ import annotations

import re

from tests.support.data import REPOSITORY

PAGE = (REPOSITORY / "SECURITY.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]


def test_each_control_names_tests_that_are_there() -> None:
    assert len(ROWS) > 10
    missing = []
    for row in ROWS:
        named = re.findall(r"`(tests/[\w/]+\.py)`", row.rsplit("|", 2)[1])
        assert named, row
        missing += [name for name in named if "def test_" not in text_of(name)]
    assert missing == []


def text_of(name: str) -> str:
    file = REPOSITORY / name
    return file.read_text() if file.is_file() else ""
