"""The health gate: whether the agent does its work with what is on probation.

Alive means that readings were committed of late and the broker is there, not that a loop turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.monitoring.systemd import is_alive


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the agent does at one moment.

    Args:
        now: Monotonic. [s]
        reads: By meter, what marks its last committed good read.
        period_s: The shortest distance of live reads; 0 where no meter is read. [s]
        connected: Whether the broker is there.
    """

    now: float
    reads: Mapping[str, int]
    period_s: int
    connected: bool


class HealthGate:
    """Watches one probation.

    Args:
        began: How the agent did when it began.
        probation_s: Health is judged from then on. [s]
        late_s: For so long after that it may come late; None: as long again. [s]
    """

    def __init__(self, began: Vitals, probation_s: float, late_s: float | None = None) -> None:
        self._began = began
        self._probation_s = probation_s
        self._end_s = probation_s + (probation_s if late_s is None else late_s)
        self._reads = dict(began.reads)
        self._committed_at: float | None = None

    def check(self, vitals: Vitals) -> bool | None:
        """Whether it passed; None while that is open."""
        if any(self._reads.get(name, 0) != mark for name, mark in vitals.reads.items()):
            self._committed_at = vitals.now
            self._reads = dict(vitals.reads)
        elapsed_s = vitals.now - self._began.now
        if elapsed_s < self._probation_s:
            return None
        if self._healthy(vitals):
            return True
        return None if elapsed_s < self._end_s else False

    def _healthy(self, vitals: Vitals) -> bool:
        if not vitals.connected:
            return False
        if not vitals.period_s:
            return True
        began, committed_at = self._began.now, self._committed_at
        return committed_at is not None and is_alive(
            vitals.now, committed_at, began, vitals.period_s
        )
