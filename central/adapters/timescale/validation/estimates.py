"""Estimates of long gaps on PostgreSQL; the statements are in `estimates.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.holidays import newest_holidays
from central.adapters.timescale.registry.series import newest_days
from central.adapters.timescale.validation.allocated import AllocatedDays
from central.adapters.timescale.validation.blocks import blocks_of, write_blocks
from central.domain.actor import Actor
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.price_days import join_days
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimate import ESTIMATOR, EstimatedDay
from central.domain.vee.finding import VeeCode, VeeFinding
from central.domain.vee.notices import ESTIMATED_GAP
from central.domain.vee.rules import missing_intervals
from central.domain.vee.rules.meter_exchange import NO_METER
from central.service.ports.bill_window import HeldDays, HeldRun
from central.service.ports.registry import TariffRecord
from central.service.ports.validation import ChannelDay, ChannelTariffs, PointChannelId

_SQL = load_queries(Path(__file__).with_name("estimates.sql"))
_Row = tuple[Any, ...]


class EstimateRows(AllocatedDays):
    """`EstimateTransaction` on one connection; what it changes is noted."""

    async def _estimate_rows(self, statement: str, /, **values: object) -> list[_Row]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[statement], values)
            return await cursor.fetchall()

    async def days_of(self, channel_id: PointChannelId, first: date, end: date) -> list[DayBlock]:
        """See `EstimateTransaction`."""
        rows = await self._estimate_rows("days_of", channel=channel_id, first=first, end=end)
        return blocks_of(rows)

    async def estimates(self, days: Collection[ChannelDay]) -> dict[ChannelDay, EstimatedDay]:
        """See `EstimateTransaction`."""
        if not days:
            return {}
        rows = await self._estimate_rows(
            "estimates",
            ids=[key.channel_id for key in days],
            days=[key.day for key in days],
            first=min(key.day for key in days),
            last=max(key.day for key in days),
        )
        return {
            ChannelDay(PointChannelId(row[0]), row[1]): EstimatedDay(block, row[11])
            for row, block in zip(rows, blocks_of(rows), strict=True)
        }

    async def with_estimates(self, channels: Collection[PointChannelId]) -> set[PointChannelId]:
        """See `EstimateTransaction`."""
        if not channels:
            return set()
        code = ESTIMATED_GAP.code
        rows = await self._estimate_rows("with_estimates", ids=sorted(channels), code=code)
        return {PointChannelId(row[0]) for row in rows}

    async def without_meter(self, channel_id: PointChannelId, first: date, end: date) -> set[date]:
        """See `EstimateTransaction`."""
        asked = {"channel": channel_id, "first": first, "end": end}
        code = NO_METER.code
        rows = await self._estimate_rows("without_meter", code=code, **asked)
        return {row[0] for row in rows}

    async def issued(self, channel_id: PointChannelId, days: DayRange) -> list[DayRange]:
        """See `EstimateTransaction`."""
        asked = {"channel": channel_id, "first": days.first, "end": days.end}
        return [DayRange(*row) for row in await self._estimate_rows("issued", **asked)]

    async def tariffs_of(self, channel_id: PointChannelId, days: DayRange) -> ChannelTariffs:
        """See `EstimateTransaction`."""
        asked = {"channel": channel_id, "first": days.first, "end": days.end}
        records: dict[str, list[TariffRecord]] = {}
        for row in await self._estimate_rows("tariffs_of", **asked):
            record = TariffRecord(row[0], row[1], row[2], bytes(row[3]).hex(), row[4], row[5])
            records.setdefault(record.name, []).append(record)
        return ChannelTariffs(records, await newest_holidays(self._connection))

    async def profile(self, name: str, days: DayRange) -> ClassProfile | None:
        """See `EstimateTransaction`."""
        series = await newest_days(self._connection, [name], days.first, days.end)
        return ClassProfile(join_days(series)) if series else None

    async def add_estimates(self, days: Sequence[EstimatedDay], actor: Actor, at: datetime) -> None:
        """See `EstimateTransaction`."""
        reasons = [day.evidence for day in days]
        blocks = [day.block for day in days]
        if blocks:
            await write_blocks(self._connection, blocks, actor, at, reasons)
        self._changed.channels.update(block.channel_id for block in blocks)
        self.note_to_share(blocks, at)

    async def raise_findings(
        self, findings_of: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        """See `EstimateTransaction`."""
        raised = 0
        for key, findings in findings_of.items():
            for finding in findings:
                values = {
                    "channel_id": key.channel_id,
                    "day": key.day,
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "from_at": finding.interval.start,
                    "until_at": finding.interval.end,
                    "message": finding.message,
                    "evidence": Jsonb(finding.evidence),
                    "at": at,
                }
                cursor = await self._connection.execute(_SQL["raise_beside"], values)
                raised += cursor.rowcount
                if cursor.rowcount:
                    self._changed.channels.add(key.channel_id)
        return raised

    async def close_finding(self, day: ChannelDay, code: VeeCode, at: datetime) -> None:
        """See `EstimateTransaction`."""
        values = {"channel": day.channel_id, "day": day.day, "code": code, "at": at}
        await self._connection.execute(_SQL["close_code"], values)


class TimescaleBillWindow:
    """`BillWindowStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def held_runs(self) -> tuple[HeldRun, ...]:
        """See `BillWindowStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["held_runs"])
                rows = await cursor.fetchall()
        return tuple(
            HeldRun(Cycle.parse(row[0]), RunType(row[1]), RunScope.from_json(row[2]))
            for row in rows
        )

    async def held_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        """See `BillWindowStore`."""
        return await self._days(ended_by, most_before, waiting=False)

    async def waiting_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        """See `BillWindowStore`."""
        return await self._days(ended_by, most_before, waiting=True)

    async def _days(
        self, ended_by: date, most_before: int, *, waiting: bool
    ) -> tuple[HeldDays, ...]:
        values = {
            "ended_by": ended_by,
            "most": most_before,
            "estimator": ESTIMATOR.key,
            "missing": missing_intervals.RULE.code,
            "waiting": waiting,
        }
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["held_days"], values)
                rows = await cursor.fetchall()
        return tuple(
            HeldDays(
                account=row[0],
                point=row[1],
                zone=row[2],
                day_start=row[3],
                days=DayRange(row[4], row[5]),
                channels=tuple(PointChannelId(key) for key in row[6]),
                estimated_before=sum(1 for _ in takewhile(bool, row[7])),
            )
            for row in rows
        )
