"""Run the unit and property tests of what changed, in small: the answer of a minute.

What changed is every file that differs from where this branch left `origin/main`, and every file
that git does not know yet. A test file is run that imports, over however many files, something that
changed; so are those of `tests/unit/repo`, which look at the repository itself. Where a file
changed that nothing imports and that is no text for people, or nothing changed, all are run.
`--all` runs all. Further arguments go to pytest.
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ("tests/unit", "tests/property")
ALWAYS = "tests/unit/repo"
PARTS = ("firmware_bridge", "edge_agent", "central", "tests/support")
PYTEST = ("-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal", "-q")


def lines_of(*argv: str) -> list[str]:
    """Return what git prints; nothing where it fails, as in a folder without history."""
    done = subprocess.run(
        ["git", *argv],  # noqa: S607 - whichever git the person uses
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed() -> set[str]:
    """Return the paths that differ from the main branch."""
    base = lines_of("merge-base", "HEAD", "origin/main") or ["HEAD"]
    differing = lines_of("diff", "--name-only", base[0])
    return {*differing, *lines_of("ls-files", "--others", "--exclude-standard")}


def module_of(path: str) -> str:
    """Return the dotted name of a Python file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def names_in(file: Path) -> frozenset[str]:
    """Return every module that a file imports, and every name that may be one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def with_packages(names: Iterable[str]) -> Iterator[str]:
    """Return names, and the packages that importing them runs."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def imports() -> dict[str, set[str]]:
    """Return what each module of the product and of the tests' support imports."""
    files = [file for part in PARTS for file in (REPOSITORY / part).rglob("*.py")]
    by_module = {module_of(str(file.relative_to(REPOSITORY))): file for file in files}
    return {
        module: {name for name in with_packages(names_in(file)) if name in by_module}
        for module, file in by_module.items()
    }


def reached(graph: dict[str, set[str]], touched: set[str]) -> set[str]:
    """Return the touched modules, and all that import one of them over however many."""
    importers: dict[str, set[str]] = {}
    for module, names in graph.items():
        for name in names:
            importers.setdefault(name, set()).add(module)
    found, waiting = set(touched), list(touched)
    while waiting:
        fresh = importers.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found


def is_prose(path: str) -> bool:
    """Whether a file is read by people alone."""
    return path.endswith(".md") or path == "LICENSE"


def is_known(path: str) -> bool:
    """Whether a file shows who imports it: tests are imported by nobody."""
    is_test = path.startswith("tests/") and Path(path).name.startswith("test_")
    is_part = path.startswith(tuple(f"{part}/" for part in PARTS))
    # What imported a file that is gone cannot be found any more.
    return path.endswith(".py") and (is_test or is_part) and (REPOSITORY / path).exists()


def chosen(paths: set[str]) -> list[str]:
    """Return which test files or folders to run for what changed."""
    code = {path for path in paths if not is_prose(path)}
    if not paths or not all(map(is_known, code)):
        return list(FOLDERS)
    touched = reached(imports(), {module_of(path) for path in code})
    tests = [file for folder in FOLDERS for file in (REPOSITORY / folder).rglob("test_*.py")]
    found = [ALWAYS]
    for file in sorted(tests):
        path = str(file.relative_to(REPOSITORY))
        if path in code or touched.intersection(with_packages(names_in(file))):
            found.append(path)
    return found


def main() -> None:
    """Choose, and run pytest in place of this program."""
    given = [argument for argument in sys.argv[1:] if argument != "--all"]
    wanted = list(FOLDERS) if "--all" in sys.argv else chosen(changed())
    print(f"==> {len(wanted)} of the test files and folders", flush=True)
    os.chdir(REPOSITORY)
    os.environ["METERLINE_QUICK"] = "1"
    os.execv(sys.executable, [sys.executable, *PYTEST, *wanted, *given])  # noqa: S606 - ours


if __name__ == "__main__":
    main()
