"""Accounts taken for a preview of their bills, which is undone; the statements: `preview.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.load import ShardLoader
from central.adapters.timescale.billing.loaded_part import bills
from central.adapters.timescale.billing.shard import TimescaleShard, shard_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.planned import OccupancyChain, PlannedBill
from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import input_of
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import AccountWork, NewBill, RunRecord, SupplyWork
from central.service.ports.so_far import OpenDays

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_SETTLED_STATES = {"approved", "issued"}


@asynccontextmanager
async def previewing(
    pool: Pool, ends: Mapping[int, date], at: datetime, open_days: OpenDays | None = None
) -> AsyncIterator[PreviewShard]:
    """A preview of accounts; the transaction is rolled back at its end.

    Args:
        pool: Open.
        ends: By account, the day after the last that is rated.
        at: Now, aware.
        open_days: Blocks of days that have none in the store.
    """
    with translated():
        async with pool.connection() as connection, connection.transaction(force_rollback=True):
            await record_at(connection, at)
            yield await _taken(connection, ends, at, open_days or {})


async def _taken(
    connection: AsyncConnection[_Row], ends: Mapping[int, date], at: datetime, open_days: OpenDays
) -> PreviewShard:
    accounts, until = sorted(ends), max(ends.values())
    claims = ShardClaims(connection)
    chains = await claims.chains(accounts)
    cursor = await connection.execute(_SQL["unissued"], {"accounts": accounts})
    unissued = await claims.chosen_bills([row[0] for row in await cursor.fetchall()])
    loader = ShardLoader(connection, claims, at)
    cycle = Cycle(until.year, until.month)
    run = RunRecord(0, uuid7(at), cycle, RunType.REGULAR, "", len(accounts), resumed=False)
    shard = await shard_of(claims, loader, run, 0, chains, unissued, until)
    preview = PreviewShard(connection, shard, claims, loader, at)
    preview.open_days = open_days
    return preview


class PreviewShard(TimescaleShard):
    """`ShardTransaction` of a preview: with days that are not closed, and no run of its own."""

    open_days: OpenDays

    async def works(self, bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        """See `ShardTransaction`."""
        works = await super().works(bills)
        if not self.open_days:
            return works
        return tuple(
            replace(
                work,
                supplies=tuple(
                    self._with_open_days(supply, planned.occupancy)
                    for supply, planned in zip(work.supplies, work.plan.parts, strict=True)
                ),
            )
            if work.unread is None
            else work
            for work in works
        )

    def _with_open_days(self, supply: SupplyWork, occupancy: OccupancyChain) -> SupplyWork:
        more: dict[str, list[DayBlock]] = {}
        for obis, block in self.open_days.get(occupancy.point, ()):
            within = supply.days.first <= block.day < supply.days.end
            if within and bills(occupancy, obis):
                more.setdefault(input_of(obis), []).append(block)
        if not more:
            return supply
        blocks = {name: [*supply.blocks.get(name, ()), *some] for name, some in more.items()}
        return replace(supply, blocks={**supply.blocks, **blocks})

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        """See `ShardTransaction`."""
        if self.shard.run.id == 0:
            run = self.shard.run
            values = {"uid": run.uid, "cycle": str(run.cycle), "at": self.at}
            cursor = await self._connection.execute(_SQL["add_run"], values)
            ((key,),) = await cursor.fetchall()
            self.shard = replace(self.shard, run=replace(run, id=key))
        return await super().claim(bills)

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        """See `ShardTransaction`; what is approved stays as it is."""
        rows = self._claims.rows
        open_bills = [
            new
            for new in bills
            if new.plan.bill_id is None or rows[new.plan.bill_id].state not in _SETTLED_STATES
        ]
        return await super().save(open_bills, creator, at) if open_bills else 0
