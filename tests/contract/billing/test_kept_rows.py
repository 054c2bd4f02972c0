"""What was issued, read or decided stays: for the application, and for an owner who errs.

On every server found, readings and blocks in their partitions or chunks too, packed ones included.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors, sql

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.migrate import migrate
from central.domain.billing.cycle import Cycle
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.run_bills import RunBills
from tests.support import block_rows
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, Utility, month, timescale_utility
from tests.support.servers import Database, postgres_servers

if TYPE_CHECKING:
    from tests.conftest import _Servers

KEPT = (
    "reading",
    "day_block",
    "block_heading",
    "series_day",
    "tariff_version",
    "bill",
    "bill_figures",
    "line_form",
    "bill_part",
    "bill_run_starter",
    "audit_log",
    "billing_settings",
    "document_template",
    "bill_document",
    "ledger_entry",
)
# A packed hypertable refuses some by itself.
REFUSED = (errors.InsufficientPrivilege, errors.RestrictViolation, errors.FeatureNotSupported)
# They fill again by themselves.
FILLS_AGAIN = {"answer", "meter_seen"}
PRICES_AND_MONEY = """\
INSERT INTO series (name) VALUES ('spot');
INSERT INTO series_day (series_id, day, version, step_s, exponent, mantissas, made_at, actor)
SELECT id, '2026-10-01', 1, 86400, -2, '{7}', '2026-10-01', 'clerk' FROM series;
INSERT INTO ledger_entry (
    key, account_id, kind, day, currency, amount, bank, recorded_at, actor, reason
)
SELECT 'p-1', min(id), 'pay_in', '2026-10-01', 'EUR', 50, 'prepaid', '2026-10-01', 'clerk', 'paid'
FROM account
"""


PACK = "SELECT compress_chunk(chunk) FROM show_chunks(%s::regclass) AS chunk"


async def issue(utility: Utility) -> None:
    """Two customers, whose October is billed and issued."""
    edge = await utility.found(2, period_s=HOURLY)
    await utility.deliver(edge, month(period_s=HOURLY), month("S2", step=40, period_s=HOURLY))
    await utility.validate()
    run = (await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, 10), CLERK)).run
    await ApproveBills(utility.billing, lambda: utility.now).run(run, CHIEF)
    outcome = await IssueBills(utility.billing, lambda: utility.now).run(run, CHIEF)
    assert outcome.count == 2
    archive = ArchiveInvoices(
        utility.billing, utility.documents, render_invoice, lambda: utility.now
    )
    assert len((await archive.until_idle()).documents) == 2


@pytest.fixture(scope="module", params=postgres_servers(), ids=str)
def issued(request: pytest.FixtureRequest, _servers: _Servers) -> Iterator[Database]:
    """A database in which bills are issued; no test changes what is kept in it."""
    with _servers.copy(request.param) as database:
        fill(database)
        yield database


def fill(database: Database) -> None:
    async def work() -> None:
        async with timescale_utility(database.dsn) as utility:
            await issue(utility)

    asyncio.run(work())
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute(PRICES_AND_MONEY)
        if database.timescaledb:
            owner.execute("SET meterline.migrating = 'on'")
            owner.execute(
                "ALTER TABLE day_block SET (timescaledb.enable_columnstore,"
                " timescaledb.segmentby = 'channel_id', timescaledb.orderby = 'day, version')"
            )
            owner.execute("RESET meterline.migrating")
            for table in ("reading", "day_block"):
                owner.execute(PACK, (table,))
        guard(owner)


def guard(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    attach = "SELECT reading_attach('2026-10-01', '2026-11-01', '2026-11-20')"
    while owner.execute(attach).fetchone() != (0,):
        pass


def tables(owner: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    rows = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') ORDER BY relname"
    ).fetchall()
    return [str(name) for (name,) in rows]


def kept(owner: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """The tables above, and all that say of themselves that they are append-only."""
    rows = owner.execute(
        "SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE tgfoid = 'refuse_change'::regproc AND tgtype & 27 = 27"
        " AND relnamespace = 'public'::regnamespace AND NOT relispartition"
    ).fetchall()
    return sorted({*KEPT, *(str(name) for (name,) in rows)})


def content(owner: psycopg.Connection[tuple[object, ...]]) -> dict[str, object]:
    """Every kept table's rows, as a count and a hash."""
    return {
        table: owner.execute(
            sql.SQL(
                "SELECT count(*), md5(string_agg(kept::text, '|' ORDER BY kept::text)) FROM {} kept"
            ).format(sql.Identifier(table))
        ).fetchone()
        for table in kept(owner)
    }


