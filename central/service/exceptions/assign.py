"""Assign and suppress: who has an exception and until when, and until when it is hidden."""

from __future__ import annotations

from datetime import date

from central.service.exceptions.actions import Action, ActionStores
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import Assignment, ExceptionKey, NoSuchExceptionError
from firmware_bridge.contract.errors import InvalidValueError


def assign(owner: str | None, due_on: date | None) -> Action:
    """Give an exception to somebody, or to nobody.

    Args:
        owner: Who; None for nobody.
        due_on: Until when it is to be done; None to leave that open.
    """

    async def assigned(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        hidden = await _given(stores, key)
        await stores.exceptions.assign(
            key, Assignment(owner or None, due_on, hidden.hidden_until), answer
        )
        until = "" if due_on is None else f", due on {due_on}"
        return f"assigned to {owner or 'nobody'}{until}"

    return assigned


def suppress(until: date, today: date) -> Action:
    """Hide an exception from the queue until a day. What it holds is held all the same.

    Args:
        until: The day on which it is shown again.
        today: The day on which it is hidden.

    Raises:
        InvalidValueError: The day is not ahead.
    """
    if until <= today:
        message = f"An exception can be hidden until a day after {today}, not {until}."
        raise InvalidValueError(message, value=until)

    async def suppressed(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        given = await _given(stores, key)
        await stores.exceptions.assign(key, given._replace(hidden_until=until), answer)
        return f"hidden until {until}"

    return suppressed


async def _given(stores: ActionStores, key: ExceptionKey) -> Assignment:
    row = await stores.exceptions.one(key)
    if row is None:
        message = f"The exception {key} does not wait, or no longer."
        raise NoSuchExceptionError(message, value=str(key))
    return Assignment(row.owner, row.due_on, row.hidden_until)
