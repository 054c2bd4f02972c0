"""Days of an occupancy that are not billed, by decision and with a reason.

    (not billed) --suppress--> proposed --approve--> suppressed --lift--> (not billed)
                               proposed --lift--> (not billed)

One person proposes and another approves; they end at most a year ahead. Suppressed days hold their
claim, so that no run bills them and later days are billed behind them; proposed ones hold none.
Nothing is rated: what they were counted goes into no bank and no peak, and the part behind opens
with what the part before left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.state import SelfApprovalError
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import OperatorError

AHEAD_DAYS = 366
"""How long after the day of the proposal, and of its approval, they may end. [days]"""


class SuppressionState(StrEnum):
    """Where a suppression stands."""

    PROPOSED = "proposed"
    HOLDS = "holds"
    LIFTED = "lifted"


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
        decided_by: Key of who proposed it.
        decided_at: When.
        waits: Whether nobody approved it yet, or lifted it before.
        approved_by: Key of who approved it; None where nobody did, or had to.
        approved_at: When.
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
    waits: bool = True
    approved_by: str | None = None
    approved_at: datetime | None = None
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lift_reason: str | None = None

    @property
    def state(self) -> SuppressionState:
        """Where it stands."""
        if self.lifted_at is not None:
            return SuppressionState.LIFTED
        return SuppressionState.PROPOSED if self.waits else SuppressionState.HOLDS

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "suppression": str(self.uid),
            "state": self.state.value,
            "account": self.account,
            "service_point": self.point,
            "service": self.service,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "reason": self.reason,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(),
            "approved_by": self.approved_by,
            "approved_at": None if self.approved_at is None else self.approved_at.isoformat(),
            "lifted_by": self.lifted_by,
            "lifted_at": None if self.lifted_at is None else self.lifted_at.isoformat(),
            "lift_reason": self.lift_reason,
        }


def check_other(proposed_by: str, approver: Actor) -> None:
    """Refuse who proposed a suppression as its approver.

    Raises:
        SelfApprovalError: They are one.
    """
    if proposed_by == approver.key:
        message = "The approver proposed it, so another person must approve this suppression."
        raise SelfApprovalError(message, value=approver.id)


def check_suppressible(  # noqa: PLR0913, PLR0917 - what is there, and what is asked
    name: str, first: date, until: date, ended_on: date | None, waiting: str | None, today: date
) -> DayRange:
    """The days that may be suppressed.

    Args:
        name: Of the account and service point, for messages.
        first: The first day that nothing claims.
        until: The day after the last that is to be suppressed.
        ended_on: The day after the occupancy's last; None while it lasts.
        waiting: State of the bill before, where that is not issued yet.
        today: On which it is proposed or approved.

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
    latest = today + timedelta(days=AHEAD_DAYS)
    if until > latest:
        message = f"The days of {name} would not be billed until {until}, more than a year ahead."
        remedy = f"Suppress them until {latest} at most, and go on from there when it comes."
        raise CannotSuppressError(message, value=until, remedy=remedy)
    if ended_on is not None and until > ended_on:
        message = f"{name} ends on {ended_on}, before {until}."
        raise CannotSuppressError(message, value=until)
    return DayRange(first, until)


def already_proposed(name: str, waiting: UUID) -> CannotSuppressError:
    """The error where a proposal for the same service waits."""
    message = f"A suppression of {name} waits for approval: {waiting}."
    remedy = "Approve it with `bill approve-suppression`, or withdraw it with `bill lift`."
    return CannotSuppressError(message, value=str(waiting), remedy=remedy)


def billed_since(name: str, first: date) -> CannotSuppressError:
    """The error where proposed days are billed by now, or not to be billed."""
    message = f"{first} is not the first unbilled day of {name} any more."
    remedy = "Withdraw the proposal with `bill lift`, and suppress anew."
    return CannotSuppressError(message, value=first, remedy=remedy)
