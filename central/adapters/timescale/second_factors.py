"""Second factors, on PostgreSQL; the statements are in `second_factors.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.second_factors import SecondFactor

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleSecondFactors:
    """`SecondFactorStore` over a pool of connections.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def second_factor(self, name: str) -> SecondFactor | None:
        """See `SecondFactorStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["second_factor"], {"name": name})
                row = await cursor.fetchone()
        return None if row is None else SecondFactor(bytes(row[0]), row[1])

    async def begin_second_factor(self, name: str, sealed: bytes) -> bool:
        """See `SecondFactorStore`."""
        return await self._changed("begin", {"name": name, "sealed": sealed})

    async def confirm_second_factor(
        self, name: str, sealed: bytes, recovery: Sequence[bytes], note: DecisionNote
    ) -> None:
        """See `SecondFactorStore`."""
        values = {"name": name, "sealed": sealed, "recovery": list(recovery), "now": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["confirm"], values)
                await connection.execute(_SQL["end_recovery"], values)
                await connection.execute(_SQL["add_recovery"], values)
                await _note(connection, "person.second_factor_set", name, note, asked=True)

    async def take_step(self, name: str, step: int) -> bool:
        """See `SecondFactorStore`."""
        return await self._changed("take_step", {"name": name, "step": step})

    async def take_recovery_code(self, name: str, sha256: bytes, note: DecisionNote) -> bool:
        """See `SecondFactorStore`."""
        values = {"name": name, "sha256": sha256, "now": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(_SQL["take_recovery"], values)
                if await cursor.fetchone() is None:
                    return False
                await _note(connection, "person.recovery_code_used", name, note, asked=True)
        return True

    async def end_second_factor(self, name: str, note: DecisionNote) -> None:
        """See `SecondFactorStore`."""
        values = {"name": name, "now": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["end_recovery"], values)
                await connection.execute(_SQL["end"], values)
                await _note(connection, "person.second_factor_ended", name, note, asked=False)

    async def _changed(self, statement: str, values: dict[str, Any]) -> bool:
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement], values)
                return await cursor.fetchone() is not None


async def _note(
    connection: AsyncConnection[tuple[Any, ...]],
    action: str,
    name: str,
    note: DecisionNote,
    *,
    asked: bool,
) -> None:
    detail = change({}, {"second_factor": asked}, note.reason)
    await audit(connection, note.at, note.actor, action, name, detail)
