"""Do something to many at once, and where that fails, find out which of them are to blame."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.plain_text import plain

NOBODYS = (StoreUnavailableError, StoreUnfitError)
"""Errors that are no single item's fault."""

_TEXT_MAX = 500
_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class FailedItem(Generic[_Item]):
    """An item that fails alone.

    Args:
        item: What it is.
        error: What was raised.
    """

    item: _Item
    error: Exception


async def halved(
    items: Sequence[_Item], do: Callable[[Sequence[_Item]], Awaitable[_Done]]
) -> AsyncIterator[_Done | FailedItem[_Item]]:
    """Do something to items, all at once where that goes, else to halves of them.

    Args:
        items: In order; without any, nothing is done.
        do: Does it to all that it is given, or to none.

    Yields:
        What `do` gave for each part that went, and each item that fails alone; in order.

    Raises:
        StoreUnavailableError: It is nobody's fault.
        StoreUnfitError: Likewise.
    """
    waiting = [items] if items else []
    while waiting:
        part = waiting.pop()
        try:
            done = await do(part)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one item does, the others go on
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
            else:
                yield FailedItem(part[0], error)
        else:
            yield done


def error_text(error: Exception) -> str:
    """An error's class and sentence, as they can be kept and shown."""
    sentence = error.message if isinstance(error, MeterlineError) else str(error)
    return plain(f"{type(error).__name__}: {sentence}".rstrip(": "), _TEXT_MAX)
