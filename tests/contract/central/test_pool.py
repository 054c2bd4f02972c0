"""Connections of the application, on every server."""

from __future__ import annotations

from central.adapters.timescale.pool import make_pool
from tests.support.servers import Database


async def test_no_statement_is_compiled_to_machine_code(migrated: Database) -> None:
    asked = f"{migrated.dsn}&options=-c%20jit%3Don"
    async with make_pool(asked, max_size=1) as pool, pool.connection() as connection:
        row = await (await connection.execute("SHOW jit")).fetchone()
    assert row == ("off",)
