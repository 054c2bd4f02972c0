"""Adjustments that bills carry; the statements are in `adjustments.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

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


async def carry(
    connection: _Connection, bills: Sequence[tuple[int, Sequence[int]]], *, replaced: bool
) -> None:
    """Note what bills carry, in place of what they carried.

    Args:
        connection: In the shard's transaction.
        bills: Key, and keys of the adjustments, of all bills that are written.
        replaced: Whether one of them was there before.
    """
    wanted = [(adjustment, bill) for bill, carried in bills for adjustment in carried]
    adjustments = [adjustment for adjustment, _ in wanted]
    if replaced:
        values = {"bills": [bill for bill, _ in bills], "adjustments": adjustments}
        await connection.execute(SQL["drop_uses"], values)
    if wanted:
        values = {"adjustments": adjustments, "bills": [bill for _, bill in wanted]}
        await connection.execute(SQL["use"], values)
