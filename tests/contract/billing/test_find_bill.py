"""A bill is found by its identifier, its legal number, or as the one of an account and cycle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from central.domain.billing.bill import RunType
from central.service.billing.find_bill import find_bill
from central.service.ports.billing_errors import SeveralBillsError, UnknownBillError
from central.service.ports.registry import AgreementRecord
from tests.support.books import Utility
from tests.support.daily_books import approve, at, found, issue, measured, run

OCTOBER, MOVE, NOVEMBER = date(2026, 10, 1), date(2026, 10, 11), date(2026, 11, 1)


async def test_a_final_and_a_regular_bill_of_a_period_are_told_apart(utility: Utility) -> None:
    await found(utility, 2, since=OCTOBER)
    left = AgreementRecord("A-1", "SP-1", "FLAT", OCTOBER, MOVE)
    await utility.enrol.agreement(left)
    for channel in (1, 2):
        await measured(utility, OCTOBER, NOVEMBER, channel)
    utility.now = at(date(2026, 10, 20))
    ended = await run(utility, "2026-10", RunType.FINAL)
    store = utility.billing
    # As long as it is the only one, it needs no more than the account and the cycle.
    final = await find_bill(store, "A-1/2026-10")
    assert final == await find_bill(store, "A-1/2026-10", final=True)
    assert await approve(utility, ended) == await issue(utility, ended) == []
    utility.now = at(date(2026, 11, 20))
    await utility.enrol.agreement(replace(left, point="SP-1", first=date(2026, 10, 25), end=None))
    await run(utility, "2026-10")
    with pytest.raises(SeveralBillsError) as refused:
        await find_bill(store, "A-1/2026-10")
    assert f"{final.uid} (final, issued, INV-000001)" in refused.value.message
    assert "(regular, draft)" in refused.value.message
    regular = next(bill for bill in await store.of_period("A-1", "2026-10") if not bill.number)
    for name in (str(final.uid), "INV-000001"):
        assert (await find_bill(store, name)).uid == final.uid
    assert (await find_bill(store, "A-1/2026-10", final=True)).uid == final.uid
    assert (await find_bill(store, str(regular.uid))).bill.run_type is RunType.REGULAR
    for name in ("INV-000002", "A-3/2026-10", "A-1/2026-09"):
        with pytest.raises(UnknownBillError):
            await find_bill(store, name)
    with pytest.raises(UnknownBillError):
        await find_bill(store, "A-2/2026-10", final=True)
