"""Approve, issue, withdraw and discard bills; the statements are in `decide.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.account_state import hold_accounts, own_links
from central.adapters.timescale.billing.candidates import close_cancelled
from central.adapters.timescale.billing.credit_notes import (
    end_cancelled,
    free_days_behind,
    hold_accounts_of,
    notes_among,
    open_again,
    together,
)
from central.adapters.timescale.billing.document_days import moved_documents
from central.adapters.timescale.billing.fiscal import register_issued
from central.adapters.timescale.billing.issue import given_numbers, issue_bills, lock_approved
from central.adapters.timescale.billing.issued_invoice import check_notes
from central.adapters.timescale.billing.rebills import (
    otherwise_behind,
    replaced_parts,
    take_over,
)
from central.adapters.timescale.billing.waiting import waiting as waiting_bills
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.open_bills import discard_bills
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import bills_moved
from central.domain.billing.chain_order import (
    ChainLink,
    PredecessorNotApprovedError,
    PredecessorNotIssuedError,
    in_chain_order,
)
from central.domain.billing.credit_note import DecidedTogetherError
from central.domain.billing.state import BillState
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.einvoice_rules import Rules
from central.service.ports.stamps import ChangedInput, Decided, refusal
from firmware_bridge.contract.errors import OperatorError

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_ISSUED = frozenset({BillState.ISSUED})
_APPROVED = _ISSUED | {BillState.APPROVED}


class BillDecisions:
    """That part of `BillingStore`, over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
        rules: What judges structured invoices; None for nothing.
    """

    def __init__(self, pool: Pool, rules: Rules | None = None) -> None:
        self._pool = pool
        self._rules = rules

    @asynccontextmanager
    async def _begin(self, at: datetime | None = None) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if at is not None:
                    await record_at(connection, at)
                yield connection

    async def changed_inputs(self, uids: Sequence[UUID], at: datetime) -> set[UUID]:
        """See `BillingStore`."""
        async with self._begin() as connection:
            return set(await _changed(connection, uids, at))

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            uids = await together(connection, uids)
            fresh, decided = await _settled(
                connection, uids, at, _APPROVED, PredecessorNotApprovedError, approver
            )
            values = {"uids": fresh, "approver": approver.key, "at": at}
            cursor = await connection.execute(SQL["approve"], values)
            _check(cursor.rowcount, fresh, "a draft that somebody else made")
            if fresh:
                subject, detail = bills_moved(fresh, BillState.DRAFT, BillState.APPROVED)
                await audit(connection, at, approver, "bill.approved", subject, detail)
        return decided

    async def withdraw(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            uids = await together(connection, uids)
            behind = await _held_with_those_behind(connection, uids)
            _check(len(set(uids) & set(behind)), uids, "approved")
            cursor = await connection.execute(SQL["withdraw"], {"uids": behind})
            _check(cursor.rowcount, behind, "approved")
            if behind:
                subject, detail = bills_moved(behind, BillState.APPROVED, BillState.DRAFT)
                detail["reason"] = reason or None
                await audit(connection, at, actor, "bill.withdrawn", subject, detail)
        return len(behind)

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            uids = await together(connection, uids)
            notes = await notes_among(connection, uids)
            if notes:
                await hold_accounts_of(connection, uids)
            fresh, decided = await _settled(
                connection, uids, at, _ISSUED, PredecessorNotIssuedError
            )
            locked = await lock_approved(connection, fresh)
            _check(len(locked), fresh, "approved")
            if fresh:
                replaced = await replaced_parts(connection, fresh) if notes else {}
                if notes:
                    await free_days_behind(connection, notes, actor, at)
                    await _withdraw_behind(connection, replaced, actor, at)
                issued = await issue_bills(connection, {uid: locked[uid] for uid in fresh}, at)
                await register_issued(connection, fresh, at)
                if notes:
                    await check_notes(
                        connection, [uid for uid in notes if uid in fresh], self._rules
                    )
                    await take_over(connection, replaced)
                    await end_cancelled(connection, notes, actor, at)
                    await close_cancelled(connection, fresh, actor, at)
                numbers = {"numbers": given_numbers(issued)}
                subject, detail = bills_moved(
                    fresh, BillState.APPROVED, BillState.ISSUED, **numbers
                )
                await audit(connection, at, actor, "bill.issued", subject, detail)
        return decided

    async def discard(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """See `BillingStore`."""
        async with self._begin(at) as connection:
            uids = await together(connection, uids)
            await stamps.hold_bills(connection, uids)
            _check(await discard_bills(connection, uids), uids, "a draft or held")
            await open_again(connection, uids)
            if uids:
                subject, detail = bills_moved(uids, "open", BillState.DISCARDED)
                detail["reason"] = reason or None
                await audit(connection, at, actor, "bill.discarded", subject, detail)
        return len(uids)


async def _changed(
    connection: AsyncConnection[_Row], uids: Sequence[UUID], at: datetime
) -> dict[UUID, tuple[ChangedInput, ...]]:
    """What is another than bills were made with, their documents' days among it."""
    changed = await stamps.changed_inputs(connection, uids)
    for uid, moved in (await moved_documents(connection, at, uids)).items():
        changed[uid] = (*changed.get(uid, ()), *moved)
    return changed


