"""Find a bill by what people call it: its identifier, its legal number, or ACCOUNT/CYCLE."""

from __future__ import annotations

from uuid import UUID

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.billing.approve_bills import unknown
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.billing_errors import SeveralBillsError


async def find_bill(store: BillingStore, name: str, *, final: bool = False) -> BillRecord:
    """A bill by its name.

    Args:
        store: Where bills are kept.
        name: Identifier, legal number such as `INV-000007`, or `A-1001/2026-10`.
        final: Whether that of an account and cycle is meant that a final run made.

    Raises:
        UnknownBillError: There is none of that name.
        SeveralBillsError: The account has several of that cycle.
        InvalidValueError: What stands behind the account is not a billing cycle.
    """
    uid = await _uid(store, name, final=final)
    record = None if uid is None else await store.bill(uid)
    if record is None:
        raise unknown(name)
    return record


async def find_uid(store: BillingStore, name: str) -> UUID | None:
    """The identifier of a bill, by that or by its legal number; None where it is neither."""
    try:
        return UUID(name)
    except ValueError:
        return await store.numbered(name)


async def _uid(store: BillingStore, name: str, *, final: bool) -> UUID | None:
    account, slash, cycle = name.rpartition("/")
    if not slash:
        return await find_uid(store, name)
    bills = [
        bill
        for bill in await store.of_period(account, str(Cycle.parse(cycle)))
        if bill.run_type is RunType.FINAL or not final
    ]
    # Those that stand; where all are cancelled, the last of them.
    bills = [bill for bill in bills if bill.live] or bills[-1:]
    if len(bills) > 1:
        message = f"{name} names {len(bills)} bills: {'; '.join(map(str, bills))}."
        raise SeveralBillsError(message, value=name)
    return bills[0].uid if bills else None
