"""A gateway that sends more than it may in a minute is a finding, until it does so no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from central.domain.actor import Actor
from central.service.ports.gateway_rate import RateQuota
from central.service.ports.ingest import IngestStore
from central.service.ports.ingest_records import FindingCode, GatewayRecord, IngestFinding

QUIET_FOR: Final = timedelta(minutes=10)
_ACTOR = Actor.job("ingest")
_NAMED = 5
_REMEMBERED = 10_000
_log = structlog.get_logger(__name__)


class OverQuota:
    """Raises the finding and closes it.

    Args:
        store: Where findings are kept.
        quota: What each gateway may send.
        clock: Now, aware.
    """

    def __init__(self, store: IngestStore, quota: RateQuota, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._quota = quota
        self._clock = clock
        self._last: dict[str, datetime] = {}
        self._is_resumed = False

    async def note(self, deferred: Counter[str]) -> None:
        """Note what was not taken since this was called last.

        Args:
            deferred: Messages beyond the quota, by gateway.

        Raises:
            StoreUnavailableError: Try again; what was deferred meanwhile is remembered.
        """
        now = self._clock()
        if deferred:
            worst = dict(deferred.most_common(_NAMED))
            _log.warning("gateways_over_quota", deferred=deferred.total(), gateways=worst)
        room = _REMEMBERED - len(self._last)
        self._last |= {name: now for name, _ in deferred.most_common(max(room, _NAMED))}
        if not self._is_resumed:
            # Of a process before this one, or beside it: they stand for as long as from now.
            standing = await self._store.open_findings(FindingCode.OVER_QUOTA)
            self._last = {finding.key.partition(":")[2]: now for finding in standing} | self._last
            self._is_resumed = True
        if not self._last:
            return
        quiet = {name for name, at in self._last.items() if now - at >= QUIET_FOR}
        loud = deferred.keys() & self._last.keys()
        if quiet or loud:
            enrolled = await self._store.gateways(loud)
            async with self._store.transaction(now) as tx:
                if enrolled:
                    await tx.find([self._finding(record) for record in enrolled.values()])
                if quiet:
                    await tx.close_findings([_key(name) for name in quiet], _ACTOR)
        self._last = {name: at for name, at in self._last.items() if name not in quiet}

    def _finding(self, gateway: GatewayRecord) -> IngestFinding:
        return IngestFinding(
            _key(gateway.name),
            FindingCode.OVER_QUOTA,
            f"{gateway.name} sends more than {self._quota.messages} messages or"
            f" {self._quota.payload_bytes // 1024} KiB in a minute. What is beyond waits in its"
            " buffer and comes later; nothing is lost. See why it sends so much, or raise"
            " METERLINE_GATEWAY_MESSAGES_PER_MINUTE or METERLINE_GATEWAY_KIB_PER_MINUTE.",
            gateway.id,
        )


def _key(gateway: str) -> str:
    return f"{FindingCode.OVER_QUOTA}:{gateway}"
