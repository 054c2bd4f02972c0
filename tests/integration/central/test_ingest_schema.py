"""The schema on every server found: who may do what, and what a server's flavour changes."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.migrate import (
    MIGRATIONS,
    ExtensionMissingError,
    Flavour,
    MigrationChangedError,
    migrate,
    newest_version,
    render,
)
from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.ingest import Ingest
from firmware_bridge.contract.reading import Reading, to_ms
from tests.support.actors import OPERATOR
from tests.support.ingest import Edge, channel, expected, readings, timescale_stores
from tests.support.servers import Database


def clock() -> datetime:
    return datetime.now(UTC)


TODAY = clock().replace(hour=0, minute=0, second=0, microsecond=0)


def ask(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_many_may_migrate_at_once_and_one_does(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrate, [database.dsn] * 4))
    assert sum(bool(steps) for steps in applied) == 1
    versions = ask(database.dsn, "SELECT version FROM schema_migration ORDER BY version")
    assert versions == [(i + 1,) for i in range(len(versions))]
    flavour = Flavour.COLUMNSTORE if database.timescaledb else Flavour.PLAIN
    assert ask(database.dsn, "SELECT DISTINCT flavour FROM schema_migration") == [(flavour.value,)]


def test_a_migration_that_changed_afterwards_is_refused(
    plain_database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    migrate(plain_database.dsn, folder)
    script = folder / "0001_ingest.guards.sql"
    script.write_text(script.read_text() + "-- later\n")
    with pytest.raises(MigrationChangedError):
        migrate(plain_database.dsn, folder)


def test_a_migration_that_fails_leaves_nothing(plain_database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_half.sql").write_text("CREATE TABLE half (id int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(plain_database.dsn, folder)
    assert ask(plain_database.dsn, "SELECT to_regclass('half')") == [(None,)]
    assert ask(plain_database.dsn, "SELECT count(*) FROM schema_migration") == [(0,)]


def test_behind_a_migration_that_fails_the_past_is_shown(
    plain_migrated: Database, tmp_path: Path
) -> None:
    shown = "SELECT count(*) FROM pg_class WHERE relnamespace = 'as_of'::regnamespace"
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    newest = newest_version()
    (folder / f"{newest + 1:04}_good.sql").write_text("CREATE TABLE good (id int);")
    (folder / f"{newest + 2:04}_half.sql").write_text("SELECT 1 / 0;")
    before = ask(plain_migrated.dsn, shown)
    assert before > [(0,)]
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(plain_migrated.dsn, folder)
    assert ask(plain_migrated.dsn, "SELECT max(version) FROM schema_migration") == [(newest + 1,)]
    assert ask(plain_migrated.dsn, shown) == before


def test_timescale_may_be_declined_or_required(database: Database) -> None:
    if database.timescaledb:
        migrate(database.dsn, timescale=False)
        assert ask(database.dsn, "SELECT min(flavour) FROM schema_migration") == [("plain",)]
    else:
        with pytest.raises(ExtensionMissingError):
            migrate(database.dsn, timescale=True)


def test_the_printed_script_makes_the_same_schema(database: Database) -> None:
    flavour = Flavour.COLUMNSTORE if database.timescaledb else Flavour.PLAIN
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(render(flavour).encode())
    assert migrate(database.dsn) == []


def test_the_application_owns_nothing_and_cannot_change_readings(migrated: Database) -> None:
    owned = (
        "SELECT count(*) FROM pg_class WHERE relowner ="
        " (SELECT oid FROM pg_roles WHERE rolname = 'meterline_app')"
    )
    assert ask(migrated.dsn, owned) == [(0,)]
    insert = (
        "INSERT INTO reading (channel_id, at, mantissa, exponent, flags)"
        " VALUES (1, now(), 5, 0, 0) RETURNING 1"
    )
    with psycopg.connect(migrated.dsn_as("meterline_app"), autocommit=True) as app:
        app.execute(insert)
        for forbidden in (
            "UPDATE reading SET mantissa = 6",
            "DELETE FROM reading",
            "TRUNCATE reading",
            "DROP TABLE reading",
            "ALTER TABLE reading DISABLE TRIGGER ALL",
            "CREATE TABLE own (id int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden.encode())
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        for refused in (b"UPDATE reading SET mantissa = 6", b"DELETE FROM reading"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(refused)
    assert ask(migrated.dsn, "SELECT mantissa FROM reading") == [(5,)]


def test_hours_have_one_name_on_every_server(migrated: Database) -> None:
    with psycopg.connect(migrated.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO reading (channel_id, at, mantissa, exponent, flags)"
            " SELECT 1, date_trunc('day', now()) - n * interval '15 minutes', 100 - n, 0, 0"
            " FROM generate_series(1, 8) AS n"
        )
    found = ask(
        migrated.dsn_as("meterline_app"),
        "SELECT readings, first_mantissa, last_mantissa FROM reading_hour ORDER BY hour",
    )
    assert found == [(4, 92, 95), (4, 96, 99)]


def test_hours_of_a_late_back_fill_are_computed_too(migrated: Database) -> None:
    insert = (
        "INSERT INTO reading (channel_id, at, mantissa, exponent, flags)"
        " SELECT 1, date_trunc('day', now()) - interval '{} days' + n * interval '15 minutes',"
        " n, 0, 0 FROM generate_series(0, 7) AS n"
    )
    for days in (1, 900):
        with psycopg.connect(migrated.dsn, autocommit=True) as connection:
            connection.execute("SELECT reading_attach(now() - interval '901 days', now(), now())")
            connection.execute(insert.format(days).encode())
            if migrated.timescaledb:
                (job,) = connection.execute(
                    "SELECT job_id FROM timescaledb_information.jobs"
                    " WHERE proc_name = 'policy_refresh_continuous_aggregate'"
                ).fetchall()
                connection.execute("CALL run_job(%s)", job)
    assert ask(migrated.dsn, "SELECT sum(readings) FROM reading_hour") == [(16,)]


async def test_late_readings_find_their_place_in_old_months_and_packed_chunks(
    migrated: Database,
) -> None:
    old = TODAY - timedelta(days=1000)
    edge, again = Edge("gw1"), Edge("gw1")
    first = readings(96, old) + readings(96, TODAY - timedelta(days=30), first=500)
    late = readings(96, old + timedelta(days=1), first=1000)
    conflict = Reading(channel(), old, 77, 0)
    async with timescale_stores(migrated.dsn) as stores:
        await enrol_gateway(stores.gateways, "gw1", OPERATOR, clock)
        ingest = Ingest(stores.ingest, clock)
        await ingest.commit(edge.arrive(edge.seal(first)))
        if migrated.timescaledb:
            packed = ask(
                migrated.dsn,
                "SELECT count(compress_chunk(chunk)) FROM show_chunks('reading') AS chunk",
            )
            assert packed == [(2,)]
        result = await ingest.commit(again.arrive(again.seal([*first[1:], *late, conflict])))
        (outcome,) = result.outcomes
        assert (outcome.stored, outcome.duplicate, outcome.conflict) == (96, 191, 1)
        assert await stores.peek.readings() == expected([*first, *late])
        assert await stores.peek.conflicts() == [(77, 0)]


async def test_months_are_attached_when_they_are_needed_and_no_row_falls_beside_them(
    plain_migrated: Database,
) -> None:
    async with timescale_stores(plain_migrated.dsn) as stores:
        months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
        ((before,),) = ask(plain_migrated.dsn, months)
        year_ago = to_ms(TODAY - timedelta(days=400))
        await stores.ingest.prepare(year_ago, year_ago + 1, TODAY)
        await stores.ingest.prepare(year_ago, year_ago + 1, TODAY)
        assert ask(plain_migrated.dsn, months) == [(int(str(before)) + 1,)]
        with (
            psycopg.connect(plain_migrated.dsn, autocommit=True) as owner,
            pytest.raises(psycopg.errors.CheckViolation),
        ):
            owner.execute(
                "INSERT INTO reading (channel_id, at, mantissa, exponent, flags)"
                " VALUES (1, '2001-01-01Z', 5, 0, 0)"
            )
