"""Credit notes on PostgreSQL; the statements are in `credit_notes.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.account_state import hold_accounts
from central.adapters.timescale.billing.lines import add_lines, numbered
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs, hold_inputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.open_bills import discard_bills
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import bills_moved
from central.domain.billing.credit_note import (
    AdjustedError,
    AlreadyCancelledError,
    BilledBehindError,
    CarriedLine,
    CreditNote,
    IssuedPart,
    NotCancellableError,
    TailMovedError,
)
from central.domain.billing.planned import said_days
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.domain.uuid7 import uuid7
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.cancellations import ChainedBill

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_WITHDRAW = """\
UPDATE bill SET state = 'draft', approver = NULL, approved_at = NULL
WHERE uid = ANY(%(uids)s) AND state = 'approved'
"""
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleCancellations:
    """`CancellationStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def parts(self, uid: UUID) -> Sequence[IssuedPart]:
        """See `CancellationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "parts", bill=uid)
        return [_part(*row) for row in rows]

    async def carried(self, parts: Collection[int]) -> Sequence[CarriedLine]:
        """See `CancellationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "carried", parts=list(parts))
        return [CarriedLine(*row) for row in rows]

    async def credited(self, uid: UUID) -> Collection[int]:
        """See `CancellationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return {row[0] for row in await _rows(connection, "credited_lines", bill=uid)}

    async def chain(self, uid: UUID) -> Sequence[ChainedBill]:
        """See `CancellationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return [ChainedBill(*row) for row in await _rows(connection, "chain", bill=uid)]

    async def propose(
        self, notes: Sequence[CreditNote], actor: Actor, at: datetime, reason: str
    ) -> Sequence[UUID]:
        """See `CancellationStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                return await _propose(connection, notes, actor, at, reason)


async def _propose(
    connection: _Connection, notes: Sequence[CreditNote], actor: Actor, at: datetime, reason: str
) -> list[UUID]:
    await hold_issued(connection, notes)
    await _check_nothing_behind(connection, [key for note in notes for key in note.parts])
    decision = uuid7(at)
    proposed = [await add_note(connection, note, decision, actor, at) for note in notes]
    await check_adjusted(connection, proposed)
    subject, detail = bills_moved(proposed, "none", BillState.DRAFT)
    detail |= {"reason": reason, "cancels": [str(note.uid) for note in notes]}
    await audit(connection, at, actor, "bill.cancellation_proposed", subject, detail)
    return proposed


async def hold_issued(connection: _Connection, notes: Sequence[CreditNote]) -> None:
    """Take the bills of credit notes that are to be proposed; they are issued, and not cancelled.

    Raises:
        NotCancellableError: One is not issued.
        AlreadyCancelledError: A part has a credit note, or a draft of one.
    """
    # Who issues, cancels or bills behind takes these rows as well.
    originals = await _rows(connection, "hold_originals", uids=[note.uid for note in notes])
    for _, _, state, name, cancels in originals:
        if state != BillState.ISSUED or cancels:
            message = f"{name} is {'a credit note' if cancels else state}."
            raise NotCancellableError(message, value=name)
    parts = [key for note in notes for key in note.parts]
    for (number,) in await _rows(connection, "credited", parts=parts):
        message = f"{number} has a credit note already, or the draft of one."
        raise AlreadyCancelledError(message, value=number)


async def check_adjusted(connection: _Connection, notes: Sequence[UUID]) -> None:
    """Check that credit notes have all that issued bills carry of adjustments of their parts.

    Raises:
        AdjustedError: A bill carries some that none of them has.
    """
    for number, carrier in await _rows(connection, "adjusted_since", uids=list(notes)):
        message = f"{number} is adjusted on {carrier}, which its credit note does not say."
        raise AdjustedError(message, value=number)


async def add_note(
    connection: _Connection, note: CreditNote, decision: UUID, actor: Actor, at: datetime
) -> UUID:
    """Keep the draft of a credit note."""
    uid, text = uuid7(at), note.bill.canonical_text()
    days = note.bill.days
    values = {
        "uid": uid,
        "cancels": note.uid,
        "decision": decision,
        "first": days.first,
        "end": days.end,
        "total": note.bill.amounts.total,
        "kwh": note.kwh,
        "sha256": bytes.fromhex(text.sha256),
        "document": text.document,
        "creator": actor.key,
        "at": at,
    }
    ((key,),) = await _rows(connection, "add", **values)
    await add_lines(connection, [(key, numbered(note.bill, text))])
    await connection.execute(_SQL["add_parts"], {"parts": list(note.parts), "bill": key})
    return uid


async def _check_nothing_behind(connection: _Connection, parts: Sequence[int]) -> None:
    """Check that no issued part opens from some, but for those themselves, nor suppressed days.

    Raises:
        BilledBehindError: Something does.
    """
    for name, number in await _rows(connection, "stay_behind", parts=list(parts)):
        message = f"{number}, {name}, is issued and opens from what would be cancelled."
        remedy = f"Cancel {number} first, or both in one decision."
        raise BilledBehindError(message, value=number, remedy=remedy)
    for uid, first in await _rows(connection, "suppressed_behind", parts=list(parts)):
        message = f"The days from {first} on are suppressed behind what would be cancelled."
        remedy = f"Lift that first with `bill lift {uid}`."
        raise BilledBehindError(message, value=uid, remedy=remedy)


async def together(connection: _Connection, uids: Sequence[UUID]) -> list[UUID]:
    """Some bills in their order, and behind each what was proposed with it."""
    rows = await _rows(connection, "together", uids=list(uids))
    return [*uids, *sorted({row[0] for row in rows} - set(uids))]


async def notes_among(connection: _Connection, uids: Sequence[UUID]) -> list[UUID]:
    """The credit notes among some bills, the latest days first."""
    return [row[0] for row in await _rows(connection, "notes", uids=list(uids))]


async def hold_accounts_of(connection: _Connection, uids: Sequence[UUID]) -> None:
    """Take the accounts of credit notes, and the points of bills that are to be issued with them.

    They come before any other input or bill. What is cancelled has consumed will be open again,
    which other bills of the accounts may take.
    """
    rows = await _rows(connection, "notes", uids=list(uids))
    points = await _rows(connection, "points", uids=list(uids))
    await hold_accounts(connection, [*uids, *(row[1] for row in rows)])
    await hold_inputs(connection, [row[0] for row in points], {row[2] for row in rows})


async def free_days_behind(
    connection: _Connection, notes: Sequence[UUID], actor: Actor, at: datetime
) -> None:
    """Take the bills that credit notes cancel, and discard what is not issued behind them.

    Raises:
        BilledBehindError: Something behind them is issued, and stays.
        AdjustedError: What they are about was adjusted meanwhile.
    """
    rows = await _rows(connection, "notes", uids=list(notes))
    await _rows(connection, "hold_originals", uids=[row[1] for row in rows])
    parts = await _ending(connection, notes)
    await _check_nothing_behind(connection, parts)
    await check_adjusted(connection, notes)
    behind = await _rows(connection, "open_behind", parts=parts, uids=list(notes))
    if not behind:
        return
    uids = [uid for uid, _ in behind]
    await connection.execute(_WITHDRAW, {"uids": uids})
    await discard_bills(connection, uids)
    subject, detail = bills_moved(uids, "open", BillState.DISCARDED)
    detail["reason"] = "days before are cancelled"
    await audit(connection, at, actor, "bill.discarded", subject, detail)


async def end_cancelled(
    connection: _Connection, notes: Sequence[UUID], actor: Actor, at: datetime
) -> None:
    """End the claims of what issued credit notes are about, and open what it consumed.

    Raises:
        StaleBillError: Somebody billed days behind at the same time.
        TailMovedError: What a bill carries that replaces another was adjusted otherwise meanwhile.
    """
    values = {"parts": await _ending(connection, notes)}
    opened = await connection.execute(_SQL["open_entries"], values)
    if await _move_adjustments(connection, notes, actor, at) or opened.rowcount:
        rows = await _rows(connection, "notes", uids=list(notes))
        await ChangedInputs(accounts={row[2] for row in rows}).raise_in(connection)
    try:
        await connection.execute(_SQL["end_claims"], values)
    except errors.ForeignKeyViolation as error:
        message = "Days behind what is cancelled were billed meanwhile; nothing was issued."
        raise StaleBillError(message, remedy="Issue the credit note again.") from error


async def _move_adjustments(
    connection: _Connection, notes: Sequence[UUID], actor: Actor, at: datetime
) -> bool:
    """Close the adjustments of what issued credit notes are about, and open others they credit.

    What a bill carried that is billed anew in the same decision, the new one carries.

    Returns:
        Whether a bill that is not issued carries less than it says.

    Raises:
        TailMovedError: The new bill does not say what it would carry.
    """
    credited = await _rows(connection, "credited_uses", uids=list(notes))
    await connection.execute(_SQL["drop_uses"], {"adjustments": [row[0] for row in credited]})
    for bill, rows in groupby((row for row in credited if row[2] is not None), itemgetter(2)):
        amounts = dict[int, Decimal](row[:2] for row in rows)
        lines = await _rows(connection, "adjusting_lines", bill=bill)
        if [amount for _, amount in lines] != list(amounts.values()):
            message = "What the bill carried that is billed anew was adjusted otherwise meanwhile."
            raise TailMovedError(message, value=str(bill))
        numbers = [number for number, _ in lines]
        values = {"adjustments": list(amounts), "bill": bill, "lines": numbers}
        await connection.execute(_SQL["carry_anew"], values)
    carrying = await _rows(connection, "open_carriers", uids=list(notes))
    approved = [uid for _, uid, state in carrying if state == BillState.APPROVED]
    if approved:
        await connection.execute(_WITHDRAW, {"uids": approved})
        subject, detail = bills_moved(approved, BillState.APPROVED, BillState.DRAFT)
        detail["reason"] = "what it adjusts is cancelled"
        await audit(connection, at, actor, "bill.withdrawn", subject, detail)
    await connection.execute(_SQL["drop_uses"], {"adjustments": [row[0] for row in carrying]})
    await connection.execute(_SQL["close_adjustments"], {"uids": list(notes)})
    return bool(carrying)


async def open_again(connection: _Connection, uids: Sequence[UUID]) -> None:
    """Have the parts of discarded credit notes cancelled by others."""
    await connection.execute(_SQL["open_parts"], {"uids": list(uids)})


async def _ending(connection: _Connection, notes: Sequence[UUID]) -> list[int]:
    """The parts that credit notes are about, and that no bill of their decision replaces."""
    return [row[0] for row in await _rows(connection, "ending_parts", uids=list(notes))]


def _part(  # noqa: PLR0913, PLR0917 - a row
    key: int,
    point: str,
    service: str,
    tariff: str,
    first: date,
    end: date,
    settles: bool,  # noqa: FBT001 - a row
    by: str,
    *numbers: int | None,
) -> IssuedPart:
    days = said_days(DayRange(first, end), settles=settles)
    from_line, to_line = numbers
    # Where a part has no line its range is empty and has no ends.
    lines = None if from_line is None or to_line is None else range(from_line, to_line)
    return IssuedPart(key, point, service, tariff, days, by, lines)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
