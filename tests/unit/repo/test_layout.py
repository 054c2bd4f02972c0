"""What the repository promises about itself."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from central.adapters.timescale.migrate import Flavour, load, newest_version
from tests.support.data import REPOSITORY

PACKAGES = ("firmware_bridge", "edge_agent", "central")
AGAIN = "-m pytest -v --last-failed --last-failed-no-failures=none"


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


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("failed", "again", "ends", "ran"),
    [
        (0, 0, 0, ["make test"]),
        (1, 0, 0, ["make test", AGAIN]),
        (3, 0, 0, ["make test", AGAIN]),
        (1, 1, 1, ["make test", AGAIN]),
        (4, 0, 2, ["make test"]),
        (None, 0, 2, ["make test"]),
    ],
    ids=["all pass", "one once", "three files once", "one twice", "four files", "the checks"],
)
def test_ci_runs_the_readmes_test_command_and_once_more_what_failed_of_it(
    failed: int | None, again: int, ends: int, ran: list[str], tmp_path: Path
) -> None:
    """None of the tests has failed where the checks before them did."""
    script, said = tmp_path / ".ci" / "run", tmp_path / "said"
    script.parent.mkdir()
    script.write_text((REPOSITORY / ".ci" / "run").read_text())
    cache = ".pytest_cache/v/cache"
    names = [f"test_{n}.py::test[{m} of it]" for n in range(failed or 0) for m in range(2)]
    kept = json.dumps(dict.fromkeys(names, True), indent=2)
    keeps = f"mkdir -p {cache}; echo '{kept}' > {cache}/lastfailed" if failed else ":"
    program(tmp_path / "make", f'echo make "$@" >> said; {keeps}; exit {0 if failed == 0 else 2}')
    program(tmp_path / ".venv/bin/python", f'echo "$@" >> said; exit {again}')
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", script], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, said.read_text().splitlines()) == (ends, ran)
    named = [f"NOT STEADY, to be mended: {name}" for name in names]
    assert done.stdout.splitlines() == (named if ran[-1] == AGAIN and not again else [])


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


def test_migrations_are_numbered_in_a_row() -> None:
    migrations = load(Flavour.PLAIN)
    assert newest_version() == len(migrations)
