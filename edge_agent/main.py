"""The agent put together: meters, buffer and uplink, from start to a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from random import Random, SystemRandom

import structlog

from edge_agent.backfill import Backfill
from edge_agent.buffer import Buffer
from edge_agent.clock import Clock, ClockSource, SystemClock
from edge_agent.conductor import AGENT, Conductor
from edge_agent.config import EdgeConfig, MeterSettings
from edge_agent.doorbell import listen, socket_path
from edge_agent.ending import end
from edge_agent.figures import Gauge
from edge_agent.health import Health, age_s, counts_table, meters_of
from edge_agent.metrics import expose, serve_metrics
from edge_agent.notify import Supervisor, is_alive
from edge_agent.poller import Poller
from edge_agent.recorder import BOOT_MARK, Recorder, boot_number
from edge_agent.station import Station
from edge_agent.uplink import Uplink
from firmware_bridge.contract.errors import EnvironmentFaultError
from firmware_bridge.registry import create_driver

_log = structlog.get_logger(__name__)

IDLE_FLUSH_S = 3600.0
KEEP_S = 60.0


def agent_name() -> str:
    """Name and version of this software."""
    try:
        return f"{AGENT} {version('meterline')}"
    except PackageNotFoundError:
        return AGENT


class Agent:
    """One gateway at work. Made by `running_agent`.

    Attributes:
        buffer: Open as long as the agent runs.
        stations: The meters.
        uplink: The connection to the broker.
        task: Its work; done only when something went wrong for good.
    """

    def __init__(
        self, config: EdgeConfig, buffer: Buffer, clock: Clock, stations: list[Station]
    ) -> None:
        random: Random = SystemRandom()
        self.task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        self.buffer = buffer
        self.stations = stations
        self._clock = clock
        self._gateway = config.gateway
        conductor = Conductor(buffer, random, agent=agent_name())
        self.uplink = Uplink(config.gateway, config.broker.broker(), conductor, clock, random)
        self._recorder = Recorder(buffer, clock, self.uplink.notify)
        self._gauge = Gauge(buffer, stations, clock)
        self._supervisor = Supervisor.found()
        self._poller = Poller(stations, self._recorder, buffer, clock)
        self._backfills = [
            Backfill(station, self._recorder, buffer, clock)
            for station in stations
            if station.load_profile and station.driver.has_profile
        ]

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.uplink.run())
            group.create_task(self._poller.run())
            group.create_task(self._keep())
            group.create_task(self._watch())
            for backfill in self._backfills:
                group.create_task(backfill.run())

    async def _keep(self) -> None:
        """Write what waits for a cycle that does not come."""
        while True:
            await self._clock.sleep(KEEP_S)
            stored_at = self._recorder.stored_at or 0.0
            if self.buffer.pending and self._clock.monotonic() - stored_at > IDLE_FLUSH_S:
                with contextlib.suppress(EnvironmentFaultError):
                    await self.buffer.flush()

    async def _watch(self) -> None:
        """Tell the service manager that we live, as long as that is so."""
        began, every_s = self._clock.monotonic(), self._supervisor.watchdog_s
        self._supervisor.tell("READY=1")
        try:
            while every_s is not None:
                if self._alive(began):
                    self._supervisor.tell("WATCHDOG=1")
                await self._clock.sleep(every_s / 3)
        finally:
            self._supervisor.tell("STOPPING=1")

    def _alive(self, began: float) -> bool:
        # A disk that refuses is no better after a restart, and what waits in memory would be lost.
        recorder, alarmed = self._recorder, self.buffer.alarmed
        committed = recorder.tried_at if alarmed else recorder.stored_at
        period_s = min((station.period_s for station in self.stations), default=0)
        return is_alive(self._clock.monotonic(), committed, began, period_s)

    async def metrics(self) -> str:
        """The figures for Prometheus."""
        return expose(await self._gauge.figures(connected=self.uplink.connected))

    @property
    def caught_up(self) -> bool:
        """Whether every load profile is stored up to its present end."""
        return all(
            station.current
            for station in self.stations
            if station.load_profile and station.driver.has_profile
        )

    async def health(self) -> Health:
        """How it is doing now."""
        now = self._clock.wall()
        return Health(
            gateway=self._gateway,
            running=True,
            at=now.isoformat(),
            connected=self.uplink.connected,
            clock_quality=self._clock.quality().name.lower(),
            disk_short=self.buffer.short,
            disk_failing=self.buffer.failing,
            backlog=self.buffer.backlog,
            oldest_unacknowledged_s=age_s(now, await self.buffer.oldest_unacknowledged_ms()),
            readings=counts_table(await self.buffer.counts()),
            meters=meters_of(
                self.buffer.marks, {station.name: station.failure for station in self.stations}
            ),
            pid=os.getpid(),
            broker_failure=self.uplink.failure,
        )


def make_clock(source: ClockSource, buffer_marks: dict[str, int] | None = None) -> SystemClock:
    """The machine's clock, which may have been right earlier in this boot."""
    clock = SystemClock(source)
    known = (buffer_marks or {}).get(BOOT_MARK) == boot_number(clock.boot)
    return SystemClock(source, was_synchronised=known)


