"""What is validated, claimed and billed, on PostgreSQL; see `reconciliation.sql`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from central.adapters.timescale.billing.account_money import account_money, days_among
from central.adapters.timescale.billing.stamps import days_read_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.named_query import as_uuid
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.cycles import periods_of
from central.adapters.timescale.validation.blocks import read_blocks
from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.claim_conflict import ClaimDecision
from central.domain.billing.coverage import (
    ClaimedDays,
    CorrectionNote,
    DecidedDays,
    LivePart,
    OccupiedDays,
    SuppressedDays,
)
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.metering.day_summary import DaySummary
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.lineage import block_versions
from central.service.ports.account_money import AccountMoney, DaysOfServices
from central.service.ports.reconciliation import (
    BilledMoney,
    ChannelRange,
    NotServed,
    ReadDay,
    ReconciledService,
    ValidatedDays,
)
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleReconciliation:
    """`ReconciliationStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement], values, prepare=False)
                return await cursor.fetchall()

    async def _key(self, statement: str, /, **values: object) -> int | None:
        return next((int(row[0]) for row in await self._rows(statement, **values)), None)

    async def _run(self, run: str) -> int | None:
        return await self._key("run", uid=as_uuid(run), cycle=run)

    async def days_of_run(self, run: str) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        key = await self._run(run)
        return None if key is None else _ranges(await self._rows("days_of_run", run=key))

    async def days_of_tariff(self, tariff: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        key = await self._key("tariff", name=tariff)
        if key is None:
            return None
        span = {"first": days.first, "end": days.end}
        return _ranges(await self._rows("days_of_tariff", tariff=key, **span))

    async def days_of_group(self, group: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        key = await self._key("group", name=group)
        if key is None:
            return None
        span = {"first": days.first, "end": days.end}
        return _ranges(await self._rows("days_of_group", group=key, **span))

    async def days_of_account(self, account: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        key = await self._key("account", number=account)
        if key is None:
            return None
        span = {"first": days.first, "end": days.end}
        return _ranges(await self._rows("days_of_account", account=key, **span))

    async def account_money(
        self, among: DaysOfServices | None, account: str | None, until: date
    ) -> Sequence[AccountMoney]:
        """See `AccountMoneySource`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                return await account_money(connection, among, account, until)

    async def services(
        self, only: Collection[int] | None, after: int, limit: int
    ) -> Sequence[ReconciledService]:
        """See `ReconciliationStore`."""
        wanted = None if only is None else list(only)
        rows = await self._rows("services", only=wanted, after=after, limit=limit)
        keys = {"services": [row[0] for row in rows]}
        channels: dict[int, dict[int, str]] = defaultdict(dict)
        for service, channel, obis in await self._rows("channels", **keys):
            channels[service][channel] = str(Obis(bytes(obis)))
        agreed: dict[int, list[DayRange]] = defaultdict(list)
        for service, first, end in await self._rows("agreed", **keys):
            agreed[service].append(DayRange(first, end))
        occupied = await self._occupied(keys["services"])
        return [
            ReconciledService(
                id=key,
                point=point,
                name=name,
                zone=zone,
                channels=channels[key],
                occupied=tuple(occupied[key]),
                agreed=tuple(agreed[key]),
                day_start=at,
            )
            for key, point, name, zone, at in rows
        ]

    async def _occupied(self, services: list[int]) -> dict[int, list[OccupiedDays]]:
        parts: dict[int, list[LivePart]] = defaultdict(list)
        for occupancy, *row in await self._rows("parts", services=services):
            parts[occupancy].append(_part(*row[:-1], beyond_until=row[-1]))
        claims: dict[int, list[ClaimedDays]] = defaultdict(list)
        for occupancy, first, end, part_id in await self._rows("claims", services=services):
            claims[occupancy].append(ClaimedDays(DayRange(first, end), part_id))
        decided: dict[int, list[DecidedDays]] = defaultdict(list)
        for occupancy, key, first, end, part_id, decision, reason in await self._rows(
            "decided", services=services
        ):
            days = DayRange(first, end)
            decided[occupancy].append(
                DecidedDays(key, days, part_id, ClaimDecision(decision), reason)
            )
        suppressed: dict[int, list[SuppressedDays]] = defaultdict(list)
        for occupancy, first, end, *note in await self._rows("suppressed", services=services):
            left_out = SuppressedDays(DayRange(first, end), CorrectionNote(*note))
            suppressed[occupancy].append(left_out)
        occupied: dict[int, list[OccupiedDays]] = defaultdict(list)
        for service, key, account, begins, ended in await self._rows(
            "occupancies", services=services
        ):
            rows = (
                tuple(parts[key]),
                tuple(claims[key]),
                tuple(decided[key]),
                tuple(suppressed[key]),
            )
            occupied[service].append(OccupiedDays(account, begins, ended, *rows))
        return occupied

    async def not_served(self, after: int, limit: int) -> Sequence[NotServed]:
        """See `ReconciliationStore`."""
        rows = await self._rows("not_served", after=after, limit=limit)
        return [
            NotServed(key, point, str(Obis(bytes(obis))), shared)
            for key, point, obis, shared in rows
        ]

    async def periods(self, accounts: Collection[int], until: date) -> AccountPeriods:
        """See `ReconciliationStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                return await periods_of(connection, accounts, until)

    async def validated(self, ranges: Sequence[ChannelRange]) -> Sequence[Sequence[ValidatedDays]]:
        """See `ReconciliationStore`."""
        found: list[list[ValidatedDays]] = [[] for _ in ranges]
        if not ranges:
            return found
        firsts = [each.days.first for each in ranges]
        ends = [each.days.end for each in ranges]
        rows = await self._rows(
            "validated",
            channels=[each.channel for each in ranges],
            firsts=firsts,
            ends=ends,
            first=min(firsts),
            end=max(ends),
        )
        for number, first, end, unit, *sums in rows:
            channel = ranges[number - 1].channel
            days = ValidatedDays(channel, DayRange(first, end), Unit(unit), *sums)
            found[number - 1].append(days)
        return found

    async def as_billed(self, days: Collection[ReadDay]) -> Mapping[ReadDay, ValidatedDays]:
        """See `ReconciliationStore`."""
        if not days:
            return {}
        candidates = await self._rows(
            "perhaps_changed",
            channels=[read.channel for read in days],
            days=[read.day for read in days],
            parts=[read.part for read in days],
        )
        lineages = await self._rows("lineages", bills=list({row[4] for row in candidates}))
        pinned: dict[tuple[int, int | None], dict[tuple[int, date], int]] = defaultdict(dict)
        for bill, settled, lineage in lineages:
            pinned[bill, settled] |= block_versions(RatedLine.from_json(lineage).determinants)
        changed: dict[ReadDay, int] = {}
        for part, channel, day, newest, bill in candidates:
            read_in = pinned.get((bill, part)) or pinned[bill, None]
            version = read_in.get((channel, day), int(newest))
            if version != newest:
                changed[ReadDay(part, channel, day)] = version
        by_version: dict[int, list[ReadDay]] = defaultdict(list)
        for key, billed in changed.items():
            by_version[billed].append(key)
        read: dict[ReadDay, ValidatedDays] = {}
        with translated():
            async with self._pool.connection() as connection:
                # Bills of several services may have read a day in several versions.
                for billed, keys in by_version.items():
                    wanted = {key[1:]: billed for key in keys}
                    blocks = await read_blocks(connection, wanted)
                    read |= {key: day_sum(blocks[key[1:]]) for key in keys}
        return read

    async def money(
        self, run: str | None, days: DayRange, among: DaysOfServices | None
    ) -> Sequence[BilledMoney]:
        """See `ReconciliationStore`."""
        key = None if run is None else await self._run(run)
        values = {"run": key, "first": days.first, "end": days.end, **days_among(among)}
        rows = await self._rows("money", **values)
        if key is None or among is not None:
            return [BilledMoney(*row) for row in rows]
        tallied: dict[str, Decimal] = dict(await self._rows("tallied", run=key))
        return [
            BilledMoney(row[0], row[1], row[2], row[3], given=tallied.get(row[0])) for row in rows
        ]


