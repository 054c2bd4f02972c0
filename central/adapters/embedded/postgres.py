"""A private PostgreSQL: started on a socket of its own, ended with the process that started it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import psycopg

from central.adapters.embedded.account import (
    OwnFolder,
    private_account,
    reachable,
    temporary_folder,
)
from central.adapters.embedded.child import Ending, SupervisedChild
from central.adapters.embedded.cluster import SUPERUSER, ensure_cluster, server_environment
from central.adapters.embedded.errors import ServerStartError
from central.adapters.embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from central.adapters.embedded.binaries import PostgresBinaries

# sun_path holds 108 bytes with its closing zero; PostgreSQL adds "/.s.PGSQL.5432".
SOCKET_PATH_BYTES = 107
PORT = 5432
# Fast shutdown when there is time for it; immediate when the supervisor is gone.
POSTGRES_ENDING = Ending(
    stop=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)),
    abandon=((signal.SIGQUIT, 3.0),),
)
# For a few seconds after a SIGKILL, children of the killed server still hold its memory.
LEFTOVER = "shared memory block"
# A commit still reaches the system's cache, so that SIGKILL loses nothing; a power cut may.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """One private server, usable as a context manager, `with` or `async with`.

    Args:
        home: Folder of its own; an earlier database in it is used again. Where root's servers
            cannot reach it, a folder below the temporary one stands in: see `home`.
        binaries: The PostgreSQL to run.
        durable: False trades safety after a power cut for speed, for tests.
        settings: Further server settings.
        start_timeout_s: How long it may take to answer, recovery included.
    """

    def __init__(
        self,
        home: Path,
        binaries: PostgresBinaries,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        super().__init__(OwnFolder(home, private_account()))
        self.binaries = binaries
        self._durable = durable
        self._settings = dict(settings or {})
        self._timeout_s = start_timeout_s
        self._sockets: Path | None = None

    @property
    def dsn(self) -> str:
        """Connection URL of the owner to the maintenance database."""
        return self.dsn_for("postgres")

    def dsn_for(self, database: str, user: str = SUPERUSER) -> str:
        """Return the connection URL to a database as a role; no password is needed."""
        # libpq takes a plus sign for itself, not for a space.
        place = urlencode({"host": str(self._socket_folder()), "port": PORT}, quote_via=quote)
        return f"postgresql://{quote(user)}@/{quote(database)}?{place}"

    def stop(self) -> None:
        """Shut down in order; open connections are closed. Harmless when it does not run."""
        super().stop()
        if self._sockets is not None and self._sockets.parent != self.home:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None

    def _start(self, lock: int) -> None:
        programs = self._programs()
        data = ensure_cluster(
            self._own, programs / "initdb", self.binaries.major, durable=self._durable
        )
        self._run(programs / "postgres", data, lock)

    def _run(self, postgres: Path, data: Path, lock: int) -> None:
        log = self.home / "postgres.log"
        deadline = time.monotonic() + self._timeout_s
        while True:
            self._child = SupervisedChild(
                [str(postgres), "-D", str(data), *self._options()],
                cwd=self.home,
                log=log,
                env=server_environment(),
                account=self._own.account,
                ending=POSTGRES_ENDING,
                lock_fd=lock,
            ).start()
            try:
                self._child.wait_ready(self._answers, self._timeout_s)
            except ServerStartError as error:
                if LEFTOVER not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": _listed(self._socket_folder()),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
        }
        if not self._durable:
            settings |= NOT_DURABLE
        if self.binaries.timescaledb is not None:
            settings |= {
                "shared_preload_libraries": "timescaledb",
                "timescaledb.telemetry_level": "off",
                "max_worker_processes": "24",
            }
        return [
            part for key, value in (settings | self._settings).items() for part in _set(key, value)
        ]

    def _socket_folder(self) -> Path:
        if self._sockets is None:
            inside = self.home / "run"
            short = len(f"{inside}/.s.PGSQL.{PORT}".encode()) <= SOCKET_PATH_BYTES
            # To libpq a comma parts two hosts, and nothing escapes it.
            if short and "," not in str(inside):
                self._sockets = self._own.part("run")
            else:
                self._sockets = Path(tempfile.mkdtemp(prefix="meterline-", dir=temporary_folder()))
                self._own.give(self._sockets)
        return self._sockets

    def _programs(self) -> Path:
        """Return the bin folder, copied first where the server's user cannot reach it."""
        folder = self.binaries.folder
        if self._own.account is None or reachable(folder / "postgres"):
            return folder
        copy = self.home / f"postgresql-{self.binaries.version}"
        fresh = self.home / f"{copy.name}.new"
        if not copy.is_dir():
            shutil.rmtree(fresh, ignore_errors=True)
            self.binaries.copy_to(fresh)
            self._own.give(fresh)
            fresh.rename(copy)
        return next(copy.glob(f"**/{folder.parent.name}/{folder.name}"))

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.dsn, connect_timeout=5).close()
            return True
        return False


def _set(key: str, value: str) -> tuple[str, str]:
    return ("-c", f"{key}={value}")


def _listed(folder: Path) -> str:
    """A folder in a list of folders, whatever blanks and quotes its name has."""
    return '"{}"'.format(str(folder).replace('"', '""'))