def columns(owner: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    rows = owner.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND identity_generation IS NULL",
        (table,),
    ).fetchall()
    return [str(name) for (name,) in rows]


def changes(owner: psycopg.Connection[tuple[object, ...]]) -> list[sql.Composed]:
    """Every way to change or remove what is kept, column by column."""
    found = []
    for table, rows in content(owner).items():
        if rows == (0, None):
            assert table not in KEPT
            continue
        name = sql.Identifier(table)
        found.append(sql.SQL("DELETE FROM {}").format(name))
        found += [
            sql.SQL("UPDATE {} SET {column} = {column}").format(name, column=sql.Identifier(column))
            for column in columns(owner, table)
        ]
    return found


def test_an_owner_who_errs_changes_nothing(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before = content(owner)
        for statement in changes(owner):
            with pytest.raises(REFUSED):
                owner.execute(statement)
        assert content(owner) == before


def test_no_table_is_emptied(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before = content(owner)
        for table in tables(owner):
            for truncate in ("TRUNCATE {}", "TRUNCATE {} CASCADE"):
                statement = sql.SQL(truncate).format(sql.Identifier(table))
                if table in FILLS_AGAIN:
                    owner.execute(statement)
                    continue
                # Without CASCADE the server itself refuses a table that others refer to.
                with pytest.raises((errors.RestrictViolation, errors.FeatureNotSupported)):
                    owner.execute(statement)
        assert content(owner) == before


def test_no_part_of_readings_or_blocks_is_emptied(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before = content(owner)
        assert len(parts_of(owner, "reading")) >= 2
        assert parts_of(owner, "day_block")
        for part in parts_of(owner, "reading", "day_block"):
            with pytest.raises(errors.RestrictViolation):
                owner.execute(f"TRUNCATE {part}".encode())
        assert content(owner) == before


def test_a_chunk_that_appears_later_is_guarded_too(issued: Database) -> None:
    if not issued.timescaledb:
        return
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO reading (channel_id, at, mantissa, exponent, flags)"
            " VALUES (1, '2027-03-01Z', 5, 0, 0)"
        )
        owner.execute(block_rows.INSERT.replace("2026-10-01", "2027-03-01"))
        guard(owner)
        for part in parts_of(owner, "reading", "day_block"):
            with pytest.raises(errors.RestrictViolation):
                owner.execute(f"TRUNCATE {part}".encode())


# By way of something else: none of them changes a row of what is kept.
ASIDE = (
    (
        "INSERT INTO billing_settings SELECT * FROM billing_settings"
        " ON CONFLICT (revision) DO UPDATE SET reason = 'other'"
    ),
    (
        "MERGE INTO tariff_version USING (SELECT 1) AS one ON true"
        " WHEN MATCHED THEN UPDATE SET document = 'other'"
    ),
    "MERGE INTO day_block USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "UPDATE ONLY block_heading SET actor = 'other'",
    "CREATE VIEW blocks AS SELECT * FROM day_block; UPDATE blocks SET reason = 'other'",
    "CREATE VIEW blocks AS SELECT * FROM day_block; DELETE FROM blocks",
    "WITH gone AS (DELETE FROM bill_figures RETURNING *) SELECT count(*) FROM gone",
    "COPY bill_document FROM PROGRAM 'true'; UPDATE bill_document SET kind = 'other'",
)
STRUCTURE = (
    "DROP TABLE {} CASCADE",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "ALTER TABLE {} DISABLE TRIGGER USER",
)
ERRS = (
    "DROP SCHEMA public CASCADE",
    "DROP FUNCTION refuse_change CASCADE",
    "DROP FUNCTION refuse_truncate CASCADE",
    "DROP TRIGGER reading_append_only ON reading",
    "ALTER TABLE bill DROP COLUMN total CASCADE",
    "ALTER TABLE bill_figures ALTER COLUMN figures TYPE varchar(4) USING ''",
    "ALTER TABLE audit_log ENABLE REPLICA TRIGGER kept_from_truncate",
    "DROP OWNED BY meterline_app",
    "DROP TABLE past.bill CASCADE",
    "ALTER TABLE past.agreement DISABLE TRIGGER ALL",
    "ALTER TABLE past.seller DROP COLUMN name CASCADE",
    "DROP TRIGGER kept_from_truncate ON past.account",
    "DROP VIEW as_of.bill CASCADE",
)


def parts_of(owner: psycopg.Connection[tuple[object, ...]], *tables: str) -> list[str]:
    rows = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = ANY(%s::text[]::regclass[])",
        (list(tables),),
    ).fetchall()
    return [str(name) for (name,) in rows]


def test_nothing_is_changed_by_way_of_something_else(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before = content(owner)
        for statement in ASIDE:
            with owner.transaction(force_rollback=True), pytest.raises(REFUSED):
                owner.execute(statement.encode())
        changes_of = [
            (part, change)
            for table, column in (("reading", "mantissa"), ("day_block", "zeros"))
            for part in parts_of(owner, table)
            for change in (f"UPDATE {{}} SET {column} = 0", "DELETE FROM ONLY {}")  # noqa: S608
        ]
        for part, change in changes_of:
            # One without a row, and a packed chunk by its own name, has nothing to change.
            with contextlib.suppress(errors.RestrictViolation):
                owner.execute(change.format(part).encode())
            assert content(owner) == before, (change, part)


def test_an_owner_who_errs_drops_and_disables_nothing(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before, there = content(owner), tables(owner)
        whole = [one.format(table) for table in kept(owner) for one in STRUCTURE]
        for statement in (*whole, *ERRS):
            with pytest.raises(REFUSED):
                owner.execute(statement.encode())
        assert (content(owner), tables(owner)) == (before, there)
        # What is no table of ours, and what changes no row, goes as ever.
        with owner.transaction(force_rollback=True):
            owner.execute("CREATE TEMPORARY TABLE passing (id int); DROP TABLE passing")
            owner.execute("CREATE SCHEMA theirs; CREATE TABLE theirs.own (id int)")
            owner.execute("ALTER TABLE theirs.own ALTER id TYPE bigint; DROP TABLE theirs.own")
            owner.execute("ALTER TABLE bill SET (autovacuum_vacuum_scale_factor = 0.1)")
        # Whoever means it says so.
        with owner.transaction(force_rollback=True):
            owner.execute("SET LOCAL meterline.migrating = 'on'; DROP TABLE bill_figures CASCADE")


def test_the_application_may_drop_and_disable_nothing(issued: Database) -> None:
    statements = [
        *(one.format(table) for table in KEPT for one in STRUCTURE),
        *ERRS,
        *ASIDE,
        "SET session_replication_role = replica",
        "CREATE TABLE own (id int)",
        "CREATE RULE none AS ON INSERT TO reading DO INSTEAD NOTHING",
        "ALTER EVENT TRIGGER meterline_kept_from_drop DISABLE",
    ]
    if issued.timescaledb:
        statements.append("SELECT drop_chunks('reading', timestamptz '2100-01-01Z')")
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before, there = content(owner), tables(owner)
        packed = owner.execute(
            "SELECT oid::regclass::text FROM pg_class"
            " WHERE relkind = 'r' AND relname ~ '^compress_hyper_|_chunk_compressed$'"
        ).fetchall()
    statements += [f"DELETE FROM {name}" for (name,) in packed]  # noqa: S608 - the server's
    with psycopg.connect(issued.dsn_as("meterline_app"), autocommit=True) as app:
        app.execute("SET meterline.migrating = 'on'")
        for statement in statements:
            with pytest.raises(REFUSED):
                app.execute(statement.encode())
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        assert (content(owner), tables(owner)) == (before, there)


def test_the_application_may_not_even_try(issued: Database) -> None:
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        before, statements = content(owner), changes(owner)
        names = tables(owner)
    with psycopg.connect(issued.dsn_as("meterline_app"), autocommit=True) as app:
        for statement in statements:
            # Drafts have rights of their own; what is issued is refused by the guard.
            with pytest.raises((errors.InsufficientPrivilege, errors.RestrictViolation)):
                app.execute(statement)
        for table in names:
            with pytest.raises((errors.InsufficientPrivilege, errors.RestrictViolation)):
                app.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
    with psycopg.connect(issued.dsn, autocommit=True) as owner:
        assert content(owner) == before


def test_an_owner_without_a_superusers_rights_migrates_all_the_same(
    plain_database: Database,
) -> None:
    owner = f"owner_{plain_database.name}"
    with psycopg.connect(plain_database.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE".encode())
        admin.execute(f"GRANT ALL ON SCHEMA public TO {owner}".encode())
        for schema in ("meterline_jobs", "past", "as_of"):
            admin.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {owner}".encode())
    assert migrate(plain_database.dsn_as(owner), timescale=False)
    with psycopg.connect(plain_database.dsn_as(owner), autocommit=True) as connection:
        assert connection.execute("SELECT FROM pg_event_trigger").fetchall() == []
        with pytest.raises(errors.RestrictViolation):
            connection.execute("TRUNCATE bill CASCADE")
