"""Backups of a database by PostgreSQL's own programs; what they hold is in `manifest.sql`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString, TypeAlias

from psycopg import AsyncConnection, errors, sql

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.backup_programs import Programs
from central.adapters.timescale.errors import translated
from central.adapters.timescale.instance import being_copied, close_doors, mark_instance
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.service.ports.backups import BackupFailedError, Manifest, RestoreNotEmptyError
from central.service.ports.faults import SchemaMissingError

_SQL = load_queries(Path(__file__).with_name("manifest.sql"))
_HASH = "hash_"
_EVENT_TRIGGER = b" EVENT TRIGGER "
_EXTENSION = b" EXTENSION "
_READ_BYTES = 1 << 20
_Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]


class PostgresBackups:
    """`BackupStore` with `pg_dump`, `pg_restore` and `pg_basebackup`.

    Args:
        dsn: Of the database, as its owner.
        programs: Folder of the programs; None looks in PATH.
    """

    def __init__(self, dsn: str, programs: Path | None = None) -> None:
        self._dsn = dsn
        self._programs = Programs(dsn, programs)

    async def dump(self, file: Path, now: datetime) -> Manifest:
        """See `BackupStore`."""
        async with self._connected() as connection:
            await mark_instance(connection, now)
        async with self._reading() as connection:
            # What is counted and what is dumped is one moment.
            row = await _row(connection, "SELECT pg_export_snapshot()")
            manifest = await _manifest(connection, now)
            arguments = ("--format=custom", f"--snapshot={row[0]}", f"--file={file}")
            await self._programs.on_database("pg_dump", *arguments)
        return _of_file(manifest, file)

    async def copy(self, folder: Path, now: datetime) -> Manifest:
        """See `BackupStore`."""
        arguments = ("--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256")
        async with self._connected() as connection, being_copied(connection, now):
            await self._programs.on_database("pg_basebackup", f"--pgdata={folder}", *arguments)
        await asyncio.to_thread(check_copy, folder)
        return await self.manifest(now)

    async def load(self, file: Path, manifest: Manifest) -> None:
        """See `BackupStore`."""
        async with self._connected() as connection:
            if (await _row(connection, "SELECT to_regclass('schema_migration')"))[0] is not None:
                message = "The database has tables of Meterline already."
                raise RestoreNotEmptyError(message)
            is_superuser = (
                await _row(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            )[0]
            await _have_role(connection)
            if manifest.timescaledb is not None:
                await _prepare_timescale(connection, manifest.timescaledb)
        listed = await self._programs.run("pg_restore", "--list", file)
        # Event triggers are a superuser's to make: migrating leaves them out as well.
        left_out = (_EXTENSION,) if is_superuser else (_EXTENSION, _EVENT_TRIGGER)
        wanted = [
            line for line in listed.splitlines() if not any(mark in line for mark in left_out)
        ]
        entries = file.with_name(f"{file.name}.list")
        entries.write_bytes(b"\n".join(wanted))
        try:
            arguments = ("--no-owner", "--exit-on-error", f"--use-list={entries}", file)
            await self._programs.on_database("pg_restore", *arguments)
        finally:
            entries.unlink()
        async with self._connected() as connection:
            if manifest.timescaledb is not None:
                await connection.execute("SELECT timescaledb_post_restore()")
            await connection.execute("ANALYZE")

    async def manifest(self, now: datetime) -> Manifest:
        """See `BackupStore`."""
        async with self._reading() as connection:
            return await _manifest(connection, now)

    async def close_doors(self, now: datetime) -> dict[str, int]:
        """See `BackupStore`."""
        async with self._connected() as connection, connection.transaction():
            return await close_doors(connection, now)

    async def note(
        self, now: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """See `BackupStore`."""
        async with self._connected() as connection, connection.transaction():
            await audit(connection, now, actor, action, subject, detail)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        with translated():
            async with await AsyncConnection.connect(
                self._dsn, autocommit=True, application_name="backup"
            ) as connection:
                yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[_Connection]:
        """A connection in a transaction that sees one moment."""
        async with self._connected() as connection:
            await connection.execute("SET TimeZone = 'UTC'")
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection
            await connection.execute("COMMIT")


async def _manifest(connection: _Connection, now: datetime) -> Manifest:
    if (await _row(connection, "SELECT to_regclass('schema_migration')"))[0] is None:
        message = "The database has no schema of Meterline."
        raise SchemaMissingError(message)
    version, flavour, timescaledb = await _row(connection, _SQL["schema"])
    cursor = await connection.execute(_SQL["tables"])
    rows = {}
    for schema, table in await cursor.fetchall():
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        name = table if schema == "public" else f"{schema}.{table}"
        rows[name] = (await (await connection.execute(count)).fetchall())[0][0]
    hashes = {
        name.removeprefix(_HASH): await _hash(connection, text)
        for name, text in _SQL.items()
        if name.startswith(_HASH)
    }
    return Manifest(now, version, flavour, timescaledb, rows, hashes)


async def _hash(connection: _Connection, query: LiteralString) -> str:
    digest = hashlib.sha256()
    async with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        async for block in copy:
            digest.update(block)
    return digest.hexdigest()


def _of_file(manifest: Manifest, file: Path) -> Manifest:
    return Manifest(
        manifest.taken_at,
        manifest.schema,
        manifest.flavour,
        manifest.timescaledb,
        manifest.rows,
        manifest.hashes,
        sha256_of(file),
        file.name,
    )


def sha256_of(file: Path) -> str:
    """The hash of a file, in hex.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_copy(folder: Path) -> None:
    """Compare the files of a server's copy with what `pg_basebackup` says that it copied.

    Raises:
        BackupFailedError: A file is missing or another.
    """
    listed = json.loads((folder / "backup_manifest").read_text(encoding="utf-8"))["Files"]
    for entry in listed:
        # A name that is no text is written in hex.
        name = entry.get("Path") or os.fsdecode(bytes.fromhex(entry["Encoded-Path"]))
        file = folder / name
        if not file.is_file() or sha256_of(file) != entry["Checksum"]:
            message = f"The copy's file {name} is not what the server had."
            raise BackupFailedError(message, value=name)


async def _have_role(connection: _Connection) -> None:
    """The role of the application, which rights are restored for: it belongs to the server."""
    cursor = await connection.execute("SELECT FROM pg_roles WHERE rolname = 'meterline_app'")
    if await cursor.fetchone() is not None:
        return
    try:
        await connection.execute("CREATE ROLE meterline_app LOGIN")
    except errors.InsufficientPrivilege as error:
        message = "The server has no role meterline_app, and this role may not create it."
        remedy = "As an administrator: CREATE ROLE meterline_app LOGIN PASSWORD '...';"
        raise BackupFailedError(message, remedy=remedy) from error


async def _prepare_timescale(connection: _Connection, version: str) -> None:
    create = sql.SQL("CREATE EXTENSION IF NOT EXISTS timescaledb VERSION {}")
    try:
        await connection.execute(create.format(sql.Literal(version)))
    except (
        errors.UndefinedFile,
        errors.FeatureNotSupported,
        errors.InvalidParameterValue,
    ) as error:
        message = (
            f"The server does not have TimescaleDB {version}, with which the backup was taken."
        )
        remedy = "Install that version, restore, and upgrade TimescaleDB afterwards."
        raise BackupFailedError(message, value=version, remedy=remedy) from error
    await connection.execute("SELECT timescaledb_pre_restore()")


async def _row(connection: _Connection, query: LiteralString) -> tuple[Any, ...]:
    return (await (await connection.execute(query)).fetchall())[0]
