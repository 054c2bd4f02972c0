"""Make deliveries of what happened, and send them until they are taken or given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from central.domain.notices.retry import next_try
from central.service.ingest.error_fields import error_fields
from central.service.ports.notices import (
    AttemptRow,
    LeasedDelivery,
    NewDelivery,
    NoticeSender,
    NoticeSource,
    RuleVersion,
    SendAttempt,
    SendOutcome,
    SortedNotice,
)

SORTED_AT_ONCE = 1_000
SENT_AT_ONCE = 16
LEASE = timedelta(minutes=2)
"""How long a worker that died keeps what it was about to send."""
ATTEMPT_S = 60.0
"""Longer than any sender takes; then it is left alone. [s]"""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class DeliveryTally:
    """What a round did.

    Args:
        sorted: Notices whose deliveries were made.
        taken: Deliveries that were taken.
        put_off: Deliveries that are tried again.
        failed: Deliveries that were given up.
    """

    sorted: int = 0
    taken: int = 0
    put_off: int = 0
    failed: int = 0


class DeliverNotices:
    """The use-case. Any number of workers share one store.

    Args:
        source: Where notices are kept.
        send: Sends to an endpoint.
        clock: Now, aware.
    """

    def __init__(
        self,
        source: NoticeSource,
        send: NoticeSender,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._send = send
        self._clock = clock

    async def waits(self, at: datetime) -> bool:
        """Whether something is to be done now."""
        return await self._source.waits(at)

    async def until_idle(self) -> DeliveryTally:
        """Make and send all that is due.

        Raises:
            StoreUnavailableError: What was kept stays; a delivery that was sent and not kept is
                sent again.
        """
        tally = DeliveryTally()
        while notices := await self._source.unsorted(SORTED_AT_ONCE):
            await self._sort(notices, await self._source.rules())
            tally.sorted += len(notices)
        while True:
            at = self._clock()
            leased = await self._source.lease(at, at + LEASE, SENT_AT_ONCE)
            if not leased:
                return tally
            for outcome in await asyncio.gather(*map(self._attempt, leased)):
                setattr(tally, outcome, getattr(tally, outcome) + 1)

    async def _sort(self, notices: Sequence[SortedNotice], rules: Sequence[RuleVersion]) -> None:
        deliveries: dict[tuple[int, str], NewDelivery] = {}
        for key, notice in notices:
            for version in rules:
                rule = version.rule
                if rule.sends(notice.kind, notice.facts):
                    # Two rules that name one endpoint send it once.
                    new = NewDelivery(key, rule.endpoint, version.key)
                    deliveries.setdefault((key, rule.endpoint), new)
        await self._source.sort(
            [key for key, _ in notices], list(deliveries.values()), self._clock()
        )

    async def _attempt(self, delivery: LeasedDelivery) -> str:
        at, began = self._clock(), time.monotonic()
        attempt = await self._sent(delivery, at)
        ms = round((time.monotonic() - began) * 1000)
        number = delivery.attempts + 1
        taken, gone = (attempt.outcome is each for each in (SendOutcome.TAKEN, SendOutcome.GONE))
        asked = None if attempt.wait_s is None else timedelta(seconds=attempt.wait_s)
        next_at = None if taken or gone else next_try(number, self._clock(), asked)
        await self._source.attempted(delivery, AttemptRow(number, at, ms, attempt), next_at)
        if taken:
            return "taken"
        log = _log.info if next_at is not None else _log.error
        log(
            "notice_not_taken",
            endpoint=delivery.name,
            notice=str(delivery.notice.uid),
            attempts=number,
            status=attempt.status,
            reason=attempt.detail,
            next_at=None if next_at is None else next_at.isoformat(),
        )
        return "failed" if next_at is None else "put_off"

    async def _sent(self, delivery: LeasedDelivery, at: datetime) -> SendAttempt:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._send(delivery, at)
        except TimeoutError:
            return SendAttempt(SendOutcome.UNREACHABLE, detail=f"No answer in {ATTEMPT_S:.0f} s.")
        except Exception as error:  # noqa: BLE001 - one endpoint stops no other
            _log.error("notice_failed", endpoint=delivery.name, **error_fields(error))
            return SendAttempt(SendOutcome.UNREACHABLE, detail=type(error).__name__)
