"""The ingest process: `python -m central.process.ingest`, as often as the load asks for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from central.adapters.mqtt.dynamic_security import DynamicSecurity
from central.adapters.mqtt.worker import BrokerWorker
from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.ingest.gateway_rates import TimescaleGatewayRates
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.sessions import LOOK_EVERY_S, OverdueTransactions
from central.config.ingest import IngestSettings
from central.process.broker import broker_address
from central.process.health import Readiness, saying_health
from central.process.ingest_figures import ingest_figures
from central.process.keep_fit import keep_fit
from central.process.quota import quota_of, rate_quota_of
from central.process.start import start
from central.process.traces import tracing
from central.service.gateways.broker_access import BrokerRules
from central.service.ingest.error_fields import error_fields
from central.service.ingest.gap_findings import watch_gaps
from central.service.ingest.gateway_rate import GatewayRates
from central.service.ingest.ingest import Ingest
from central.service.ingest.over_quota import OverQuota
from central.service.ingest.patience import patiently
from central.service.ingest.queue import Intake, IntakeLimits
from central.service.ingest.statuses import Statuses
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError
from central.service.stopping import stop_if_cancelled
from firmware_bridge.contract.reading import to_ms

_log = structlog.get_logger(__name__)
_GAP_EVERY_S = 60.0
_PREPARE_EVERY_S = 86_400.0
_COUNT_EVERY_S = 300.0
_RULES_EVERY_S = 2.0
_REPORT_EVERY_S = 5.0
# After one telling, so that a flood makes some statements a second and not thousands.
_SHARE_AFTER_S = 0.05
_NAMED = 5
_AHEAD = timedelta(days=180)


async def run_ingest(settings: IngestSettings, *, ready: asyncio.Event | None = None) -> None:
    """Store what gateways send until cancelled.

    It waits for a database or broker that is not there, and for one that went away.

    Args:
        settings: Where database and broker are.
        ready: Set once the broker's messages arrive here.

    Raises:
        StoreUnfitError: The database is not one that this release can work with; no message is to
            blame, and none was taken.
    """
    dsn = settings.dsn()
    limits = settings.limits
    size = settings.ingest_committers + 4  # suspects, statuses, periodic tasks, shared rates
    pool = make_pool(dsn, max_size=size, name="meterline-ingest", check=False, limits=limits)
    try:
        async with tracing(settings, "meterline-ingest"):
            await _work(settings, pool, ready)
    except BaseExceptionGroup as group:
        # Several parts may find out at once; it is said once.
        if (unfit := _first(group, StoreUnfitError)) is not None:
            raise unfit from None
        raise
    finally:
        await pool.close()


async def _work(settings: IngestSettings, pool: Pool, ready: asyncio.Event | None) -> None:
    """Take what the broker has, and do the periodic tasks, until cancelled."""
    clock = _utc_now
    store, gateways = TimescaleIngestStore(pool, quota_of(settings)), TimescaleGatewayStore(pool)
    rates = GatewayRates(
        rate_quota_of(settings), time.monotonic, clock, TimescaleGatewayRates(pool)
    )
    intake = Intake(Ingest(store, clock), _limits(settings), clock, rates)
    over_quota = OverQuota(store, rates.quota, clock)
    statuses = Statuses(gateways, store, clock)
    failures: Counter[str] = Counter()

    async def keep_status(name: str, payload: bytes) -> None:
        await patiently(lambda: statuses.note(name, payload), statuses.wait)

    address = replace(broker_address(settings), group=settings.ingest_group)
    broker = BrokerWorker(address, intake.offer, keep_status)

    async def watch() -> None:
        await watch_gaps(store, clock(), timedelta(seconds=settings.ingest_gap_patience_s))

    async def prepare() -> None:
        now = clock()
        await store.prepare(to_ms(now), to_ms(now + _AHEAD), now)

    overdue = OverdueTransactions(pool)

    async def end_overdue() -> None:
        if ended := await overdue.end():
            _log.warning("overdue_transactions_ended", sessions=ended)

    async def report_discarded() -> None:
        _report_full("messages", intake.discarded())
        _report_full("statuses", broker.discarded())

    async def report_deferred() -> None:
        await over_quota.note(intake.deferred())

    async def count() -> None:
        _log.info(
            "messages_counted",
            **intake.counts,
            statuses=dict(statuses.counts),
            failures=dict(failures),
        )

    jobs: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        (_GAP_EVERY_S, watch),
        (_PREPARE_EVERY_S, prepare),
        (LOOK_EVERY_S, end_overdue),
        (_COUNT_EVERY_S, count),
        (_REPORT_EVERY_S, report_discarded),
        (_REPORT_EVERY_S, report_deferred),
        (_SHARE_AFTER_S, rates.share),
    ]
    if settings.broker_rules != "none":
        rules = BrokerRules(DynamicSecurity(address), gateways, clock)
        jobs.append((_RULES_EVERY_S, rules.keep))
    readiness = Readiness(pool, {"broker": broker.connected.is_set})
    figures = partial(ingest_figures, intake, statuses.counts, failures)
    async with saying_health(settings, readiness, "meterline_ingest", figures):
        await patiently(lambda: check_fit(settings.dsn()), _wait_on_start)
        await pool.open(wait=False)
        await _run(intake, broker, pool, [(*job, failures) for job in jobs], ready)


async def _run(
    intake: Intake,
    broker: BrokerWorker,
    pool: Pool,
    jobs: Iterable[tuple[float, Callable[[], Awaitable[None]], Counter[str]]],
    ready: asyncio.Event | None,
) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_fit(pool))
        tasks.create_task(intake.run(broker.send))
        for job in jobs:
            tasks.create_task(_every(*job))
        tasks.create_task(broker.run())
        await broker.connected.wait()
        if ready is not None:
            ready.set()


def _report_full(what: str, discarded: Counter[str]) -> None:
    if discarded:
        worst = dict(discarded.most_common(_NAMED))
        _log.warning("queue_full", of=what, discarded=discarded.total(), gateways=worst)


def _first(group: BaseExceptionGroup, kind: type[StoreUnfitError]) -> StoreUnfitError | None:
    for error in group.exceptions:
        inner = _first(error, kind) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(inner, kind):
            return inner
    return None


def _wait_on_start(error: StoreUnavailableError) -> None:
    _log.warning("database_unavailable", reason=error.message)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _limits(settings: IngestSettings) -> IntakeLimits:
    return IntakeLimits(
        queue_bytes=settings.ingest_queue_mib * 1024 * 1024,
        window_readings=settings.ingest_window_readings,
        window_s=settings.ingest_window_ms / 1000,
        committers=settings.ingest_committers,
    )


async def _every(
    pause_s: float, job: Callable[[], Awaitable[None]], failures: Counter[str]
) -> None:
    """Do a job now and then; one that fails is done the next time, and ends nothing.

    Raises:
        StoreUnfitError: The deployment is at fault.
    """
    while True:
        stop_if_cancelled()
        try:
            await job()
        except StoreUnavailableError as error:
            _log.warning("periodic_task_put_off", reason=error.message)
            await asyncio.sleep(min(pause_s, 5.0))
        except StoreUnfitError:
            raise
        except Exception as error:  # noqa: BLE001 - a task ends nothing
            failures[job.__name__] += 1
            _log.error("periodic_task_failed", task=job.__name__, **error_fields(error))
            await asyncio.sleep(min(pause_s, _GAP_EVERY_S))
        else:
            await asyncio.sleep(pause_s)


if __name__ == "__main__":
    start(IngestSettings, run_ingest)
