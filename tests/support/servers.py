"""Find the real servers of this machine, and run one of each kind for the whole test session."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql

from central.adapters.embedded.binaries import probe, wheel_binaries
from central.adapters.embedded.broker import free_port, mosquitto_program
from central.adapters.embedded.errors import ServerBinariesMissingError
from central.adapters.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from central.adapters.embedded.binaries import PostgresBinaries

__all__ = [
    "Database",
    "PostgresKind",
    "free_port",
    "fresh_database",
    "fresh_folder",
    "mosquitto_program",
    "postgres_servers",
]

PG_BIN = "METERLINE_PG_BIN"
SYSTEM_PATTERN = "postgresql/*/bin"


@dataclass(frozen=True, slots=True)
class PostgresKind:
    """One PostgreSQL that the suite found: `origin` is wheel, system or METERLINE_PG_BIN."""

    origin: str
    binaries: PostgresBinaries

    @property
    def timescaledb(self) -> str | None:
        return self.binaries.timescaledb

    def __str__(self) -> str:
        offers = f"-timescaledb{self.timescaledb}" if self.timescaledb else ""
        return f"pg{self.binaries.version}{offers}-{self.origin}"


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh, empty database on one of the servers.

    `dsn` connects as the owner (a superuser); `dsn_as("meterline_app")` as another role, once the
    role exists: no password is needed. Roles belong to the server and outlive the database.
    `timescaledb` is the version the server offers, or None; the extension is not created yet.
    """

    name: str
    server: EmbeddedPostgres
    kind: PostgresKind

    @property
    def dsn(self) -> str:
        return self.server.dsn_for(self.name)

    @property
    def timescaledb(self) -> str | None:
        return self.kind.timescaledb

    def dsn_as(self, role: str) -> str:
        return self.server.dsn_for(self.name, user=role)


def postgres_servers() -> list[PostgresKind]:
    """Return every PostgreSQL found, the wheel's first."""
    found = [PostgresKind("wheel", wheel_binaries())]
    found += [
        PostgresKind("system", binaries)
        for folder in sorted(Path("/usr/lib").glob(SYSTEM_PATTERN))
        if (binaries := _usable(folder)) is not None
    ]
    named = os.environ.get(PG_BIN)
    if named:
        # A folder named by hand must work: no silent fall-back.
        found.append(PostgresKind(PG_BIN, probe(Path(named))))
    return found


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Give a folder that an unprivileged server of root can reach, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="meterline-tests-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def fresh_database(server: EmbeddedPostgres, kind: PostgresKind) -> Iterator[Database]:
    """Create an empty database, and drop it afterwards with whoever is still connected."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield Database(name, server, kind)
    finally:
        if server.running:
            with psycopg.connect(server.dsn, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _usable(folder: Path) -> PostgresBinaries | None:
    # A folder may hold the client programs alone.
    try:
        return probe(folder)
    except ServerBinariesMissingError:
        return None
