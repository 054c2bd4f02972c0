"""Re-run: validate a day again, or rate a held bill again, with what is there now."""

from __future__ import annotations

from central.domain.billing.state import BillState
from central.service.billing.run_bills import rate_again
from central.service.exceptions.actions import ActionStores, require_kind
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind, NoSuchExceptionError


async def rerun(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
    """Queue a finding's day for validation, which the worker does within seconds; or rate a bill.

    What a bill holds behind another is billed by the next run.

    Raises:
        NotForThisKindError: It is neither a finding of validation nor a bill.
        NoSuchExceptionError: It is not there any more.
    """
    require_kind(key, ExceptionKind.FINDING, ExceptionKind.BILL)
    if key.kind is ExceptionKind.FINDING:
        if not await stores.revalidation.queue_day(key.number, answer):
            raise _gone(key)
        return "waits for validation"
    return f"rated again: {await _rate(stores, key, answer)}"


async def _rate(stores: ActionStores, key: ExceptionKey, answer: ActionNote) -> str:
    uid = await stores.revalidation.bill_uid(key.number)
    if uid is None:
        raise _gone(key)
    note = answer.note
    async with stores.bills.again([uid], note.at) as work:
        if work is None:
            raise _gone(key)
        bills = [bill for bill in await rate_again(work) if bill.plan.bill_id == key.number]
        await work.save(bills, note.actor.key, note.at)
    state = bills[0].bill.state if bills else BillState.HELD
    await stores.revalidation.rated_again(uid, answer, state.value)
    return state.value


def _gone(key: ExceptionKey) -> NoSuchExceptionError:
    message = f"The exception {key} does not wait, or no longer."
    return NoSuchExceptionError(message, value=str(key))
