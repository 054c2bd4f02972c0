"""Edit: intervals of a finding's day get the values that a person gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from central.service.exceptions.actions import Action, ActionStores
from central.service.exceptions.finding_day import day_decisions, decision_text, finding_day
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey
from firmware_bridge.contract.errors import InvalidValueError


def edit(values: Mapping[datetime, Fraction]) -> Action:
    """The edit of intervals of a finding's day. The versions of the day before it stay.

    Args:
        values: By the start of the interval, aware. [the channel's unit]

    Raises:
        InvalidValueError: There are none.
    """
    if not values:
        message = "An edit needs the value of at least one interval."
        raise InvalidValueError(message, value=None)

    async def edited(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
        channel, day = await finding_day(stores, key)
        use, note = day_decisions(stores, answer)
        decision = await use.edit(channel, values, note)
        if others := [entry.after.day for entry in decision.days if entry.after.day != day]:
            message = f"{key} is about {day}; values of {others[0]} are no answer to it."
            remedy = "Give intervals of its day alone; `vee edit` takes those of any day."
            raise InvalidValueError(message, value=str(others[0]), remedy=remedy)
        return f"edited: {decision_text(decision)}"

    return edited
