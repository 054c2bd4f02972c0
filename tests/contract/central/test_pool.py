"""Connections of the application, on every server."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from central.adapters.timescale import pool as pools
from central.adapters.timescale.pool import Pool, make_pool
from tests.support.servers import Database


async def test_no_statement_is_compiled_to_machine_code(migrated: Database) -> None:
    asked = f"{migrated.dsn}&options=-c%20jit%3Don"
    async with make_pool(asked, max_size=1) as pool, pool.connection() as connection:
        row = await (await connection.execute("SHOW jit")).fetchone()
    assert row == ("off",)


async def _backend(pool: Pool) -> int:
    async with pool.connection() as connection:
        return connection.info.backend_pid


def _end_backends(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'meterline' AND pid <> pg_backend_pid()"
        )


async def test_a_connection_that_has_just_answered_is_not_tried_again(
    migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    check = AsyncConnectionPool.check_connection

    async def counted(connection: psycopg.AsyncConnection) -> None:
        tried.append(connection.info.backend_pid)
        await check(connection)

    monkeypatch.setattr(AsyncConnectionPool, "check_connection", counted)
    monkeypatch.setattr(pools, "_IDLE_S", 60.0)
    async with make_pool(migrated.dsn, max_size=1) as pool:
        lent = {await _backend(pool) for _ in range(5)}
    assert len(lent) == 1
    assert tried == [*lent]


async def test_an_idle_connection_that_is_gone_is_not_lent(
    migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_IDLE_S", 0.05)
    async with make_pool(migrated.dsn, max_size=1) as pool:
        before = await _backend(pool)
        await asyncio.to_thread(_end_backends, migrated)
        await asyncio.sleep(0.06)
        assert await _backend(pool) != before


async def test_a_connection_that_went_just_now_fails_once(
    migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_IDLE_S", 60.0)
    async with make_pool(migrated.dsn, max_size=1) as pool:
        await _backend(pool)
        await asyncio.to_thread(_end_backends, migrated)
        with contextlib.suppress(psycopg.OperationalError):
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
                pytest.fail("a backend that was ended answered")
        async with pool.connection() as connection:
            row = await (await connection.execute("SELECT 1")).fetchone()
    assert row == (1,)
