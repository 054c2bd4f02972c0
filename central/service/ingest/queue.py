"""Gather arriving messages into windows, and retry each window until it is committed.

Arrivals wait in a bounded queue in which gateways take turns; what finds it full, or its gateway's
share, is discarded, counted and said, and the edge sends it again.
A window closes at 10,000 readings or after 20 ms. While the database works on one, the next is
decoded; a window that could not be stored is tried again, unacknowledged, until it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from central.service.ingest.classify import (
    Arrival,
    Examined,
    Readable,
    Unreadable,
    examine,
)
from central.service.ingest.costly_share import CostlyShare
from central.service.ingest.error_fields import error_fields
from central.service.ingest.fair_queue import FairQueue
from central.service.ingest.gateway_rate import GatewayRates
from central.service.ingest.ingest import Ingest
from central.service.ingest.isolate import UNEXPECTED
from central.service.ingest.outcome import GatewayReply, Result
from central.service.ingest.patience import patiently
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError
from central.service.tracing import is_traced, record, span
from firmware_bridge.figures import Histogram

_log = structlog.get_logger(__name__)
# Decoding this long without a pause keeps the network waiting.
_DECODE_SLICE_S = 0.005
ARRIVAL_BYTES = 512
"""What a message takes besides its payload, so that empty ones are bounded too. [B]"""
# What one gateway may have of the queue.
_SHARES = 8
# Of gateways that were at fault: 64 MiB at the most; beyond it they send again.
_BEHIND_MAX = 1_000
_BEHIND_AT_ONCE = 50
# Batches of a window that a line of the log names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of the intake.

    Args:
        queue_bytes: Bytes that may wait.
        window_readings: Readings at which a window closes.
        window_messages: Messages at which it closes, whatever is in them.
        window_s: How long a window waits for more. [s]
        committers: Windows in the database at once.
        retry_s: Longest pause between attempts. [s]
    """

    queue_bytes: int = 64 * 1024 * 1024
    window_readings: int = 10_000
    window_messages: int = 2_000
    window_s: float = 0.02
    committers: int = 2
    retry_s: float = 5.0


