"""A broker that drops, doubles, delays and reorders, and dies with all it holds."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

Job = Callable[[], Awaitable[None]]


@dataclass
class Agenda:
    """Virtual time: what happens next, ties broken by the order of planning."""

    now: float = 0.0
    _due: list[tuple[float, int, Job]] = field(default_factory=list)
    _planned: int = 0

    def at(self, when: float, job: Job) -> None:
        self._planned += 1
        heapq.heappush(self._due, (max(when, self.now), self._planned, job))

    def after(self, delay: float, job: Job) -> None:
        self.at(self.now + delay, job)

    async def run_until(self, when: float, stop: Callable[[], bool] = lambda: False) -> None:
        while self._due and self._due[0][0] <= when and not stop():
            self.now, _, job = heapq.heappop(self._due)
            await job()
        if not stop():
            self.now = max(self.now, when)


@dataclass
class Network:
    """How bad the weather is; probabilities per message."""

    drop: float
    double: float
    delay_s: float


class SimulatedBroker:
    """Delivers each message to its listener after a while, or not, or twice."""

    def __init__(self, agenda: Agenda, random: Random, network: Network) -> None:
        self._agenda = agenda
        self._random = random
        self.network = network
        self.up = True
        self._life = 0

    def carry(self, deliver: Callable[[], Awaitable[None]]) -> None:
        """Take a message for later delivery, if the broker is up."""
        if not self.up or self._random.random() < self.network.drop:
            return
        copies = 2 if self._random.random() < self.network.double else 1
        for _ in range(copies):
            life = self._life

            async def later(life: int = life) -> None:
                if self.up and life == self._life:
                    await deliver()

            self._agenda.after(self._random.expovariate(1.0) * self.network.delay_s, later)

    def die(self) -> None:
        """Everything that is on its way is gone."""
        self.up = False
        self._life += 1
