"""Do what is due: each job once a night, whoever does it, and one that fails stops no other.

What is done is kept in the store, so that workers share the nights: whoever comes first does a job,
another goes on where he dies or stands still, and a night without any worker is made up for by the
next one that starts. A job does all that earlier nights left undone, so of several missed nights
only the newest is done. It may begin anew after its worker died, so it must be idempotent. What
fails is tried a few times in a night, and then waits for the next or for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import structlog

from central.domain.schedule import Occurrence
from central.service.audit.origin import acting_from, job_origin
from central.service.halved import NOBODYS, error_text
from central.service.ports.nights import JobTurn, NightJob, NightStore
from central.service.schedules.plan import DueJobs
from firmware_bridge.contract.errors import MeterlineError

LEASE = timedelta(minutes=2)
"""How long a worker that died or stands still keeps a job."""

KEEP_EVERY_S = LEASE.total_seconds() / 5
"""How often a worker says that it is still at it. [s]"""

RETRY = timedelta(minutes=15)
_CANCEL_AGAIN_S = 5.0

Job = Callable[[datetime, Occurrence], Awaitable[object]]
"""Takes the present and what came due, and gives what it did, for the log."""

_log = structlog.get_logger(__name__)


class JobStoppedError(MeterlineError):
    """A job ended its worker, or its worker was ended, each time it was tried."""

    code = "JOB_STOPPED"
    default_remedy = "See the log of the workers, and whether they run out of memory."


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What became of a job.

    Args:
        name: Of the occurrence.
        done: What it did; None where it failed.
        error: Why it failed; None where it did not.
        lost: Whether another worker took it meanwhile, since this one stood still.
        gave_up: Whether it is not tried any more in this night.
    """

    name: str
    done: object = None
    error: Exception | None = None
    lost: bool = False
    gave_up: bool = False

    @property
    def word(self) -> str:
        """What became of it, in a word."""
        if self.gave_up:
            return "given_up"
        return "failed" if self.error is not None else "lost" if self.lost else "done"