def day_sum(block: DayBlock) -> ValidatedDays:
    """The exact sum of a block."""
    summary = DaySummary.of(block)
    return ValidatedDays(
        channel=block.channel_id,
        days=DayRange(block.day, block.day + timedelta(days=1)),
        unit=block.unit,
        intervals=int(block.quality.size),
        missing=summary.missing,
        total=Decimal(summary.total).scaleb(block.exponent),
        version=block.version,
    )


def _part(  # noqa: PLR0913 - the columns of its row
    key: int,
    first: date,
    end: date,
    state: str,
    read: Mapping[str, Any] | None,
    *settled: str | None,
    beyond_until: date | None,
) -> LivePart:
    days = DayRange(first, end)
    return LivePart(
        key,
        days,
        BillState(state),
        None if read is None else days_read_of(read, days),
        adjusted=_note(*settled[:2]),
        written_off=_note(*settled[2:4]),
        beyond=_note(*settled[4:]),
        beyond_until=beyond_until,
    )


def _note(correction: str | None, reason: str | None) -> CorrectionNote | None:
    return None if correction is None else CorrectionNote(correction, reason or "")


def _ranges(rows: Iterable[_Row]) -> DaysOfServices:
    ranges: dict[int, list[DayRange]] = defaultdict(list)
    for service, first, end in rows:
        ranges[service].append(DayRange(first, end))
    return ranges
