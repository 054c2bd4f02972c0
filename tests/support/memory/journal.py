"""Changes to dictionaries that can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Journal:
    """What a transaction changed, so that a rollback leaves nothing of it."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def put(self, table: dict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
        """Set a key."""
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def drop(self, table: dict[KeyT, ValueT], key: KeyT) -> None:
        """Remove a key that is there."""
        value = table.pop(key)
        self._undo.append(lambda: table.__setitem__(key, value))

    def roll_back(self) -> None:
        """Take everything back, the latest first."""
        while self._undo:
            self._undo.pop()()
