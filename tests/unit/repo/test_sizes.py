"""Every test that has a size or a time belongs to `make soak`, wherever it lies."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.data import REPOSITORY
from tests.support.size import HANGS_S, QUICK, SOAK, is_sized, sized, within

SIZES = REPOSITORY / "tests" / "support" / "size.py"
FILES = sorted((REPOSITORY / "tests").rglob("*.py"))


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (SOAK, QUICK):
        monkeypatch.delenv(variable, raising=False)


def asks(file: Path) -> bool:
    """Whether a file calls what `make soak` changes."""
    calls = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    return any(
        isinstance(c.func, ast.Name) and c.func.id in {"sized", "within", "timed_cases"}
        for c in calls
    )


def test_soak_collects_every_file_that_asks() -> None:
    asking = [file for file in FILES if asks(file) and file != SIZES]
    assert len(asking) > 15
    assert {file.name for file in asking if not file.name.startswith("test_")} == set()
    assert [file for file in asking if not is_sized(file)] == []


def test_soak_leaves_out_what_does_not_ask() -> None:
    assert not is_sized(REPOSITORY / "tests" / "unit" / "repo" / "test_layout.py")


def test_a_size_is_that_of_the_command_or_what_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sized("METERLINE_NO_SUCH", 25, 1_000) == 25
    monkeypatch.setenv(QUICK, "1")
    assert sized("METERLINE_NO_SUCH", 25, 1_000) == 3
    assert sized("METERLINE_NO_SUCH", 0, 1_000) == 0
    monkeypatch.setenv(SOAK, "1")
    assert sized("METERLINE_NO_SUCH", 25, 1_000) == 1_000
    monkeypatch.setenv("METERLINE_NO_SUCH", "7")
    assert sized("METERLINE_NO_SUCH", 25, 1_000) == 7


def ticks(*times: float) -> Iterator[float]:
    yield from times


def test_a_time_is_held_in_soak_alone_and_a_hang_always(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ticks(0, 2, 0, HANGS_S + 1, 0, 2)
    with within(1, lambda: next(clock)):
        pass
    with pytest.raises(AssertionError, match="may take 20 s"), within(1, lambda: next(clock)):
        pass
    monkeypatch.setenv(SOAK, "1")
    with pytest.raises(AssertionError, match="may take 1 s"), within(1, lambda: next(clock)):
        pass
