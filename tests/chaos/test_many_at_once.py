"""Several parts of a utility fail at the same time, again and again: nothing is lost or doubled.

Processes are killed or frozen, the database stops at once, lines go dead without a word, the broker
forgets everything, and in between the database is put back to an earlier copy of itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.back_fill import BackFill
from tests.support.processes import running_in
from tests.support.relay import Relay
from tests.support.servers import PostgresKind, postgres_servers
from tests.support.size import sized
from tests.support.utility import Utility, utility

SECONDS = sized("METERLINE_CHAOS_S", 30, 600)
# How long what is frozen or dead stays so, at most.
HELD_S = sized("METERLINE_CHAOS_HELD_S", 3, 30)
SEED = int(os.environ.get("METERLINE_CHAOS_SEED", "20261201"))
PROCESSES = ("edge", "ingest", "ingest-2")
LINES = ("line of edge", "line of ingest")
VICTIMS = (*PROCESSES, *LINES, "broker", "postgres")
AT_ONCE = 3
LEAST = 4
# A back-fill of these days lasts longer than what goes on meanwhile; meters remember 63.
DAYS = min(20 + SECONDS // 10, 60)
SLOW_S = SECONDS / (DAYS * 15)


@dataclass
class Havoc:
    """Harms several victims at once, and lets them go on."""

    running: Utility
    relays: dict[str, Relay]
    random: random.Random
    done: Counter[str] = field(default_factory=Counter)

    async def rage(self, seconds: float) -> None:
        """Strike until a time has passed, and a few times where the machine is slow."""
        until, strikes = time.monotonic() + seconds, 0
        while time.monotonic() < until or strikes < LEAST:
            await self.strike()
            strikes += 1

    async def strike(self) -> None:
        victims = self.random.sample(VICTIMS, self.random.randint(2, AT_ONCE))
        await asyncio.gather(*(self._harm(victim) for victim in victims))
        await asyncio.sleep(self.random.uniform(0.2, 1.5))

    async def _harm(self, victim: str) -> None:
        if victim in LINES:
            self.done["line dead"] += 1
            self.relays[victim].cut()
            await self._held()
            self.relays[victim].mend()
            return
        harm = self.random.choice(("killed", "frozen"))
        self.done[f"{victim} {harm}"] += 1
        if harm == "frozen":
            await self._freeze(victim)
            return
        await asyncio.to_thread(self._kill, victim)
        await asyncio.sleep(self.random.uniform(0, 0.5))
        await asyncio.to_thread(self._start, victim)

    async def _held(self) -> None:
        await asyncio.sleep(self.random.uniform(0.1, HELD_S))

    async def _freeze(self, victim: str) -> None:
        stopped = self._pids(victim)
        send(stopped, signal.SIGSTOP)
        try:
            await self._held()
        finally:
            send(stopped, signal.SIGCONT)

    def _pids(self, victim: str) -> Collection[int]:
        servers = self.running.servers
        if victim == "postgres":
            return running_in(servers.postgres.home)
        pid = servers.broker.pid if victim == "broker" else self.running.children[victim].pid
        return () if pid is None else (pid,)

    def _kill(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "postgres":
            if self.random.random() < 0.5 and servers.postgres.pid is not None:
                # As `pg_ctl stop -m immediate` does.
                os.kill(servers.postgres.pid, signal.SIGQUIT)
                ended = time.monotonic() + 10
                while servers.postgres.running and time.monotonic() < ended:
                    time.sleep(0.02)
            servers.postgres.kill()
        elif victim == "broker":
            # It keeps nothing over its end.
            servers.broker.kill()
        else:
            self.running.children[victim].kill()

    def _start(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "postgres":
            servers.postgres.start()
        elif victim == "broker":
            servers.broker.start()
        elif victim == "edge":
            self.running.start_edge()
        else:
            self.running.start_ingest(victim)

    async def copy(self, to: Path) -> None:
        """Copy the database as it is when its power fails."""
        postgres = self.running.servers.postgres
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(shutil.copytree, cluster(postgres.home), to, symlinks=True)
        await asyncio.to_thread(postgres.start)

    async def put_back(self, copy: Path) -> None:
        """Put the database back to a copy of itself, as an operator does: ingest starts anew."""
        postgres = self.running.servers.postgres
        for name in PROCESSES[1:]:
            await asyncio.to_thread(self.running.children[name].kill)
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(replace, copy, cluster(postgres.home))
        await asyncio.to_thread(postgres.start)
        for name in PROCESSES[1:]:
            await asyncio.to_thread(self.running.start_ingest, name)
        self.done["database put back"] += 1


def send(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # it ended meanwhile


def cluster(home: Path) -> Path:
    """Where a server has its databases."""
    (version,) = home.glob("*/PG_VERSION")
    return version.parent


def replace(copy: Path, data: Path) -> None:
    """Have a folder say what its copy says, with the owner and mode of before."""
    was = data.stat()
    shutil.rmtree(data)
    shutil.copytree(copy, data, symlinks=True)
    data.chmod(was.st_mode)
    for path in (data, *data.rglob("*")):
        os.chown(path, was.st_uid, was.st_gid, follow_symlinks=False)


@pytest.mark.parametrize("kind", postgres_servers()[:1], ids=str)
async def test_nothing_is_lost_doubled_or_changed_whatever_fails_together(
    kind: PostgresKind,
    server_home: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    filled = BackFill.of_days(DAYS, SLOW_S)
    since = dict.fromkeys(filled.meters, filled.since)
    async with (
        utility(server_home, kind, filled.meters, since, durable=True, threaded=True) as running,
        AsyncExitStack() as stack,
    ):
        port = running.servers.broker.port
        relays = {name: await stack.enter_async_context(Relay(port)) for name in LINES}
        running.doors |= {"edge": relays[LINES[0]].port, "ingest": relays[LINES[1]].port}
        running.start_ingest()
        running.start_ingest("ingest-2")
        running.start_edge()
        havoc = Havoc(running, relays, random.Random(SEED))  # noqa: S311 - repeatable
        await havoc.rage(0)
        await havoc.copy(tmp_path / "copy")
        await havoc.rage(SECONDS / 2)
        await havoc.put_back(tmp_path / "copy")
        await havoc.rage(SECONDS / 2)
        during = await filled.goes_on(running)
        readings = await filled.is_exact(running)
    record_property("seed", SEED)
    record_property("harms", dict(havoc.done))
    record_property("readings", readings)
    assert during, "the back-fill was over before the last harm: it proves nothing"
