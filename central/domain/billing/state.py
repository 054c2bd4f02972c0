"""The states of a bill, and every transition between them.

                 hold                 release
    draft ---------------> held ---------------> draft
    draft  --approve-->  approved  --issue-->  issued
    approved --withdraw--> draft        an approval is taken back, until the bill is issued
    draft, held --discard--> discarded

Approval needs another person than the bill's creator. Nothing leaves `issued`: a cancellation is a
bill of its own that names it.
"""

from __future__ import annotations

from enum import StrEnum

from central.domain.actor import Actor
from firmware_bridge.contract.errors import OperatorError


class BillState(StrEnum):
    """Where a bill stands."""

    DRAFT = "draft"
    HELD = "held"
    APPROVED = "approved"
    ISSUED = "issued"
    DISCARDED = "discarded"


class BillAction(StrEnum):
    """What can be done to a bill."""

    HOLD = "hold"
    RELEASE = "release"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    ISSUE = "issue"
    DISCARD = "discard"


TRANSITIONS: dict[tuple[BillState, BillAction], BillState] = {
    (BillState.DRAFT, BillAction.HOLD): BillState.HELD,
    (BillState.DRAFT, BillAction.APPROVE): BillState.APPROVED,
    (BillState.DRAFT, BillAction.DISCARD): BillState.DISCARDED,
    (BillState.HELD, BillAction.RELEASE): BillState.DRAFT,
    (BillState.HELD, BillAction.DISCARD): BillState.DISCARDED,
    (BillState.APPROVED, BillAction.WITHDRAW): BillState.DRAFT,
    (BillState.APPROVED, BillAction.ISSUE): BillState.ISSUED,
}


_REMEDIES = {
    (BillState.APPROVED, BillAction.DISCARD): "Take its approval back first: `bill withdraw`.",
    (BillState.DRAFT, BillAction.WITHDRAW): "It is a draft already; `bill discard` frees its days.",
    (BillState.HELD, BillAction.WITHDRAW): "A held bill is not approved; `bill discard` frees it.",
    (BillState.DRAFT, BillAction.ISSUE): "Approve it first: `bill approve`.",
}


class BillTransitionError(OperatorError):
    """The bill's state does not allow the action."""

    code = "BILL_TRANSITION"
    default_remedy = "Look at its state with `bill show`."


class SelfApprovalError(OperatorError):
    """The person who made a bill cannot approve it."""

    code = "SELF_APPROVAL"
    default_remedy = "Ask somebody else to approve it."


def advance(state: BillState, action: BillAction, *, actor: Actor, creator: str) -> BillState:
    """The state after an action.

    Args:
        state: Before.
        action: What is done.
        actor: Who does it.
        creator: Key of who made the bill.

    Raises:
        BillTransitionError: The state does not allow it.
        SelfApprovalError: The creator would approve.
    """
    after = TRANSITIONS.get((state, action))
    if after is None:
        message = f"A bill in state {state} does not allow: {action}."
        remedy = _REMEDIES.get((state, action))
        raise BillTransitionError(message, value=(state, action), remedy=remedy)
    if action is BillAction.APPROVE and actor.key == creator:
        message = f"{actor.id} made this bill, so another person must approve it."
        raise SelfApprovalError(message, value=actor.id)
    return after
