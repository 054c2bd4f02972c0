"""The ingest process: `python -m central.process.ingest`, as often as the load asks for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from central.adapters.mqtt.worker import BrokerAddress, BrokerWorker
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.config.ingest import IngestSettings
from central.service.gateways.enrolment import note_status
from central.service.ingest.gap_findings import watch_gaps
from central.service.ingest.ingest import Ingest
from central.service.ingest.queue import Intake, IntakeLimits
from central.service.ports.ingest import StoreUnavailableError
from firmware_bridge.contract.reading import to_ms

_LOG = structlog.get_logger(__name__)
_GAP_EVERY_S = 60.0
_PREPARE_EVERY_S = 86_400.0
_AHEAD = timedelta(days=180)


async def run_ingest(settings: IngestSettings, *, ready: asyncio.Event | None = None) -> None:
    """Store what gateways send until cancelled.

    It waits for a database or broker that is not there, and for one that went away.

    Args:
        settings: Where database and broker are.
        ready: Set once the broker's messages arrive here.
    """
    clock = _utc_now
    dsn = settings.database.get_secret_value()
    size = settings.committers + 2
    pool = make_pool(dsn, max_size=size, name="meterline-ingest", check=False)
    await pool.open(wait=False)
    try:
        store, gateways = TimescaleIngestStore(pool), TimescaleGatewayStore(pool)

        async def keep_status(name: str, payload: bytes) -> None:
            with contextlib.suppress(StoreUnavailableError):  # it is retained, and comes again
                await note_status(gateways, name, payload, clock)

        async def watch() -> None:
            await watch_gaps(store, clock(), timedelta(seconds=settings.gap_patience_s))

        async def prepare() -> None:
            now = clock()
            await store.prepare(to_ms(now), to_ms(now + _AHEAD))

        intake = Intake(Ingest(store, clock), _limits(settings))
        broker = BrokerWorker(_address(settings), intake.offer, keep_status)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(intake.run(broker.send))
            tasks.create_task(_every(_GAP_EVERY_S, watch))
            tasks.create_task(_every(_PREPARE_EVERY_S, prepare))
            tasks.create_task(broker.run())
            await broker.connected.wait()
            if ready is not None:
                ready.set()
    finally:
        await pool.close()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _limits(settings: IngestSettings) -> IntakeLimits:
    return IntakeLimits(
        queue_bytes=settings.queue_mib * 1024 * 1024,
        window_readings=settings.window_readings,
        window_s=settings.window_ms / 1000,
        committers=settings.committers,
    )


def _address(settings: IngestSettings) -> BrokerAddress:
    password = settings.broker_password
    return BrokerAddress(
        settings.broker_host,
        settings.broker_port,
        settings.broker_username,
        None if password is None else password.get_secret_value(),
        settings.tls(),
        settings.group,
    )


async def _every(pause_s: float, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job now and then; one that the database is not there for is done the next time."""
    while True:
        try:
            await job()
        except StoreUnavailableError as error:
            _LOG.warning("chore put off", reason=error.message)
            await asyncio.sleep(min(pause_s, 5.0))
        else:
            await asyncio.sleep(pause_s)


async def serve(settings: IngestSettings) -> None:
    """Run until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(run_ingest(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


def main() -> None:
    """Entry of `python -m central.process.ingest`; settings come from the environment."""
    asyncio.run(serve(IngestSettings()))  # type: ignore[call-arg]  # the environment has the rest


if __name__ == "__main__":
    main()
