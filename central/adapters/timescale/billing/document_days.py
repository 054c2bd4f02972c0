"""What the day of issue says of a bill before it is issued; see `document_days.sql`.

It may say the rate of a tax, and what becomes of a bill whose total is below zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.billing.correction_limits import limits_of
from central.adapters.timescale.billing.settings import settings_revisions
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import SupplySummary
from central.domain.billing.correction_limit import ScopedLimit, days_cut, limit_of_run
from central.domain.billing.issue import document_days, negative_total_now
from central.domain.billing.negative_total import NegativeTotal, all_read
from central.domain.billing.planned import PlannedBill
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.document_days import DocumentDays
from central.service.ports.stamps import ChangedInput, InputKind
from firmware_bridge.contract.errors import OperatorError

_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_TAX = "another version of {} says the rate of a tax"
_LIMIT = "a limit of late charges cuts off other days"


class Document(NamedTuple):
    """What the day of issue says of a bill.

    Args:
        days: That may say the rates of taxes; None where nobody can say.
        negative_total: What becomes of it where adjustments take its total below zero.
    """

    days: DocumentDays | None
    negative_total: NegativeTotal = NegativeTotal.CARRY


async def documents_of(
    connection: _Connection, bills: Sequence[PlannedBill], at: datetime
) -> list[Document]:
    """What the day of issue says of some bills, in their order.

    Of a bill that is issued, or takes the place of another, its days stay what they were.

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
    def now(zone: str) -> Document:
        try:
            days = document_days(revisions, zone, at)
            return Document(days, negative_total_now(revisions, zone, at))
        except OperatorError:  # rating, or issuing, says it
            return Document(None)

    def first(bill: PlannedBill) -> DocumentDays | None:
        replaced = None if bill.replaces is None else issued.get(bill.replaces.id)
        return issued.get(bill.bill_id or 0) or replaced

    return [
        now(bill.parts[0].occupancy.zone) if (days := first(bill)) is None else Document(days)
        for bill in bills
    ]


async def moved_documents(
    connection: _Connection, at: datetime, uids: Sequence[UUID]
) -> Mapping[UUID, tuple[ChangedInput, ...]]:
    """Bills that may say something else if they are issued now: a tax, or that they are held.

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
    asked = {"uids": list(uids), "bills": list(bills)}
    rows = await _rows(connection, "taxed", **asked)
    negative = await _rows(connection, "negative", **asked)
    late = await _rows(connection, "late", **asked)
    if not rows and not negative and not late:
        return []
    revisions = await settings_revisions(connection)
    held: list[tuple[_Row, tuple[ChangedInput, ...]]] = [
        (row, (ChangedInput(InputKind.SETTINGS, ""),))
        for row in negative
        if negative_total_now(revisions, row[2][0]["zone"], at) is NegativeTotal.HOLD
        and not all_read(map(SupplySummary.from_json, row[2]))
    ]
    limits = await limits_of(connection, {row[3] for row in late}) if late else {}
    held += [
        (row, (ChangedInput(InputKind.DOCUMENT, _LIMIT),))
        for row in late
        if _cut(row, limits.get(row[3], ()), row[6])
        != _cut(row, limits.get(row[3], ()), document_days(revisions, row[2], at).issued)
    ]
    return held + [
        (row, (ChangedInput(InputKind.DOCUMENT, _TAX.format(row[5])),))
        for row in rows
        if DocumentDays(row[3], row[4]).crosses(
            document_days(revisions, row[2], at),
            [*row[6], *(fact.effective for fact in AgreementFacts.from_json(row[7]).facts)],
        )
    ]


def _cut(row: _Row, limits: Sequence[ScopedLimit], day: date | None) -> tuple[date, date]:
    """Until when days of a part are cut off, by the day on which its bill is issued."""
    if day is None:
        return row[4], row[4]
    terms = limit_of_run(limits, day, billed_before=row[7])
    return days_cut(row[4], row[5], terms, day)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
