"""Discard drafts and held bills, and free their days; the statements are in `open_bills.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors

from central.adapters.timescale.queries import load_queries
from central.domain.billing.occupancy import PeriodBilledError
from central.service.ports.open_bills import DiscardedBill

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


async def discard_bills(connection: _Connection, uids: Sequence[UUID]) -> int:
    """Discard those of some bills that are drafts or held.

    Their days are free, and what they consumed or carried is open again.

    Returns:
        How many were.

    Raises:
        PeriodBilledError: Days behind one are billed by another that stays.
    """
    values = {"uids": list(uids)}
    cursor = await connection.execute(_SQL["discard"], values)
    await connection.execute(_SQL["open_entries"], values)
    await connection.execute(_SQL["open_adjustments"], values)
    try:
        await connection.execute(_SQL["end_claims"], values)
    except errors.ForeignKeyViolation as error:
        message = "Days behind those are billed already; none was discarded."
        remedy = "Discard the later bills as well."
        raise PeriodBilledError(message, remedy=remedy) from error
    return cursor.rowcount


async def discard_from(
    connection: _Connection, occupancies: Collection[int], since: date
) -> tuple[DiscardedBill, ...]:
    """See `OpenBillsTransaction.discard_open`."""
    values = {"occupancies": list(occupancies), "since": since}
    cursor = await connection.execute(_SQL["open_from"], values)
    bills = tuple(DiscardedBill(*row) for row in await cursor.fetchall())
    if await discard_bills(connection, [bill.uid for bill in bills]) != len(bills):
        message = "A bill of those days was approved meanwhile."
        raise PeriodBilledError(message, value=since)
    return bills


async def discard_settlements(connection: _Connection, account: str) -> tuple[DiscardedBill, ...]:
    """See `OpenBillsTransaction.discard_settlements`."""
    cursor = await connection.execute(_SQL["open_settlements"], {"account": account})
    bills: dict[UUID, DiscardedBill] = {}
    for occupancy, since in await cursor.fetchall():
        bills |= {bill.uid: bill for bill in await discard_from(connection, [occupancy], since)}
    return tuple(bills.values())
