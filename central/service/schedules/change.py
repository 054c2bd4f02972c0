"""Show and change schedules: when a job is done, whether it is paused, and do it once more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.schedule import JobSchedule
from central.service.ports.nights import NightStore
from central.service.ports.schedules import ScheduleStore
from central.service.schedules.kinds import KINDS, JobKind, kind_of
from central.service.schedules.plan import DueJobs, all_schedules
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import zone_info

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class ScheduleRefusedError(OperatorError):
    """A schedule cannot be as somebody said."""

    code = "SCHEDULE_REFUSED"
    default_remedy = "`schedule list` shows the schedules that there are."


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """What is to be different; None leaves it as it is.

    Args:
        job: What is done; that of the schedule, where there is one.
        at: Local time of day.
        zone: IANA zone; "" for each zone of the service points.
        day: Day of the month, 1 .. 28; 0 for every day.
        group: Group whose accounts a run bills; "" for all.
        cycle: Billing cycle whose periods a run bills; "" for the month before.
        paused: Whether it is not done at present.
    """

    job: str | None = None
    at: time | None = None
    zone: str | None = None
    day: int | None = None
    group: str | None = None
    cycle: str | None = None
    paused: bool | None = None

    def of(self, before: JobSchedule) -> JobSchedule:
        """The schedule with the change.

        Raises:
            InvalidValueError: The day is out of range, or the zone is unknown.
        """
        changes: dict[str, Any] = {
            "at": self.at,
            "zone": self.zone,
            "day": self.day,
            "group": self.group,
            "cycle": self.cycle,
            "paused": self.paused,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        for name in ("zone", "day", "group", "cycle"):
            if name in given:
                given[name] = given[name] or None
        return replace(before, **given)


class ChangeSchedules:
    """The use-cases, in somebody's name.

    Args:
        store: Where schedules are kept.
        nights: Where it is kept what is done.
        actor: Who asks; noted in the audit log.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: ScheduleStore,
        nights: NightStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._nights = nights
        self._actor = actor
        self._clock = clock

    async def set(self, name: str, changes: ScheduleChange, reason: str) -> JobSchedule:
        """Change a schedule, or add one for a job that may have many.

        Args:
            name: Of the schedule.
            changes: What is to be different.
            reason: Why.

        Raises:
            ScheduleRefusedError: The name, the job or what is to be different cannot be, or there
                is no reason.
            InvalidValueError: The day is out of range, or the zone is unknown.
            StoreUnavailableError: Try again.
        """
        before = await self._schedule(name)
        kind = _kind(name, before, changes.job)
        start = before or JobSchedule(name, kind.name, changes.at or time(4))
        after = changes.of(start)
        _require_sense(after, kind)
        if after != before:
            detail = change(
                None if before is None else before.to_json(), after.to_json(), _given(reason)
            )
            await self._store.keep(after, self._clock(), self._actor, detail)
        return after

    async def remove(self, name: str, reason: str) -> JobSchedule | None:
        """Forget what was said of a schedule; a job's own goes back to its default.

        Returns:
            The default that holds now, if there is one.

        Raises:
            ScheduleRefusedError: Nothing was said of it, or there is no reason.
            StoreUnavailableError: Try again.
        """
        before = {schedule.name: schedule for schedule in await self._store.schedules()}.get(name)
        if before is None:
            message = f"Nobody changed the schedule {name!r}."
            raise ScheduleRefusedError(message, value=name)
        kind = kind_of(name)
        default = None if kind is None else kind.default
        after = None if default is None else default.to_json()
        detail = change(before.to_json(), after, _given(reason))
        await self._store.drop(name, self._clock(), self._actor, detail)
        return default

    async def again(self, name: str, reason: str) -> tuple[str, ...]:
        """Have a job done once more for its newest night; a worker does it.

        Returns:
            What is done: the schedule's name, once for each of its zones.

        Raises:
            ScheduleRefusedError: There is none, it is paused, or there is no reason.
            StoreUnavailableError: Try again.
        """
        schedule = await self._schedule(name)
        if schedule is None:
            message = f"There is no schedule {name!r}."
            raise ScheduleRefusedError(message, value=name)
        if schedule.paused:
            message = f"The schedule {name} is paused."
            raise ScheduleRefusedError(message, value=name, remedy="Resume it first.")
        now, detail = self._clock(), change(None, {}, _given(reason))
        occurrences = await DueJobs(self._store).each(now)
        due = [newest for newest in occurrences if newest.schedule.name == name]
        for newest in due:
            await self._nights.again(newest.night, newest.key)
        await self._store.asked_again(name, now, self._actor, detail)
        return tuple(newest.key for newest in due)

    async def _schedule(self, name: str) -> JobSchedule | None:
        schedules = all_schedules(await self._store.schedules())
        return next((schedule for schedule in schedules if schedule.name == name), None)


def _kind(name: str, before: JobSchedule | None, job: str | None) -> JobKind:
    if before is not None and job not in {None, before.job}:
        message = f"The schedule {name} is for {before.job}, not for {job}."
        raise ScheduleRefusedError(message, value=job, remedy="Give another name.")
    kind = kind_of(before.job if before is not None else job or name)
    if kind is None:
        message = f"There is no job {job or name!r}."
        jobs = ", ".join(each.name for each in KINDS)
        raise ScheduleRefusedError(message, value=job or name, remedy=f"The jobs are: {jobs}.")
    if before is None and not kind.bills:
        message = f"The job {kind.name} has one schedule, of its own name."
        raise ScheduleRefusedError(message, value=name, remedy=f"Change `{kind.name}`.")
    if before is None and (not _NAME.fullmatch(name) or kind_of(name) is not None):
        message = f"{name!r} is not a name of a schedule."
        remedy = "Use lower-case letters, digits, '-' and '_', and no name of a job."
        raise ScheduleRefusedError(message, value=name, remedy=remedy)
    return kind


def _require_sense(schedule: JobSchedule, kind: JobKind) -> None:
    if schedule.zone is not None:
        zone_info(schedule.zone)
    if not kind.bills and (schedule.group or schedule.cycle or schedule.day):
        message = f"The job {kind.name} is done every day, for everyone."
        raise ScheduleRefusedError(message, value=schedule.name, remedy="Give a time or a zone.")
    if schedule.zone is None and (kind.zone is not None or kind.bills):
        message = f"The job {kind.name} is done once, in one zone."
        raise ScheduleRefusedError(message, value=schedule.name, remedy="Name a zone.")


def _given(reason: str) -> str:
    if not reason.strip():
        message = "A change of a schedule has no reason."
        raise ScheduleRefusedError(message, remedy="Give one with --reason.")
    return reason.strip()
