"""All that rating a shard of accounts needs, a query each; the statements are in `load.sql`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.billing.account_state import own_before
from central.adapters.timescale.billing.adjustments import open_adjustments
from central.adapters.timescale.billing.bill_limits import limits_of_bills
from central.adapters.timescale.billing.channel_months import months_of
from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.document_days import documents_of
from central.adapters.timescale.billing.entries import open_entries
from central.adapters.timescale.billing.loaded_part import (
    BilledChannels,
    Held,
    LoadedPart,
    bare,
    bills,
    waits,
)
from central.adapters.timescale.billing.replaced import with_replaced
from central.adapters.timescale.billing.waiting import waiting_at_points
from central.adapters.timescale.errors import translated
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.usage.load import PointDays, counted_events
from central.domain.billing.adjustment import OpenAdjustment
from central.domain.billing.bill import Account, Party
from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.billing.planned import PlannedBill
from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays
from central.domain.metering.tariff_input import input_of
from central.domain.rating.hold import HeldDay, Hold
from central.domain.rating.inputs.account_state import NOTHING_OWN
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.cutover_print import cutover_read, with_balance
from central.service.billing.meter_reads import (
    BilledSpan,
    installed_within,
    not_metered,
)
from central.service.ports.bill_shard import (
    AccountWork,
    CountedEvents,
    EarlierDays,
    SupplyWork,
    before,
)
from central.service.ports.holes import HOLES, hole_hold
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import first_pending
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_ZONE_SPREAD = timedelta(days=1)
NOBODY = Party("")
_CONFLICT = "A reading has two different values; an operator must decide."
_Row = tuple[Any, ...]


class ShardLoader:
    """Reads what bills of one period are rated from.

    Args:
        connection: In the shard's transaction.
        claims: Of the shard.
        at: When the bills are rated. Aware.
    """

    def __init__(
        self, connection: AsyncConnection[_Row], claims: ShardClaims, at: datetime
    ) -> None:
        self._connection = connection
        self._claims = claims
        self._at = at

    async def works(self, bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        """All that rating some bills takes; of one that waits for another, its names alone."""
        with translated():
            async with self._connection.transaction():
                return await self._works(bills)

    async def unread(self, bill: PlannedBill, why: Hold) -> AccountWork:
        """A bill with the bare names of its agreements.

        Args:
            bill: Of which `works` cannot read all.
            why: It cannot.
        """
        (bill,) = await with_replaced(self._connection, [bill])
        parties = await self._accounts([bill.account_id])
        return bare(bill, parties[bill.account_id], why)

    async def _adjustments(
        self, bills: Sequence[PlannedBill]
    ) -> Mapping[int, tuple[OpenAdjustment, ...]]:
        if self._claims.issued:
            return {}
        accounts = {bill.account_id for bill in bills}
        return await open_adjustments(self._connection, accounts, [bill.bill_id for bill in bills])

    async def _works(self, planned_bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        """All that rating some bills takes, as `works` gives it."""
        bills = await with_replaced(self._connection, planned_bills)
        before = await self._claims.before(planned for bill in bills for planned in bill.parts)
        parties = await self._accounts([bill.account_id for bill in bills])
        waiting = {number: why for number, bill in enumerate(bills) if (why := waits(bill, before))}
        supplies = [
            LoadedPart(number, planned, before.get(planned.key))
            for number, bill in enumerate(bills)
            if number not in waiting
            for planned in bill.parts
        ]
        built = await self._built(supplies) if supplies else {}
        entries = await open_entries(
            self._connection,
            list(parties),
            self._claims.keys_of(s.planned for s in supplies),
            others=not self._claims.issued,
        )
        shared = await own_before(self._connection, bills)
        cutovers: dict[int, list[CutoverOpening | None]] = {}
        for supply in supplies:
            cutovers.setdefault(supply.bill, []).append(supply.cutover)
        adjustments = await self._adjustments(bills)
        documents = await documents_of(self._connection, bills, self._at)
        limited = () if self._claims.issued else bills
        limits = await limits_of_bills(self._connection, limited, documents, self._at)
        return tuple(
            bare(bill, parties[bill.account_id], waiting[number])
            if number in waiting
            else AccountWork(
                bill,
                # A bill that replaces another leaves the balance to that.
                with_balance(
                    parties[bill.account_id],
                    cutovers.get(number, ()) if bill.replaces is None else (),
                ),
                tuple(built[number]),
                entries=entries.get(bill.account_id, ()),
                shared=shared.get(number, NOTHING_OWN),
                adjustments=adjustments.get(bill.account_id, ()),
                document_days=documents[number].days,
                negative_total=documents[number].negative_total,
                limits=limits.get(number, {}),
            )
            for number, bill in enumerate(bills)
        )

    async def _built(self, supplies: Sequence[LoadedPart]) -> dict[int, list[SupplyWork]]:
        """All that rating some parts takes, by the number of their bill."""
        span = DayRange(
            min(supply.days.first for supply in supplies),
            max(supply.days.end for supply in supplies),
        )
        around = _around(span)
        points = sorted({supply.point_id for supply in supplies})
        channels: dict[int, list[tuple[int, Obis]]] = {}
        for key, point, obis in await self._rows("channels", points=points):
            channels.setdefault(point, []).append((key, Obis(bytes(obis))))
        at_point = {key: point for point, at_it in channels.items() for key, _ in at_it}
        blocks = await self._blocks(list(at_point), span)
        billed = [
            {
                key: (obis, _within(blocks.get(key, ()), supply.days))
                for key, obis in channels.get(supply.point_id, [])
                if supply.bills(obis)
            }
            for supply in supplies
        ]
        holds = await self._holds(points, at_point, span, around)
        holes = await self._holes(supplies, billed)
        asked = [(supply.point_id, supply.days) for supply in supplies]
        changes = await waiting_at_points(self._connection, asked)
        reads = await self._reads(supplies, points, around)
        built: dict[int, list[SupplyWork]] = {}
        for number, supply in enumerate(supplies):
            stamp = self._claims.stamps[supply.planned.term.agreement_id]
            built.setdefault(supply.bill, []).append(
                supply.work(
                    billed[number],
                    [
                        *holds.get(supply.point_id, ()),
                        *holes.get(number, ()),
                        *supply.pending(changes.get(number, ())),
                    ],
                    reads.get(number, {}),
                    replace(stamp, not_metered=True) if number in holes else stamp,
                )
            )
        return built

    async def tariffs(self, names: Collection[str]) -> Mapping[str, Sequence[TariffRecord]]:
        """The versions of some tariffs."""
        return tariff_records(await self._rows("tariffs", names=sorted(names)))

    async def earlier(
        self, works: Iterable[AccountWork], back: Mapping[str, int]
    ) -> Mapping[tuple[int, date], EarlierDays]:
        """See `ShardTransaction`."""
        looking = [
            (planned, before(supply, back[supply.tariff]))
            for work in works
            for planned, supply in zip(work.plan.parts, work.supplies, strict=True)
            if supply.tariff in back
        ]
        if not looking:
            return {}
        channels: dict[int, list[tuple[int, Obis]]] = {}
        points = sorted({planned.occupancy.point_id for planned, _ in looking})
        for key, point, obis in await self._rows("channels", points=points):
            channels.setdefault(point, []).append((key, Obis(bytes(obis))))
        span = DayRange(
            min(days.first for _, days in looking), max(days.end for _, days in looking)
        )
        # Before the blocks: a day that is closed for the first time meanwhile raises no revision.
        asked = [(planned.occupancy.point_id, days) for planned, days in looking]
        changes = await waiting_at_points(self._connection, asked)
        blocks = await self._blocks(
            [key for at_point in channels.values() for key, _ in at_point], span
        )
        earlier: dict[tuple[int, date], EarlierDays] = {}
        for number, (planned, days) in enumerate(looking):
            of_part: dict[str, list[DayBlock]] = {}
            for key, obis in channels.get(planned.occupancy.point_id, ()):
                if bills(planned.occupancy, obis):
                    named = of_part.setdefault(input_of(obis), [])
                    named.extend(_within(blocks.get(key, ()), days))
            waiting = first_pending(changes.get(number, ()), days)
            earlier[planned.key] = EarlierDays(of_part, waiting)
        return earlier

    async def events(
        self, works: Iterable[AccountWork], streams: Mapping[str, frozenset[str]]
    ) -> Mapping[tuple[int, date], CountedEvents]:
        """See `ShardTransaction`."""
        counting = [
            (planned, supply)
            for work in works
            for planned, supply in zip(work.plan.parts, work.supplies, strict=True)
            if supply.tariff in streams and not planned.settles
        ]
        asked = [
            PointDays(
                planned.occupancy.point_id,
                supply.days,
                supply.zone,
                supply.day_start,
                streams[supply.tariff],
            )
            for planned, supply in counting
        ]
        counted = await counted_events(self._connection, asked)
        return {planned.key: each for (planned, _), each in zip(counting, counted, strict=True)}

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(SQL[statement], values)
            return await cursor.fetchall()

    async def _accounts(self, accounts: Sequence[int]) -> dict[int, Account]:
        rows = await self._rows("seller")
        seller = _party(rows[0]) if rows else NOBODY
        return {
            row[0]: Account(row[1], _party(row[2:]), seller)
            for row in await self._rows("accounts", accounts=list(accounts))
        }

    async def _blocks(self, channels: list[int], days: DayRange) -> dict[int, Sequence[DayBlock]]:
        rows = await self._rows("month", channels=channels, first=days.first, end=days.end)
        return months_of(rows)

    async def _holds(
        self,
        points: list[int],
        at_point: Mapping[int, int],
        span: DayRange,
        around: Mapping[str, datetime],
    ) -> dict[int, list[Held]]:
        """What holds bills of points, with its channel and instant where it has one."""
        holds: dict[int, list[Held]] = {}
        rows = await self._rows("critical", channels=list(at_point), first=span.first, end=span.end)
        for channel, day, code, message, at in rows:
            evidence = f"channel {channel}, {at.isoformat()}"
            hold = Hold(code, message, evidence, HeldDay(channel, day))
            holds.setdefault(at_point[channel], []).append((channel, at, hold))
        for point, channel, at in await self._rows("conflicts", points=points, **around):
            hold = Hold("CONFLICTING_READINGS", _CONFLICT, at.isoformat())
            holds.setdefault(point, []).append((channel, at, hold))
        return holds

    async def _holes(
        self, supplies: Sequence[LoadedPart], billed: Sequence[BilledChannels]
    ) -> dict[int, list[Held]]:
        """Supplies of which not every interval is metered, with what may still come of them."""
        holes: dict[int, list[Held]] = {
            number: []
            for number, channels in enumerate(billed)
            if any(not_metered(days) for _, days in channels.values())
        }
        if not holes:
            return holes
        rows = await self._rows(
            "holes",
            numbers=list(holes),
            points=[supplies[number].point_id for number in holes],
            firsts=[supplies[number].days.first for number in holes],
            ends=[supplies[number].days.end for number in holes],
            codes=list(HOLES),
        )
        for number, code, gateway, finding in rows:
            holes[number].append((None, None, hole_hold(code, gateway, finding)))
        return holes

    async def _reads(
        self, supplies: Sequence[LoadedPart], points: list[int], around: Mapping[str, datetime]
    ) -> dict[int, dict[int, list[BilledSpan]]]:
        """Per supply and channel the registers behind it, with what they showed at its ends."""
        at_point: dict[int, list[_Row]] = {}
        for row in await self._rows("meters", points=points, **around):
            at_point.setdefault(row[0], []).append(row)
        asked = [
            (number, row, within)
            for number, supply in enumerate(supplies)
            for row in at_point.get(supply.point_id, ())
            if supply.bills(Obis(bytes(row[2])))
            if (within := installed_within(row[6], row[7], supply.interval)) is not None
        ]
        shown = await self._shown(
            [(row[4], row[2], at) for _, row, span in asked for at in (span.start, span.end)]
        )
        spans: dict[int, dict[int, list[BilledSpan]]] = {}
        for position, (number, row, within) in enumerate(asked):
            obis, supply = Obis(bytes(row[2])), supplies[number]
            taken_over = cutover_read(
                supply.cutover, f"{row[12]}/{row[5]}", obis, within.start, supply.interval.start
            )
            written_first = row[10] if row[6] == within.start else taken_over
            written_last = row[11] if row[7] == within.end else None
            span = BilledSpan(
                serial=row[5],
                obis=obis,
                unit=Unit(row[3]),
                within=within,
                multiplier=Fraction(int(row[8]), int(row[9])),
                opening=shown.get(2 * position) if written_first is None else written_first,
                closing=shown.get(2 * position + 1) if written_last is None else written_last,
            )
            spans.setdefault(number, {}).setdefault(row[1], []).append(span)
        return spans

    async def _shown(self, asked: Sequence[tuple[int, bytes, datetime]]) -> dict[int, Decimal]:
        """What registers showed at instants, by position in the list."""
        rows = await self._rows(
            "reads",
            numbers=list(range(len(asked))),
            meters=[meter for meter, _, _ in asked],
            obis=[obis for _, obis, _ in asked],
            at=[at for _, _, at in asked],
        )
        return {row[0]: Decimal(row[1]).scaleb(row[2]) for row in rows}


def tariff_records(rows: Sequence[_Row]) -> dict[str, list[TariffRecord]]:
    """Versions by name, of rows of the statement `tariffs`."""
    versions: dict[str, list[TariffRecord]] = {}
    for row in rows:
        record = TariffRecord(row[0], row[1], row[2], bytes(row[3]).hex(), row[4], row[5])
        versions.setdefault(record.name, []).append(record)
    return versions


def _around(days: DayRange) -> dict[str, datetime]:
    """What any zone's days lie in."""
    utc = days.interval("UTC")
    return {"from_at": utc.start - _ZONE_SPREAD, "until_at": utc.end + _ZONE_SPREAD}


def _within(blocks: Sequence[DayBlock], days: DayRange) -> Sequence[DayBlock]:
    if isinstance(blocks, ChannelDays):
        return blocks.between(days.first, days.end)
    if all(days.first <= block.day < days.end for block in blocks):
        return blocks
    return [block for block in blocks if days.first <= block.day < days.end]


def _party(row: Sequence[Any]) -> Party:
    return Party(row[0], tuple(row[1]), row[2], row[3])
