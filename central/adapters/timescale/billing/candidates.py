"""Issued bills that would say something else today; the statements are in `candidates.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Rollback
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.changed_parts import (
    bills_with_facts,
    compared_accounts,
    note_compared,
)
from central.adapters.timescale.billing.changes import changes_of
from central.adapters.timescale.billing.tail import TimescaleTail, take_tail
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.candidate import CandidateCause, CandidateEnd
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import NewBill
from central.service.ports.candidates import (
    AccountPage,
    CandidateFigures,
    CorrectionCandidate,
    DifferingAccount,
    NewCandidate,
    RaisedInput,
)

SQL = load_queries(Path(__file__).with_suffix(".sql"))
SWEEP = Actor.job("candidates")
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleCandidates:
    """`CandidateStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, after: int, limit: int, at: datetime, among: Collection[int] | None = None
    ) -> AccountPage:
        """See `CandidateStore`."""
        wanted = None if among is None else list(among)
        with translated():
            async with self._pool.connection() as connection:
                values = {"after": after, "limit": limit, "among": wanted}
                accounts = [row[0] for row in await _rows(connection, "accounts", **values)]
                if not accounts:
                    return AccountPage(None)
                return await _page(connection, accounts, at)

    async def note_compared(self, accounts: Mapping[int, int], at: datetime) -> None:
        """See `CandidateStore`."""
        with translated():
            async with self._pool.connection() as connection:
                await note_compared(connection, accounts, at)

    @asynccontextmanager
    async def comparing(self, account: str, at: datetime) -> AsyncIterator[CandidateTail | None]:
        """See `CandidateStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction() as attempt:
                work = await take_tail(connection, account, None, at, CandidateTail)
                yield work
                if work is None or not work.kept:
                    raise Rollback(attempt)

    async def raised(self, limit: int) -> Sequence[RaisedInput]:
        """See `CandidateStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "raised", limit=limit)
        return [RaisedInput(*row) for row in rows]

    async def resting_on(self, inputs: Sequence[RaisedInput]) -> Sequence[int]:
        """See `CandidateStore`."""

        def keys(kind: str) -> list[int]:
            return [each.input_id for each in inputs if each.kind == kind]

        values = {
            "points": keys("service point"),
            "accounts": keys("account"),
            "tariffs": keys("tariff"),
            "series": keys("series"),
        }
        with translated():
            async with self._pool.connection() as connection:
                return [row[0] for row in await _rows(connection, "resting_on", **values)]

    async def looked(self, inputs: Sequence[RaisedInput]) -> None:
        """See `CandidateStore`."""
        values = {
            "kinds": [each.kind for each in inputs],
            "inputs": [each.input_id for each in inputs],
            "revisions": [each.revision for each in inputs],
        }
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(SQL["looked"], values)

    async def close_gone(self, accounts: Collection[int], at: datetime) -> int:
        """See `CandidateStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                return await _close_same(connection, list(accounts), at)

    async def candidates(
        self,
        account: str | None,
        limit: int,
        behind: UUID | None = None,
        since: datetime | None = None,
        *,
        closed: bool = False,
    ) -> Sequence[CorrectionCandidate]:
        """See `CandidateStore`."""
        return await self._candidates(None, account, limit, behind, since, closed=closed)

    async def by_uid(self, uid: UUID) -> CorrectionCandidate | None:
        """See `CandidateStore`."""
        return next(iter(await self._candidates(uid=uid)), None)

    async def _candidates(  # noqa: PLR0913 - one filter each
        self,
        uid: UUID | None = None,
        account: str | None = None,
        limit: int = 1,
        behind: UUID | None = None,
        since: datetime | None = None,
        *,
        closed: bool | None = None,
    ) -> list[CorrectionCandidate]:
        values = {
            "uid": uid,
            "account": account,
            "limit": limit,
            "closed": closed,
            "behind": behind,
            "since": since,
        }
        with translated():
            async with self._pool.connection() as connection:
                return [_candidate(row) for row in await _rows(connection, "candidates", **values)]

    async def figures(self, at: datetime) -> CandidateFigures:
        """See `CandidateStore`."""
        with translated():
            async with self._pool.connection() as connection:
                (row,) = await _rows(connection, "figures", at=at)
        return CandidateFigures(*row)


class CandidateTail(TimescaleTail):
    """`CandidateTransaction` on one connection."""

    async def changes(self, parts: Collection[int]) -> Sequence[CandidateCause]:
        """See `CandidateTransaction`."""
        changed = [each for causes in self.changed.values() for each in causes]
        return await changes_of(self._connection, parts, changed)

    async def same(self, bills: Sequence[NewBill]) -> None:
        """See `CandidateTransaction`."""
        await self._stamp(bills, self.at, None)

    async def left_before(self, sha256: str, bills: Sequence[NewBill]) -> bool:
        """See `CandidateTransaction`."""
        values = {"account_id": self.account_id, "sha256": bytes.fromhex(sha256)}
        rows = await _rows(self._connection, "left", **values)
        if rows:
            await self._stamp(bills, self.at, int(rows[0][0]))
        return bool(rows)

    async def note_compared(self, revisions: int, at: datetime) -> None:
        """See `CandidateTransaction`."""
        await note_compared(self._connection, {self.account_id: revisions}, at)

    async def candidate(self, new: NewCandidate) -> bool:
        """See `CandidateTransaction`."""
        sha256 = new.difference_sha256
        values = {
            "uid": uuid7(self.at),
            "account_id": self.account_id,
            "part": new.part_id,
            "bill": new.bill_id,
            "causes": Jsonb([cause.to_json() for cause in new.causes]),
            "difference": Jsonb(new.difference),
            "sha256": None if sha256 is None else bytes.fromhex(sha256),
            "hold": None if new.hold is None else Jsonb(new.hold.to_json()),
            "at": self.at,
        }
        if await _rows(self._connection, "reopen", **values):
            return False
        await self._connection.execute(SQL["open"], values)
        fields = {"account": self.account, "bill": self.heads[new.bill_id].number}
        fields["amounts"] = new.difference.get("amounts", [])
        detail = change(None, fields)
        subject = str(values["uid"])
        await audit(self._connection, self.at, SWEEP, "correction.found", subject, detail)
        return True

    async def no_candidate(self) -> bool:
        """See `CandidateTransaction`."""
        return bool(await _close_same(self._connection, [self.account_id], self.at))


async def close_cancelled(
    connection: _Connection, bills: Sequence[UUID], actor: Actor, at: datetime
) -> None:
    """Close candidates whose parts credit notes among some bills have cancelled."""
    values = {"bills": list(bills), "actor": actor.key, "at": at}
    await connection.execute(SQL["close_cancelled"], values)


async def _page(connection: _Connection, accounts: Sequence[int], at: datetime) -> AccountPage:
    """Some accounts: which of them to rate, and of which nothing changed that their bills read."""
    compared = await compared_accounts(connection, accounts)
    opened = {row[0] for row in await _rows(connection, "open_among", accounts=list(accounts))}
    other = [each for each in compared if each.held or not each.compared]
    asked = [each.id for each in other if each.suspect and not each.anew and not each.held]
    facts = await bills_with_facts(connection, asked, anew=True)
    rated = {each.id for each in other if each.anew or each.held or each.id in facts}
    same = {
        each.id: each.revisions
        for each in compared
        if each.id not in rated and not each.is_settled(at)
    }
    # Of which it was said that they differ, and of which nothing may differ any more.
    doubtful = [each.id for each in other if each.id in opened - rated and not each.changed]
    differ = await bills_with_facts(connection, doubtful, anew=False)
    gone = (opened - {each.id for each in compared}) | (set(doubtful) - differ.keys())
    return AccountPage(
        accounts[-1],
        sum(each.parts for each in compared),
        [DifferingAccount(*each[:2], each.revisions) for each in other if each.id in rated],
        sorted(gone),
        same,
    )


async def _close_same(connection: _Connection, accounts: Sequence[int], at: datetime) -> int:
    rows = await _rows(connection, "close_same", accounts=accounts, actor=SWEEP.key, at=at)
    detail = change({"state": "open"}, {"state": CandidateEnd.NO_DIFFERENCE.value})
    for (uid,) in rows:
        await audit(connection, at, SWEEP, "correction.no_difference", str(uid), detail)
    return len(rows)


def _candidate(row: _Row) -> CorrectionCandidate:
    values: list[Any] = list(row)
    values[13] = None if row[13] is None else CandidateEnd(row[13])
    return CorrectionCandidate(*values)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(SQL[statement], values)
    return await cursor.fetchall() if cursor.description else []
