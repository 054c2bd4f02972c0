"""Approve and issue bills on their newest inputs only.

Equal revisions are equal inputs. Where one differs, the account is loaded and rated again: a bill
that says just the same is noted with the newer revisions and goes on; another is refused by name,
and the others go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from central.domain.billing.state import BillState, SelfApprovalError
from central.service.billing.run_bills import rate_again
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillingStore
from central.service.ports.stamps import VALIDATION_PENDING, ChangedInput, Decided
from firmware_bridge.contract.errors import OperatorError

# Inputs are kept from changing while so many bills are done.
_AT_A_TIME = 500

Decide = Callable[[Sequence[UUID]], Awaitable[Decided]]
"""Approve or issue bills in one transaction."""


class BillInputsError(OperatorError):
    """What a bill was made from has changed, so that it would say something else today."""

    code = "BILL_STALE"
    default_remedy = "Run the cycle again, then look at the bill."


class ValidationPendingError(OperatorError):
    """Changes of a bill's days wait for validation."""

    code = VALIDATION_PENDING
    default_remedy = "Run `meterline-central validate`, or let a worker do it, then try again."


async def on_newest_inputs(
    store: BillingStore,
    uids: Sequence[UUID],
    run: RunRecord,
    decide: Decide,
    clock: Callable[[], datetime],
) -> tuple[int, dict[UUID, OperatorError]]:
    """Approve or issue those bills whose inputs are the newest.

    Args:
        store: Where bills are kept.
        uids: Of one run.
        run: That run.
        decide: Approves or issues, and says which it did not.
        clock: Now, aware.

    Returns:
        How many were done, and why the others were not.

    Raises:
        StaleBillError: The state of one changed meanwhile; none beside it was changed.
    """
    count, refused = 0, dict[UUID, OperatorError]()
    for portion in _portions(uids):
        at = clock()
        changed = await store.changed_inputs(portion, at)
        await _compare(store, [uid for uid in portion if uid in changed], at)
        decided = await decide(portion)
        count += decided.count
        for uid in portion:
            if uid in decided.waiting:
                refused[uid] = _waits(decided.waiting[uid])
            elif uid in decided.own:
                refused[uid] = _own(decided.own[uid])
            elif uid in decided.changed:
                refused[uid] = _stale(decided.changed[uid], run)
            elif uid in decided.barred:
                refused[uid] = decided.barred[uid]
    return count, refused


async def _compare(store: BillingStore, uids: Sequence[UUID], at: datetime) -> None:
    """Rate bills again; those that say the same are noted with the newer revisions."""
    if not uids:
        return
    async with store.again(uids, at) as work:
        if work is not None:
            bills = await rate_again(work)
            await work.refresh([bill for bill in bills if bill.bill.state is BillState.DRAFT])


def _portions(uids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for first in range(0, len(uids), _AT_A_TIME):
        yield uids[first : first + _AT_A_TIME]


def _stale(changed: Sequence[ChangedInput], run: RunRecord) -> BillInputsError:
    names = "; ".join(map(str, changed))
    message = f"These changed after the bill was made, and it would say something else: {names}."
    remedy = f"Make it again with `{run.command}`, then look at it."
    return BillInputsError(message, value=names, remedy=remedy)


def _own(what: str) -> SelfApprovalError:
    message = f"The approver {what}, so another person must approve this bill."
    return SelfApprovalError(message, value=what)


def _waits(points: Sequence[str]) -> ValidationPendingError:
    names = ", ".join(points)
    message = f"Changes of its days wait for validation at {names}."
    return ValidationPendingError(message, value=names, remedy="Try again after validation.")
