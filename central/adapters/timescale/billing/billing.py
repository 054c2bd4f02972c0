"""The billing store on PostgreSQL; the statements are in `billing.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale import sessions
from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.decide import BillDecisions
from central.adapters.timescale.billing.shard import take_bills, take_shard
from central.adapters.timescale.billing.stored_bill import read_bill
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.cycles import require_known_cycle
from central.adapters.timescale.registry.groups import accounts_in
from central.adapters.timescale.usage.load import events_as_known
from central.adapters.timescale.validation.blocks import read_blocks
from central.domain.actor import Actor
from central.domain.audit.change import run_opened
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.planned import NotBilled, RunReach
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.usage_event import Events
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import RunRecord, ShardTransaction
from central.service.ports.billing import (
    HELD_SHOWN,
    BillHead,
    BillOfPeriod,
    BillRecord,
    ChargeTotal,
    LeftOut,
    RunSummary,
    StreamsRead,
)
from central.service.ports.einvoice_rules import Rules
from central.service.ports.groups import require_members
from central.service.ports.shard_holders import HeldShard

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_MOST = 2**31 - 1


class TimescaleBillingStore(BillDecisions):
    """`BillingStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
        rules: What judges structured invoices; None for nothing.
    """

    def __init__(self, pool: Pool, rules: Rules | None = None) -> None:
        super().__init__(pool, rules)

    async def open_run(  # noqa: PLR0913, PLR0917 - what makes a run, who asks and when
        self,
        cycle: Cycle,
        run_type: RunType,
        creator: Actor,
        at: datetime,
        shard_size: int,
        scope: RunScope = EVERYONE,
    ) -> RunRecord:
        """See `BillingStore`."""
        key = _key(cycle, run_type, scope)
        async with self._begin(at) as connection:
            added = await connection.execute(
                SQL["add_run"], {**key, "uid": uuid7(at), "creator": creator.key, "at": at}
            )
            row = await _one(connection, "lock_run", **key)
            starter = {"run": row[0], "actor": creator.key, "at": at}
            await connection.execute(SQL["add_starter"], starter)
            waiting = await _one(connection, "open_shards", run=row[0])
            if not waiting[0]:
                reach = RunReach.of(cycle, run_type)
                values: dict[str, object] = {
                    "end": reach.end,
                    "cycle": reach.cycle,
                    "ended": reach.ended,
                    "only": None,
                }
                if reach.cycle is not None and added.rowcount:
                    await require_known_cycle(connection, str(cycle), reach.cycle)
                if not scope.everyone:
                    last = reach.end - timedelta(days=1)
                    only = await accounts_in(connection, scope, last)
                    require_members(only, scope, last)
                    values["only"] = only
                await connection.execute(SQL["forget_shards"], {"run": row[0]})
                values |= {"run": row[0], "size": shard_size}
                await connection.execute(SQL["add_shards"], values)
                waiting = await _one(connection, "open_shards", run=row[0])
            if waiting[0]:
                await connection.execute(SQL["reopen_run"], {"run": row[0]})
            named = {"cycle": str(cycle), **scope.to_json()}
            noted = run_opened(named, int(waiting[1]), row[3], again=not added.rowcount)
            if noted is not None:
                action, detail = noted
                await audit(connection, at, creator, action, str(row[1]), detail)
        run = _run(row, cycle, run_type, int(waiting[1]), resumed=not added.rowcount)
        return replace(run, actor=creator.key, scope=scope)

    @asynccontextmanager
    async def shard(self, run: RunRecord, at: datetime) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            cursor = await connection.execute(SQL["take_shard"], {"run": run.id})
            row = await cursor.fetchone()
            if row is None:
                yield None
                return
            work = await take_shard(connection, run, row[0], row[1], at)
            work.rules = self._rules
            yield work

    @asynccontextmanager
    async def again(
        self, uids: Sequence[UUID], at: datetime
    ) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            row = await stamps.run_of(connection, uids)
            if row is None:
                yield None
                return
            accounts = await stamps.accounts_of(connection, uids)
            cycle, run_type = Cycle.parse(row[4]), RunType(row[5])
            run = _run(row, cycle, run_type, len(accounts), resumed=True)
            work = await take_bills(connection, run, accounts, uids, at)
            work.rules = self._rules
            yield work

    async def open_shards(self, run: RunRecord) -> int:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return int((await _one(connection, "open_shards", run=run.id))[0])

    async def held_shards(self, run: int) -> tuple[HeldShard, ...]:
        """See `BillingStore`."""
        return await sessions.held_shards(self._pool, run)

    async def end_holder(self, shard: HeldShard) -> bool:
        """See `BillingStore`."""
        return await sessions.end_holder(self._pool, shard)

    async def finish_run(self, run: RunRecord, at: datetime) -> bool:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            cursor = await connection.execute(SQL["finish_run"], {"run": run.id, "at": at})
            return cursor.rowcount == 1

    async def run_of(self, uid: UUID) -> RunRecord | None:
        """See `BillingStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["run_of_uid"], {"uid": uid})
            row = await cursor.fetchone()
        if row is None:
            return None
        scope = RunScope.from_json(row[2])
        return await self.find_run(Cycle.parse(row[0]), RunType(row[1]), scope)

    async def find_run(
        self, cycle: Cycle, run_type: RunType, scope: RunScope = EVERYONE
    ) -> RunRecord | None:
        """See `BillingStore`."""
        key = _key(cycle, run_type, scope)
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["find_run"], key)
            row = await cursor.fetchone()
            if row is None:
                return None
            waiting = await _one(connection, "open_shards", run=row[0])
        run = _run(row, cycle, run_type, int(waiting[1]), resumed=True)
        return replace(run, scope=scope)

    async def summary(self, run: RunRecord) -> RunSummary:
        """See `BillingStore`."""
        async with self._begin() as connection:
            found = await _one(connection, "find_run", **_key(run.cycle, run.run_type, run.scope))
            waiting = await _one(connection, "open_shards", run=run.id)
            states = await _all(connection, "states", run=run.id)
            totals = await _all(connection, "totals", run=run.id)
            charges = await _all(connection, "charges", run=run.id)
            held = await _heads(connection, run, BillState.HELD, HELD_SHOWN)
            elsewhere = await _held_elsewhere(connection, run)
            notes = await _all(connection, "notes", run=run.id, limit=HELD_SHOWN)
            count = await _one(connection, "counts", run=run.id)
        return RunSummary(
            run=replace(
                _run(found, run.cycle, run.run_type, int(waiting[1]), resumed=run.resumed),
                scope=run.scope,
            ),
            bills={BillState(state): count for state, count in states},
            totals={row[0]: row[1] for row in totals},
            kwh=sum((row[2] or Decimal(0) for row in totals), Decimal(0)),
            validated_kwh=sum((row[3] or Decimal(0) for row in totals), Decimal(0)),
            charges=tuple(ChargeTotal(*row) for row in charges),
            held=held,
            held_elsewhere=elsewhere,
            left_out=tuple(LeftOut(row[0], NotBilled(*row[1:])) for row in notes),
            left_out_count=int(count[0]),
            accounts=int(count[1]),
        )

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return await _heads(connection, run, None, _MOST)

    async def heads_of(self, account: str, cycle: Cycle, run_type: RunType) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        values = {"account": account, "cycle": str(cycle), "run_type": run_type.value}
        async with self._begin() as connection:
            return _as_heads(await _all(connection, "heads_of", **values))

    async def bill(self, uid: UUID) -> BillRecord | None:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return await read_bill(connection, uid)

    async def of_period(self, account: str, period: str) -> tuple[BillOfPeriod, ...]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            rows = await _all(connection, "of_period", account=account, period=period)
        return tuple(
            BillOfPeriod(uid, RunType(run_type), BillState(state), number, live)
            for uid, run_type, state, number, live in rows
        )

    async def numbered(self, number: str) -> UUID | None:
        """See `BillingStore`."""
        async with self._begin() as connection:
            rows = await _all(connection, "numbered", number=number)
        return rows[0][0] if rows else None

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return [row[0] for row in await _all(connection, "beyond_ascii", uids=list(uids))]

    async def events(self, read: StreamsRead, since: datetime, /) -> AsyncIterator[Events]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            async for events in events_as_known(connection, read, since):
                yield events

    async def blocks(
        self, versions: Mapping[tuple[int, date], int]
    ) -> dict[tuple[int, date], DayBlock]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return await read_blocks(connection, dict(versions))


