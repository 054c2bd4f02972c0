"""The servers of the demo: each private, on a free port or socket, gone with the demo."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from central.adapters.embedded.binaries import wheel_binaries
from central.adapters.embedded.broker import EmbeddedBroker
from central.adapters.embedded.child import SupervisedChild
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.demo.diary import forget

# Below the demo's folder: what the gateway keeps, and the bills on paper.
FIELD, INVOICES = "gateway", "invoices"


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs.

    Args:
        home: The demo's folder.
        postgres: The private database server.
        broker: The private MQTT broker.
    """

    home: Path
    postgres: EmbeddedPostgres
    broker: EmbeddedBroker

    def program(
        self, name: str, *argv: str, env: Mapping[str, str] | None = None
    ) -> SupervisedChild:
        """A program of Meterline's own beside the demo, not started yet.

        Args:
            name: Of its log file.
            argv: Arguments of the Python interpreter.
            env: Its settings.
        """
        return SupervisedChild(
            [sys.executable, *argv],
            cwd=self.home,
            log=self.home / f"{name}.log",
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                **(env or {}),
            },
        )

    @asynccontextmanager
    async def process(
        self, name: str, *argv: str, env: Mapping[str, str] | None = None
    ) -> AsyncIterator[SupervisedChild]:
        """Run a program while the block runs; see `program`."""
        child = self.program(name, *argv, env=env).start()
        try:
            yield child
        finally:
            await asyncio.to_thread(child.stop)


def database_of(home: Path) -> EmbeddedPostgres:
    """The demo's private database server, not started yet.

    Raises:
        ServerStartError: There is no PostgreSQL to run.
    """
    return EmbeddedPostgres(home / "postgres", wheel_binaries())


@asynccontextmanager
async def start_servers(
    home: Path, postgres: EmbeddedPostgres, *, anew: bool
) -> AsyncIterator[Servers]:
    """Start database and broker in the demo's folder; both end with the block.

    Args:
        home: The demo's folder.
        postgres: See `database_of`.
        anew: Whether what an earlier demo left there goes.

    Raises:
        ServerStartError: One of them could not be started; says why.
        OwnFolderBusyError: Another demo runs in the folder.
    """
    if anew:
        forget(postgres.home)
        await asyncio.to_thread(postgres.discard)
    for part in (FIELD, INVOICES):
        if anew:
            await asyncio.to_thread(shutil.rmtree, home / part, ignore_errors=True)
        await asyncio.to_thread((home / part).mkdir, parents=True, exist_ok=True)
    async with postgres, EmbeddedBroker(home / "broker") as broker:
        yield Servers(home, postgres, broker)
