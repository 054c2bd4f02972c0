"""What is an account's own goes through all of its occupancies, each day once, on every store."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from central.adapters.timescale.exceptions.releases import TimescaleBillReleases
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import Party
from central.domain.billing.chain_order import BillOutdatedError, PredecessorNotApprovedError
from central.domain.billing.state import BillState
from central.domain.reason_code import ReasonCode
from central.service.billing.approve_bills import ApproveBills, DiscardBills
from central.service.exceptions.release import release_bill
from central.service.ports.exception_notes import ActionNote
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, OPERATOR, noted
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import approve, bill, found, issue, measured, run, settle
from tests.support.servers import Database

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in range(8, 13))
JANUARY, FEBRUARY = date(2027, 1, 1), date(2027, 2, 1)
NOW = datetime(2027, 2, 9, 12, tzinfo=UTC)
BUDGET = """\
tariff: {name}
effective: 2026-01-01
zone: UTC
currency: {{code: EUR, digits: 2}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
{more}
"""
LEVELLED = "settlement: [{budget_billing: {months: 12, settle_up: 4}}]"
PROMISED = """\
commitments:
  - {id: promise, of: [energy], amount: 300, per: term, months: 2,
     begins: 2026-08-01, owner: account}
"""


async def two_points(utility: Utility, more: str, first: date = AUGUST) -> None:
    """One account at SP-1 from August on, and at SP-2 from a day on, 10 and 20 kWh a day."""
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(BUDGET.format(name="MINE", price="0.10", more=more))
    for number, since in ((1, AUGUST), (2, first)):
        await enrol.service_point(
            PointRecord(f"SP-{number}", "UTC"),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
        )
        if number == 1:
            await enrol.account(AccountRecord("A-1", Party("Customer")))
        await enrol.agreement(AgreementRecord("A-1", f"SP-{number}", "MINE", since))
        await measured(utility, since, NOVEMBER, number, wh=10_000 * number)


async def amounts(utility: Utility, period: str) -> list[tuple[str, str, str]]:
    """The lines of the account's bill of a period."""
    record = await bill(utility, "A-1", period)
    return [
        (entry.service_point, entry.line.id, f"{entry.line.amount:.2f}")
        for entry in record.bill.lines
    ]


async def test_a_budget_levels_the_account_over_both_points(utility: Utility) -> None:
    await two_points(utility, LEVELLED, SEPTEMBER)
    await settle(utility, "2026-08")
    await settle(utility, "2026-09")
    # August 31.00. September 30.00 and 60.00: the mean of 31.00 and 30.00, then of 31.00 and 90.00.
    assert await amounts(utility, "2026-09") == [
        ("SP-1", "energy", "30.00"),
        ("SP-1", "budget_billing", "0.50"),
        ("SP-2", "energy", "60.00"),
        ("SP-2", "budget_billing", "-30.00"),
    ]
    await settle(utility, "2026-10")
    # October 31.00 and 62.00: (31 + 90 + 31) / 3 is 50.67, and with 62.00 more 71.33.
    assert await amounts(utility, "2026-10") == [
        ("SP-1", "energy", "31.00"),
        ("SP-1", "budget_billing", "19.67"),
        ("SP-2", "energy", "62.00"),
        ("SP-2", "budget_billing", "-41.34"),
    ]


async def test_a_deferral_survives_a_move_and_ends_with_the_accounts_last_bill(
    utility: Utility,
) -> None:
    await two_points(utility, LEVELLED, OCTOBER)
    await measured(utility, SEPTEMBER, OCTOBER, 1, wh=40_000, version=2)
    moved = AgreementRecord("A-1", "SP-1", "MINE", AUGUST, OCTOBER)
    await utility.enrol.agreement(moved)
    await settle(utility, "2026-08")
    await settle(utility, "2026-09")
    # September's 120.00 levelled to 75.50 leave 44.50, which the new point goes on with.
    assert ("SP-1", "budget_billing", "-44.50") in await amounts(utility, "2026-09")
    last = AgreementRecord("A-1", "SP-2", "MINE", OCTOBER, NOVEMBER)
    await utility.enrol.agreement(last)
    await settle(utility, "2026-10")
    assert await amounts(utility, "2026-10") == [
        ("SP-2", "energy", "62.00"),
        ("SP-2", "budget_billing", "44.50"),
    ]


async def test_a_deferral_is_settled_though_every_end_is_told_after_the_last_bill(
    utility: Utility,
) -> None:
    await two_points(utility, LEVELLED, SEPTEMBER)
    await settle(utility, "2026-09")
    # September's 90.00 levelled to 60.50 leave 29.50; SP-2 goes on with it.
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "MINE", AUGUST, OCTOBER))
    assert len((await run(utility, "2026-09")).bills) == 1
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-2", "MINE", SEPTEMBER, OCTOBER))
    assert (await run(utility, "2026-09")).bills == {BillState.ISSUED: 2, BillState.DRAFT: 1}
    assert await amounts(utility, "2026-09") == [("SP-2", "budget_billing", "29.50")]
    await settle(utility, "2026-09")
    assert len((await run(utility, "2026-09")).bills) == 1


