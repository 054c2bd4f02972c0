"""Compose and run the agent: meters, buffer and uplink, from start to a clean stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import SystemRandom

import structlog

from edge_agent.agent import Agent
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.path_check import check_file, check_folder
from edge_agent.cancellation import end
from edge_agent.clock import ClockSource, SteadyClock, SystemClock
from edge_agent.config.broker import Broker
from edge_agent.config.settings import (
    ConfigurationFileError,
    EdgeConfig,
    MeterSettings,
    alike_meters,
)
from edge_agent.config.sound_parts import SoundParts
from edge_agent.enrolment.centre import Centre
from edge_agent.enrolment.identity import Identity
from edge_agent.enrolment.renewal import Renewal
from edge_agent.monitoring.status_socket import listen, socket_path
from edge_agent.polling.meter_set import check_meters, make_meter
from edge_agent.polling.recorder import anchor_of
from edge_agent.remote.service import RemoteService
from edge_agent.uplink.listener import Listener
from firmware_bridge.contract.errors import EnvironmentFaultError, MeterlineError
from firmware_bridge.driver.table_faults import refusals

_log = structlog.get_logger(__name__)


def make_clock(source: ClockSource, marks: Mapping[str, int]) -> SteadyClock:
    """The machine's clock, which may have been right earlier in this boot."""
    clock = SystemClock(source)
    return SteadyClock(clock, anchor_of(marks, clock.boot))


def faults_of(config: EdgeConfig) -> tuple[MeterlineError, ...]:
    """Everything that would keep an agent from running as configured; starts nothing.

    Args:
        config: Read already.
    """
    names = (partial(broker.check_name, config.gateway) for broker in config.routes())
    parts = _checks(config.buffer.path, config.routes(), config.meters)
    return refusals([*parts, *names])


def faults_of_file(path: Path, refusal: MeterlineError) -> tuple[MeterlineError, ...]:
    """Everything that is wrong with a file that is refused.

    Args:
        path: The configuration file.
        refusal: What it is refused for.
    """
    parts = SoundParts.of(path)
    brokers = [settings.broker() for settings in parts.brokers]
    faults = refusals(_checks(parts.buffer, brokers, parts.meters))
    alike = "; ".join(alike_meters(parts.meters))
    if alike and alike not in refusal.message:
        faults = (ConfigurationFileError(f"{path}: {alike}."), *faults)
    return (refusal, *faults)


def _checks(
    buffer: Path | None, brokers: Iterable[Broker], meters: Iterable[MeterSettings]
) -> list[Callable[[], object]]:
    """What opens no line: files and tables."""
    folder = [] if buffer is None else [partial(check_folder, buffer), partial(check_file, buffer)]
    return [
        *folder,
        *(broker.tls_context for broker in brokers),
        *(partial(make_meter, settings) for settings in meters),
    ]


@asynccontextmanager
async def running_agent(
    config: EdgeConfig, origin: str = "the configuration", listener: Listener | None = None
) -> AsyncIterator[Agent]:
    """Run an agent inside this process for the time of the context.

    On leaving, everything accepted is committed and the gateway's status says offline.

    Args:
        config: What it begins with.
        origin: Where that came from, for its status.
        listener: Hears of what the centre says beside acknowledgements; None for nobody.

    Raises:
        ConfigurationError: A meter or the buffer's owner is not as configured.
        EnvironmentFaultError: The buffer cannot be opened, or a port is taken.
    """
    check_meters(config.meters)
    async with AsyncExitStack() as stack:
        buffer = await Buffer.open(
            config.buffer.path, config.gateway, SystemClock(config.clock.source).wall()
        )
        stack.push_async_callback(_close, buffer)
        clock = make_clock(config.clock.source, dict(buffer.marks))
        agent = Agent(config, origin, buffer, clock, listener)
        stack.push_async_callback(agent.meter_set.close)
        await agent.meter_set.change(config.meters)

        async def answer() -> str:
            return (await agent.health()).to_json()

        server = await listen(socket_path(config.buffer.path), answer)
        stack.callback(socket_path(config.buffer.path).unlink, missing_ok=True)
        stack.callback(server.close)
        await agent.reloader.begin()
        agent.task = asyncio.create_task(agent.run())
        stack.push_async_callback(_end, agent.task)
        stack.push_async_callback(agent.reloader.close)
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


async def run_until_signal(read: Callable[[], EdgeConfig], origin: str) -> None:
    """Run until SIGINT or SIGTERM, then stop cleanly; read the configuration again on SIGHUP.

    Args:
        read: Gives the configuration, or raises ConfigurationFileError.
        origin: Where it comes from.

    Raises:
        ConfigurationError, EnvironmentFaultError: See `running_agent`.
    """
    asked, hung_up = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked.set)
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    local = read()
    remote = RemoteService(local)
    config = remote.begin(local)
    async with running_agent(config, origin, remote) as agent:
        _log.info("agent_started", gateway=config.gateway, meters=len(agent.meters))
        stopping: asyncio.Task[object] = asyncio.create_task(asked.wait())
        reloading = asyncio.create_task(
            _reload(agent, hung_up, lambda: remote.over(read()), origin)
        )
        remote_work = asyncio.create_task(remote.run(agent))
        renewing = asyncio.create_task(_renew(agent, config))
        work = {stopping, reloading, remote_work, renewing, agent.task}
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await _end(reloading)
            await _end(remote_work)
            await _end(renewing)
        if asked.is_set():
            remote.stop()
    _log.info("agent_stopped", gateway=config.gateway)


async def _renew(agent: Agent, config: EdgeConfig) -> None:
    """Renew the certificate for ever, where the centre gives it."""
    if config.identity is None:
        await asyncio.Event().wait()
        return
    renewal = Renewal(
        config.gateway,
        Identity(config.identity.folder),
        Centre(config.identity),
        agent.clock,
        SystemRandom(),
        agent.uplink.reconnect,
    )
    agent.certificate = renewal.table
    await renewal.run()


async def _reload(
    agent: Agent, hung_up: asyncio.Event, read: Callable[[], EdgeConfig], origin: str
) -> None:
    """Reload whenever asked, for ever; what comes meanwhile counts once."""
    while True:
        await hung_up.wait()
        hung_up.clear()
        with agent.supervisor.reloading():
            await agent.reloader.reload(read, origin)
