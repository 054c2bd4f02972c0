"""Say to which service point the events of a subject belong, from a local day on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.usage_events import (
    SubjectAssignment,
    SubjectTransaction,
    UsageEventStore,
)
from central.service.views.paging import Page, day_of_cursor, decode_cursor, paged
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.interval import local_day


class SubjectAssignedError(OperatorError):
    """Of that day something else is said of the subject."""

    code = "SUBJECT_ASSIGNED"
    default_remedy = "Give a reason to correct it."


class AssignSubjects:
    """The use-cases.

    Args:
        store: Where events and their subjects are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: UsageEventStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def assign(  # noqa: PLR0913 - who, whose, when and why
        self,
        subject: str,
        point: str,
        from_day: date,
        actor: Actor,
        *,
        until: date | None = None,
        reason: str = "",
    ) -> bool:
        """Say to which service point a subject's events belong, until another day says otherwise.

        Events of before are taken in as well: bills that they reach are stale, and issued ones are
        found by their candidates.

        Args:
            subject: As events name it.
            point: Name of the service point; "" for nobody.
            from_day: First local day of the service point.
            actor: Who says so.
            until: Local day from which they belong to nobody, where nothing is said of it yet.
            reason: Why, where something else is said of the day.

        Returns:
            Whether it is new; False where just this is said already.

        Raises:
            InvalidValueError: The days are no span.
            NotRegisteredError: The registry has no such service point, or nobody's begins nowhere.
            SubjectAssignedError: Something else is said of the day, and no reason is given.
        """
        if until is not None and until <= from_day:
            message = f"The subject's last day is before {from_day}."
            raise InvalidValueError(message, value=until)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.subject(subject, note) as work:
            new = await _assign(work, subject, point, from_day, note)
            if until is not None:
                days = {each.from_day: each for each in await work.history()}
                if until not in days or days[until].withdrawn:
                    new = await _assign(work, subject, "", until, note) or new
        return new

    async def withdraw(self, subject: str, from_day: date, actor: Actor, reason: str) -> None:
        """Take a day of a subject back that was entered by mistake; what was before it holds on.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: Nothing is said of that day.
        """
        if not reason.strip():
            message = "Taking an assignment back needs a reason."
            raise InvalidValueError(message, value=reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.subject(subject, note) as work:
            newest = _newest(await work.history(), from_day)
            if newest is None or newest.withdrawn:
                message = f"Nothing is said of the subject {subject!r} from {from_day} on."
                remedy = "`meterline-central subjects list` shows what is."
                raise NotRegisteredError(message, value=subject, remedy=remedy)
            await _add(work, newest, newest.point, note, withdrawn=True)

    async def dismiss(self, subject: str, actor: Actor, reason: str) -> int:
        """Say that the events of a subject that belong to nobody concern nobody.

        It waits no more, until another event of it belongs to nobody or something is said of it:
        then it waits with all of them.

        Returns:
            How many events they are.

        Raises:
            InvalidValueError: No reason is given.
            NotRegisteredError: It does not wait.
        """
        if not reason.strip():
            message = "Dismissing events needs a reason."
            raise InvalidValueError(message, value=reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        async with self._store.subject(subject, note) as work:
            count = await work.dismiss()
        if count is None:
            message = f"No event of the subject {subject!r} waits."
            remedy = "`meterline-central events waiting` shows what does."
            raise NotRegisteredError(message, value=subject, remedy=remedy)
        return count

    async def listed(self, subject: str | None = None) -> Sequence[SubjectAssignment]:
        """What was said of a subject, or of all; by subject, day and revision."""
        return await self._store.assignments(subject)

    async def page(
        self,
        subject: str | None,
        after: str | None,
        limit: int,
        since: datetime | None = None,
    ) -> Page[SubjectAssignment]:
        """A page of what was said of subjects, in that order; of what was recorded since then.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        key = decode_cursor(after, (str, str, int))
        behind = None if key is None else (str(key[0]), day_of_cursor(key[1]), int(key[2]))
        rows = await self._store.assignments(subject, behind, limit + 1, since)
        return paged(rows, limit, lambda row: (row.subject, row.from_day.isoformat(), row.revision))


def _newest(history: Sequence[SubjectAssignment], day: date) -> SubjectAssignment | None:
    return next((each for each in reversed(history) if each.from_day == day), None)


async def _assign(
    work: SubjectTransaction, subject: str, point: str, day: date, note: DecisionNote
) -> bool:
    history = await work.history()
    newest = _newest(history, day)
    if newest is not None and not newest.withdrawn:
        if newest.point == point:
            return False
        if not note.reason:
            message = f"{subject} belongs to {newest.point or 'nobody'} from {day} on."
            raise SubjectAssignedError(message, value=subject)
    if not point and not any(each.from_day < day and each.point for each in history):
        message = f"{subject} belongs to no service point before {day}."
        raise NotRegisteredError(message, value=subject, remedy="Name a service point.")
    blank = SubjectAssignment(
        subject, day, point, 0, withdrawn=False, recorded_at=note.at, recorded_by=""
    )
    await _add(work, newest or blank, point, note)
    return True


async def _add(
    work: SubjectTransaction,
    newest: SubjectAssignment,
    point: str,
    note: DecisionNote,
    *,
    withdrawn: bool = False,
) -> None:
    history = await work.history()
    day = newest.from_day
    before = [each.point for each in history if each.from_day < day and each.point]
    zone, begins = await work.zone_of(point or before[-1])
    assignment = SubjectAssignment(
        newest.subject,
        day,
        point,
        newest.revision + 1,
        withdrawn,
        note.at,
        note.actor.key,
        note.reason,
    )
    old = None if newest.revision == 0 or newest.withdrawn else _said(newest)
    detail = change(old, None if withdrawn else _said(assignment), note.reason or None)
    await work.add(assignment, local_day(day, zone, begins).start, detail)


def _said(assignment: SubjectAssignment) -> dict[str, str | None]:
    return {"from": assignment.from_day.isoformat(), "point": assignment.point or None}
