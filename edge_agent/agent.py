"""One running gateway: meters, buffer and uplink together."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from random import Random, SystemRandom
from typing import Any

from edge_agent.agent_metrics import Gauge
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import event_counts
from edge_agent.clock import Clock
from edge_agent.config.settings import EdgeConfig
from edge_agent.monitoring.health import Health, age_s, counts_table, meters_of
from edge_agent.monitoring.systemd import Supervisor, is_alive
from edge_agent.polling.meter import Meter
from edge_agent.polling.meter_set import MeterSet
from edge_agent.polling.poller import Poller
from edge_agent.polling.recorder import Recorder
from edge_agent.polling.refusal_log import RefusalLog
from edge_agent.reconfigure import Applied, Reloader, ReloadRefusal
from edge_agent.uplink.batch_signer import SIGNING_KEY, BatchSigner
from edge_agent.uplink.listener import Listener
from edge_agent.uplink.mqtt import Uplink
from edge_agent.uplink.session_runner import AGENT, SessionRunner
from firmware_bridge.contract.errors import EnvironmentFaultError
from firmware_bridge.contract.software import software_version
from firmware_bridge.figures import expose

IDLE_FLUSH_S = 3600.0
KEEP_S = 60.0


def agent_name() -> str:
    """Name and version of this software."""
    version = software_version()
    return AGENT if version is None else f"{AGENT} {version}"


def signer_of(config: EdgeConfig) -> BatchSigner | None:
    """Who signs batches: a gateway that claimed its name does, others do not."""
    path = None if config.identity is None else config.identity.folder / SIGNING_KEY
    return None if path is None or not path.exists() else BatchSigner.load(path)


class Agent:
    """One running gateway. Made by `edge_agent.main.running_agent`.

    Args:
        config: What it begins with.
        origin: Where that came from.
        buffer: Open.
        clock: For everything.
        listener: Hears of what the centre says beside acknowledgements; None for nobody.

    Attributes:
        buffer: Open as long as the agent runs.
        clock: Its clock.
        meter_set: The meters.
        uplink: The connection to the broker.
        reloader: Puts other configurations in force.
        supervisor: systemd, or nobody.
        task: Its work; done only when something went wrong for good.
        certificate: Until when its certificate holds, as `status` shows it; None where it is not
            renewed here.
    """

    def __init__(
        self,
        config: EdgeConfig,
        origin: str,
        buffer: Buffer,
        clock: Clock,
        listener: Listener | None = None,
    ) -> None:
        """Compose it; nothing runs yet."""
        random: Random = SystemRandom()
        self.task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        self.buffer = buffer
        self.clock = clock
        self.certificate: Callable[[], dict[str, Any] | None] = lambda: None
        self._gateway = config.gateway
        self._listener = listener
        runner = SessionRunner(buffer, random, agent=agent_name())
        brokers = config.routes()
        log = RefusalLog()
        self.uplink = Uplink(
            config.gateway,
            brokers,
            runner,
            clock,
            random,
            listener=listener,
            refused=log.reports,
            signer=signer_of(config),
        )
        log.announce = self.uplink.announce
        self._recorder = Recorder(buffer, clock, self.uplink.notify)
        self.meter_set = MeterSet(self._recorder, buffer, clock)
        self.reloader = Reloader(
            config,
            origin,
            meter_set=self.meter_set,
            uplink=self.uplink,
            buffer=buffer,
            clock=clock,
            answer=self.metrics,
        )
        self.supervisor = Supervisor.from_environment()
        self._refusals = log
        self._poller = Poller(self.meter_set.meters, self._recorder, buffer, clock, log)
        self._gauge = Gauge(buffer, self.meter_set, self.reloader, self._poller, clock, log)

    @property
    def meters(self) -> Sequence[Meter]:
        """The meters."""
        return self.meter_set.meters

    async def run(self) -> None:
        """Run until cancelled."""
        await self._recorder.recall()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.uplink.run())
            group.create_task(self._poller.run())
            group.create_task(self.meter_set.run())
            group.create_task(self._keep())
            group.create_task(self._watch())

    async def _keep(self) -> None:
        """Write what waits for a cycle that does not come."""
        while True:
            await self.clock.sleep(KEEP_S)
            stored_at = self._recorder.stored_at or 0.0
            if self.buffer.engine.pending and self.clock.monotonic() - stored_at > IDLE_FLUSH_S:
                with contextlib.suppress(EnvironmentFaultError):
                    await self.buffer.flush()

    async def _watch(self) -> None:
        """Tell the service manager that we live, as long as that is so."""
        began, every_s = self.clock.monotonic(), self.supervisor.watchdog_s
        self.supervisor.notify("READY=1")
        try:
            while True:
                if every_s is not None and self._alive(began):
                    self.supervisor.notify("WATCHDOG=1")
                await self.clock.sleep(KEEP_S if every_s is None else every_s / 3)
        finally:
            self.supervisor.notify("STOPPING=1")

    def _alive(self, began: float) -> bool:
        # A disk that refuses is no better after a restart, and what waits in memory would be lost.
        recorder, alarmed = self._recorder, self.buffer.engine.alarmed
        committed = recorder.tried_at if alarmed else recorder.stored_at
        period_s = min((meter.period_s for meter in self.meters), default=0)
        return is_alive(self.clock.monotonic(), committed, began, period_s)

    async def metrics(self) -> str:
        """The figures for Prometheus."""
        further = () if self._listener is None else self._listener.figures()
        own = await self._gauge.figures(connected=self.uplink.connected)
        return expose((*own, *further), "meterline_edge")

    async def apply(self, config: EdgeConfig, origin: str) -> Applied | ReloadRefusal:
        """Switch to another configuration; see `edge_agent.reconfigure`."""
        return await self.reloader.apply(config, origin)

    @property
    def caught_up(self) -> bool:
        """Whether every load profile is stored up to its present end."""
        return self.meter_set.caught_up

    async def health(self) -> Health:
        """The state of the agent now."""
        now = self.clock.wall()
        return Health(
            gateway=self._gateway,
            running=True,
            at=now.isoformat(),
            connected=self.uplink.connected,
            clock_quality=self.clock.quality().name.lower(),
            disk_short=self.buffer.engine.short,
            disk_failing=self.buffer.engine.failing,
            backlog=self.buffer.backlog,
            oldest_unacknowledged_s=age_s(now, await self.buffer.oldest_unacknowledged_ms()),
            readings=counts_table(await self.buffer.counts()),
            meters=meters_of(
                self.buffer.marks, {meter.name: meter.failure for meter in self.meters}
            ),
            pid=os.getpid(),
            broker_failure=self.uplink.failure,
            broker=str(self.uplink.broker),
            configuration=self.reloader.standing.table(),
            events=event_counts(self.buffer.marks),
            refused=self._refusals.table(),
            remote=None if self._listener is None else self._listener.table(),
            certificate=self.certificate(),
        )
