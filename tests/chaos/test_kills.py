"""SIGKILL anything, at random, during a back-fill: nothing is lost, doubled or changed."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.back_fill import BackFill
from tests.support.servers import PostgresKind, postgres_servers
from tests.support.size import sized
from tests.support.utility import Utility, utility

KILLS = sized("METERLINE_KILLS", 5, 500)
SEED = int(os.environ.get("METERLINE_CHAOS_SEED", "20261101"))
# As many as the killing needs, and a request takes this long while it goes on: the back-fill then
# outlasts it by far.
DAYS = max(20, min(60, KILLS * 3 // 2))
SLOW_S = 0.18 * KILLS / DAYS
VICTIMS = ("edge", "ingest", "ingest-2", "broker", "postgres")


@dataclass
class Reaper:
    """Kills at random, and brings back what it killed."""

    running: Utility
    random: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    async def strike(self) -> None:
        # Everybody once before anybody is twice.
        spared = [victim for victim in VICTIMS if victim not in self.killed]
        victim = self.random.choice(spared or VICTIMS)
        await asyncio.to_thread(self._kill, victim)
        self.killed[victim] += 1
        await asyncio.sleep(self.random.uniform(0, 0.3))
        await asyncio.to_thread(self._revive, victim)
        await asyncio.sleep(self.random.uniform(0.1, 1.2))

    def _kill(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "broker":
            servers.broker.kill()
        elif victim == "postgres":
            servers.postgres.kill()
        else:
            self.running.children[victim].kill()

    def _revive(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "broker":
            servers.broker.start()
        elif victim == "postgres":
            servers.postgres.start()
        elif victim == "edge":
            self.running.start_edge()
        else:
            self.running.start_ingest(victim)


@pytest.mark.parametrize("kind", postgres_servers()[:1], ids=str)
async def test_nothing_is_lost_doubled_or_changed_whatever_is_killed(
    kind: PostgresKind, server_home: Path, record_property: Callable[[str, object], None]
) -> None:
    filled = BackFill.of_days(DAYS, SLOW_S)
    since = dict.fromkeys(filled.meters, filled.since)
    async with utility(
        server_home, kind, filled.meters, since, durable=True, threaded=True
    ) as running:
        running.start_ingest()
        running.start_ingest("ingest-2")
        running.start_edge()
        reaper = Reaper(running, random.Random(SEED))  # noqa: S311 - repeatable
        while sum(reaper.killed.values()) < KILLS:
            await reaper.strike()
        during = await filled.goes_on(running)
        readings = await filled.is_exact(running)
    record_property("seed", SEED)
    record_property("kills", dict(reaper.killed))
    record_property("readings", readings)
    assert set(reaper.killed) == set(VICTIMS)
    assert during, "the back-fill was over before the last kill: it proves nothing"
