"""Let a bill go on that is held though nothing is missing: it is right, and somebody answers."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from central.service.billing.check_bills import RELEASABLE
from central.service.exceptions.actions import ActionStores, require_kind
from central.service.ports.bill_releases import BillReleaseStore, ReleasedBill
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind
from firmware_bridge.contract.errors import InvalidValueError, OperatorError


class NotReleasableError(OperatorError):
    """The bill is not held by what somebody may release."""

    code = "NOT_RELEASABLE"
    default_remedy = "Settle what holds it and run the cycle again; `bill show` names the reasons."


async def release_bill(
    store: BillReleaseStore, uid: UUID, answer: ActionNote, codes: Collection[str] = RELEASABLE
) -> ReleasedBill:
    """Release reasons that hold a bill though nothing is missing; for what it says now.

    Where its inputs change so that it says something else, the checks judge it again.

    Args:
        store: Where bills are kept.
        uid: Of the bill.
        answer: Who, why and when; who releases a bill does not approve it.
        codes: Of the reasons; all that may be released where nothing is named.

    Raises:
        InvalidValueError: A code is not that of a reason that may be released.
        NotReleasableError: No such reason holds the bill.
    """
    if unknown := sorted(set(codes) - RELEASABLE):
        message = f"{unknown[0]} is not a reason that may be released."
        raise InvalidValueError(message, value=unknown[0])
    released = await store.release(uid, codes, answer)
    if released is None:
        message = f"The bill {uid} is not held by a reason that may be released."
        raise NotReleasableError(message, value=str(uid))
    return released


async def release(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
    """Release all reasons that hold a bill and may be released.

    Raises:
        NotForThisKindError: It is no bill.
        NotReleasableError: No such reason holds it.
    """
    require_kind(key, ExceptionKind.BILL)
    uid = await stores.revalidation.bill_uid(key.number)
    if uid is None:
        message = f"The bill {key} is not there."
        raise NotReleasableError(message, value=str(key))
    released = await release_bill(stores.releases, uid, answer)
    left = f", held by {', '.join(released.left)} still" if released.left else ""
    return f"released: {', '.join(released.codes)}{left}"
