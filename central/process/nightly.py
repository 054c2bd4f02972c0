"""The jobs of the night in the worker: cycles, held bills, estimates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.nights import TimescaleNightStore
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.estimates import TimescaleBillWindow
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.config.settings import Settings
from central.domain.actor import Actor
from central.service.billing.change_settings import ChangeSettings
from central.service.billing.retry_held import RetryTally, retry_held
from central.service.ingest.error_fields import error_fields
from central.service.nightly import JobOutcome, Nightly
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError
from central.service.registry.cycles import BillingCycles
from central.service.registry.holidays import PublicHolidays
from central.service.validation.estimate_held import EstimateHeld, EstimateTally

_LOOK_EVERY_S = 60.0
_log = structlog.get_logger(__name__)


def nightly_jobs(pool: Pool, settings: Settings, clock: Callable[[], datetime]) -> Nightly:
    """The jobs, in the order in which they are done."""
    registry, bills = TimescaleRegistry(pool), TimescaleBillingStore(pool)
    window, validation = TimescaleBillWindow(pool), TimescaleValidationStore(pool)
    revisions = TimescaleSettingsStore(pool)

    async def extend_cycles(now: datetime) -> int:
        changes = await BillingCycles(registry, Actor.job("cycles"), lambda: now).extend()
        return sum(len(change.added) for change in changes)

    async def keep_holidays(now: datetime) -> int:
        return await PublicHolidays(registry, Actor.job("holidays"), lambda: now).seed()

    async def retry(now: datetime) -> RetryTally:
        return await retry_held(
            window, bills, lambda: now, settings.shard_size, settings.takeover_s
        )

    async def estimate_held(now: datetime) -> EstimateTally:
        current = await ChangeSettings(revisions, lambda: now).current()
        return await EstimateHeld(window, validation)(current.settings.window, now)

    return Nightly(
        {
            "extend_cycles": extend_cycles,
            "keep_holidays": keep_holidays,
            "retry_held": retry,
            "estimate_held": estimate_held,
            "retry_estimated": retry,
        },
        TimescaleNightStore(pool),
        clock,
        _report,
    )


async def run_nightly(
    pool: Pool, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Do the jobs of each night until cancelled.

    Args:
        pool: An open pool.
        settings: How many accounts are billed at a time.
        clock: Now, aware.
    """
    nightly = nightly_jobs(pool, settings, clock)
    while True:
        try:
            await nightly.step()
        except (StoreUnavailableError, StoreUnfitError) as error:  # validating ends on the second
            _log.warning("nightly_jobs_put_off", reason=error.message)
        await asyncio.sleep(_LOOK_EVERY_S)


def _report(outcome: JobOutcome) -> None:
    if outcome.error is not None:
        _log.error("nightly_job_failed", job=outcome.name, **error_fields(outcome.error))
    else:
        _log.info("nightly_job_done", job=outcome.name, outcome=str(outcome.done))
