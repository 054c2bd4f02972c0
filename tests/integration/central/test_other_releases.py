"""Processes beside a schema of another release: which they work with, and how they end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from central.adapters.embedded.broker import EmbeddedBroker
from central.adapters.timescale import fitness
from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.migrate import MIGRATIONS, migrate, newest_version
from central.config.ingest import IngestSettings
from central.config.settings import Settings
from central.process import keep_fit
from central.process.ingest import run_ingest
from central.process.serve import run_serve
from central.process.worker import run_worker
from central.service.ports.faults import SchemaMissingError, SchemaNewError, SchemaOldError
from tests.support.servers import Database

PATIENCE_S = 60.0
STATED = "INSERT INTO release_beside (version) VALUES ({0}); CREATE TABLE later_{0} (id int);"
Process = Callable[[Database, int], Awaitable[None]]


async def ingest(database: Database, port: int) -> None:
    await run_ingest(IngestSettings(database=SecretStr(database.dsn), broker_port=port))


async def worker(database: Database, _port: int) -> None:
    await run_worker(Settings(database=SecretStr(database.dsn)))


async def serve(database: Database, _port: int) -> None:
    await run_serve(Settings(database=SecretStr(database.dsn)), port=0)


def add(folder: Path, version: int, script: str) -> None:
    (folder / f"{version:04}_later.sql").write_text(script.format(version))


@pytest.mark.parametrize("process", [ingest, worker, serve])
async def test_a_process_works_beside_the_next_release_where_that_says_so_and_ends_where_not(
    process: Process,
    plain_migrated: Database,
    mosquitto: EmbeddedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keep_fit, "COMPARE_EVERY_S", 0.05)
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    newest = newest_version()
    add(folder, newest + 1, STATED)
    migrate(plain_migrated.dsn, folder)
    running = asyncio.ensure_future(process(plain_migrated, mosquitto.port))
    compared = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%database_instance%'"
    async with await psycopg.AsyncConnection.connect(plain_migrated.dsn, autocommit=True) as asked:
        async with asyncio.timeout(PATIENCE_S):
            while (await (await asked.execute(compared)).fetchone()) < (2,):  # type: ignore[operator]
                assert not running.done(), running
                await asyncio.sleep(0.05)
    assert not running.done()
    add(folder, newest + 2, "CREATE TABLE later_{0} (id int);")
    await asyncio.to_thread(migrate, plain_migrated.dsn, folder)
    with pytest.raises(SchemaNewError, match=f"version {newest + 2}") as refused:
        await asyncio.wait_for(running, PATIENCE_S)
    assert "Install the release" in refused.value.as_text()
    # And so it does not start again.
    with pytest.raises(SchemaNewError):
        await asyncio.wait_for(process(plain_migrated, mosquitto.port), PATIENCE_S)


async def test_one_silent_migration_among_those_that_say_so_is_enough(
    plain_migrated: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    newest = newest_version()
    add(folder, newest + 1, "CREATE TABLE later_{0} (id int);")
    add(folder, newest + 2, STATED)
    migrate(plain_migrated.dsn, folder)
    with pytest.raises(SchemaNewError):
        await check_fit(plain_migrated.dsn)


async def test_a_release_works_before_its_own_migration_where_it_does_not_need_it(
    plain_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SchemaMissingError, match="no schema of Meterline"):
        await check_fit(plain_database.dsn)
    migrate(plain_database.dsn)
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    newest = newest_version()
    add(folder, newest + 1, STATED)
    # The release that comes with that migration.
    monkeypatch.setattr(fitness, "newest_version", lambda: newest + 1)
    monkeypatch.setattr(fitness, "WORKS_WITHOUT", frozenset[int]())
    with pytest.raises(SchemaOldError, match="migrate"):
        await check_fit(plain_database.dsn)
    monkeypatch.setattr(fitness, "WORKS_WITHOUT", frozenset({newest + 1}))
    await check_fit(plain_database.dsn)


def test_migrations_state_their_own_number_and_no_other(plain_migrated: Database) -> None:
    with psycopg.connect(plain_migrated.dsn) as connection:
        stated = {row[0] for row in connection.execute("SELECT version FROM release_beside")}
    named = {
        int(file.name[:4])
        for file in MIGRATIONS.glob("*.sql")
        if "INTO release_beside" in file.read_text(encoding="utf-8")
    }
    assert stated == named
