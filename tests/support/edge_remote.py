"""Stand-ins for what remote configuration and updates work on: the agent, and the disk."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, cast

from edge_agent.config.settings import EdgeConfig
from edge_agent.polling.meter_set import MeterChanges
from edge_agent.reconfigure import Applied, ReloadRefusal
from edge_agent.remote.errors import RemoteStateDamagedError, RemoteStateUnwritableError
from edge_agent.remote.health_gate import Vitals
from edge_agent.remote.state_file import StateFile
from tests.support.edge_clock import HandClock


@dataclass
class Disk:
    """Where a state file would keep a map, and a disk that may be damaged or full."""

    fields: dict[str, Any] | None = None
    damage: RemoteStateDamagedError | None = None
    is_full: bool = False
    saves: int = 0

    @property
    def file(self) -> StateFile:
        return cast("StateFile", self)

    def load(self) -> dict[str, Any] | None:
        if self.damage is not None:
            raise self.damage
        return copy.deepcopy(self.fields)

    def save(self, fields: dict[str, object]) -> None:
        if self.is_full:
            message = "The disk is full."
            raise RemoteStateUnwritableError(message)
        self.fields, self.saves = fields, self.saves + 1


@dataclass
class RunningAgent:
    """A `Host` that is as healthy as the test says."""

    clock: HandClock
    connected: bool = True
    commits: bool = True
    refusal: ReloadRefusal | None = None
    applied: list[tuple[list[str], str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    announced: int = 0

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        self.applied.append(([meter.name for meter in config.meters], origin))
        refusal, self.refusal = self.refusal, None
        return refusal or Applied(MeterChanges())

    def vitals(self) -> Vitals:
        now = self.clock.monotonic()
        return Vitals(now, {"m": int(now) if self.commits else 0}, 60, self.connected)

    def note(self, code: str, detail: str) -> None:
        self.notes.append((code, detail))

    def announce(self) -> None:
        self.announced += 1

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.notes]
