"""Who has gone and left nothing to settle is looked at once, on every store."""

from __future__ import annotations

from datetime import date

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK
from tests.support.books import Utility
from tests.support.daily_books import found, measured, run, settle

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (8, 9, 10, 11))
LEVELLED = """\
tariff: LEVELLED
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.10}]
settlement: [{budget_billing: {months: 12, settle_up: 4}}]
"""


async def levelled(utility: Utility, points: int) -> None:
    """An account under a budget, at some points, whose days until November are measured."""
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(LEVELLED)
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    for number in range(1, points + 1):
        await enrol.service_point(
            PointRecord(f"SP-{number}", "UTC"),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
        )
        await ends(utility, number, None)
        await measured(utility, AUGUST, NOVEMBER, channel=number)


async def ends(utility: Utility, number: int, end: date | None) -> None:
    await utility.enrol.agreement(AgreementRecord("A-1", f"SP-{number}", "LEVELLED", AUGUST, end))


async def looked_at(utility: Utility, cycle: str) -> int:
    """How many accounts another run of a month takes."""
    record = await RunBills(utility.billing, lambda: utility.now).start(Cycle.parse(cycle), CLERK)
    return record.accounts


def listed(summary: RunSummary) -> list[tuple[str, str, date]]:
    return [(one.days.code, one.days.point, one.days.end) for one in summary.left_out]


async def test_what_comes_to_nothing_is_listed_once_and_costs_no_further_run(
    utility: Utility,
) -> None:
    await levelled(utility, 1)
    await settle(utility, "2026-08")
    await ends(utility, 1, SEPTEMBER)
    summary = await run(utility, "2026-08")
    # The first bill defers nothing: only the month is left, of which a budget is the average.
    assert summary.bills == {BillState.ISSUED: 1}
    assert listed(summary) == [("NOTHING_TO_SETTLE", "SP-1", SEPTEMBER)]
    assert "budget_billing" in summary.left_out[0].days.message
    assert await looked_at(utility, "2026-08") == 0
    assert listed(await run(utility, "2026-08")) == listed(summary)
    assert listed(await run(utility, "2026-09")) == []
    # Whoever has stayed after all is billed, and looked at again when that ends.
    await ends(utility, 1, OCTOBER)
    assert await looked_at(utility, "2026-09") == 1
    await settle(utility, "2026-09")
    assert await looked_at(utility, "2026-10") == 0


async def test_a_point_left_long_ago_costs_nothing_when_the_account_is_settled(
    utility: Utility,
) -> None:
    await levelled(utility, 2)
    await ends(utility, 1, SEPTEMBER)
    await settle(utility, "2026-08")
    await measured(utility, SEPTEMBER, OCTOBER, channel=2, wh=40_000, version=2)
    await settle(utility, "2026-09")
    await settle(utility, "2026-10")
    # The other point has days to come, and the account's own goes on with them.
    assert await looked_at(utility, "2026-10") == 0
    await ends(utility, 2, NOVEMBER)
    summary = await settle(utility, "2026-10")
    assert summary.bills == {BillState.ISSUED: 2}
    assert listed(summary) == []
    for cycle in ("2026-10", "2026-11"):
        utility.now = utility.now.replace(month=12)
        assert listed(await run(utility, cycle)) == []
        assert await looked_at(utility, cycle) == 0
