"""Events that belong to nobody: say to which service point, or that they concern nobody."""

from __future__ import annotations

from datetime import date

from central.service.exceptions.actions import Action, ActionStores, require_kind
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind, NoSuchExceptionError
from central.service.usage.assign_subjects import AssignSubjects


def assign_point(point: str, from_day: date, until: date | None = None) -> Action:
    """Say to which service point a subject's events belong, as `subjects assign` does.

    Args:
        point: Name of the service point.
        from_day: First local day there.
        until: Local day from which they belong to nobody, where nothing is said of it yet.
    """

    async def assigned(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        subject, use = await _subject(stores, key, answer)
        actor, reason = answer.note.actor, answer.note.reason
        await use.assign(subject, point, from_day, actor, until=until, reason=reason)
        return f"{subject} belongs to {point} from {from_day} on"

    return assigned


async def dismiss(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
    """Say that the events of a subject that wait concern nobody, such as those of a test.

    They stay as they are and are billed to nobody. The subject waits again as soon as another event
    of it belongs to nobody, or something is said of it.

    Raises:
        NotForThisKindError: It is no subject.
    """
    subject, use = await _subject(stores, key, answer)
    count = await use.dismiss(subject, answer.note.actor, answer.note.reason)
    return f"{subject} is dismissed; events that concern nobody: {count}"


async def _subject(
    stores: ActionStores, key: ExceptionKey, answer: ActionNote
) -> tuple[str, AssignSubjects]:
    """The name of the subject that an exception is about, and what is done about it."""
    require_kind(key, ExceptionKind.SUBJECT)
    row = await stores.exceptions.one(key)
    if row is None:
        message = f"The exception {key} does not wait, or no longer."
        raise NoSuchExceptionError(message, value=str(key))
    return row.subject, AssignSubjects(stores.events, lambda: answer.note.at)