async def test_a_term_of_the_account_ends_once_with_all_of_its_points(utility: Utility) -> None:
    await two_points(utility, PROMISED)
    await settle(utility, "2026-08")
    await settle(utility, "2026-09")
    shortfalls = [
        line
        for period in ("2026-08", "2026-09")
        for line in await amounts(utility, period)
        if line[1] == "promise"
    ]
    # 93.00 in August and 90.00 in September, of 300.00 in two months.
    assert shortfalls == [("SP-2", "promise", "117.00")]


async def test_a_second_run_hands_it_on_in_the_same_order(utility: Utility) -> None:
    await two_points(utility, LEVELLED)
    await settle(utility, "2026-08")
    summary = await run(utility, "2026-10")
    drafts = [await bill(utility, "A-1", period) for period in ("2026-09", "2026-10")]
    assert (await run(utility, "2026-10")).bills == summary.bills
    again = [await bill(utility, "A-1", period) for period in ("2026-09", "2026-10")]
    assert [draft.sha256 for draft in again] == [draft.sha256 for draft in drafts]
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_draft_before_it_that_is_discarded_makes_a_bill_stale(utility: Utility) -> None:
    await two_points(utility, LEVELLED, SEPTEMBER)
    # SP-1 ends in August, SP-2 begins in September: only the account binds their bills.
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "MINE", AUGUST, SEPTEMBER))
    await run(utility, "2026-09")
    august = await bill(utility, "A-1", "2026-08")
    september = await bill(utility, "A-1", "2026-09")
    approve_bills = ApproveBills(utility.billing, lambda: utility.now)
    with pytest.raises(PredecessorNotApprovedError):
        await approve_bills.one(september.uid, CHIEF)
    await DiscardBills(utility.billing, lambda: utility.now)([august.uid], CLERK)
    with pytest.raises(BillOutdatedError):
        await approve_bills.one(september.uid, CHIEF)
    summary = await run(utility, "2026-09")
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_released_bill_hands_it_on(migrated: Database) -> None:
    answer = ActionNote(noted(NOW, OPERATOR, "a heat pump"), ReasonCode.CUSTOMER_CONFIRMED)
    async with timescale_utility(migrated.dsn) as utility, make_pool(migrated.dsn) as pool:
        utility.now = NOW
        await two_points(utility, LEVELLED, DECEMBER)
        await measured(utility, NOVEMBER, FEBRUARY, 1)
        await measured(utility, DECEMBER, JANUARY, 1, wh=50_000, version=2)
        await measured(utility, DECEMBER, FEBRUARY, 2, wh=0)
        await settle(utility, "2026-11")
        await run(utility, "2026-12")
        held = await bill(utility, "A-1", "2026-12")
        assert held.bill.state is BillState.HELD
        await release_bill(TimescaleBillReleases(pool), held.uid, answer)
        await settle(utility, "2026-12")
        await settle(utility, "2027-01")
        # 31, 30, 31, 30 and 155.00 are 55.40 a month; with January's 31.00 they are 51.33.
        assert ("SP-1", "budget_billing", "-99.60") in await amounts(utility, "2026-12")
        assert ("SP-1", "budget_billing", "20.33") in await amounts(utility, "2027-01")
