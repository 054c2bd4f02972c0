"""The day of a finding of validation, and what a decision made of it."""

from __future__ import annotations

from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import spelled
from central.domain.vee.decided_day import DayNote
from central.service.exceptions.actions import ActionStores, require_kind
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind, NoSuchExceptionError
from central.service.ports.validation import ChannelDay
from central.service.validation.decide_days import DaysDecision, DecideDays


async def finding_day(stores: ActionStores, key: ExceptionKey) -> ChannelDay:
    """The channel and the local day that an exception is about.

    Raises:
        NotForThisKindError: It is no finding of validation.
        NoSuchExceptionError: It is not there any more.
    """
    require_kind(key, ExceptionKind.FINDING)
    about = await stores.revalidation.day_of(key.number)
    if about is None:
        message = f"The exception {key} does not wait, or no longer."
        raise NoSuchExceptionError(message, value=str(key))
    return about


def day_decisions(stores: ActionStores, answer: ActionNote) -> tuple[DecideDays, DayNote]:
    """The use-cases about days, in the transaction of the action, and who decides."""
    note = answer.note
    return (
        DecideDays(stores.judgements, lambda: note.at),
        DayNote(note.actor, answer.code, note.reason),
    )


def decision_text(decision: DaysDecision) -> str:
    """What a decision made of a day, in a few words."""
    parts = [
        f"{day.after.day}: {_total(day.after)}, was {_total(day.before)}"
        + (", of an issued bill" if day.after.day in decision.issued else "")
        for day in decision.days
    ]
    return "; ".join(parts)


def _total(block: DayBlock) -> str:
    if block.missing:
        return f"{block.missing} of {len(block.values)} intervals missing"
    return spelled(block.total(), block.exponent, block.unit)
