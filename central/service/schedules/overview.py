"""What ran, what comes next, what failed and what to do: schedule by schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from central.domain.schedule import JobSchedule, Occurrence
from central.service.ports.nights import JobTurn, NightNote, NightStore
from central.service.ports.schedules import ScheduleStore
from central.service.schedules.plan import DueJobs

JOB_GAVE_UP = "JOB_GAVE_UP"
"""The code of a job that is not tried any more in its night."""

WAITS_LONG = timedelta(minutes=30)
"""After what time a job that nobody does says that no worker runs."""
NO_WORKER = "NO_WORKER"


class JobState(StrEnum):
    """How a job's newest night stands."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    PUT_OFF = "put_off"
    FAILED = "failed"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a schedule stands, in one zone.

    Args:
        schedule: Which.
        zone: In whose local time.
        night: The newest local day on which it came due.
        since: When it came due on that day.
        next_at: When it comes due next; None while it is paused.
        state: How that night stands.
        note: What is known of that night; None where nobody took it.
        code: What is wrong; None where nothing is.
        remedy: What to do; None where nothing is wrong.
    """

    schedule: JobSchedule
    zone: str
    night: date
    since: datetime
    next_at: datetime | None
    state: JobState
    note: NightNote | None = None
    code: str | None = None
    remedy: str | None = None

    @property
    def key(self) -> str:
        """What tells it from others."""
        return Occurrence(self.schedule, self.zone, self.night).key

    @property
    def trouble(self) -> tuple[str, ...]:
        """What is wrong, as a line for people; empty where nothing is."""
        if self.code is None:
            return ()
        reason = "nobody does it" if self.note is None else self.note.error or "nobody does it"
        return (f"{self.code}: {self.key}, night of {self.night}: {reason}. {self.remedy}",)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        note = self.note
        return {
            "name": self.schedule.name,
            **self.schedule.to_json(),
            "in_zone": self.zone,
            "night": self.night.isoformat(),
            "next_at": _instant(self.next_at),
            "state": self.state.value,
            "attempts": 0 if note is None else note.attempts,
            "began_at": None if note is None else _instant(note.began_at),
            "done_at": None if note is None else _instant(note.done_at),
            "retry_at": _instant(note.due_at)
            if note is not None and self.state is JobState.PUT_OFF
            else None,
            "outcome": None if note is None else note.outcome,
            "error": None if note is None else note.error,
            "code": self.code,
            "remedy": self.remedy,
        }


class ShowSchedules:
    """The use-case.

    Args:
        store: Where schedules are kept.
        nights: Where it is kept what is done.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: ScheduleStore,
        nights: NightStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = DueJobs(store)
        self._nights = nights
        self._clock = clock

    async def __call__(self) -> list[JobStatus]:
        """Every schedule, in each of its zones, in the order of jobs.

        Raises:
            StoreUnavailableError: Try again.
        """
        now = self._clock()
        occurrences = await self._plan.each(now)
        if not occurrences:
            return []
        notes = {
            (note.name, note.night): note
            for note in await self._nights.notes(min(newest.night for newest in occurrences))
        }
        return [
            _status(newest, notes.get((newest.key, newest.night)), now) for newest in occurrences
        ]


def _status(newest: Occurrence, note: NightNote | None, now: datetime) -> JobStatus:
    schedule, since = newest.schedule, newest.schedule.came_due(newest.night, newest.zone)
    state = JobState.PAUSED if schedule.paused else _state(note, now)
    code = remedy = None
    if state is JobState.FAILED:
        code = JOB_GAVE_UP
        remedy = f"Remedy what the error names, then `schedule run {schedule.name}`."
    elif state is JobState.WAITING and since + WAITS_LONG <= now:
        code = NO_WORKER
        remedy = "Start `meterline-central worker`; see its log where it runs."
    next_at = None if schedule.paused else schedule.next_at(now, newest.zone)
    return JobStatus(schedule, newest.zone, newest.night, since, next_at, state, note, code, remedy)


def _state(note: NightNote | None, now: datetime) -> JobState:
    if note is None:
        return JobState.WAITING
    states = {
        JobTurn.DONE: JobState.DONE,
        JobTurn.OTHERS: JobState.RUNNING,
        JobTurn.PUT_OFF: JobState.PUT_OFF,
        JobTurn.GAVE_UP: JobState.FAILED,
        JobTurn.SPENT: JobState.FAILED,
    }
    turn = note.turn(now)
    return JobState.WAITING if turn is None else states[turn]


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
