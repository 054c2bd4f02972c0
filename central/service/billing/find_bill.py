"""Find a bill by what people call it: its identifier, its legal number, or ACCOUNT/CYCLE."""

from __future__ import annotations

from uuid import UUID

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.service.billing.approve_bills import unknown
from central.service.ports.billing import BillHead, BillingStore, BillRecord
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


async def heads_of_account(
    store: BillingStore, cycle: str, scope: RunScope, *, final: bool = False
) -> tuple[BillHead, ...]:
    """The bills of an account alone, in whichever run of a cycle they are.

    Args:
        store: Where bills are kept.
        cycle: Such as `2026-10`.
        scope: To whom the cycle is narrowed.
        final: Whether those of the final run are meant.

    Returns:
        None where more than an account is meant, or it has no bill of the cycle.

    Raises:
        InvalidValueError: It is not a billing cycle.
    """
    if scope.account is None or scope.group is not None:
        return ()
    run_type = RunType.FINAL if final else RunType.REGULAR
    return await store.heads_of(scope.account, Cycle.parse(cycle), run_type)
