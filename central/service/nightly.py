"""Jobs of the night: each is done once a UTC day, and one that fails stops no other.

What is done is kept in the store, so that workers share the nights: whoever comes first does a job,
another goes on where he dies, and a night without any worker is made up for by the next one that
starts. A job does all that earlier nights left undone, so of several missed nights only the newest
is done. It may begin anew after its worker died, so it must be idempotent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import structlog

from central.service.halved import NOBODYS, error_text
from central.service.ports.nights import JobTurn, NightJob, NightStore
from firmware_bridge.contract.errors import MeterlineError

AT_HOUR = 2
"""From when on in a UTC day its jobs are done. [h]"""

LEASE = timedelta(minutes=5)
"""How long a worker that died or stands still keeps a job."""

RETRY = timedelta(minutes=15)

Job = Callable[[datetime], Awaitable[object]]
"""Takes the present, and gives what it did, for the log."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What became of a job.

    Args:
        name: Of the job.
        done: What it did; None where it failed.
        error: Why it failed; None where it did not.
    """

    name: str
    done: object = None
    error: Exception | None = None


@dataclass(slots=True)
class Nightly:
    """Does what is due.

    Args:
        jobs: By name, in the order in which they are done.
        store: Where it is kept what is done.
        clock: Now, aware.
        report: Told of each job as soon as it is done or has failed.
        worker: Tells this worker from others.
    """

    jobs: Mapping[str, Job]
    store: NightStore
    clock: Callable[[], datetime]
    report: Callable[[JobOutcome], None] = lambda _: None
    worker: UUID = field(default_factory=uuid4)
    _done: date | None = None

    async def step(self) -> list[JobOutcome]:
        """Do the jobs that are due, in order, each at most once.

        Raises:
            StoreUnavailableError: Nothing can be done now; what is due stays due.
            StoreUnfitError: The deployment is at fault.
        """
        night = night_of(self.clock())
        outcomes: list[JobOutcome] = []
        if night == self._done:
            return outcomes
        turns: set[JobTurn] = set()
        for name, job in self.jobs.items():
            entry = NightJob(night, name, self.worker)
            now = self.clock()
            if night_of(now) < night:
                return outcomes  # the clock was set back: the next step asks which night it is
            turn = await self.store.take(entry, now, now + LEASE)
            turns.add(turn)
            if turn is JobTurn.OTHERS:
                return outcomes  # what follows waits for it
            if turn is JobTurn.OURS:
                outcomes.append(await self._do(entry, job, now))
                self.report(outcomes[-1])
        if turns <= {JobTurn.DONE}:
            self._done = night
        return outcomes

    async def _do(self, entry: NightJob, job: Job, now: datetime) -> JobOutcome:
        try:
            async with self._kept(entry):
                done = await job(now)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - one job stops no other
            await self.store.put_off(entry, self.clock() + RETRY, error_text(error))
            return JobOutcome(entry.name, error=error)
        await self.store.end(entry, self.clock())
        return JobOutcome(entry.name, done)

    @asynccontextmanager
    async def _kept(self, entry: NightJob) -> AsyncIterator[None]:
        """Keep a job as long as it is done here; a worker that stands still keeps nothing."""
        keeper = asyncio.create_task(self._keep(entry))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _keep(self, entry: NightJob) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 5)
            try:
                await self.store.keep(entry, self.clock() + LEASE)
            except MeterlineError as error:  # the job itself meets it, too
                _log.warning("nightly_job_not_kept", job=entry.name, reason=error.message)


def night_of(now: datetime) -> date:
    """The newest night whose jobs are due: the UTC day on which it ends."""
    return (now.astimezone(UTC) - timedelta(hours=AT_HOUR)).date()
