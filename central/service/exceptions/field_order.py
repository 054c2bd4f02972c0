"""Field order: somebody reads the meters on site until a day; a reading since then closes it."""

from __future__ import annotations

from datetime import date

from central.service.exceptions.actions import Action, ActionStores, require_kind
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind, NoSuchExceptionError
from firmware_bridge.contract.errors import InvalidValueError


def field_order(due_on: date, today: date) -> Action:
    """The order of a reading on site.

    Args:
        due_on: Until when.
        today: The day on which it is ordered.

    Raises:
        InvalidValueError: That day is over.
    """
    if due_on < today:
        message = f"A field order is due on {today} or later, not on {due_on}."
        raise InvalidValueError(message, value=due_on)

    async def ordered(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        require_kind(key, ExceptionKind.FINDING, ExceptionKind.BILL, ExceptionKind.CONFLICT)
        uid = await stores.orders.order(key, due_on, answer)
        if uid is None:
            message = f"The exception {key} is about no service point that has a meter."
            raise NoSuchExceptionError(message, value=str(key))
        return f"field order {uid}, due on {due_on}"

    return ordered
