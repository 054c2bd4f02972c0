"""Gather what arrives into windows, and keep at each until it is committed.

Arrivals wait in a bounded queue; what finds it full is discarded, and the edge sends it again.
A window closes at 10,000 readings or after 20 ms. While the database works on one, the next is
decoded; a window that could not be stored is tried again, unacknowledged, until it is.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from central.service.ingest.classify import Arrival, Examined, Readable, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import Reply, Result
from central.service.ports.ingest import StoreUnavailableError

_LOG = structlog.get_logger(__name__)
# Decoding this long without a pause keeps the network waiting.
_DECODE_SLICE_S = 0.005


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of the intake.

    Args:
        queue_bytes: Payload bytes that may wait.
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
    """Between a broker and the use-case.

    Args:
        ingest: The use-case.
        limits: Bounds.
    """

    def __init__(self, ingest: Ingest, limits: IntakeLimits | None = None) -> None:
        self._ingest = ingest
        self._limits = IntakeLimits() if limits is None else limits
        self._queue: deque[Arrival] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.committers)
        self.counts: Counter[str] = Counter()

    def offer(self, arrival: Arrival) -> bool:
        """Take a message, unless the queue is full; whether it was taken."""
        size = len(arrival.payload)
        if self._bytes + size > self._limits.queue_bytes:
            self.counts["discarded"] += 1
            return False
        self._queue.append(arrival)
        self._bytes += size
        self._arrived.set()
        return True

    async def run(self, send: Callable[[Reply], Awaitable[None]]) -> None:
        """Work until cancelled; windows under way are then abandoned, unacknowledged.

        Args:
            send: Publishes one reply; called after the commit.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                window = await self._gather()
                await self._slots.acquire()
                tasks.create_task(self._commit(window, send))

    async def _gather(self) -> list[Examined]:
        limits, loop = self._limits, asyncio.get_running_loop()
        await self._wait(None)
        deadline = loop.time() + limits.window_s
        pause = loop.time() + _DECODE_SLICE_S
        window: list[Examined] = []
        readings = 0
        while readings < limits.window_readings and len(window) < limits.window_messages:
            if not self._queue and not await self._wait(deadline - loop.time()):
                break
            arrival = self._queue.popleft()
            self._bytes -= len(arrival.payload)
            item = examine(arrival)
            readings += len(item.batch.columns) if isinstance(item, Readable) else 0
            window.append(item)
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
            await asyncio.wait_for(self._arrived.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def _commit(
        self, window: Sequence[Examined], send: Callable[[Reply], Awaitable[None]]
    ) -> None:
        try:
            result = await self._persist(window)
        finally:
            self._slots.release()
        for outcome in result.outcomes:
            self.counts[outcome.kind] += 1
            self.counts["readings"] += outcome.stored
            if outcome.code not in _QUIET:
                _LOG.info(
                    "message kept aside" if outcome.kind != "stored" else "message stored",
                    kind=outcome.kind,
                    code=outcome.code,
                    gateway=outcome.gateway,
                    sequence=outcome.sequence,
                )
        for reply in result.replies:
            await send(reply)

    async def _persist(self, window: Sequence[Examined]) -> Result:
        pause_s = 0.0
        while True:
            try:
                return await self._ingest.commit(window)
            except StoreUnavailableError as error:
                self.counts["retries"] += 1
                _LOG.warning("window not stored, trying again", reason=error.message)
            # A deadlock is over when it is reported, so the first attempt follows at once.
            await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - jitter, no secret
            pause_s = min(self._limits.retry_s, pause_s * 2 or 0.1)


_QUIET = frozenset({"STORED", "DUPLICATE", "HELLO"})