class Intake:
    """The queue between the broker and the use-case.

    Args:
        ingest: The use-case.
        limits: Bounds.
        clock: Now, aware, by which messages have arrived; None where nobody asks how long they
            waited.
        rates: How much each gateway may send in a minute; None where there is no such bound.
    """

    def __init__(
        self,
        ingest: Ingest,
        limits: IntakeLimits | None = None,
        clock: Callable[[], datetime] | None = None,
        rates: GatewayRates | None = None,
    ) -> None:
        self._ingest = ingest
        self._rates = rates
        self._limits = IntakeLimits() if limits is None else limits
        most = self._limits.queue_bytes
        self._queue: FairQueue[Arrival] = FairQueue(most, most // _SHARES)
        self._arrived = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.committers)
        self._behind: asyncio.Queue[Examined] = asyncio.Queue(_BEHIND_MAX)
        self._costly = CostlyShare()
        self._clock = clock
        self.counts: Counter[str] = Counter()
        self.windows = Histogram("window_seconds", "Storing a window of messages. [s]")
        self.messages = Histogram(
            "message_seconds", "Between the arrival of a message and the commit of its window. [s]"
        )

    @property
    def waiting(self) -> int:
        """Messages that wait."""
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """Payload that waits, in bytes."""
        return self._queue.weight

    @property
    def room_bytes(self) -> int:
        """What may wait at most, in bytes."""
        return self._limits.queue_bytes

    def offer(self, arrival: Arrival) -> bool:
        """Take a message, unless its gateway sends too much or there is no room; whether it was."""
        if self._rates and not self._rates.admits(arrival.gateway, len(arrival.payload)):
            return False
        taken = self._queue.offer(arrival.gateway, arrival, ARRIVAL_BYTES + len(arrival.payload))
        self._arrived.set()
        return taken

    def discarded(self) -> Counter[str]:
        """Messages that found no room since this was asked last, by gateway; they come again."""
        discarded, self._queue.discarded = self._queue.discarded, Counter()
        self.counts["discarded"] += discarded.total()
        return discarded

    def deferred(self) -> Counter[str]:
        """Messages beyond their gateway's quota since this was asked last; they come again."""
        if self._rates is None:
            return Counter()
        deferred, self._rates.deferred = self._rates.deferred, Counter()
        self.counts["deferred"] += deferred.total()
        return deferred

    async def run(self, send: Callable[[GatewayReply], Awaitable[None]]) -> None:
        """Work until cancelled; windows under way are then abandoned, unacknowledged.

        Args:
            send: Publishes one reply; called after the commit.
        """
        async with asyncio.TaskGroup() as tasks:

            def answer(replies: Sequence[GatewayReply]) -> None:
                tasks.create_task(self._answer(replies, send))

            tasks.create_task(self._commit_behind(answer))
            while True:
                window = await self._gather()
                await self._slots.acquire()
                tasks.create_task(self._commit(window, answer))

    async def _gather(self) -> list[Examined]:
        limits, loop = self._limits, asyncio.get_running_loop()
        await self._wait(None)
        deadline = loop.time() + limits.window_s
        pause = loop.time() + _DECODE_SLICE_S
        window: list[Examined] = []
        costly: Counter[str] = Counter()
        readings = 0
        while readings < limits.window_readings and len(window) < limits.window_messages:
            if not self._queue and not await self._wait(deadline - loop.time()):
                break
            item = examine(self._queue.take())
            readings += len(item.batch.columns) if isinstance(item, Readable) else 0
            window.append(item)
            if not isinstance(item, Readable):
                costly[item.arrival.gateway] += 1
                if costly[item.arrival.gateway] >= self._costly.at_once:
                    break  # whoever comes next waits no longer for these than they do now
            if loop.time() > pause:
                await asyncio.sleep(0)
                pause = loop.time() + _DECODE_SLICE_S
        return window

    async def _wait(self, timeout_s: float | None) -> bool:
        """Wait for an arrival; whether there is one."""
        if self._queue:
            return True
        if timeout_s is not None and timeout_s <= 0:
            return False
        self._arrived.clear()
        try:
            # Unlike `wait_for` of Python 3.11 it loses no cancellation that comes with an arrival.
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def _commit(
        self, window: Sequence[Examined], answer: Callable[[Sequence[GatewayReply]], None]
    ) -> None:
        began = time.perf_counter()
        try:
            with span("ingest window", messages=len(window)):
                behind = await self._try(window, answer, apart=True)
                self._record(window, behind)
        finally:
            seconds = time.perf_counter() - began
            self.windows.observe(seconds)
            self._slots.release()
        costly = sum(not isinstance(item, Readable) for item in window)
        self._costly.note(costly, len(window), seconds)
        self._note_times(window)
        for item in behind:
            if self._behind.full():
                self._queue.discarded[item.arrival.gateway] += 1
            else:
                self._behind.put_nowait(item)

    async def _commit_behind(self, answer: Callable[[Sequence[GatewayReply]], None]) -> None:
        """Work at what gateways sent that were at fault, in a lane where only they wait."""
        while True:
            window = [await self._behind.get()]
            while not self._behind.empty() and len(window) < _BEHIND_AT_ONCE:
                window.append(self._behind.get_nowait())
            await self._try(window, answer, apart=False)

    async def _try(
        self,
        window: Sequence[Examined],
        answer: Callable[[Sequence[GatewayReply]], None],
        *,
        apart: bool,
    ) -> list[Examined]:
        """Keep at a window until it is committed; what should be tried apart comes back."""
        try:
            return await patiently(
                lambda: self._persist(window, answer, apart=apart),
                self._wait_on,
                self._limits.retry_s,
            )
        except StoreUnfitError:
            raise  # nobody's message; the process cannot work
        except Exception as error:  # noqa: BLE001 - one message ends nothing
            # Unacknowledged, so the gateways still have what was not committed.
            self.counts["abandoned"] += len(window)
            _log.error("window_abandoned", batches=_names(window), **error_fields(error))
            return []

    async def _persist(
        self,
        window: Sequence[Examined],
        answer: Callable[[Sequence[GatewayReply]], None],
        *,
        apart: bool,
    ) -> list[Examined]:
        """Commit a window, and answer for each piece of it as soon as that is committed."""
        behind: list[Examined] = []
        async for piece in self._ingest.pieces(window, behind if apart else None):
            self._note(piece)
            answer(piece.replies)
        return behind

    async def _answer(
        self, replies: Sequence[GatewayReply], send: Callable[[GatewayReply], Awaitable[None]]
    ) -> None:
        """Send replies; one that cannot be sent is asked for again."""
        for reply in replies:
            try:
                await send(reply)
            except Exception as error:  # noqa: BLE001 - one message ends nothing
                self.counts["unsent"] += 1
                _log.error("acknowledgement_not_sent", gateway=reply.gateway, **error_fields(error))

    def _note(self, result: Result) -> None:
        for outcome in result.outcomes:
            self.counts[outcome.kind] += 1
            self.counts["readings"] += outcome.stored
            if outcome.code.startswith("POISON_") or outcome.code == UNEXPECTED:
                self.counts["isolated"] += 1
            if outcome.code not in _QUIET:
                _log.info(
                    "message_taken",
                    kind=outcome.kind,
                    code=outcome.code,
                    gateway=outcome.gateway,
                    epoch=None if outcome.epoch is None else str(outcome.epoch),
                    sequence=outcome.sequence,
                )

    def _record(self, window: Sequence[Examined], behind: Sequence[Examined]) -> None:
        """Trace each batch from its arrival to the commit of its window."""
        if self._clock is None or not is_traced():
            return
        now, waiting = self._clock(), {id(item) for item in behind}
        for item in window:
            if isinstance(item, Readable) and id(item) not in waiting:
                record(
                    "ingest batch",
                    item.arrival.at,
                    now,
                    gateway=item.arrival.gateway,
                    epoch=str(item.header.epoch),
                    sequence=item.header.sequence,
                    readings=len(item.batch.columns),
                )

    def _note_times(self, window: Sequence[Examined]) -> None:
        if self._clock is None:
            return
        now = self._clock()
        for item in window:
            self.messages.observe(max((now - item.arrival.at).total_seconds(), 0.0))

    def _wait_on(self, error: StoreUnavailableError) -> None:
        self.counts["retries"] += 1
        _log.warning("window_not_stored", reason=error.message)


def _names(window: Sequence[Examined]) -> list[str]:
    """The first batches of a window, as `gateway/epoch/sequence`."""
    headers = [
        f"{item.arrival.gateway}/{item.header.epoch}/{item.header.sequence}"
        for item in window
        if isinstance(item, Readable | Unreadable)
    ]
    return headers[:_NAMED]


_QUIET = frozenset({"STORED", "DUPLICATE", "HELLO"})