async def _one(connection: AsyncConnection[_Row], statement: str, **values: object) -> _Row:
    cursor = await connection.execute(SQL[statement], values)
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError(statement)
    return row


async def _all(connection: AsyncConnection[_Row], statement: str, **values: object) -> list[_Row]:
    cursor = await connection.execute(SQL[statement], values)
    return await cursor.fetchall()


async def _heads(
    connection: AsyncConnection[_Row], run: RunRecord, state: BillState | None, limit: int
) -> tuple[BillHead, ...]:
    rows = await _all(
        connection, "heads", run=run.id, state=None if state is None else state.value, limit=limit
    )
    return _as_heads(rows)


async def _held_elsewhere(
    connection: AsyncConnection[_Row], run: RunRecord
) -> tuple[BillHead, ...]:
    if run.scope.everyone:
        return ()
    end = run.reach.end
    accounts = await accounts_in(connection, run.scope, end - timedelta(days=1))
    values = {"accounts": accounts, "run": run.id, "end": end, "limit": HELD_SHOWN}
    return _as_heads(await _all(connection, "held_elsewhere", **values))


def _as_heads(rows: Iterable[_Row]) -> tuple[BillHead, ...]:
    return tuple(
        BillHead(uid, account, period, BillState(now), tuple(map(Hold.from_json, holds)), *priced)
        for uid, account, period, now, holds, *priced in rows
    )


def _key(cycle: Cycle, run_type: RunType, scope: RunScope) -> dict[str, object]:
    return {"cycle": str(cycle), "run_type": run_type.value, "scope": Jsonb(scope.to_json())}


def _run(row: _Row, cycle: Cycle, run_type: RunType, accounts: int, *, resumed: bool) -> RunRecord:
    return RunRecord(
        id=row[0],
        uid=row[1],
        cycle=cycle,
        run_type=run_type,
        creator=row[2],
        accounts=accounts,
        resumed=resumed,
        finished_at=row[3],
    )
