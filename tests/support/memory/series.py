"""Price and factor series in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from central.domain.actor import Actor
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from central.service.ports.series import SeriesTransaction, TableRevision, kept_detail
from central.service.ports.stamps import InputKind
from tests.support.memory.books import BookState, MemoryBooks
from tests.support.memory.tariffs import concerned_bills


class MemorySeriesStore:
    """`SeriesStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SeriesTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
        async with self._books.begin() as state:
            yield _Transaction(self._books, state)


class _Transaction:
    """`SeriesTransaction` over dictionaries."""

    def __init__(self, books: MemoryBooks, state: BookState) -> None:
        self._books = books
        self._state = state

    async def hold(self, name: str) -> None:
        """Nobody else has a transaction meanwhile."""

    async def newest(self, names: Collection[str], first: date, end: date) -> tuple[PriceDay, ...]:
        return newest_days(self._state, names, first, end)

    async def concerned(self, name: str, first: date, end: date) -> ConcernedBills:
        return concerned_bills(self._state, InputKind.SERIES, name, first, end)

    async def add(
        self, days: Sequence[PriceDay], actor: Actor, reason: str | None, at: datetime
    ) -> None:
        for one in days:
            self._state.series[one.name, one.day, one.version] = one
        self._state.raise_input(InputKind.SERIES, days[0].name)
        detail = kept_detail(days, reason)
        self._books.audit(at, actor, "series.kept", days[0].name, detail)

    async def table_history(self, name: str | None) -> tuple[TableRevision, ...]:
        entries = sorted(self._state.tables.items())
        return tuple(entry for key, entry in entries if name in {None, key[0]})

    async def add_tables(self, versions: Sequence[TableVersion], note: DecisionNote) -> None:
        for version in versions:
            key = (version.table, version.since, version.revision)
            self._state.tables[key] = TableRevision(
                version, note.at, note.actor.key, note.reason or None
            )
        self._state.raise_input(InputKind.SERIES, versions[0].table)

    async def note_table(self, note: DecisionNote, name: str, detail: Mapping[str, Any]) -> None:
        self._books.audit(note.at, note.actor, "table.kept", name, detail)


def newest_tables(state: BookState, names: Collection[str]) -> tuple[TableVersion, ...]:
    """The newest revision of every date of some tables."""
    entries = sorted(state.tables.items())
    newest = {key[:2]: entry.version for key, entry in entries if key[0] in names}
    return tuple(newest.values())


def newest_days(
    state: BookState, names: Collection[str], first: date, end: date
) -> tuple[PriceDay, ...]:
    """The newest versions of some days, by name and day."""
    found = {
        key[:2]: one
        for key, one in sorted(state.series.items())
        if key[0] in names and first <= key[1] < end
    }
    return tuple(found.values())