async def _settled(  # noqa: PLR0913, PLR0917 - what is decided, by whom and when
    connection: AsyncConnection[_Row],
    uids: Sequence[UUID],
    at: datetime,
    reached: Collection[BillState],
    error: type[OperatorError],
    approver: Actor | None = None,
) -> tuple[list[UUID], Decided]:
    """Bills that may be decided, in chain order, and why the others may not.

    Their inputs are what they were, and stay so until the commit; who approves did not work on
    them; the bills before them are as far as they must be.
    """
    await hold_accounts(connection, uids)
    await stamps.hold_inputs(connection, uids)
    changed = await _changed(connection, uids, at)
    waiting = await waiting_bills(connection, uids)
    fresh = [uid for uid in uids if uid not in changed and uid not in waiting]
    own = {} if approver is None else await stamps.contributions(connection, fresh, approver)
    fresh = [uid for uid in fresh if uid not in own]
    links: dict[UUID, list[ChainLink]] = {}
    for uid, before, name, state, same in await _rows(connection, "links", uids=fresh):
        link = ChainLink(before, name, BillState(state), same)
        links.setdefault(uid, []).append(link)
    for uid, link in await own_links(connection, fresh):
        links.setdefault(uid, []).append(link)
    ordered, barred = in_chain_order(fresh, links, reached, error)
    decided = Decided(len(ordered), changed, waiting, own, barred)
    if len(ordered) < len(uids):
        return await _whole_decisions(connection, uids, ordered, decided)
    return ordered, decided


async def _whole_decisions(
    connection: AsyncConnection[_Row], uids: Sequence[UUID], ordered: list[UUID], decided: Decided
) -> tuple[list[UUID], Decided]:
    """Without bills that were proposed with one that is refused."""
    decisions: dict[UUID, UUID] = dict(await _rows(connection, "decisions", uids=list(uids)))
    refused = {
        decisions[uid]: refusal(decided, uid)
        for uid in uids
        if uid in decisions and uid not in set(ordered)
    }
    barred = {
        uid: DecidedTogetherError(
            f"It was proposed with others, of which one is refused: {refused[decisions[uid]]}",
            value=str(uid),
        )
        for uid in ordered
        if decisions.get(uid) in refused
    }
    remaining = [uid for uid in ordered if uid not in barred]
    return remaining, replace(decided, count=len(remaining), barred={**decided.barred, **barred})


async def _withdraw_behind(
    connection: AsyncConnection[_Row], replaced: Mapping[int, int], actor: Actor, at: datetime
) -> None:
    """Make approved bills drafts that would open with something else than they did."""
    behind = await otherwise_behind(connection, replaced) if replaced else []
    if behind:
        await connection.execute(SQL["withdraw"], {"uids": behind})
        subject, detail = bills_moved(behind, BillState.APPROVED, BillState.DRAFT)
        detail["reason"] = "what is before is billed anew"
        await audit(connection, at, actor, "bill.withdrawn", subject, detail)


async def _held_with_those_behind(
    connection: AsyncConnection[_Row], uids: Sequence[UUID]
) -> list[UUID]:
    """Approved bills and those that open from them, which nobody else decides on meanwhile."""
    await hold_accounts(connection, uids)
    behind, held = list(uids), set[UUID]()
    while not held.issuperset(behind):
        # Whoever approves one that opens from these holds these as well.
        await stamps.hold_bills(connection, behind)
        held.update(behind)
        rows = await _rows(connection, "with_those_behind", uids=list(uids))
        behind = [row[0] for row in rows]
    return behind


async def _rows(connection: AsyncConnection[_Row], statement: str, **values: object) -> list[_Row]:
    cursor = await connection.execute(SQL[statement], values)
    return await cursor.fetchall()


def _check(changed: int, uids: Sequence[UUID], wanted: str) -> None:
    if changed != len(uids):
        message = f"{len(uids) - changed} of {len(uids)} bills are not {wanted}; none was changed."
        raise StaleBillError(
            message, value=changed, remedy="Reload the list and select the bills again."
        )
