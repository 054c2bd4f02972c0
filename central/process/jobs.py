"""The jobs of the worker: what each does, and the queue that hands them to whoever is free.

A job is registered by a row in `service.schedules.kinds` and a line in `job_table`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import structlog

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.billing.correction_rules import TimescaleCorrectionRules
from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.job_queue import JobQueue, job_queue
from central.adapters.timescale.nights import TimescaleNightStore
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.moves import TimescaleMoves
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.retention import TimescaleRetention
from central.adapters.timescale.retention_rules import TimescaleRetentionRules
from central.adapters.timescale.schedules import TimescaleScheduleStore
from central.adapters.timescale.validation.estimates import TimescaleBillWindow
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.config.settings import Settings
from central.domain.actor import Actor
from central.domain.schedule import Occurrence
from central.process.einvoice_rules import installed_rules
from central.process.start import ended
from central.service.audit.origin import acting_from, job_origin
from central.service.billing.change_settings import ChangeSettings
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_rules import CorrectionRules
from central.service.billing.find_candidates import FindCandidates
from central.service.billing.retry_held import RetryTally, do_runs, retry_held
from central.service.billing.scheduled_run import ScheduledRun
from central.service.billing.unbilled_revenue import UnbilledRevenue
from central.service.drop_expired import Dropped, Retention, drop_expired
from central.service.ingest.error_fields import error_fields
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import StoreUnavailableError
from central.service.registry.cycles import BillingCycles
from central.service.registry.holidays import PublicHolidays
from central.service.retention.delete import delete_past_term, deleted_text
from central.service.schedules.plan import DueJobs
from central.service.schedules.run_jobs import Job, JobOutcome, Jobs, outcome_text
from central.service.schedules.standing import StandingJob
from central.service.tracing import span
from central.service.validation.estimate_held import EstimateHeld, EstimateTally
from central.service.validation.validate import Validate, VeeSettings
from firmware_bridge.figures import Histogram

_SWEEP_EVERY_S = 30.0
_AGAIN_S = 5.0
_log = structlog.get_logger(__name__)


def job_table(pool: Pool, settings: Settings, clock: Callable[[], datetime]) -> dict[str, Job]:
    """What each job does, by the name of its kind.

    Each takes the time anew for every transaction: a job may last longer than one may.
    """
    registry, bills = TimescaleRegistry(pool), TimescaleBillingStore(pool, installed_rules())
    window, validation = TimescaleBillWindow(pool), TimescaleValidationStore(pool)
    revisions = TimescaleSettingsStore(pool)

    async def close_days(_: datetime, __: Occurrence) -> str:
        vee = VeeSettings(grace=settings.grace)
        tally = await Validate(validation, clock, vee).until_idle()
        return f"{tally.closed} days closed, {tally.versions} blocks made"

    async def keep_unbilled(_: datetime, __: Occurrence) -> str:
        tally = await UnbilledRevenue(TimescaleUnbilled(pool), clock).refresh()
        return outcome_text(tally)

    async def extend_cycles(_: datetime, __: Occurrence) -> str:
        changes = await BillingCycles(registry, Actor.job("cycles"), clock).extend()
        return f"{sum(len(change.added) for change in changes)} periods listed"

    async def keep_holidays(_: datetime, __: Occurrence) -> str:
        years = await PublicHolidays(registry, Actor.job("holidays"), clock).seed()
        return f"{years} years kept"

    async def retry(_: datetime, __: Occurrence) -> RetryTally:
        return await retry_held(window, bills, clock, settings.shard_size, settings.takeover_s)

    async def final_bills(now: datetime, _: Occurrence) -> RetryTally:
        runs = await TimescaleMoves(pool).left_unbilled(now)
        return await do_runs(runs, bills, clock, settings.shard_size, settings.takeover_s)

    async def estimate_held(_: datetime, __: Occurrence) -> EstimateTally:
        current = await ChangeSettings(revisions, clock).current()
        return await EstimateHeld(window, validation, clock)(current.settings.window)

    async def find(_: datetime, __: Occurrence) -> str:
        tally = await FindCandidates(TimescaleCandidates(pool), clock)()
        settled = await correction_rules(pool, clock).apply()
        return f"{outcome_text(tally)}, {settled} settled by rules"

    async def drop(now: datetime, _: Occurrence) -> Dropped:
        retention = Retention(
            timedelta(days=settings.rejected_days),
            timedelta(days=settings.quarantine_days),
            timedelta(days=settings.finding_days),
            timedelta(days=settings.notice_days),
        )
        return await drop_expired(TimescaleRetention(pool), retention, now)

    return {
        "close_days": close_days,
        "keep_unbilled": keep_unbilled,
        "extend_cycles": extend_cycles,
        "keep_holidays": keep_holidays,
        "retry_held": retry,
        "final_bills": final_bills,
        "estimate_held": estimate_held,
        "retry_estimated": retry,
        "find_candidates": find,
        "drop_expired": drop,
        "delete_past_term": delete_job(pool, clock),
        "bill_run": ScheduledRun(bills, registry, clock, settings.shard_size, settings.takeover_s),
    }


def delete_job(pool: Pool, clock: Callable[[], datetime]) -> Job:
    """Deletes what is past its term."""
    store, actor = TimescaleRetentionRules(pool), Actor.job("retention")

    async def delete(_: datetime, __: Occurrence) -> str:
        return deleted_text(await delete_past_term(store, actor, clock))

    return delete


def correction_rules(pool: Pool, clock: Callable[[], datetime]) -> CorrectionRules:
    """The use-cases of rules that settle small differences."""
    correct = CorrectBills(TimescaleCorrections(pool), clock)
    return CorrectionRules(TimescaleCorrectionRules(pool), correct, clock)


async def compare_changed(pool: Pool, clock: Callable[[], datetime]) -> None:
    """Compare issued bills whose inputs changed, and settle what rules cover."""
    began = clock()
    tally = await FindCandidates(TimescaleCandidates(pool), clock).changed()
    settled = await correction_rules(pool, clock).apply(began)
    if tally.rated:
        _log.info("changed_bills_compared", outcome=outcome_text(tally), settled=settled)


def nightly_jobs(pool: Pool, settings: Settings, clock: Callable[[], datetime]) -> Jobs:
    """Does what is due, by a schedule that people may change."""
    table = job_table(pool, settings, clock)
    plan = DueJobs(TimescaleScheduleStore(pool))
    return Jobs(table, plan, TimescaleNightStore(pool), clock, _report)


async def run_jobs(
    pool: Pool,
    settings: Settings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    standing: Mapping[str, StandingJob] | None = None,
    times: Histogram | None = None,
) -> None:
    """Do what is due until cancelled, whichever worker sees it.

    Args:
        pool: An open pool.
        settings: Where the database is, and how many accounts are billed at a time.
        clock: Now, aware.
        standing: Jobs that are due while something waits for them, by name.
        times: Counts how long jobs took, by name and outcome.
    """
    worker = JobWorker(nightly_jobs(pool, settings, clock), standing or {}, times)
    while True:
        try:
            async with job_queue(settings.dsn(), worker.do, settings.limits) as queue:
                await worker.serve(queue, settings.poll_s)
        except (StoreUnavailableError, StoreUnfitError) as error:  # validating ends on the second
            _log.warning("jobs_put_off", reason=error.message)
        except Exception as error:  # noqa: BLE001 - whatever the queue does, the worker goes on
            _log.error("job_queue_failed", **error_fields(error))
        await asyncio.sleep(min(_AGAIN_S, settings.poll_s))


class JobWorker:
    """Puts what is due into the queue, and does what comes out of it.

    Args:
        jobs: Those of a schedule.
        standing: Those that are due while something waits for them, by name.
        times: Counts how long they took, by name and outcome.
    """

    def __init__(
        self, jobs: Jobs, standing: Mapping[str, StandingJob], times: Histogram | None = None
    ) -> None:
        self._jobs = jobs
        self._standing = standing
        self._times = times
        self._look = asyncio.Event()

    async def serve(self, queue: JobQueue, look_every_s: float) -> None:
        """Work until cancelled, or until the queue fails.

        Args:
            queue: Open.
            look_every_s: How often it is looked whether something is due. [s]

        Raises:
            StoreUnavailableError: Open the queue anew.
            StoreUnfitError: The deployment is at fault.
        """
        tasks = [
            asyncio.create_task(self._put(queue, look_every_s)),
            asyncio.create_task(_sweep(queue)),
            asyncio.create_task(queue.serve()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            await ended(*tasks)

    async def _put(self, queue: JobQueue, look_every_s: float) -> None:
        while True:
            self._look.clear()
            for occurrence in await self._jobs.due():
                await queue.put(occurrence.key, occurrence.night.isoformat())
            for name, job in self._standing.items():
                if await job.due():
                    await queue.put(name)
            await _either(self._look.wait(), look_every_s)

    async def do(self, name: str, night: str) -> None:
        """Do a job that came out of the queue; raises nothing."""
        with span("job", job=name, night=night) as measured:
            became = await self._measured(name, night)
            measured.set(outcome=became or "by another")

    async def _measured(self, name: str, night: str) -> str | None:
        began = time.perf_counter()
        try:
            became: str | None = await self._became(name, night)
        except (StoreUnavailableError, StoreUnfitError) as error:
            became = "put_off"
            _log.warning("job_put_off", job=name, reason=error.message)
        except Exception as error:  # noqa: BLE001 - one job stops no other
            became = "failed"
            _log.error("job_failed", job=name, **error_fields(error))
        else:
            self._look.set()  # the next of its chain may be due
        if self._times is not None and became is not None:
            self._times.observe(time.perf_counter() - began, name, became)
        return became

    async def _became(self, name: str, night: str) -> str | None:
        """Do a job; what became of it, or None where another did it."""
        if (standing := self._standing.get(name)) is not None:
            with acting_from(job_origin(name)):
                await standing.do()
            return "done"
        outcome = await self._jobs.run_named(name, date.fromisoformat(night))
        return None if outcome is None else outcome.word


async def _sweep(queue: JobQueue) -> None:
    while True:
        if swept := await queue.sweep():
            _log.warning("silent_workers_swept", entries=swept)
        await asyncio.sleep(_SWEEP_EVERY_S)


async def _either(event: Awaitable[object], seconds: float) -> None:
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        waiting.cancel()


def _report(outcome: JobOutcome) -> None:
    if outcome.gave_up:
        _log.error("job_gave_up", job=outcome.name, **_fields(outcome))
    elif outcome.error is not None:
        _log.error("nightly_job_failed", job=outcome.name, **_fields(outcome))
    elif outcome.lost:
        _log.warning("nightly_job_lost", job=outcome.name)
    else:
        _log.info("nightly_job_done", job=outcome.name, outcome=str(outcome.done))


def _fields(outcome: JobOutcome) -> dict[str, str]:
    return {} if outcome.error is None else error_fields(outcome.error)
