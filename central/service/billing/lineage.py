"""Prove a bill line from the very block versions it was computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from uuid import UUID

from central.domain.billing.bill import BillLine
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event, Events, EventSource
from central.domain.rating.lineage import Explained, are_those, explain
from central.service.ports.billing import BillingStore, BillRecord, StreamsRead
from central.service.views.lookup import require


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """A line and the proofs of what it rests on.

    Args:
        entry: The line on its bill.
        proofs: One per determinant, each summed again exactly.
    """

    entry: BillLine
    proofs: tuple[Explained, ...]

    @property
    def interval_count(self) -> int:
        """How many intervals are behind it."""
        return sum(len(proof.intervals) for proof in self.proofs)

    @property
    def events(self) -> tuple[Event, ...]:
        """The usage events behind it: identifier with version, time, value and fields."""
        return tuple(event for proof in self.proofs for event in proof.events)

    @property
    def worth(self) -> Fraction | None:
        """What they come to, each at its own price; None where they have none. [currency]."""
        worths = [proof.worth for proof in self.proofs if proof.worth is not None]
        return sum(worths, Fraction(0)) if worths else None


class ExplainBill:
    """The use-case.

    Args:
        store: Where bills and blocks are kept.
    """

    def __init__(self, store: BillingStore) -> None:
        self._store = store

    async def line(self, bill: str, position: int) -> ExplainedLine:
        """The intervals of one line.

        Args:
            bill: The bill's identifier.
            position: The line's place on it, from 1.

        Raises:
            NotFoundError: There is no such bill or line.
            LineageError: The blocks kept are not those that were billed, or do not sum to it.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        places = {entry.position: entry for entry in record.bill.lines}
        entry = require(places.get(position), "line", f"{bill}/{position}")
        return (await self._prove(record, [entry]))[0]

    async def bill(self, bill: str) -> tuple[ExplainedLine, ...]:
        """The intervals of every line.

        Raises:
            NotFoundError: There is no such bill.
            LineageError: The blocks kept are not those that were billed, or do not sum to it.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        return await self._prove(record, record.bill.lines)

    async def _prove(
        self, record: BillRecord, entries: Sequence[BillLine]
    ) -> tuple[ExplainedLine, ...]:
        wanted = block_versions(part for entry in entries for part in entry.line.determinants)
        blocks = list((await self._store.blocks(wanted)).values())
        events = await self._events(record, entries)
        return tuple(
            ExplainedLine(entry, prove(entry.line, blocks, events.get(entry.service_point)))
            for entry in entries
        )

    async def _events(
        self, record: BillRecord, entries: Sequence[BillLine]
    ) -> Mapping[str, Events]:
        """The usage events that lines rest on, by service point."""
        sources: dict[str, list[EventSource]] = {}
        for entry in entries:
            behind = (part.events for part in entry.line.determinants)
            sources.setdefault(entry.service_point, []).extend(each for each in behind if each)
        return {
            point: await self._events_of(record, point, behind)
            for point, behind in sources.items()
            if behind
        }

    async def _events_of(
        self, record: BillRecord, point: str, sources: Sequence[EventSource]
    ) -> Events:
        supplies = [each for each in record.bill.supplies if each.service_point == point]
        first = min(each.days.first for each in supplies)
        days = DayRange(first, max(each.days.end for each in supplies))
        streams = frozenset(source.stream for source in sources)
        read = StreamsRead(point, days, supplies[0].zone, supplies[0].day_start, streams)
        read_then: Events = {}
        async for events in self._store.events(read, record.made_at):
            read_then = events
            if all(are_those(source, events) for source in sources):
                break
        return read_then


async def find_bill(store: BillingStore, bill: str) -> BillRecord | None:
    """A bill by the text of its identifier; None where it names nothing."""
    try:
        uid = UUID(bill)
    except ValueError:
        return None
    return await store.bill(uid)


def prove(
    line: RatedLine, blocks: Sequence[DayBlock], events: Events | None = None
) -> tuple[Explained, ...]:
    """A line's determinants, each summed again.

    Args:
        line: Of a bill.
        blocks: Among them those that the line names.
        events: Stream to usage events, among them those that it rests on.

    Raises:
        LineageError: The blocks are not those that were billed, or do not sum to it.
    """
    series = {one.series for part in line.determinants for one in part.sources}
    return explain(line, dict.fromkeys(series, blocks), events)


def block_versions(determinants: Iterable[Determinant]) -> dict[tuple[int, date], int]:
    """Which version of each channel's day determinants rest on."""
    return {
        day: version
        for part in determinants
        for source in part.sources
        for day, version in source.block_versions().items()
    }
