"""Bring a database to the newest schema, or print the SQL that would.

A migration is `NNNN_name.sql` in `central/migrations`, followed by whichever of its variants the
database's flavour has, in this order and in one transaction:

    NNNN_name.plain.sql         PostgreSQL without TimescaleDB
    NNNN_name.hypertable.sql    TimescaleDB under either licence
    NNNN_name.columnstore.sql   TimescaleDB under the community licence
    NNNN_name.views.sql         where there are no continuous aggregates
    NNNN_name.guards.sql        always

Every one is recorded with the SHA-256 of what was run; a file that changed afterwards is refused.
The steps of the queue's library follow, see `queue_schema`.
The flavour is settled by the first migration and kept for the database's life. What SQL cannot do
to the rows that are there is done by a function before the migration that relies on it, in
transactions of its own: whoever is interrupted calls again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from central.adapters.timescale.queue_schema import (
    QUEUE_SCHEMA,
    QueueMigration,
    missing_steps,
    queue_migrations,
    queue_rights,
)
from central.adapters.timescale.wide_blocks import bring_over
from central.adapters.timescale.wide_lines import bring_lines_over
from firmware_bridge.contract.errors import ConfigurationError

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 7_301_000
_TCP_MS = 30_000

_LEDGER = """\
CREATE TABLE IF NOT EXISTS schema_migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    flavour text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL
);
"""
_RECORD = """\
INSERT INTO schema_migration (version, name, flavour, sha256, applied_at)
VALUES ({}, {}, {}, {}, {});"""
_RECORD_QUEUE = "INSERT INTO queue_migration (name, sha256, applied_at) VALUES ({}, {}, {});"
# The library's names have no schema; ours is recorded first, while it is the current one.
_IN_QUEUE = f"SET LOCAL search_path TO {QUEUE_SCHEMA};"
# Whoever migrates may change tables; guards keep an owner who errs from it.
_MIGRATING = "SET LOCAL meterline.migrating = 'on';"
# What a migration changes, no view of the past stands in the way of; they are made again behind it.
_CHANGING = f"""\
{_MIGRATING}
DO $$ BEGIN
    IF to_regproc('drop_as_of') IS NOT NULL THEN PERFORM drop_as_of(); END IF;
END $$;"""
# Tables that a migration added are guarded like all others, without its saying so, and what their
# rows said is kept.
_GUARD = """\
DO $$ BEGIN
    IF to_regproc('guard_tables') IS NOT NULL THEN PERFORM guard_tables(); END IF;
    IF to_regproc('keep_past') IS NOT NULL THEN
        PERFORM keep_past(rule) FROM knowledge_rule AS rule WHERE kind = 'kept' ORDER BY relation;
    END IF;
END $$;
"""
# The views of the past are some ninety: made once, behind the last migration.
_SHOW_PAST = """\
DO $$ BEGIN
    IF to_regproc('make_as_of') IS NOT NULL THEN PERFORM make_as_of(); END IF;
END $$;
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Flavour(StrEnum):
    """What a server offers, and so which variants of a migration it gets."""

    PLAIN = "plain"
    HYPERTABLE = "hypertable"
    COLUMNSTORE = "columnstore"


_VARIANTS: dict[Flavour, tuple[str, ...]] = {
    Flavour.PLAIN: ("plain", "views", "guards"),
    Flavour.HYPERTABLE: ("hypertable", "views", "guards"),
    Flavour.COLUMNSTORE: ("hypertable", "columnstore", "guards"),
}
# What is done to rows before a migration, by its name.
_BEFORE = {"wide_blocks": bring_over, "wide_lines": bring_lines_over}


class MigrationChangedError(ConfigurationError):
    """A migration that was applied is missing here, or its file is no longer the same."""

    code = "MIGRATION_CHANGED"


