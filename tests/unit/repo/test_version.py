"""One version, the same wherever it is stated."""

from __future__ import annotations

import re
import tomllib
from datetime import date

from tests.support.data import REPOSITORY

VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text()
HEADINGS = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)


def test_the_newest_version_of_the_changelog_is_the_packages() -> None:
    assert HEADINGS[0] == "Unreleased"
    assert HEADINGS[1].split()[0] == VERSION


def test_versions_stand_newest_first_with_their_days() -> None:
    released = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \((\d{4}-\d\d-\d\d)\)", h) for h in HEADINGS[1:]]
    assert all(released)
    found = [(*map(int, one.groups()[:3]), date.fromisoformat(one[4])) for one in released if one]
    assert found == sorted(found, reverse=True)


def test_changes_stand_under_three_headings() -> None:
    for part in re.split(r"^## .+$", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.+)$", part, re.MULTILINE)
        assert kinds == [kind for kind in ("Added", "Changed", "Fixed") if kind in kinds]


def test_the_readme_speaks_of_this_version() -> None:
    minor = VERSION.rpartition(".")[0]
    assert f"version {minor} " in (REPOSITORY / "README.md").read_text()


def test_the_documented_answer_of_version_is_this_one() -> None:
    text = (REPOSITORY / "firmware_bridge" / "contract" / "software.py").read_text()
    assert f"meterline-edge {VERSION}`" in text
