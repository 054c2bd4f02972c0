"""Every package that the product imports is asked for where it is needed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
OURS = {"firmware_bridge", "edge_agent", "central", "tests"}
# What a part of the product may import: the dependencies of the extra that installs it.
INSTALLED_WITH = {
    "firmware_bridge/contract": (),
    "firmware_bridge": ("edge",),
    "edge_agent": ("edge",),
    "central": ("central",),
}
# The private servers and the demo itself come with an extra of their own.
DEMO_ONLY = ("central/adapters/embedded/", "central/demo")
# So do the rules that e-invoices are judged by.
EINVOICE_CHECK_ONLY = "central/adapters/documents/einvoice_rules.py"
# And what sends traces.
TRACES_ONLY = "central/adapters/traces.py"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    lists = [PROJECT["dependencies"]]
    lists += [PROJECT["optional-dependencies"][extra] for extra in extras]
    names = set()
    for entry in (entry for entries in lists for entry in entries):
        name, asked = re.match(r"([\w.-]+)(?:\[([^\]]*)\])?", entry).groups()  # type: ignore[union-attr]
        names.add(normal(name))
        # psycopg[pool] brings psycopg_pool.
        names |= {normal(f"{name}-{extra}") for extra in (asked or "").split(",") if extra}
    return names


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("folder", INSTALLED_WITH)
def test_imports_are_declared(folder: str) -> None:
    provided_by = packages_distributions()
    undeclared = []
    for file in sorted((REPOSITORY / folder).rglob("*.py")):
        place = str(file.relative_to(REPOSITORY))
        extras = INSTALLED_WITH[folder]
        if place.startswith(DEMO_ONLY):
            extras = ("edge", "central", "demo")
        elif place == EINVOICE_CHECK_ONLY:
            extras = ("central", "einvoice-check")
        elif place == TRACES_ONLY:
            extras = ("central", "traces")
        allowed = declared(*extras)
        undeclared += [
            f"{place}: {module}"
            for module in imported(file)
            if not {normal(name) for name in provided_by.get(module, [module])} & allowed
        ]
    assert not undeclared
