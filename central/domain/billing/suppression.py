"""Days of an occupancy that are not billed, by decision and with a reason.

    (not billed) --suppress--> suppressed --lift--> (not billed)

Suppressed days hold their claim, so that no run bills them and later days are billed behind them.
Nothing is rated: what they were counted goes into no bank and no peak, and the part behind opens
with what the part before left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import OperatorError


class CannotSuppressError(OperatorError):
    """Days cannot be suppressed as they are."""

    code = "CANNOT_SUPPRESS"
    default_remedy = "Suppress from the first day on that no bill has, up to a later one."


class CannotLiftError(OperatorError):
    """A suppression cannot be lifted as it is."""

    code = "CANNOT_LIFT"
    default_remedy = "Cancel or discard what is billed behind, the last one first."


@dataclass(frozen=True, slots=True)
class Suppression:
    """Days that are not billed.

    Args:
        uid: Its identifier outside.
        account: Number.
        point: Name of the service point.
        service: Such as `electricity`.
        days: Local days.
        reason: Why.
        decided_by: Key of who decided.
        decided_at: When.
        lifted_by: Key of who lifted it; None while it holds.
        lifted_at: When.
        lift_reason: Why.
    """

    uid: UUID
    account: str
    point: str
    service: str
    days: DayRange
    reason: str
    decided_by: str
    decided_at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lift_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "suppression": str(self.uid),
            "account": self.account,
            "service_point": self.point,
            "service": self.service,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "reason": self.reason,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(),
            "lifted_by": self.lifted_by,
            "lifted_at": None if self.lifted_at is None else self.lifted_at.isoformat(),
            "lift_reason": self.lift_reason,
        }


def check_suppressible(
    name: str, first: date, until: date, ended_on: date | None, waiting: str | None
) -> DayRange:
    """The days that may be suppressed.

    Args:
        name: Of the account and service point, for messages.
        first: The first day that nothing claims.
        until: The day after the last that is to be suppressed.
        ended_on: The day after the occupancy's last; None while it lasts.
        waiting: State of the bill before, where that is not issued yet.

    Raises:
        CannotSuppressError: They may not.
    """
    if waiting is not None:
        message = f"The bill of {name} before {first} is not issued: it is {waiting}."
        remedy = "Issue it, or discard it with `bill discard`, then suppress."
        raise CannotSuppressError(message, value=first, remedy=remedy)
    if until <= first:
        message = f"The days of {name} before {first} are billed or suppressed already."
        raise CannotSuppressError(message, value=until)
    if ended_on is not None and until > ended_on:
        message = f"{name} ends on {ended_on}, before {until}."
        raise CannotSuppressError(message, value=until)
    return DayRange(first, until)
