"""Find the real servers of this machine, and run one of each kind for the whole test session."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4
from zlib import crc32

import psycopg
from psycopg import sql

from central.adapters.embedded.binaries import probe, wheel_binaries
from central.adapters.embedded.broker import free_port, mosquitto_program
from central.adapters.embedded.errors import ServerBinariesMissingError
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.migrate import migrate
from tests.support.size import SOAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from central.adapters.embedded.binaries import PostgresBinaries

__all__ = [
    "MIGRATED",
    "STORES",
    "Administrator",
    "Database",
    "PostgresKind",
    "Template",
    "asks_for_store",
    "fast_folder",
    "filled",
    "free_port",
    "fresh_database",
    "fresh_folder",
    "mosquitto_program",
    "postgres_servers",
    "quick_server",
    "store_servers",
]

PG_BIN = "METERLINE_PG_BIN"
SYSTEM_PATTERN = "postgresql/*/bin"
# Databases are made and dropped by the hundred: in memory, where the machine has this much of it.
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it
MEMORY_BYTES = 4 << 30
# Nothing runs of its own accord. What is committed outlives the server's SIGKILL, which tests rely
# on: so commits are written out, though nothing waits for the disk (`durable=False`).
SETTINGS = {
    "max_connections": "200",
    "synchronous_commit": "on",
    "autovacuum": "off",
    "shared_buffers": "64MB",
}
# Its schedulers would hold connections to the databases that others are copied from.
TIMESCALE_SETTINGS = {"timescaledb.max_background_workers": "0"}

STORES = ("migrated", "filled", "database")
"""The fixtures that are a database of a store, or become one."""
# Others have an argument of the last one's name.
_ASKS = re.compile(r"\b(migrated|filled): Database|def test_\w+\([^)]*\bdatabase: Database")


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


@cache
def postgres_servers() -> tuple[PostgresKind, ...]:
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
    return tuple(found)


def store_servers(test: str) -> Sequence[PostgresKind]:
    """The servers on which a test of a store runs: each with TimescaleDB, and a plain one.

    Of several plain ones its name chooses, so that each has its share and a test always the same;
    in `make soak` it runs on all.
    """
    servers = postgres_servers()
    if os.environ.get(SOAK):
        return servers
    plain = [kind for kind in servers if kind.timescaledb is None]
    chosen = plain[crc32(test.encode()) % len(plain)] if plain else None
    return [kind for kind in servers if kind.timescaledb is not None or kind is chosen]


def asks_for_store(file: Path) -> bool:
    """Whether tests of a file run on `store_servers`."""
    return _ASKS.search(file.read_text(encoding="utf-8")) is not None


def quick_server(home: Path, kind: PostgresKind) -> EmbeddedPostgres:
    """A server for many tests: it survives a kill, and no more than that."""
    settings = SETTINGS | (TIMESCALE_SETTINGS if kind.timescaledb else {})
    return EmbeddedPostgres(home / str(kind), kind.binaries, durable=False, settings=settings)


@contextmanager
def fresh_folder(parent: Path | None = None) -> Iterator[Path]:
    """Give a folder that an unprivileged server of root can reach, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="meterline-tests-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Give such a folder in memory, or on a disk where the memory does not do."""
    with fresh_folder(MEMORY if _roomy(MEMORY) else None) as folder:
        yield folder


@dataclass(frozen=True, slots=True)
class Template:
    """A database that is made once on each server, and copied for each test.

    Args:
        name: Of the database; one name, one content.
        fill: Fills it, given the DSN of its owner.
        base: What it begins as; empty where there is none.
    """

    name: str
    fill: Callable[[str], object]
    base: Template | None = None


def filled(fill: Callable[[str], Coroutine[None, None, None]]) -> Callable[[str], None]:
    """What fills a template, of what awaits: the test that asks first may have a loop running."""

    def run(dsn: str) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, fill(dsn)).result()

    return run


MIGRATED = Template("template_migrated", migrate)
"""The newest schema, without a row in it."""


class Administrator:
    """Makes and drops databases of a server, on one connection: to connect costs a fifth of a copy.

    Args:
        server: It may be killed and started again meanwhile.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; it connects anew when it has to."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def copy(self, template: Template | None, name: str) -> None:
        """Create a database that is what a template is, and empty where there is none."""
        _copy(self._connected(), self.server, template, name)

    def drop(self, name: str) -> None:
        """Drop a database with whoever is still connected."""
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        self._connected().execute(drop)

    def _connected(self) -> psycopg.Connection:
        if self._connection is not None:
            try:
                self._connection.execute("SELECT")
            except psycopg.OperationalError:
                self.close()
        if self._connection is None:
            self._connection = psycopg.connect(self.server.dsn, autocommit=True)
        return self._connection


@contextmanager
def fresh_database(
    server: EmbeddedPostgres,
    kind: PostgresKind,
    template: Template | None = None,
    administrator: Administrator | None = None,
) -> Iterator[Database]:
    """Create a database, and drop it afterwards with whoever is still connected.

    Args:
        server: Where.
        kind: What it is.
        template: What is in it; nothing where there is none.
        administrator: Who does it; else one for this database alone.
    """
    name = f"test_{uuid4().hex[:12]}"
    with ExitStack() as own:
        admin = administrator or own.enter_context(Administrator(server))
        admin.copy(template, name)
        try:
            yield Database(name, server, kind)
        finally:
            if server.running:
                admin.drop(name)


def _copy(
    admin: psycopg.Connection, server: EmbeddedPostgres, template: Template | None, name: str
) -> None:
    if template is not None:
        _ensure(admin, server, template)
    admin.execute(
        # Copying files costs a tenth of logging every page of them.
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template.name if template else "template0")
        )
    )


def _ensure(admin: psycopg.Connection, server: EmbeddedPostgres, template: Template) -> None:
    """Make a template that is not there. It takes its name when it is whole."""
    there = "SELECT FROM pg_database WHERE datname = %s"
    if admin.execute(there, (template.name,)).fetchone() is not None:
        return
    draft = f"draft_{uuid4().hex[:12]}"
    _copy(admin, server, template.base, draft)
    template.fill(server.dsn_for(draft))
    # To whoever is connected, nothing could be copied.
    for change in ("ALLOW_CONNECTIONS false", f"RENAME TO {template.name}"):
        admin.execute(f"ALTER DATABASE {draft} {change}".encode())


def _roomy(memory: Path) -> bool:
    try:
        space = os.statvfs(memory)
    except OSError:
        return False
    # The server's programs may be copied there and run.
    runs = not space.f_flag & os.ST_NOEXEC
    return runs and space.f_bavail * space.f_frsize >= MEMORY_BYTES


def _usable(folder: Path) -> PostgresBinaries | None:
    # A folder may hold the client programs alone.
    try:
        return probe(folder)
    except ServerBinariesMissingError:
        return None
