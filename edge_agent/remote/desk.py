"""Where signed messages from the centre arrive, and what the gateway reports of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import EdgeConfig
from edge_agent.metrics import Figure
from edge_agent.reload import Applied, Refusal
from edge_agent.remote.configurator import Configurator
from edge_agent.remote.durable import StateFile
from edge_agent.remote.gate import Vitals
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import Status


@dataclass(frozen=True, slots=True)
class AgentHost:
    """The running agent, as configurations and updates need it.

    Args:
        agent: At work.
        clock: Its clock.
    """

    agent: Agent
    clock: Clock

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | Refusal:
        """See `Host`."""
        return await self.agent.apply(config, origin)

    def vitals(self) -> Vitals:
        """See `Host`."""
        stations, marks = self.agent.stations, self.agent.buffer.marks
        return Vitals(
            now=self.clock.monotonic(),
            reads={station.name: marks.get(station.read_mark, 0) for station in stations},
            period_s=min((station.period_s for station in stations), default=0),
            connected=self.agent.uplink.connected,
        )

    def note(self, code: str, detail: str) -> None:
        """See `Host`."""
        self.agent.buffer.note(self.clock.wall(), code, detail)

    def announce(self) -> None:
        """See `Host`."""
        self.agent.uplink.announce()


class Desk:
    """Takes what is signed, and hands it to whom it is for; a `Listener` of the uplink.

    Args:
        local: The gateway's own file.
    """

    def __init__(self, local: EdgeConfig) -> None:
        path = local.buffer.path
        self.configurator = Configurator(local, StateFile(path.with_name(path.name + ".remote")))
        self._configures = bool(local.remote.keys)
        self._configuration = topics.configuration(local.gateway)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of what this gateway takes; none without a key."""
        return (self._configuration,) if self._configures else ()

    def begin(self, local: EdgeConfig) -> EdgeConfig:
        """What the agent that starts now is to run with.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        return self.configurator.begin() if self._configures else local

    def over(self, local: EdgeConfig) -> EdgeConfig:
        """The gateway's own file, read anew, under what the centre said.

        Raises:
            ConfigurationInvalidError: They do not fit together.
        """
        return self.configurator.over(local) if self._configures else local

    def hear(self, topic: str, payload: bytes) -> None:
        """A message came. Never blocks."""
        if topic == self._configuration:
            self.configurator.offer(payload)

    def complete(self, status: Status) -> Status:
        """The status, with how configurations and updates stand."""
        return replace(status, config=self.configurator.report() if self._configures else None)

    def stop(self) -> None:
        """The agent is told to stop: this start was no death."""
        if self._configures:
            self.configurator.stop()

    async def run(self, agent: Agent) -> None:
        """Work until cancelled."""
        clock = agent.clock
        host = AgentHost(agent, clock)
        async with asyncio.TaskGroup() as group:
            if self._configures:
                group.create_task(self.configurator.run(host, clock))
            else:
                group.create_task(asyncio.Event().wait())

    def table(self) -> dict[str, Any] | None:
        """As `meterline-edge status` shows it; None where nothing is taken."""
        return {"configuration": self.configurator.table()} if self._configures else None

    def figures(self) -> tuple[Figure, ...]:
        """For Prometheus."""
        return self.configurator.figures() if self._configures else ()
