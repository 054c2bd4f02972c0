"""Decide what becomes of days that no claim can hold."""

from __future__ import annotations

from central.domain.billing.claim_conflict import ClaimDecision
from central.service.ports.claim_conflicts import ClaimConflictStore
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_BIGINT_MAX = 2**63 - 1


class NoSuchClaimConflictError(OperatorError):
    """No open conflict of claims has that number."""

    code = "NO_SUCH_CLAIM_CONFLICT"
    default_remedy = "`bill conflicts` lists those that are open."


async def decide_claim_conflict(
    store: ClaimConflictStore, conflict: int, decision: ClaimDecision, note: DecisionNote
) -> None:
    """Decide a conflict of claims. No bill changes by it.

    Raises:
        InvalidValueError: No reason is given.
        NoSuchClaimConflictError: There is none of that number, or it is decided.
    """
    if not note.reason.strip():
        message = "A decision needs a reason, such as 'credited by letter of 3 November'."
        raise InvalidValueError(message, value=note.reason)
    if not 0 < conflict <= _BIGINT_MAX or not await store.decide(conflict, decision, note):
        message = f"The claim conflict {conflict} does not exist or is already decided."
        raise NoSuchClaimConflictError(message, value=conflict)
