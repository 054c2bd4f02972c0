"""Erase personal values on PostgreSQL; the statements are in `erasure.sql`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.queries import load_queries
from central.service.ports.erasure import RetainedAccount

_SQL = load_queries(Path(__file__).with_name("erasure.sql"))


class ErasureRows:
    """`ErasureTransaction` on one connection."""

    _connection: AsyncConnection[tuple[Any, ...]]
    changed: ChangedInputs

    async def retained(self, number: str) -> RetainedAccount | None:
        """See `ErasureTransaction`."""
        cursor = await self._connection.execute(_SQL["retained"], {"number": number})
        row = await cursor.fetchone()
        return None if row is None else RetainedAccount(*row)

    async def erase_account(self, number: str, at: datetime) -> None:
        """See `ErasureTransaction`."""
        await self._connection.execute(_SQL["erase"], {"number": number, "at": at})
        self.changed.accounts.add(number)
