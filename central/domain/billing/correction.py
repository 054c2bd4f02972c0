"""What becomes of issued bills that would say something else today, and where a decision stands.

    decided  --approve-->  approved      by somebody who did not work on it
    decided  --withdraw--> withdrawn     nothing changes

An account has one decision that waits. See docs/explanation/billing.md.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from firmware_bridge.contract.errors import OperatorError


class CorrectionWay(StrEnum):
    """What becomes of the bills. Stored: never renamed."""

    ADJUST = "adjust"
    """They stay; their parts are settled anew, and the next bill carries the difference."""
    LEAVE = "leave"
    """They stay, and so does what they say, with a reason."""


class CorrectionState(StrEnum):
    """Where a decision stands. Stored: never renamed."""

    DECIDED = "decided"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class NothingToCorrectError(OperatorError):
    """The issued bills say what they would say today."""

    code = "NOTHING_TO_CORRECT"
    default_remedy = "Look with `correction preview`."


class NoNextBillError(OperatorError):
    """No bill is to come that could carry an adjustment."""

    code = "NO_NEXT_BILL"
    default_remedy = "Bill the days anew with `correction rebill`, or leave it with a reason."


class CorrectionWaitingError(OperatorError):
    """The account has a decision that is not approved yet."""

    code = "CORRECTION_WAITING"
    default_remedy = "Have it approved with `correction approve`, or withdraw it."


class NoSuchCorrectionError(OperatorError):
    """No decision that waits has that identifier."""

    code = "NO_SUCH_CORRECTION"
    default_remedy = "`correction list` lists those that wait."


def no_such_correction(uid: UUID) -> NoSuchCorrectionError:
    """The error for a decision that does not wait, or not any more."""
    message = f"No correction {uid} waits to be approved."
    return NoSuchCorrectionError(message, value=str(uid))


class CorrectionStaleError(OperatorError):
    """The bills would say something else than was decided on."""

    code = "CORRECTION_STALE"
    default_remedy = "Withdraw the decision, look with `correction preview`, and decide anew."
