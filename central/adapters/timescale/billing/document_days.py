"""When bills are issued and due, where that says the rate of a tax; see `document_days.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.billing.settings import settings_revisions
from central.adapters.timescale.queries import load_queries
from central.domain.billing.issue import document_days
from central.domain.billing.planned import PlannedBill
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.document_days import DocumentDays
from central.service.ports.stamps import ChangedInput, InputKind
from firmware_bridge.contract.errors import OperatorError

_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def days_of_documents(
    connection: _Connection, bills: Sequence[PlannedBill], at: datetime
) -> list[DocumentDays | None]:
    """The days that may say the rates of taxes of some bills, in their order.

    Of a bill that is issued, or takes the place of another, they stay what they were.

    Args:
        connection: In the shard's transaction.
        bills: With what they replace.
        at: When they are rated. Aware.
    """
    mine = {bill.bill_id for bill in bills}
    replaced = {bill.replaces.id for bill in bills if bill.replaces is not None}
    keys = sorted(key for key in mine | replaced if key is not None)
    rows = await _rows(connection, "of_issued", bills=keys) if keys else []
    issued = {key: DocumentDays(*days) for key, *days in rows}
    revisions = await settings_revisions(connection)

    @cache
    def now(zone: str) -> DocumentDays | None:
        try:
            return document_days(revisions, zone, at)
        except OperatorError:  # rating, or issuing, says it
            return None

    return [
        issued.get(bill.bill_id or 0)
        or (None if bill.replaces is None else issued.get(bill.replaces.id))
        or now(bill.parts[0].occupancy.zone)
        for bill in bills
    ]


async def moved_documents(
    connection: _Connection, at: datetime, uids: Sequence[UUID]
) -> Mapping[UUID, tuple[ChangedInput, ...]]:
    """Bills of which a tax may have another rate if they are issued now.

    Args:
        connection: In a transaction.
        at: Now. Aware.
        uids: Of the bills.
    """
    return {row[1]: changed for row, changed in await _moved(connection, at, uids, ())}


async def moved_keys(connection: _Connection, at: datetime, bills: Collection[int]) -> set[int]:
    """The same bills by key."""
    return {row[0] for row, _ in await _moved(connection, at, (), bills)}


async def _moved(
    connection: _Connection, at: datetime, uids: Sequence[UUID], bills: Collection[int]
) -> list[tuple[_Row, tuple[ChangedInput, ...]]]:
    rows = await _rows(connection, "taxed", uids=list(uids), bills=list(bills))
    if not rows:
        return []
    revisions = await settings_revisions(connection)
    return [
        (row, (ChangedInput(InputKind.DOCUMENT, row[5]),))
        for row in rows
        if DocumentDays(row[3], row[4]).crosses(
            document_days(revisions, row[2], at),
            [*row[6], *(fact.effective for fact in AgreementFacts.from_json(row[7]).facts)],
        )
    ]


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
