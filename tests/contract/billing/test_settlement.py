"""An end told after the last bill was issued settles what that bill left, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party, RunType
from central.domain.billing.coverage import Coverage
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import DiscardBills
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.billing import BillRecord
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK, person
from tests.support.books import Utility
from tests.support.daily_books import approve, at, bill, found, heads, issue, measured, run, settle

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (8, 9, 10, 11))
OWING = """\
tariff: OWING
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.10}]
minimums: [{id: yearly, of: energy, amount: 1200, per: year, share: days}]
taxes: [{id: vat, percent: 10, of: all, point: interval}]
settlement: [{budget_billing: {months: 12, settle_up: 4}}]
"""
TAX = "taxes: [{id: vat, percent: 10, of: all, point: interval}]\n"
SETTLED = [("yearly", "49.55"), ("vat", "4.96"), ("budget_billing", "48.95")]


def agreed(end: date | None = None, first: date = AUGUST) -> AgreementRecord:
    return AgreementRecord("A-1", "SP-1", "OWING", first, end)


async def moved_out(utility: Utility, tariff: str = OWING, issued: str = "2026-09") -> None:
    """August and September are issued, then A-1 is said to have left on 1 October."""
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(tariff)
    await enrol.service_point(
        PointRecord("SP-1", "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await enrol.agreement(agreed())
    await measured(utility, AUGUST, SEPTEMBER)
    await measured(utility, SEPTEMBER, OCTOBER, wh=40_000)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, issued)
    if issued == "2026-09":
        await ends(utility, OCTOBER)


async def ends(utility: Utility, end: date | None) -> list[str]:
    """Say when A-1 leaves; what was discarded."""
    enrol = utility.enrol
    await enrol.agreement(agreed(end))
    return enrol.discarded


async def found_in(utility: Utility, days: DayRange) -> set[Coverage]:
    """What becomes of some days."""
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(ReconciledScope(days))
    return {key[2] for key in report.sums}


def lines(record: BillRecord) -> list[tuple[str, str]]:
    return [(entry.line.id, f"{entry.line.amount:.2f}") for entry in record.bill.lines]


async def test_it_settles_what_a_final_part_would_have(utility: Utility) -> None:
    await moved_out(utility)
    summary = await run(utility, "2026-09")
    assert summary.bills == {BillState.ISSUED: 2, BillState.DRAFT: 1}
    settlement = await bill(utility, "A-1", "2026-09")
    # 31.00 and 120.00 of 1,200.00 x 61 / 365, and what September's 132.00 were levelled by.
    assert lines(settlement) == SETTLED
    assert (settlement.kwh, settlement.bill.days.end) == (Decimal(0), OCTOBER)
    assert [(one.days.last, one.reads, one.settles) for one in settlement.bill.supplies] == [
        (date(2026, 9, 30), (), True)
    ]
    # It is made once, whatever runs: again, of a later month, discarded and made again.
    await run(utility, "2026-10")
    assert await run(utility, "2026-09") == summary
    discard = DiscardBills(utility.billing, lambda: utility.now)
    assert await discard([settlement.uid], CLERK) == 1
    again = await settle(utility, "2026-10")
    assert again.bills == {BillState.ISSUED: 1}
    issued = await bill(utility, "A-1", "2026-09")
    assert lines(issued) == SETTLED
    assert issued.bill.state is BillState.ISSUED
    assert (await run(utility, "2026-10")).bills == again.bills
    # The day on which it ended belongs to nobody; the days before to their bills.
    assert await found_in(utility, DayRange(AUGUST, OCTOBER)) == {Coverage.BILLED}
    assert await found_in(utility, DayRange(OCTOBER, NOVEMBER)) == {Coverage.VACANT}
    async with utility.validation.transaction() as work:
        billed = await work.issued(PointChannelId(1), DayRange(AUGUST, NOVEMBER))
    assert max(days.end for days in billed) == OCTOBER
    # Its money is that of the account, of those days.
    asked = ReconciledScope(DayRange(SEPTEMBER, OCTOBER), account="A-1")
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(asked)
    assert [(money.bills, money.balanced) for money in report.money] == [(2, True)]


async def test_a_final_run_settles_in_the_month_that_goes_on(utility: Utility) -> None:
    await moved_out(utility)
    utility.now = at(date(2026, 10, 5))
    summary = await run(utility, "2026-10", RunType.FINAL)
    assert summary.bills == {BillState.DRAFT: 1}
    assert lines(await bill(utility, "A-1", "2026-09")) == SETTLED
    # Net and taxes, as the bill says; what is levelled stands beside it.
    euros = {"EUR": Decimal("54.51")}
    assert (summary.totals, summary.settled) == (euros, {"EUR": Decimal("48.95")})
    assert [head.total for head in await heads(utility, summary)] == [euros["EUR"]]
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_draft_of_it_goes_where_the_end_is_taken_back(utility: Utility) -> None:
    await moved_out(utility)
    await run(utility, "2026-09")
    assert await ends(utility, None) == ["A-1/2026-09"]
    await settle(utility, "2026-10")
    assert await found_in(utility, DayRange(AUGUST, NOVEMBER)) == {Coverage.BILLED}
    # October is levelled with what was deferred; nothing of the settlement is left.
    assert [line for line, _ in lines(await bill(utility, "A-1", "2026-10"))] == [
        "energy",
        "vat",
        "budget_billing",
    ]
    await ends(utility, NOVEMBER)
    summary = await settle(utility, "2026-10")
    assert len(await heads(utility, summary)) == 2


async def test_a_draft_of_it_goes_where_the_account_stays_without_a_gap(utility: Utility) -> None:
    await moved_out(utility)
    await run(utility, "2026-09")
    enrol = utility.enrol
    await enrol.agreement(agreed(first=OCTOBER))
    assert enrol.discarded == ["A-1/2026-09"]
    await settle(utility, "2026-10")
    assert await found_in(utility, DayRange(AUGUST, NOVEMBER)) == {Coverage.BILLED}


async def test_what_is_settled_has_ended_and_another_agreement_begins_anew(
    utility: Utility,
) -> None:
    await moved_out(utility)
    await settle(utility, "2026-09")
    for end in (None, NOVEMBER):
        with pytest.raises(PeriodBilledError, match="another agreement from 2026-10-01"):
            await ends(utility, end)
    enrol = utility.enrol
    await enrol.agreement(agreed(first=OCTOBER))
    await settle(utility, "2026-10")
    october = await bill(utility, "A-1", "2026-10")
    assert lines(october)[0] == ("energy", "31.00")
    assert ("budget_billing", "0.00") in lines(october)
    assert await found_in(utility, DayRange(AUGUST, NOVEMBER)) == {Coverage.BILLED}


async def test_nothing_is_made_where_nothing_is_left(utility: Utility) -> None:
    plain = OWING[: OWING.index("minimums")]
    await moved_out(utility, plain)
    summary = await run(utility, "2026-09")
    assert summary.bills == {BillState.ISSUED: 2}
    assert (await run(utility, "2026-10")).bills == {}


async def test_another_version_of_the_last_day_concerns_it(utility: Utility) -> None:
    await moved_out(utility)
    await settle(utility, "2026-09")
    enrol = utility.enrol
    await enrol.tariff(OWING.replace("2026-01-01", "2026-10-01"))
    assert enrol.concerned == {}
    await enrol.tariff(OWING.replace("2026-01-01", "2026-09-30"))
    # With the bill of September.
    assert [bills.count for bills in enrol.concerned.values()] == [2]


CASHIER = person("cashier")
ORDER = LedgerEntry(
    *("so-17", "A-1", EntryKind.CHARGE, date(2026, 11, 2), "EUR", Decimal("40.00")),
    name="Meter broken",
    taxes=("vat",),
)


async def post(utility: Utility, entry: LedgerEntry) -> None:
    ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
    await ledger.post(entry, CASHIER, "service order")


@pytest.mark.parametrize("point", ["", "SP-1"])
async def test_a_charge_that_is_posted_after_the_last_bill_has_one_of_its_own(
    utility: Utility, point: str
) -> None:
    await moved_out(utility, OWING[: OWING.index("minimums")] + TAX)
    assert (await run(utility, "2026-10")).bills == {}
    await post(utility, replace(ORDER, point=point))
    credit = replace(ORDER, key="gw-1", kind=EntryKind.CREDIT, amount=Decimal(10), name="Goodwill")
    await post(utility, replace(credit, taxes=()))
    summary = await run(utility, "2026-10")
    assert summary.bills == {BillState.DRAFT: 1}
    last = await bill(utility, "A-1", "2026-09")
    assert lines(last) == [("one-off", "-10.00"), ("one-off", "40.00"), ("vat", "4.00")]
    assert (last.kwh, last.bill.days.end) == (Decimal(0), OCTOBER)
    discard = DiscardBills(utility.billing, lambda: utility.now)
    assert await discard([last.uid], CLERK) == 1
    await settle(utility, "2026-10")
    assert lines(await bill(utility, "A-1", "2026-09")) == lines(last)
    # It is billed once.
    assert BillState.DRAFT not in (await run(utility, "2026-10")).bills
    posted = await utility.ledger.entry("so-17")
    assert posted is not None
    assert posted.consumed_by


async def test_a_draft_of_a_charge_that_is_taken_back_goes_with_it(utility: Utility) -> None:
    await moved_out(utility, OWING[: OWING.index("minimums")] + TAX)
    await post(utility, ORDER)
    assert (await run(utility, "2026-10")).bills == {BillState.DRAFT: 1}
    back = replace(ORDER, key="so-17-back", kind=EntryKind.EXPIRY, of=ORDER.key, name="", taxes=())
    await post(utility, back)
    for _ in range(2):
        assert (await run(utility, "2026-10")).bills == {BillState.DISCARDED: 1}
    # Its days are free for what is posted next.
    await post(utility, replace(ORDER, key="so-18", amount=Decimal("50.00")))
    await settle(utility, "2026-10")
    last = await bill(utility, "A-1", "2026-09")
    assert lines(last) == [("one-off", "50.00"), ("vat", "5.00")]
    assert last.bill.state is BillState.ISSUED


async def test_what_another_point_of_the_account_bills_has_no_bill_of_its_own(
    utility: Utility,
) -> None:
    await moved_out(utility, OWING[: OWING.index("minimums")] + TAX)
    await utility.enrol.service_point(PointRecord("SP-2", "UTC"))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-2", "OWING", OCTOBER))
    await post(utility, replace(ORDER, day=date(2026, 10, 2)))
    assert (await run(utility, "2026-09")).bills == {BillState.ISSUED: 2}
