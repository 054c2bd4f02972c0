"""What the repository promises about itself."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

PACKAGES = ("firmware_bridge", "edge_agent", "central")


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def test_make_help_names_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert targets() == set(re.findall(r"make (\w+)", shown))
    assert {"demo", "test", "check", "bench", "soak", "lock", "help"} <= targets()


def test_every_make_command_in_the_documents_exists() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    # In code only: prose says "make" of other things.
    named = {
        command
        for page in pages
        for command in re.findall(r"(?:`|^    |=\S+ )make ([a-z]+)", page.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= named
    assert named <= targets()


def test_ci_runs_the_readmes_test_command_and_nothing_else() -> None:
    lines = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]


# A ratio for display may be a float in the faces; the core only names it to refuse it.
@pytest.mark.parametrize("folder", ["central/domain", "firmware_bridge/contract"])
def test_the_core_knows_no_float(folder: str) -> None:
    found = []
    for file in sources(folder):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        refusals = {
            id(name)
            for node in nodes
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
            for name in ast.walk(node.args[1])
        }
        found += [
            f"{file.relative_to(REPOSITORY)}:{node.lineno}"
            for node in nodes
            if (isinstance(node, ast.Constant) and isinstance(node.value, float))
            or (isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusals)
            or (isinstance(node, ast.Attribute) and node.attr in {"float32", "float64"})
        ]
    assert not found


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert not [file for file in sources(*PACKAGES, "tests") if file.stem in vague]


def test_a_skip_says_what_is_missing() -> None:
    silent = [
        f"{file.relative_to(REPOSITORY)}:{node.lineno}"
        for file in sources("tests")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"skip", "skipif", "xfail"}
        and ast.unparse(node.func).startswith("pytest.")
        and not _has_reason(node)
    ]
    assert not silent


def _has_reason(call: ast.Call) -> bool:
    named = [keyword for keyword in call.keywords if keyword.arg == "reason"]
    direct = ast.unparse(call.func) == "pytest.skip" and call.args
    return bool(named or direct)
