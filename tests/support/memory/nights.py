"""Which jobs of which night are done, and what people said of schedules, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from central.domain.actor import Actor
from central.domain.schedule import JobSchedule
from central.service.ports.nights import KEPT, TRIES, JobTurn, NightJob, NightNote


class MemoryNightStore:
    """`NightStore` over a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[date, str], NightNote] = {}

    async def take(self, job: NightJob, at: datetime, until: datetime) -> JobTurn:
        """See `NightStore`."""
        key = (job.night, job.name)
        note = self.rows.get(key)
        tries = 1
        if note is not None:
            turn, open_here = note.turn(at), note.worker == job.worker and note.error is None
            if turn is not None and not (turn in {JobTurn.OTHERS, JobTurn.SPENT} and open_here):
                return turn
            if note.gave_up_at is None:
                tries = note.attempts + (0 if open_here and note.done_at is None else 1)
        self.rows[key] = NightNote(job.night, job.name, job.worker, until, tries, at)
        return JobTurn.OURS

    async def keep(self, job: NightJob, until: datetime) -> bool:
        """See `NightStore`."""
        return self._change(job, due_at=until)

    async def end(self, job: NightJob, at: datetime, outcome: str) -> bool:
        """See `NightStore`."""
        ended = self._change(job, done_at=at, outcome=outcome or None)
        for night, name in list(self.rows):
            if night < job.night - KEPT:
                del self.rows[night, name]
        return ended

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """See `NightStore`."""
        self._change(job, due_at=until, error=error)

    async def give_up(self, job: NightJob, at: datetime, error: str | None = None) -> bool:
        """See `NightStore`."""
        note = self.rows.get((job.night, job.name))
        if note is None or note.done_at or note.gave_up_at or note.attempts < TRIES:
            return False
        if not (note.worker == job.worker and note.error is None) and note.due_at > at:
            return False
        reason = error or note.error or "Whoever did it was stopped each time."
        self.rows[job.night, job.name] = replace(note, gave_up_at=at, error=reason)
        return True

    async def again(self, night: date, name: str) -> None:
        """See `NightStore`."""
        note = self.rows.get((night, name))
        if note is not None and (note.done_at or note.gave_up_at or note.error):
            del self.rows[night, name]

    async def notes(self, since: date) -> tuple[NightNote, ...]:
        """See `NightStore`."""
        notes = [note for note in self.rows.values() if note.night >= since]
        return tuple(sorted(notes, key=lambda note: (-note.night.toordinal(), note.name)))

    def _change(self, job: NightJob, **values: object) -> bool:
        key = (job.night, job.name)
        note = self.rows.get(key)
        if note is None or note.worker != job.worker:
            return False
        if note.done_at or note.gave_up_at or note.error:
            return False
        self.rows[key] = replace(note, **values)  # type: ignore[arg-type]
        return True


class MemoryScheduleStore:
    """`ScheduleStore` over a dictionary.

    Args:
        zones: Gives those of the service points.
    """

    def __init__(self, zones: Callable[[], Iterable[str]]) -> None:
        self.changed: dict[str, JobSchedule] = {}
        self.log: list[tuple[str, str]] = []
        self._zones = zones

    async def schedules(self) -> tuple[JobSchedule, ...]:
        """See `ScheduleStore`."""
        return tuple(self.changed[name] for name in sorted(self.changed))

    async def zones(self) -> tuple[str, ...]:
        """See `ScheduleStore`."""
        return tuple(sorted(set(self._zones())))

    async def keep(
        self, schedule: JobSchedule, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `ScheduleStore`."""
        del at, actor, detail
        self.changed[schedule.name] = schedule
        self.log.append(("schedule.changed", schedule.name))

    async def drop(self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]) -> None:
        """See `ScheduleStore`."""
        del self.changed[name], at, actor, detail
        self.log.append(("schedule.removed", name))

    async def asked_again(
        self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `ScheduleStore`."""
        del at, actor, detail
        self.log.append(("schedule.asked_again", name))
