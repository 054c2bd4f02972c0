"""Every page has its place in the user guide, and the guide names no page that there is not."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from fastapi.routing import APIRoute, APIRouter

from central.dashboard import pages
from tests.support.data import REPOSITORY

PARTS = yaml.safe_load((REPOSITORY / "docs" / "guide" / "screens.yaml").read_text("utf-8"))
SCREENS: list[dict[str, Any]] = [screen for part in PARTS for screen in part["screens"]]


def shown() -> Iterator[str]:
    """The paths of all that is asked for by a browser's GET."""
    for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
        for router in vars(importlib.import_module(module.name)).values():
            if isinstance(router, APIRouter):
                for route in router.routes:
                    assert isinstance(route, APIRoute)
                    if "GET" in (route.methods or ()):
                        yield route.path


def test_the_guide_has_every_page_and_no_other() -> None:
    named = [screen["page"] for screen in SCREENS]
    assert sorted(named) == sorted(set(named))
    assert set(named) == set(shown())


def test_each_screen_says_what_it_is_or_why_it_is_none() -> None:
    titles = [screen["title"] for screen in SCREENS if "none" not in screen]
    assert len(titles) == len(set(titles))
    for screen in SCREENS:
        if "none" in screen:
            assert set(screen) == {"page", "none"}, screen
            continue
        needed, further = {"page", "title", "text"}, {"from", "open", "demo"}
        assert needed <= set(screen) <= needed | further
        assert screen["text"].rstrip().endswith("."), screen


def test_a_screen_with_a_part_of_its_own_is_reached_from_another() -> None:
    known: set[str] = set()
    for screen in (screen for screen in SCREENS if "none" not in screen):
        if "{" in screen["page"] and "open" not in screen:
            assert screen["from"] in known, screen
        known.add(screen["page"])


def test_the_site_is_made_of_every_document() -> None:
    """Each folder's first page leads the site to the others of its folder."""
    folders = {page.parent for page in (REPOSITORY / "docs").rglob("*.md")}
    assert [folder for folder in sorted(folders) if not (folder / "README.md").is_file()] == []
    assert not re.search(r"\]\((?!http)[^)]*read-the-dashboard", _all_text())


def _all_text() -> str:
    return "".join(Path(page).read_text("utf-8") for page in (REPOSITORY / "docs").rglob("*.md"))
