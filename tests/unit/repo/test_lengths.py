"""How long modules and functions may be, and which of them explain themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.data import REPOSITORY

PACKAGES = ("firmware_bridge", "edge_agent", "central", "tools")
MODULE_LINES = 400
FUNCTION_LINES = 40


def files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def line_count(source: str) -> int:
    return len(source.splitlines())


def unexplained(source: str) -> Iterator[str]:
    """The functions that are long and have no docstring."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES and ast.get_docstring(node) is None:
            yield node.name


def has_a_second_paragraph(source: str) -> bool:
    return "\n\n" in (ast.get_docstring(ast.parse(source)) or "")


def test_no_module_of_the_product_is_too_long() -> None:
    found = {
        str(file.relative_to(REPOSITORY)): lines
        for file in files(*PACKAGES)
        if (lines := line_count(file.read_text())) > MODULE_LINES
    }
    assert found == {}


def test_a_long_function_has_a_docstring() -> None:
    found = {
        str(file.relative_to(REPOSITORY)): names
        for file in files(*PACKAGES)
        if (names := list(unexplained(file.read_text())))
    }
    assert found == {}


def test_a_long_test_module_says_why_it_is_long() -> None:
    found = [
        str(file.relative_to(REPOSITORY))
        for file in files("tests")
        if line_count(source := file.read_text()) > MODULE_LINES
        and not has_a_second_paragraph(source)
    ]
    assert found == []


def test_a_violation_is_seen() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert list(unexplained(f"def long():\n{body}")) == ["long"]
    assert list(unexplained(f"async def long():\n{body}")) == ["long"]
    assert not list(unexplained(f'def long():\n    """Why."""\n{body}'))
    assert not list(unexplained("def short():\n    return 1\n"))
    assert has_a_second_paragraph('"""What.\n\nWhy.\n"""\n')
    assert not has_a_second_paragraph('"""What."""\n')
