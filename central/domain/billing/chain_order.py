"""In which order bills may be approved and issued: each after the one that it opens from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from central.domain.billing.state import BillState
from firmware_bridge.contract.errors import OperatorError

_RUN_AGAIN = "Run the cycle again, and look at the bill anew."


class PredecessorNotApprovedError(OperatorError):
    """The bill opens from one that is not approved."""

    code = "PREDECESSOR_NOT_APPROVED"
    default_remedy = "Approve the bill before it first, or the whole cycle."


class PredecessorNotIssuedError(OperatorError):
    """The bill opens from one that is not issued."""

    code = "PREDECESSOR_NOT_ISSUED"
    default_remedy = "Issue the bill before it first, or the whole cycle."


class BillOutdatedError(OperatorError):
    """Something that the bill was made from changed afterwards."""

    code = "BILL_STALE"
    default_remedy = "Run the cycle again, then look at the bill."


@dataclass(frozen=True, slots=True)
class ChainLink:
    """What is directly before a part of a bill.

    Args:
        before: The bill of the part before.
        name: That bill, as people call it.
        state: Where that bill stands.
        same_state: Whether the part opened with the state that the part before leaves now.
    """

    before: UUID
    name: str
    state: BillState
    same_state: bool = True


def in_chain_order(
    bills: Sequence[UUID],
    links: Mapping[UUID, Sequence[ChainLink]],
    reached: Collection[BillState],
    error: type[OperatorError],
) -> tuple[list[UUID], dict[UUID, OperatorError]]:
    """Sort bills so that each comes after the one that it opens from.

    Args:
        bills: In the order wanted, which is kept where the chain allows it.
        links: Of each.
        reached: States that are enough for a bill before.
        error: For one whose bill before is in no such state, nor among those.

    Returns:
        Those that may go on, and why the others may not.
    """
    barred: dict[UUID, OperatorError] = {}
    for uid in bills:
        changed = next((link for link in links.get(uid, ()) if not link.same_state), None)
        if changed is not None:
            message = f"The bill opens from {changed.name}, which was made anew since."
            barred[uid] = BillOutdatedError(message, value=changed.name, remedy=_RUN_AGAIN)
    ordered: dict[UUID, None] = {}
    waiting = {uid: None for uid in bills if uid not in barred}
    awaited: dict[UUID, ChainLink] = {}
    while waiting:
        awaited = {}
        for uid in waiting:
            link = _awaited(uid, links.get(uid, ()), reached, ordered)
            if link is None:
                ordered[uid] = None
            else:
                awaited[uid] = link
        if len(awaited) == len(waiting):
            break
        waiting = dict.fromkeys(awaited)
    barred |= {uid: _waits(link, error) for uid, link in awaited.items()}
    return list(ordered), barred


def _awaited(
    uid: UUID,
    links: Sequence[ChainLink],
    reached: Collection[BillState],
    ordered: Collection[UUID],
) -> ChainLink | None:
    """The first bill before one that is not as far as it must be."""
    for link in links:
        goes_first = link.before == uid or link.before in ordered
        if not goes_first and link.state not in reached:
            return link
    return None


def _waits(link: ChainLink, error: type[OperatorError]) -> OperatorError:
    what = "Issue" if error is PredecessorNotIssuedError else "Approve"
    message = f"The bill opens from {link.name}, which is {link.state}."
    return error(message, value=link.name, remedy=f"{what} {link.name} first.")
