"""What fails is found by halving; what is nobody's fault is raised."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from central.service.halved import FailedItem, error_text, halved
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import PoisonError, StoreUnavailableError


@pytest.mark.parametrize("bad", [(), (0,), (7,), (3, 4), tuple(range(8))], ids=str)
async def test_each_item_is_done_once_or_named_in_order(bad: tuple[int, ...]) -> None:
    asked: list[Sequence[int]] = []

    async def do(part: Sequence[int]) -> list[int]:
        asked.append(part)
        for one in part:
            if one in bad:
                raise LookupError(one)
        return list(part)

    found: list[int] = []
    failed: list[int] = []
    async for done in halved(range(8), do):
        if isinstance(done, FailedItem):
            failed.append(done.item)
            assert isinstance(done.error, LookupError)
        else:
            found += done
    assert found == [one for one in range(8) if one not in bad]
    assert failed == list(bad)
    assert len(asked) <= 1 + 2 * 3 * len(bad)


async def test_nothing_is_done_to_nothing() -> None:
    async def do(part: Sequence[int]) -> int:
        raise AssertionError(part)

    nothing: list[int] = []
    async for done in halved(nothing, do):
        raise AssertionError(done)


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), StoreUnfitError("no table")])
async def test_what_is_nobodys_fault_is_raised(error: Exception) -> None:
    async def do(_: Sequence[int]) -> int:
        raise error

    with pytest.raises(type(error)):
        _ = [done async for done in halved([1, 2], do)]


def test_an_error_is_told_by_class_and_sentence() -> None:
    assert error_text(PoisonError("The data is refused.", value="22021")) == (
        "PoisonError: The data is refused."
    )
    assert error_text(KeyError("value")) == "KeyError: 'value'"
    assert error_text(ZeroDivisionError()) == "ZeroDivisionError"
    assert error_text(ValueError("\x00" + "x" * 900)).startswith("ValueError: \\x00xxx")
    assert len(error_text(ValueError("x" * 900))) == 500