class ExtensionMissingError(ConfigurationError):
    """The database was made with TimescaleDB and the server no longer offers it."""

    code = "EXTENSION_MISSING"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, with the variants of a flavour joined.

    Args:
        version: Its number.
        name: The rest of its file name.
        script: The SQL, without BEGIN and COMMIT.
        sha256: Of `script`, in hex.
    """

    version: int
    name: str
    script: str
    sha256: str


def load(flavour: Flavour, folder: Path = MIGRATIONS) -> list[Migration]:
    """The migrations of a flavour, by number.

    Raises:
        MigrationChangedError: Two files have one number, or a number is left out.
    """
    found = sorted(path for path in folder.glob("*.sql") if _NAME.fullmatch(path.name))
    migrations = []
    for position, path in enumerate(found, start=1):
        match = _NAME.fullmatch(path.name)
        assert match is not None  # noqa: S101 - filtered above; tells the type checker
        if int(match[1]) != position:
            message = f"{path.name} is at the position of migration {position:04d}."
            raise MigrationChangedError(message, value=path.name)
        variants = (path.with_suffix(f".{variant}.sql") for variant in _VARIANTS[flavour])
        files = [path, *(variant for variant in variants if variant.exists())]
        script = "\n".join(file.read_text(encoding="utf-8") for file in files)
        digest = hashlib.sha256(script.encode()).hexdigest()
        migrations.append(Migration(position, match[2], script, digest))
    return migrations


@cache
def newest_version(folder: Path = MIGRATIONS) -> int:
    """The version of a schema to which every migration is applied."""
    return max(int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name)))


def render(
    flavour: Flavour, folder: Path = MIGRATIONS, clock: Callable[[], datetime] = _utc_now
) -> str:
    """The whole schema as one script, for database administrators (`--sql`).

    Its migrations say that they were applied when the script was written.
    """
    now = clock()
    parts = [_LEDGER]
    if flavour is not Flavour.PLAIN:
        parts.insert(0, "CREATE EXTENSION IF NOT EXISTS timescaledb;\n")
    for step in load(flavour, folder):
        record = _record(step, flavour, now).as_string(None)
        parts.append(f"BEGIN;\n{_CHANGING}\n{step.script}\n{record}\n{_GUARD}COMMIT;\n")
    parts.append(f"BEGIN;\n{_SHOW_PAST}COMMIT;\n")
    if folder == MIGRATIONS:
        for shipped in queue_migrations():
            record = _record_queue(shipped, now).as_string(None)
            parts.append(
                f"BEGIN;\n{_MIGRATING}\n{record}\n{_IN_QUEUE}\n{shipped.script}\nCOMMIT;\n"
            )
        parts.append(queue_rights())
    return "\n".join(parts)


def migrate(  # noqa: PLR0913 - where, what, and whom to tell
    dsn: str,
    folder: Path = MIGRATIONS,
    *,
    timescale: bool | None = None,
    progress: Callable[[Migration], None] = lambda _: None,
    moved: Callable[[int, int], None] = lambda _done, _whole: None,
    clock: Callable[[], datetime] = _utc_now,
) -> list[Migration]:
    """Apply what is missing, as the owner of the database.

    Several may call it at once: one works, the others wait and then find nothing to do.

    Args:
        dsn: How to reach the database, as its owner.
        folder: Where the files are.
        timescale: None uses TimescaleDB where it is offered; False never; True requires it.
        progress: Told of each migration before it is run.
        moved: Told how many rows that it needs are brought over, and of how many.
        clock: Now, aware; when a migration was applied.

    Returns:
        What was applied, in order.

    Raises:
        MigrationChangedError: The database's history is not that of the files.
        ExtensionMissingError: TimescaleDB is required and not offered.
        QueueLibraryError: The queue's library is missing, or older than the database's.
        psycopg.Error: The server refused; the migration at fault left nothing behind.
    """
    with psycopg.connect(
        dsn,
        autocommit=True,
        options="-c client_min_messages=error",
        application_name="migrate",
        tcp_user_timeout=_TCP_MS,
    ) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        conn.execute(_LEDGER)
        done = conn.execute("SELECT version, sha256, flavour FROM schema_migration").fetchall()
        flavour = _flavour(conn, {str(row[2]) for row in done}, wanted=timescale)
        steps = load(flavour, folder)
        _check({int(row[0]): str(row[1]) for row in done}, steps)
        missing = steps[len(done) :]
        with _past_shown(conn):
            for step in missing:
                progress(step)
                if step.name in _BEFORE:
                    if done:
                        # It may take hours, in which the release of before is asked.
                        conn.execute(_SHOW_PAST)
                    _BEFORE[step.name](conn, moved)
                with conn.transaction():
                    conn.execute(_CHANGING)
                    conn.execute(sql.SQL(step.script))
                    conn.execute(_record(step, flavour, clock()))
                    conn.execute(_GUARD)
                    if step is missing[-1]:
                        conn.execute(_SHOW_PAST)
        return missing + (_migrate_queue(conn, progress, clock) if folder == MIGRATIONS else [])


@contextmanager
def _past_shown(conn: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Show the past again where a migration fails behind others, which stay."""
    try:
        yield
    except psycopg.Error:
        if not conn.broken:
            conn.execute(_SHOW_PAST)
        raise


