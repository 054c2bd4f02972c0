"""Where signed messages from the centre arrive, and what the gateway reports of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config.settings import EdgeConfig
from edge_agent.reconfigure import Applied, ReloadRefusal
from edge_agent.remote.configuration.service import Configurator
from edge_agent.remote.health_gate import Vitals
from edge_agent.remote.state_file import StateFile
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import Status
from firmware_bridge.figures import Figure

if TYPE_CHECKING:
    from edge_agent.remote.update.service import Updater


@dataclass(frozen=True, slots=True)
class AgentHost:
    """The running agent, as configurations and updates need it.

    Args:
        agent: At work.
        clock: Its clock.
    """

    agent: Agent
    clock: Clock

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        """See `Host`."""
        return await self.agent.apply(config, origin)

    def vitals(self) -> Vitals:
        """See `Host`."""
        meters, marks = self.agent.meters, self.agent.buffer.marks
        return Vitals(
            now=self.clock.monotonic(),
            reads={meter.name: marks.get(meter.read_mark, 0) for meter in meters},
            period_s=min((meter.period_s for meter in meters), default=0),
            connected=self.agent.uplink.connected,
        )

    def note(self, code: str, detail: str) -> None:
        """See `Host`."""
        self.agent.buffer.note(self.clock.wall(), code, detail)

    def announce(self) -> None:
        """See `Host`."""
        self.agent.uplink.announce()


class RemoteService:
    """Takes what is signed, and hands it to whom it is for; a `Listener` of the uplink.

    Args:
        local: The gateway's own file.
    """

    def __init__(self, local: EdgeConfig) -> None:
        path, gateway = local.buffer.path, local.gateway
        self._configuration, self._command = topics.configuration(gateway), topics.command(gateway)
        self._configurator: Configurator | None = None
        self._updater: Updater | None = None
        if local.remote.keys:
            state = StateFile(path.with_name(path.name + ".remote"))
            self._configurator = Configurator(local, state)
        if local.update.enabled:
            # Its web client takes memory, which a gateway without a key need not spend.
            from edge_agent.remote.update.service import Updater, running_release  # noqa: PLC0415

            state = StateFile(path.with_name(path.name + ".update"))
            self._updater = Updater(local, state, running_release())

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of what this gateway takes; none without a key."""
        return (
            *([] if self._configurator is None else [self._configuration]),
            *([] if self._updater is None else [self._command]),
        )

    def begin(self, local: EdgeConfig) -> EdgeConfig:
        """What the agent that starts now is to run with.

        Raises:
            RemoteStateUnwritableError: Nothing can be kept; starting again may help.
        """
        if self._updater is not None:
            self._updater.begin()
        return local if self._configurator is None else self._configurator.begin()

    def over(self, local: EdgeConfig) -> EdgeConfig:
        """The gateway's own file, read anew, under what the centre said.

        Raises:
            ConfigurationInvalidError: They do not fit together.
        """
        return local if self._configurator is None else self._configurator.over(local)

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message came. Never blocks."""
        if topic == self._configuration and self._configurator is not None:
            self._configurator.offer(payload)
        elif topic == self._command and self._updater is not None:
            self._updater.offer(payload)

    def complete(self, status: Status) -> Status:
        """The status, with how configurations and updates stand."""
        return replace(
            status,
            config=None if self._configurator is None else self._configurator.report(),
            updates=() if self._updater is None else self._updater.rollouts.reports(),
        )

    def stop(self) -> None:
        """The agent is told to stop: this start was no death."""
        if self._configurator is not None:
            self._configurator.stop()
        if self._updater is not None:
            self._updater.rollouts.stop()

    async def run(self, agent: Agent) -> None:
        """Run until cancelled."""
        host = AgentHost(agent, agent.clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(_until_cancelled())
            if self._configurator is not None:
                group.create_task(self._configurator.run(host, agent.clock))
            if self._updater is not None:
                group.create_task(self._updater.run(host, agent.clock))

    def table(self) -> dict[str, Any] | None:
        """As `meterline-edge status` shows it; None where nothing is taken."""
        if not self.topics:
            return None
        return {
            "configuration": None if self._configurator is None else self._configurator.table(),
            "updates": [] if self._updater is None else self._updater.rollouts.table(),
        }

    def figures(self) -> tuple[Figure, ...]:
        """For Prometheus."""
        return (
            *(() if self._configurator is None else self._configurator.figures()),
            *(() if self._updater is None else self._updater.rollouts.figures()),
        )


async def _until_cancelled() -> None:
    await asyncio.Event().wait()
