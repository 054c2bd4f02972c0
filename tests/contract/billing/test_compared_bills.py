"""A document is compared with what was issued, and stood, when its bill was issued."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from central.domain.billing.bill_comparison import Cause
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.printed_beside import printed_beside
from tests.support.books import Utility
from tests.support.daily_books import TARIFF, at, bill, found, measured, settle

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))


async def test_a_bill_is_compared_with_the_one_before_and_none_with_a_later(
    utility: Utility,
) -> None:
    await found(utility, 1, since=OCTOBER)
    await utility.enrol.tariff(TARIFF.format(name="FLAT", price="0.30"), reason="priced")
    await measured(utility, OCTOBER, DECEMBER)
    utility.now = at(date(2026, 12, 2))
    await settle(utility, "2026-10")
    utility.now = at(date(2026, 12, 3))
    await settle(utility, "2026-11")
    first, second = [await bill(utility, "A-1", name) for name in ("2026-10", "2026-11")]
    assert await utility.documents.compared(first.uid) == []
    (earlier,) = await utility.documents.compared(second.uid)
    assert (earlier.uid, earlier.days) == (first.uid, DayRange(OCTOBER, NOVEMBER))
    beside = await printed_beside(utility.billing, utility.documents, second)
    assert beside.tariffs.keys() == {entry.line.tariff_sha256 for entry in second.bill.lines}
    assert beside.last_year is None
    comparison = beside.last_period
    assert comparison is not None
    said = dict(comparison.causes)
    assert said[Cause.DAYS] < 0
    assert said[Cause.PRICE] == said[Cause.SEASON] == said[Cause.OTHER] == Decimal(0)
    assert comparison.before + sum(said.values()) == second.bill.amounts.total
    assert (await printed_beside(utility.billing, utility.documents, first)).last_period is None
