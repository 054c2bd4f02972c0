"""Which tests `make quick` runs for what changed."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.support.data import REPOSITORY

ALL = ["tests/unit", "tests/property"]


@pytest.fixture(scope="module")
def quick() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quick", REPOSITORY / "tools" / "quick.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_module_brings_the_tests_that_import_it_over_others(quick: ModuleType) -> None:
    graph = {"tests.support.a": {"x.b"}, "x.b": {"x.c"}, "x.c": set(), "x.d": set()}
    assert quick.reached(graph, {"x.c"}) == {"x.c", "x.b", "tests.support.a"}
    assert quick.reached(graph, {"x.d"}) == {"x.d"}


def test_only_the_tests_of_what_changed_are_run(quick: ModuleType) -> None:
    found = quick.chosen({"firmware_bridge/contract/obis.py", "docs/README.md"})
    assert "tests/unit/repo" in found
    assert any(path.endswith("/test_wire.py") for path in found)
    assert "tests/unit/tools/test_quick.py" not in found


def test_a_changed_test_runs_itself(quick: ModuleType) -> None:
    this = "tests/unit/tools/test_quick.py"
    assert quick.chosen({this}) == ["tests/unit/repo", this]


@pytest.mark.parametrize(
    "path",
    ["pyproject.toml", "tests/conftest.py", "tests/vectors/wire-v1.json", "central/gone.py"],
)
def test_what_does_not_show_who_needs_it_runs_all(quick: ModuleType, path: str) -> None:
    assert quick.chosen({path}) == ALL


def test_prose_runs_what_looks_at_the_repository(quick: ModuleType) -> None:
    assert quick.chosen({"docs/README.md"}) == ["tests/unit/repo"]
    assert quick.chosen(set()) == ALL
