"""Take shards from workers that are frozen: whoever waits for one ends what holds it too long."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from central.service.ports.bill_shard import RunRecord
from central.service.ports.shard_holders import HeldShard, ShardHolders

TAKEOVER_S = 180.0
"""How long one transaction may keep a shard that somebody waits for. [s]"""
_LOOK_S = 1.0
_log = structlog.get_logger(__name__)


class FrozenWorkers:
    """What one waiting worker knows of those that it waits for.

    A worker that works ends its transaction well before the limit; one that is stopped, or whose
    machine sleeps, keeps its shard until somebody ends it. What it did is rolled back, and the
    shard is free.

    Args:
        store: Who has which shard.
        limit_s: How long a transaction may keep a shard, as seen from here. [s]
        monotonic: Seconds that never go back; no clock of the database is compared with it.
    """

    def __init__(
        self,
        store: ShardHolders,
        limit_s: float = TAKEOVER_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._seen: dict[HeldShard, float] = {}
        self._looked: float | None = None

    async def check(self, run: RunRecord) -> int:
        """Look who holds the shards that are waited for; how many holders were ended.

        Asking again within a second, or a tenth of the limit, does nothing.

        Raises:
            StoreUnavailableError: Try again.
        """
        now = self._monotonic()
        if self._looked is not None and now - self._looked < min(_LOOK_S, self._limit_s / 10):
            return 0
        self._looked, seen, ended = now, self._seen, 0
        self._seen = {
            shard: seen.get(shard, now) for shard in await self._store.held_shards(run.id)
        }
        for shard, since in self._seen.items():
            if now - since >= self._limit_s and await self._store.end_holder(shard):
                _log.warning("shard_taken_over", cycle=str(run.cycle), shard=shard.number)
                ended += 1
        return ended