@dataclass(slots=True)
class Jobs:
    """Does what is due.

    Args:
        jobs: What each job does, by name.
        plan: What came due.
        nights: Where it is kept what is done.
        clock: Now, aware.
        report: Told of each job as soon as it is done or has failed.
        worker: Tells this worker from others.
    """

    jobs: Mapping[str, Job]
    plan: DueJobs
    nights: NightStore
    clock: Callable[[], datetime]
    report: Callable[[JobOutcome], None] = lambda _: None
    worker: UUID = field(default_factory=uuid4)
    _at_work: set[tuple[str, date]] = field(default_factory=set)

    async def due(self) -> list[Occurrence]:
        """The next job of each chain that somebody may do now.

        Raises:
            StoreUnavailableError: Ask again.
            StoreUnfitError: The deployment is at fault.
        """
        now = self.clock()
        chains = await self.plan.chains(now)
        nights = [occurrence.night for chain in chains for occurrence in chain]
        if not nights:
            return []
        notes = {(note.name, note.night): note for note in await self.nights.notes(min(nights))}
        due = []
        for chain in chains:
            for occurrence in chain:
                key = (occurrence.key, occurrence.night)
                note = notes.get(key)
                turn = None if note is None else note.turn(now)
                if turn is JobTurn.OTHERS and note is not None and note.worker == self.worker:
                    turn = JobTurn.OTHERS if key in self._at_work else None
                if turn in {None, JobTurn.SPENT}:
                    due.append(occurrence)
                if turn in {None, JobTurn.SPENT, JobTurn.OTHERS}:
                    break  # what follows waits for it
        return due

    async def run_named(self, key: str, night: date) -> JobOutcome | None:
        """Do a job that `due` named here or elsewhere, if it is still due.

        Args:
            key: Of the occurrence.
            night: Of the occurrence.

        Returns:
            What became of it; None where there was nothing to do.

        Raises:
            StoreUnavailableError: Nothing can be done now; what is due stays due.
            StoreUnfitError: The deployment is at fault.
        """
        for chain in await self.plan.chains(self.clock()):
            for occurrence in chain:
                if (occurrence.key, occurrence.night) == (key, night):
                    return (await self._take(occurrence))[1]
        return None

    async def step(self) -> list[JobOutcome]:
        """Do all that is due here and now, chain after chain.

        Raises:
            StoreUnavailableError: Nothing can be done now; what is due stays due.
            StoreUnfitError: The deployment is at fault.
        """
        outcomes = []
        for chain in await self.plan.chains(self.clock()):
            for occurrence in chain:
                if occurrence.schedule.night(self.clock(), occurrence.zone) < occurrence.night:
                    break  # the clock was set back: the next step asks which night it is
                turn, outcome = await self._take(occurrence)
                if outcome is not None:
                    outcomes.append(outcome)
                if turn is JobTurn.OTHERS or (outcome is not None and outcome.lost):
                    break  # what follows waits for it
        return outcomes

    async def _take(self, occurrence: Occurrence) -> tuple[JobTurn, JobOutcome | None]:
        key, entry = (
            (occurrence.key, occurrence.night),
            NightJob(occurrence.night, occurrence.key, self.worker),
        )
        if key in self._at_work:
            return JobTurn.OTHERS, None
        self._at_work.add(key)
        try:
            now = self.clock()
            turn = await self.nights.take(entry, now, now + LEASE)
            if turn is JobTurn.SPENT and await self.nights.give_up(entry, now):
                outcome = JobOutcome(occurrence.key, error=_spent(occurrence), gave_up=True)
            elif turn is JobTurn.OURS:
                outcome = await self._do(entry, occurrence, now)
            else:
                return turn, None
        finally:
            self._at_work.discard(key)
        self.report(outcome)
        return turn, outcome

    async def _do(self, entry: NightJob, occurrence: Occurrence, now: datetime) -> JobOutcome:
        try:
            with acting_from(job_origin(occurrence.schedule.job)):
                lost, done = await self._while_ours(
                    entry, self.jobs[occurrence.schedule.job](now, occurrence)
                )
        except NOBODYS:
            raise
        except asyncio.CancelledError:  # the worker is stopped: another may go on at once
            await self.nights.keep(entry, self.clock())
            raise
        except Exception as error:  # noqa: BLE001 - one job stops no other
            return await self._failed(entry, error)
        if lost or not await self.nights.end(entry, self.clock(), outcome_text(done)):
            return JobOutcome(entry.name, lost=True)
        return JobOutcome(entry.name, done)

    async def _failed(self, entry: NightJob, error: Exception) -> JobOutcome:
        now, text = self.clock(), error_text(error)
        gave_up = await self.nights.give_up(entry, now, text)
        if not gave_up:
            await self.nights.put_off(entry, now + RETRY, text)
        return JobOutcome(entry.name, error=error, gave_up=gave_up)

    async def _while_ours(self, entry: NightJob, work: Awaitable[object]) -> tuple[bool, object]:
        """Work, and keep the job meanwhile; who stood still and lost it is broken off."""
        job, keeper = asyncio.ensure_future(work), asyncio.create_task(self._keep(entry))
        try:
            await asyncio.wait({job, keeper}, return_when=asyncio.FIRST_COMPLETED)
            return (False, job.result()) if job.done() else (True, None)
        finally:
            pending = {job, keeper}
            while pending:  # a cancellation may be lost, see `process.start.ended`
                for task in pending:
                    task.cancel()
                _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)

    async def _keep(self, entry: NightJob) -> None:
        """Until it is no longer ours."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            try:
                if not await self.nights.keep(entry, self.clock() + LEASE):
                    return
            except MeterlineError as error:  # the job itself meets it, too
                _log.warning("job_not_kept", job=entry.name, reason=error.message)


def outcome_text(done: object) -> str:
    """What a job did, for people: `2 runs, 1 held`."""
    if is_dataclass(done) and not isinstance(done, type):
        counted = ((getattr(done, count.name), count.name) for count in fields(done))
        return ", ".join(f"{value} {name.replace('_', ' ')}" for value, name in counted)
    return "" if done is None else str(done)


def _spent(occurrence: Occurrence) -> Exception:
    message = f"Whoever did {occurrence.key} was stopped each time."
    return JobStoppedError(message, value=occurrence.key)
