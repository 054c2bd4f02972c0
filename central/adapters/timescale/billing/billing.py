"""The billing store on PostgreSQL; the statements are in `billing.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale import sessions
from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.issue import given_numbers, issue_bills, lock_approved
from central.adapters.timescale.billing.load import SQL, ShardLoader
from central.adapters.timescale.billing.save import ShardWriter
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.series import newest_days
from central.adapters.timescale.validation.blocks import read_blocks
from central.domain.actor import Actor
from central.domain.audit.change import bills_moved, change
from central.domain.billing.bill import Bill, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.issue import IssueFacts
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.uuid7 import uuid7
from central.service.billing.unrated import rating_failed
from central.service.halved import FailedItem, halved
from central.service.ports.billing import (
    HELD_SHOWN,
    AccountWork,
    BillHead,
    BillRecord,
    Blocks,
    ChargeTotal,
    NewBill,
    RunRecord,
    RunSummary,
    Shard,
    ShardTransaction,
)
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.shard_holders import HeldShard
from central.service.ports.stamps import Decided

_Row = tuple[Any, ...]
_MOST = 2**31 - 1


class TimescaleBillingStore:
    """`BillingStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection

    async def open_run(
        self, cycle: Cycle, run_type: RunType, creator: Actor, at: datetime, shard_size: int
    ) -> RunRecord:
        """See `BillingStore`."""
        key = {"cycle": str(cycle), "run_type": run_type.value}
        async with self._begin() as connection:
            added = await connection.execute(
                SQL["add_run"], {**key, "uid": uuid7(at), "creator": creator.key, "at": at}
            )
            row = await _one(connection, "lock_run", **key)
            waiting = await _one(connection, "open_shards", run=row[0])
            if not waiting[0]:
                span = {"first": cycle.days.first, "end": cycle.days.end}
                await connection.execute(
                    SQL["add_shards"], {**key, **span, "run": row[0], "size": shard_size}
                )
                waiting = await _one(connection, "open_shards", run=row[0])
            if waiting[0]:
                await connection.execute(SQL["reopen_run"], {"run": row[0]})
            if added.rowcount:
                detail = {"cycle": str(cycle), "accounts": int(waiting[1])}
                await audit(
                    connection, at, creator, "run.started", str(row[1]), change(None, detail)
                )
        run = _run(row, cycle, run_type, int(waiting[1]), resumed=not added.rowcount)
        return replace(run, actor=creator.key)

    @asynccontextmanager
    async def shard(self, run: RunRecord) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["take_shard"], {"run": run.id})
            row = await cursor.fetchone()
            if row is None:
                yield None
                return
            loader = ShardLoader(connection, run)
            works = await _works(loader, row[1])
            shard = Shard(run, row[0], works, await loader.tariffs(works))
            yield _ShardTransaction(connection, shard)

    @asynccontextmanager
    async def again(self, uids: Sequence[UUID]) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            row = await stamps.run_of(connection, uids)
            if row is None:
                yield None
                return
            accounts = await stamps.accounts_of(connection, uids)
            cycle, run_type = Cycle.parse(row[4]), RunType(row[5])
            run = _run(row, cycle, run_type, len(accounts), resumed=True)
            loader = ShardLoader(connection, run)
            works = await _works(loader, accounts)
            yield _ShardTransaction(connection, Shard(run, 0, works, await loader.tariffs(works)))

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
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["finish_run"], {"run": run.id, "at": at})
            return cursor.rowcount == 1

    async def find_run(self, cycle: Cycle, run_type: RunType) -> RunRecord | None:
        """See `BillingStore`."""
        key = {"cycle": str(cycle), "run_type": run_type.value}
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["find_run"], key)
            row = await cursor.fetchone()
            if row is None:
                return None
            waiting = await _one(connection, "open_shards", run=row[0])
        return _run(row, cycle, run_type, int(waiting[1]), resumed=True)

    async def summary(self, run: RunRecord) -> RunSummary:
        """See `BillingStore`."""
        async with self._begin() as connection:
            found = await _one(
                connection, "find_run", cycle=str(run.cycle), run_type=run.run_type.value
            )
            waiting = await _one(connection, "open_shards", run=run.id)
            states = await _all(connection, "states", run=run.id)
            totals = await _all(connection, "totals", run=run.id)
            charges = await _all(connection, "charges", run=run.id)
            held = await _heads(connection, run, BillState.HELD, HELD_SHOWN)
        return RunSummary(
            run=_run(found, run.cycle, run.run_type, int(waiting[1]), resumed=run.resumed),
            bills={BillState(state): count for state, count in states},
            totals={row[0]: row[1] for row in totals},
            kwh=sum((row[2] or Decimal(0) for row in totals), Decimal(0)),
            validated_kwh=sum((row[3] or Decimal(0) for row in totals), Decimal(0)),
            charges=tuple(ChargeTotal(*row) for row in charges),
            held=held,
        )

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return await _heads(connection, run, None, _MOST)

    async def bill(self, uid: UUID) -> BillRecord | None:
        """See `BillingStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["bill"], {"uid": uid})
            row = await cursor.fetchone()
            if row is None:
                return None
            lines = await _all(connection, "lines", bill=row[0])
        return _record(row, lines)

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return [row[0] for row in await _all(connection, "beyond_ascii", uids=list(uids))]

    async def changed_inputs(self, uids: Sequence[UUID]) -> set[UUID]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return set(await stamps.changed_inputs(connection, uids))

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._begin() as connection:
            fresh, decided = await _settled(connection, uids)
            own = await stamps.contributions(connection, fresh, approver)
            fresh = [uid for uid in fresh if uid not in own]
            decided = replace(decided, count=len(fresh), own=own)
            values = {"uids": fresh, "approver": approver.key, "at": at}
            cursor = await connection.execute(SQL["approve"], values)
            _check(cursor.rowcount, fresh, "a draft that somebody else made")
            if fresh:
                subject, detail = bills_moved(fresh, BillState.DRAFT, BillState.APPROVED)
                await audit(connection, at, approver, "bill.approved", subject, detail)
        return decided

    async def withdraw(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> int:
        """See `BillingStore`."""
        async with self._begin() as connection:
            cursor = await connection.execute(SQL["withdraw"], {"uids": list(uids)})
            _check(cursor.rowcount, uids, "approved")
            if uids:
                subject, detail = bills_moved(uids, BillState.APPROVED, BillState.DRAFT)
                await audit(connection, at, actor, "bill.withdrawn", subject, detail)
        return len(uids)

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._begin() as connection:
            fresh, decided = await _settled(connection, uids)
            locked = await lock_approved(connection, fresh)
            _check(len(locked), fresh, "approved")
            if fresh:
                issued = await issue_bills(connection, {uid: locked[uid] for uid in fresh}, at)
                numbers = {"numbers": given_numbers(issued)}
                subject, detail = bills_moved(
                    fresh, BillState.APPROVED, BillState.ISSUED, **numbers
                )
                await audit(connection, at, actor, "bill.issued", subject, detail)
        return decided

    async def blocks(
        self, versions: Mapping[tuple[int, date], int]
    ) -> dict[tuple[int, date], DayBlock]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return await read_blocks(connection, dict(versions))


class _ShardTransaction:
    """`ShardTransaction` on one connection."""

    def __init__(self, connection: AsyncConnection[_Row], shard: Shard) -> None:
        self._connection = connection
        self.shard = shard

    @asynccontextmanager
    async def _part(self) -> AsyncIterator[None]:
        """A part that is undone by itself; what was done before stays."""
        with translated():
            async with self._connection.transaction():
                yield

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[int, Blocks]:
        """See `ShardTransaction`."""
        async with self._part():
            return await ShardLoader(self._connection, self.shard.run).earlier(works, back)

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        """See `ShardTransaction`."""
        async with self._part():
            return await stamps.series_revisions(self._connection, names)

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        """See `ShardTransaction`."""
        async with self._part():
            await stamps.refresh(self._connection, bills)

    async def series(self, names: Collection[str], back: int) -> tuple[PriceDay, ...]:
        """See `ShardTransaction`."""
        days = self.shard.utc_days(back)
        async with self._part():
            return await newest_days(self._connection, names, days.first, days.end)

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        """See `ShardTransaction`."""
        async with self._part():
            return await ShardWriter(self._connection, self.shard.run, creator, at).write(bills)

    async def done(self, at: datetime) -> None:
        """See `ShardTransaction`."""
        values = {"run": self.shard.run.id, "number": self.shard.number, "at": at}
        await self._connection.execute(SQL["shard_done"], values)


async def _settled(
    connection: AsyncConnection[_Row], uids: Sequence[UUID]
) -> tuple[list[UUID], Decided]:
    """Those bills whose inputs are what they were and stay so until the commit, and the others."""
    await stamps.hold_inputs(connection, uids)
    changed = await stamps.changed_inputs(connection, uids)
    waiting = await stamps.waiting(connection, uids)
    fresh = [uid for uid in uids if uid not in changed and uid not in waiting]
    return fresh, Decided(len(fresh), changed, waiting)


async def _works(loader: ShardLoader, accounts: Sequence[int]) -> tuple[AccountWork, ...]:
    """What rating needs; of an account of which it cannot be read, why."""
    works: list[AccountWork] = []
    async for read in halved(accounts, loader.works):
        if isinstance(read, FailedItem):
            works += await loader.unread(read.item, rating_failed(read.error))
        else:
            works += read
    return tuple(works)


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
    return tuple(
        BillHead(row[0], row[1], BillState(row[2]), tuple(map(Hold.from_json, row[3])), *row[4:7])
        for row in rows
    )


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


def _record(row: _Row, lines: Sequence[_Row]) -> BillRecord:
    said = dict(row[3])
    said["state"] = row[4]
    said["lines"] = [
        {"position": line[0], "service_point": line[1], "line": line[2]} for line in lines
    ]
    return BillRecord(
        id=row[0],
        uid=row[1],
        run=row[2],
        bill=Bill.from_json(said),
        sha256=None if row[5] is None else bytes(row[5]).hex(),
        kwh=row[6],
        creator=row[7],
        made_at=row[8],
        approver=row[9],
        issued_at=row[10],
        series=row[11],
        legal_number=row[12],
        issue=None if row[13] is None else IssueFacts.from_json(row[13]),
        content_sha256=None if row[14] is None else bytes(row[14]).hex(),
        contributors=tuple(row[15]),
    )


def _check(changed: int, uids: Sequence[UUID], wanted: str) -> None:
    if changed != len(uids):
        message = f"{len(uids) - changed} of {len(uids)} bills are not {wanted}; none was changed."
        raise StaleBillError(
            message, value=changed, remedy="Reload the list and select the bills again."
        )
