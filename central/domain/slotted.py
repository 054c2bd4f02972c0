"""Objects made a column at a time, where a run makes them by the million."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import TypeVar

T = TypeVar("T")


def slotted(kind: type[T], slots: Mapping[str, Iterable[object]], count: int) -> list[T]:
    """Objects from the columns of their slots, past what their constructor does one by one.

    Args:
        kind: A class with slots.
        slots: All of them, as the constructor would leave them.
        count: How many objects.
    """
    made = list(map(object.__new__, repeat(kind, count)))
    for name, column in slots.items():
        deque(map(getattr(kind, name).__set__, made, column), maxlen=0)
    return made
