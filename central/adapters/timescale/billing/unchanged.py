"""Which drafts a run need not rate again; the statement is in `unchanged.sql`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.vee.notices import ESTIMATED_GAP
from central.service.ports.holes import HOLES

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def unchanged_bills(
    connection: AsyncConnection[tuple[Any, ...]], bills: Collection[int], release: str
) -> set[int]:
    """See `ShardTransaction.unchanged`.

    Args:
        connection: In the shard's transaction, which holds the bills.
        bills: Keys of open bills.
        release: That runs.
    """
    values = {
        "bills": list(bills),
        "codes": list(HOLES),
        "estimated": ESTIMATED_GAP.code,
        "release": release,
    }
    cursor = await connection.execute(_SQL["changed"], values)
    return set(bills) - {row[0] for row in await cursor.fetchall()}
