"""Which cancelled bills are billed anew; the statement is in `replaced.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.planned import PlannedBill, ReplacedBill

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


async def with_replaced(
    connection: AsyncConnection[_Row], bills: Sequence[PlannedBill]
) -> Sequence[PlannedBill]:
    """Bills with the cancelled one that each replaces: the last of any of its days before it.

    Args:
        connection: In the shard's transaction.
        bills: Planned.
    """
    accounts = sorted({bill.account_id for bill in bills})
    cursor = await connection.execute(_SQL["replaced"], {"accounts": accounts})
    rows = await cursor.fetchall()
    keys = [bill.bill_id for bill in bills if bill.bill_id is not None]
    cursor = await connection.execute(_SQL["decided"], {"bills": keys})
    decided = {key: ReplacedBill(*named) for key, *named in await cursor.fetchall()}
    if not rows and not decided:
        return bills
    return [
        replace(bill, replaces=decided.get(bill.bill_id or 0) or _replaced(bill, rows))
        for bill in bills
    ]


def _replaced(bill: PlannedBill, rows: Sequence[_Row]) -> ReplacedBill | None:
    for occupancy, first, end, key, *named in rows:
        if bill.bill_id is not None and key >= bill.bill_id:
            continue
        for planned in bill.parts:
            days = planned.days
            same = planned.occupancy.occupancy_id == occupancy
            if same and days.first < end and first < days.end:
                return ReplacedBill(key, *named)
    return None