def make_station(settings: MeterSettings) -> Station:
    """A meter as configured; nothing is sent to it yet.

    Raises:
        UnknownProtocolError, DriverSettingError: It cannot be what the configuration says.
    """
    return Station(
        name=settings.name,
        driver=create_driver(settings.protocol, settings.driver_settings),
        period_s=settings.period_s,
        timeout_s=settings.read_timeout_s,
        load_profile=settings.load_profile,
        backfill_from=settings.backfill_from,
    )


@asynccontextmanager
async def running_agent(config: EdgeConfig) -> AsyncIterator[Agent]:
    """Run an agent inside this process for the time of the context.

    On leaving, everything accepted is committed and the gateway's status says offline.

    Raises:
        ConfigurationError: A meter or the buffer's owner is not as configured.
        EnvironmentFaultError: The buffer cannot be opened.
    """
    stations = [make_station(settings) for settings in config.meters]
    async with AsyncExitStack() as stack:
        buffer = await Buffer.open(
            config.buffer.path, config.gateway, SystemClock(config.clock.source).wall()
        )
        stack.push_async_callback(_close, buffer)
        for station in stations:
            await stack.enter_async_context(station.driver)
        clock = make_clock(config.clock.source, dict(buffer.marks))
        agent = Agent(config, buffer, clock, stations)

        async def answer() -> str:
            return (await agent.health()).to_json()

        server = await listen(socket_path(config.buffer.path), answer)
        stack.callback(socket_path(config.buffer.path).unlink, missing_ok=True)
        stack.callback(server.close)
        if config.metrics.port is not None:
            figures = await serve_metrics(config.metrics.port, agent.metrics)
            stack.callback(figures.close)
        agent.task = asyncio.create_task(agent.run())
        stack.push_async_callback(_end, agent.task)
        yield agent


async def _close(buffer: Buffer) -> None:
    try:
        await buffer.close()
    except EnvironmentFaultError as error:
        # Notes only: what was accepted is committed long since.
        _log.error("buffer_not_flushed", code=error.code, reason=error.message)


async def _end(task: asyncio.Task[None]) -> None:
    await end(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def run_until_signal(config: EdgeConfig) -> None:
    """Run until SIGINT or SIGTERM, then stop cleanly."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked.set)
    async with running_agent(config) as agent:
        _log.info("agent_started", gateway=config.gateway, meters=len(agent.stations))
        waiting: asyncio.Task[object] = asyncio.create_task(asked.wait())
        await asyncio.wait({waiting, agent.task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    _log.info("agent_stopped", gateway=config.gateway)
