"""Adjusted bills hand on what they should have: an account's own state, money, ends and rates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.coverage import Coverage
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK, TRADER, person
from tests.support.books import Utility
from tests.support.corrected_books import (
    AUGUST,
    DECEMBER,
    ISSUED_AT,
    MONTHS,
    NET,
    NOVEMBER,
    SEPTEMBER,
    UNBANKED,
    Corrected,
    corrected_utility,
    figures,
    late,
    metered,
    total_of,
)
from tests.support.daily_books import DAY, bill, found, measured, settle
from tests.support.servers import Database

CASHIER = person("cashier")
FOUR = (*MONTHS, "2026-11")
MINE = """\
tariff: MINE
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.10}]
"""
BUDGET = "settlement: [{budget_billing: {months: 12, settle_up: 4}}]\n"
PROMISE = """\
commitments:
  - {id: promise, of: [energy], amount: 300, per: term, months: 3,
     begins: 2026-08-01, owner: account}
"""
PREPAID = "settlement: [prepaid]\n"


@pytest.fixture
async def books(plain_migrated: Database) -> AsyncIterator[Corrected]:
    async with corrected_utility(plain_migrated.dsn) as made:
        made.utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
        yield made


async def two_points(utility: Utility, number: int, late_wh: int | None = None) -> None:
    """An account at two points under MINE until the end of November, 10 and 20 kWh a day."""
    enrol = utility.enrol
    await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
    for nth in (1, 2):
        point, channel = f"SP-{number}{nth}", 2 * number - 2 + nth
        await enrol.service_point(
            PointRecord(point, "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
        )
        await enrol.agreement(AgreementRecord(f"A-{number}", point, "MINE", AUGUST))
        await measured(utility, AUGUST, DECEMBER, channel, wh=10_000 * nth)
    if late_wh is not None:
        await late(utility, AUGUST, late_wh, 2 * number - 1)


async def adjusted(books: Corrected, account: str = "A-1") -> None:
    """Decided by the clerk, and approved by the trader."""
    adjust = CorrectionWay.ADJUST
    uid = await books.correct.decide(account, adjust, CLERK, "readings came late")
    await books.correct.approve(uid, TRADER)


async def balanced(utility: Utility) -> bool:
    """Whether bills and their lines, and the money of accounts, are equal to the cent."""
    days = ReconciledScope(DayRange(AUGUST, DECEMBER))
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(days)
    assert {fault.coverage for fault in report.faults} <= {Coverage.DUE}
    money = all(billed.balanced for billed in report.money)
    return money and all(account.balanced for account in report.accounts)


@pytest.mark.parametrize("more", [BUDGET, PROMISE], ids=["budget", "commitment"])
async def test_what_is_the_accounts_own_goes_through_both_of_its_points(
    books: Corrected, more: str
) -> None:
    utility = books.utility
    await found(utility, 0)
    await utility.enrol.tariff(MINE + more)
    await two_points(utility, 1)
    for period in MONTHS:
        await settle(utility, period)
    await late(utility, AUGUST, 150_000)
    report = await books.correct.preview("A-1")
    assert len(report.tail) > 1
    await adjusted(books)
    await settle(utility, "2026-11")
    await two_points(utility, 2, late_wh=150_000)
    for period in FOUR:
        await settle(utility, period)
    assert await total_of(utility, "A-1", *FOUR) == await total_of(utility, "A-2", *FOUR)
    assert await balanced(utility)


async def test_prepaid_money_pays_what_it_would_have_paid(books: Corrected) -> None:
    utility = books.utility
    await found(utility, 0)
    await utility.enrol.tariff(MINE + PREPAID)
    await two_points(utility, 1)
    ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
    paid = LedgerEntry(
        "pay-1", "A-1", EntryKind.PAY_IN, AUGUST, "EUR", Decimal("100.00"), "prepaid"
    )
    await ledger.post(paid, CASHIER, "transfer")
    await settle(utility, "2026-08")
    await settle(utility, "2026-09")
    # What is paid in afterwards is for the next bill, and for no bill that is issued.
    later = LedgerEntry("pay-2", "A-1", EntryKind.PAY_IN, AUGUST, "EUR", Decimal(50), "prepaid")
    await ledger.post(later, CASHIER, "transfer")
    await late(utility, AUGUST, 30_000)
    await adjusted(books)
    assert await balanced(utility)
    await settle(utility, "2026-10")
    assert await balanced(utility)
    # 93.00 and 2.00 more in August, 90.00 and 93.00; of 150.00 paid in all are drawn.
    assert await total_of(utility, "A-1", *MONTHS) == Decimal("278.00") - 150


@pytest.mark.begins_with(UNBANKED)
async def test_one_bill_is_all_where_it_leaves_what_it_left(books: Corrected) -> None:
    utility = books.utility
    utility.now = ISSUED_AT
    await late(utility, SEPTEMBER, 22_000)
    await adjusted(books)
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    await metered(utility, NOVEMBER, 10, 0)
    await settle(utility, "2026-11")
    assert (await figures(utility, "A-1", "2026-11"))[2:] == [
        ("adjustment", "0.60"),
        ("adjustment", "0.13"),
    ]


@pytest.mark.begins_with(UNBANKED)
async def test_a_rate_that_was_wrong_is_given_back_at_that_rate(books: Corrected) -> None:
    utility = books.utility
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    lower = NET.replace("percent: 21", "percent: 10").replace("2026-01-01", "2026-10-01")
    await utility.enrol.tariff(lower)
    await adjusted(books)
    await metered(utility, NOVEMBER, 10, 0)
    await settle(utility, "2026-11")
    lines = [entry.line for entry in (await bill(utility, "A-1", "2026-11")).bill.lines]
    assert [(line.kind, line.price, line.amount) for line in lines[2:]] == [
        ("tax", Decimal(21), Decimal("-19.53")),
        ("tax", Decimal(10), Decimal("9.30")),
    ]


@pytest.mark.begins_with(UNBANKED)
async def test_a_customer_who_leaves_pays_it_with_the_last_bill(books: Corrected) -> None:
    utility = books.utility
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    await utility.enrol.agreement(
        AgreementRecord("A-1", "SP-1", "NET", AUGUST, NOVEMBER + 10 * DAY)
    )
    await metered(utility, NOVEMBER, 10, 0)
    await late(utility, AUGUST, 22_000)
    await adjusted(books)
    await settle(utility, "2026-11")
    assert [charge for charge, _ in await figures(utility, "A-1", "2026-11")] == [
        *("energy", "vat", "adjustment", "adjustment"),
    ]
