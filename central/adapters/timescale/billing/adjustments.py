"""Adjustments that bills carry; the statements are in `adjustments.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.adjustment import OpenAdjustment
from central.domain.billing.line_difference import LineDifference

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


async def open_adjustments(
    connection: _Connection, accounts: Collection[int], bills: Collection[int | None]
) -> dict[int, tuple[OpenAdjustment, ...]]:
    """What bills of accounts may carry, by account, in the order in which it was posted.

    Args:
        connection: In the shard's transaction.
        accounts: Keys.
        bills: Keys of bills that are made anew; what they carry is among it.
    """
    there = [bill for bill in bills if bill is not None]
    values = {"accounts": list(accounts), "bills": there}
    cursor = await connection.execute(SQL["open"], values)
    adjustments: dict[int, tuple[OpenAdjustment, ...]] = {}
    for account, key, correction, bill, currency, line in await cursor.fetchall():
        adjustment = OpenAdjustment(key, correction, bill, currency, LineDifference.from_json(line))
        adjustments[account] = (*adjustments.get(account, ()), adjustment)
    return adjustments


class CarryingBill(NamedTuple):
    """A bill that is written.

    Args:
        id: Its key.
        line_count: Of its lines; those that adjust come last.
        adjustments: Keys of the adjustments that it carries, in the order of their lines.
    """

    id: int
    line_count: int
    adjustments: Sequence[int]


async def carry(connection: _Connection, bills: Sequence[CarryingBill], *, replaced: bool) -> None:
    """Note what bills carry, in place of what they carried.

    Args:
        connection: In the shard's transaction.
        bills: All that are written.
        replaced: Whether one of them was there before.
    """
    wanted = [
        (adjustment, bill.id, bill.line_count - len(bill.adjustments) + number)
        for bill in bills
        for number, adjustment in enumerate(bill.adjustments, start=1)
    ]
    values: dict[str, object] = {
        "adjustments": [adjustment for adjustment, _, _ in wanted],
        "lines": [line for _, _, line in wanted],
    }
    if replaced:
        dropped = values | {"bills": [bill.id for bill in bills]}
        await connection.execute(SQL["drop_uses"], dropped)
    if wanted:
        await connection.execute(SQL["use"], values | {"bills": [bill for _, bill, _ in wanted]})
