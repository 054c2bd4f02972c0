"""The real ingest on the memory store, with a process that can die at every point."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from uuid import UUID

from central.service.ingest.classify import Arrival, Examined, Greeting, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import GatewayReply
from central.service.ports.ingest import IngestTransaction, StoreUnavailableError
from central.service.ports.ingest_records import IngestFinding
from firmware_bridge.contract.messages import EpochState, Hello
from tests.support.memory.ingest import MemoryIngestStore, State


class Killed(BaseException):
    """The process was killed here; no code of its own can go on."""


class FragileStore(MemoryIngestStore):
    """Fails at the end of a transaction when told to: unavailable, or the process dies."""

    failure: BaseException | None = None

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[IngestTransaction]:
        async with super().transaction(now) as tx:
            yield tx
            if self.failure is not None:
                failure, self.failure = self.failure, None
                raise failure


class SimulatedCentre:
    """Arrivals wait in windows; two workers take turns; replies go out after the commit."""

    def __init__(
        self,
        random: Random,
        clock: Callable[[], datetime],
        send: Callable[[GatewayReply], None],
        announce: Callable[[], None],
    ) -> None:
        self._random = random
        self._clock = clock
        self._send = send
        self._announce = announce
        self.store = FragileStore()
        self.up = True
        self.fragile = True
        self.findings: dict[str, IngestFinding] = {}
        # Everything that was ever committed, restored backups or not.
        self.ever: dict[tuple[str, int], int] = {}
        self._backup: State | None = None
        self._queue: list[Examined] = []
        self._workers = self._fresh()

    def _fresh(self) -> list[Ingest]:
        return [Ingest(self.store, self._clock) for _ in range(2)]

    async def arrive(self, gateway: str, payload: bytes) -> None:
        if self.up:
            self._queue.append(examine(Arrival(gateway, payload, self._clock())))

    async def take_hello(self, gateway: str, agent: str) -> None:
        """Take a hello as a decoder without judgement would have read it."""
        state = EpochState(UUID(int=0xBAD), 1, 0, bytes(32), 0, bytes(32))
        now = self._clock()
        if self.up:
            hello = Hello(bytes(16), now, agent, (state,))
            self._queue.append(Greeting(Arrival(gateway, b"hello", now), hello))

    async def work(self) -> None:
        """Commit one window."""
        if not self.up or not self._queue:
            return
        size = self._random.randint(1, 12)
        window, self._queue = self._queue[:size], self._queue[size:]
        dice = self._random.random() if self.fragile else 1.0
        if dice < 0.03:
            self.store.failure = Killed()
        elif dice < 0.08:
            self.store.failure = StoreUnavailableError("simulated")
        try:
            result = await self._random.choice(self._workers).commit(window)
        except StoreUnavailableError:
            self._queue = [*window, *self._queue]
            return
        except Killed:
            self.kill()
            return
        finally:
            self._remember()
        if 0.08 <= dice < 0.11:
            self.kill()  # committed, and nobody was told
            return
        for reply in result.replies:
            self._send(reply)

    def _remember(self) -> None:
        state = self.store.state
        serials = {meter: serial for (_, serial), meter in state.meters.items()}
        plates = {record.id: serials[record.meter_id] for record in state.channels.values()}
        for (channel, at_ms), value in state.readings.items():
            self.ever.setdefault((plates[channel], at_ms), value.mantissa)
        for finding in state.findings.values():
            self.findings.setdefault(finding.key, finding)

    def kill(self) -> None:
        self.up = False
        self._queue = []

    def start(self) -> None:
        if not self.up:
            self.up = True
            self._workers = self._fresh()
        self._announce()

    def back_up(self) -> None:
        self._backup = self.store.state.copy()

    def restore(self) -> bool:
        """Go back to the backup, as an operator does after losing the database."""
        if self._backup is None:
            return False
        self.kill()
        self.store = FragileStore(self._backup.copy())
        self._workers = self._fresh()
        self.start()
        return True
