"""Every package says what it owns and what it does not do, and names modules that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

ROOTS = ("firmware_bridge", "edge_agent", "central")
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
LIMIT = re.compile(r"\b(?:not|no|never|nothing|neither|belongs?)\b", re.IGNORECASE)
MODULE = re.compile(r"`([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)`")
PACKAGES = sorted(
    file.parent for root in ROOTS for file in (REPOSITORY / root).rglob("__init__.py")
)


def docstring(package: Path) -> str:
    tree = ast.parse((package / "__init__.py").read_text())
    return " ".join((ast.get_docstring(tree) or "").split())


def says_both(text: str) -> bool:
    """Whether a text has two sentences or more, one of which draws a limit."""
    return len(SENTENCE_END.findall(text)) > 1 and LIMIT.search(text) is not None


def exists(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


def absent_modules(package: Path, text: str) -> Iterator[str]:
    """The modules in back-ticks that are neither in the package nor in the product."""
    for name in MODULE.findall(text):
        parts = name.removesuffix(".py").split(".")
        if not exists(package.joinpath(*parts)) and not exists(REPOSITORY.joinpath(*parts)):
            yield name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_a_package_says_what_it_owns_and_what_it_does_not_do(package: Path) -> None:
    assert says_both(docstring(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_a_package_names_modules_that_exist(package: Path) -> None:
    assert list(absent_modules(package, docstring(package))) == []


def test_a_violation_is_seen() -> None:
    assert len(PACKAGES) > 60
    assert not says_both("")
    assert not says_both("Owns the file. It knows all.")
    assert not says_both("It does not read.")
    assert says_both("Owns the file. It does not read.")
    bridge = REPOSITORY / "firmware_bridge"
    text = "`probe`, `probe.asking`, `central.domain`, `central.nowhere` and `meterline-bridge`."
    assert list(absent_modules(bridge, text)) == ["probe.asking", "central.nowhere"]