def _migrate_queue(
    conn: psycopg.Connection[tuple[object, ...]],
    progress: Callable[[Migration], None],
    clock: Callable[[], datetime],
) -> list[Migration]:
    """Apply what is missing of the queue's library; its steps have no number."""
    rows = conn.execute("SELECT name, sha256 FROM queue_migration").fetchall()
    steps = []
    for shipped in missing_steps({str(name): str(digest) for name, digest in rows}):
        step = Migration(0, f"queue {shipped.name}", shipped.script, shipped.sha256)
        progress(step)
        with conn.transaction():
            conn.execute(_MIGRATING)
            conn.execute(_record_queue(shipped, clock()))
            conn.execute(_IN_QUEUE)
            conn.execute(sql.SQL(shipped.script))
        steps.append(step)
    if steps:
        with conn.transaction():
            conn.execute(sql.SQL(queue_rights()))
    return steps


def _record(step: Migration, flavour: Flavour, now: datetime) -> sql.Composed:
    values = (step.version, step.name, flavour.value, step.sha256, now)
    return sql.SQL(_RECORD).format(*map(sql.Literal, values))


def _record_queue(step: QueueMigration, now: datetime) -> sql.Composed:
    values = (step.name, step.sha256, now)
    return sql.SQL(_RECORD_QUEUE).format(*map(sql.Literal, values))


def _check(applied: dict[int, str], steps: Sequence[Migration]) -> None:
    known = {step.version: step for step in steps}
    for version, digest in sorted(applied.items()):
        step = known.get(version)
        if step is None or step.sha256 != digest:
            message = f"Migration {version:04d} is applied, but its file is missing or has changed."
            raise MigrationChangedError(
                message,
                value=version,
                remedy="Install the release that migrated the database, or a newer one.",
            )


def _flavour(
    conn: psycopg.Connection[tuple[object, ...]], recorded: set[str], *, wanted: bool | None
) -> Flavour:
    """The database's flavour: what it was made with, else what the server offers."""
    if recorded:
        flavour = Flavour(min(recorded))
        if flavour is not Flavour.PLAIN and not _offers_timescale(conn):
            raise _missing()
        return flavour
    if wanted is False or not _offers_timescale(conn):
        if wanted:
            raise _missing()
        return Flavour.PLAIN
    conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    row = conn.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return Flavour.COLUMNSTORE if row == ("timescale",) else Flavour.HYPERTABLE


def _offers_timescale(conn: psycopg.Connection[tuple[object, ...]]) -> bool:
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"
        " AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL"
    ).fetchone()
    return row == (True,)


def _missing() -> ExtensionMissingError:
    message = "The database server does not have TimescaleDB."
    return ExtensionMissingError(
        message, remedy="Install it and add it to shared_preload_libraries, then restart."
    )
