"""Money is posted once and consumed by one bill, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.domain.actor import Actor
from central.domain.billing.ledger import (
    EntryConsumedError,
    EntryDiffersError,
    EntryKind,
    EntryRefusedError,
    LedgerEntry,
)
from central.domain.billing.state import SelfApprovalError
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import ApproveBills, DiscardBills
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.audit import AuditFilter
from central.service.ports.billing_errors import UnknownBillError
from central.service.ports.ledger import PostedEntry
from central.service.ports.registry import AgreementRecord, NotRegisteredError
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, person
from tests.support.books import Utility
from tests.support.daily_books import TARIFF, approve, at, bill, found, issue, measured, run, settle

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
CASHIER = person("cashier")
PAY_IN = LedgerEntry(
    "pay-1", "A-1", EntryKind.PAY_IN, date(2026, 10, 10), "EUR", Decimal("50.00"), "prepaid"
)


async def customers(utility: Utility) -> None:
    """One customer, who pays 0.30 a kWh out of what is paid in; 93.00 a month of 31 days."""
    await found(utility, since=OCTOBER)
    prepaid = TARIFF.format(name="FLAT", price="0.30") + "settlement: [prepaid]\n"
    await utility.enrol.tariff(prepaid, reason="prepaid meters")
    await measured(utility, OCTOBER, DECEMBER)


async def post(
    utility: Utility, entry: LedgerEntry, actor: Actor = CASHIER, reason: str = "transfer"
) -> bool:
    return await AccountLedger(utility.ledger, utility.billing, lambda: utility.now).post(
        entry, actor, reason
    )


async def entry(utility: Utility, key: str = "pay-1") -> PostedEntry:
    kept = await utility.ledger.entry(key)
    assert kept is not None
    return kept


async def total(utility: Utility, period: str = "2026-10") -> Decimal:
    return (await bill(utility, "A-1", period)).bill.amounts.billed


async def test_an_entry_is_posted_once_and_never_changed(utility: Utility) -> None:
    await customers(utility)
    assert await post(utility, PAY_IN)
    assert not await post(utility, PAY_IN, CHIEF, "sent again")
    with pytest.raises(EntryDiffersError):
        await post(utility, replace(PAY_IN, amount=Decimal("50.01")))
    for refused, error in (
        (replace(PAY_IN, key="x", bank="gifts"), EntryRefusedError),
        (replace(PAY_IN, key="x", currency="USD"), EntryRefusedError),
        (replace(PAY_IN, key="x", account="A-7"), NotRegisteredError),
        (replace(PAY_IN, key="x", point="SP-7"), EntryRefusedError),
    ):
        with pytest.raises(error):
            await post(utility, refused)
    with pytest.raises(InvalidValueError):
        await post(utility, replace(PAY_IN, key="x"), reason=" ")
    (kept,) = await utility.ledger.entries(None, 0, 10)
    assert (kept.entry, kept.left, kept.actor, kept.reason) == (
        PAY_IN,
        Decimal(50),
        CASHIER.key,
        "transfer",
    )
    assert len(await utility.audit.rows(AuditFilter(action="ledger.posted"), 10)) == 1


async def test_a_pay_in_is_consumed_by_one_bill(utility: Utility) -> None:
    await customers(utility)
    await post(utility, PAY_IN)
    await run(utility, "2026-10")
    assert await total(utility) == Decimal("43.00")
    october = await bill(utility, "A-1", "2026-10")
    assert (await entry(utility)).consumed_by == str(october.uid)
    # After the draft: it is stale, and the next run takes both; who posted does not approve.
    await post(utility, replace(PAY_IN, key="pay-2", amount=Decimal("20.00")))
    summary = await run(utility, "2026-10")
    assert await total(utility) == Decimal("23.00")
    outcome = await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
    assert outcome.refused == ()
    assert await issue(utility, summary) == []
    # Paid in October, but posted after its bill: November's takes it. What it leaves goes on.
    utility.now = at(date(2026, 12, 2))
    await post(utility, replace(PAY_IN, key="pay-3", amount=Decimal("100.00")))
    await settle(utility, "2026-11")
    assert await total(utility, "2026-11") == Decimal("0.00")
    november = await bill(utility, "A-1", "2026-11")
    assert (await entry(utility, "pay-3")).consumed_by == str(november.uid)
    assert (await entry(utility)).consumed_by == str(october.uid)


async def test_a_pay_in_after_a_draft_makes_it_stale(utility: Utility) -> None:
    await customers(utility)
    summary = await run(utility, "2026-10")
    await post(utility, replace(PAY_IN, key="later", day=date(2026, 11, 3)))
    assert await approve(utility, summary) == []
    await post(utility, PAY_IN)
    assert await issue(utility, summary) == [("A-1", "BILL_STALE")]
    summary = await run(utility, "2026-10")
    assert await total(utility) == Decimal("43.00")
    assert await approve(utility, summary) == []


async def test_whoever_posted_money_does_not_approve_its_bill(utility: Utility) -> None:
    await customers(utility)
    await post(utility, PAY_IN, CHIEF)
    summary = await run(utility, "2026-10")
    approver = ApproveBills(utility.billing, lambda: utility.now)
    with pytest.raises(Exception, match="posted money that it consumes"):
        await approver.run(summary.run, CHIEF)


async def test_discarding_a_bill_opens_its_entries(utility: Utility) -> None:
    await customers(utility)
    await post(utility, PAY_IN)
    await run(utility, "2026-10")
    first = await bill(utility, "A-1", "2026-10")
    await DiscardBills(utility.billing, lambda: utility.now)([first.uid], CLERK)
    assert (await entry(utility)).consumed_by == ""
    await run(utility, "2026-10")
    assert await total(utility) == Decimal("43.00")
    # An earlier end discards as well.
    end = date(2026, 10, 21)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", OCTOBER, end))
    assert (await entry(utility)).consumed_by == ""
    await settle(utility, "2026-10")
    assert await total(utility) == Decimal("10.00")


async def test_what_is_given_back_is_not_consumed(utility: Utility) -> None:
    await customers(utility)
    await post(utility, PAY_IN)
    await run(utility, "2026-10")
    refund = LedgerEntry(
        "back-1", "A-1", EntryKind.REFUND, OCTOBER, "EUR", Decimal("30.00"), of="pay-1"
    )
    assert await post(utility, refund)
    assert not await post(utility, refund)
    with pytest.raises(EntryRefusedError, match=r"20\.00"):
        await post(utility, replace(refund, key="back-2"))
    assert (await entry(utility)).left == Decimal("20.00")
    await settle(utility, "2026-10")
    assert await total(utility) == Decimal("73.00")
    lapsed = replace(refund, key="back-3", kind=EntryKind.EXPIRY, amount=Decimal("1.00"))
    with pytest.raises(EntryConsumedError):
        await post(utility, lapsed)


async def test_a_payment_names_an_issued_bill_of_its_account(utility: Utility) -> None:
    await customers(utility)
    await run(utility, "2026-10")
    uid = str((await bill(utility, "A-1", "2026-10")).uid)
    payment = LedgerEntry("p-1", "A-1", EntryKind.PAYMENT, OCTOBER, "EUR", Decimal(93), bill=uid)
    with pytest.raises(EntryRefusedError):
        await post(utility, payment)
    await settle(utility, "2026-10")
    assert await post(utility, payment)
    assert not await post(utility, payment)
    # As people call it, it is the same.
    number = (await bill(utility, "A-1", "2026-10")).number
    for name in (number, "A-1/2026-10"):
        assert name
        assert not await post(utility, replace(payment, bill=name))
    with pytest.raises(UnknownBillError, match="ES-404"):
        await post(utility, replace(payment, key="p-3", bill="ES-404"))
    kept = await entry(utility, "p-1")
    assert (kept.consumed_by, kept.state) == (uid, "issued")
    assert await post(utility, replace(payment, key="p-2", bill=""))
    assert (await entry(utility, "p-2")).consumed_by == ""


TAXES = """\
taxes:
  - {id: vat, percent: 10, of: all, point: period_end}
  - {id: duty, percent: 5, of: energy, point: interval}
"""
ORDER = LedgerEntry(
    "so-17",
    "A-1",
    EntryKind.CHARGE,
    date(2026, 10, 10),
    "EUR",
    Decimal("40.00"),
    name="Reconnection",
    taxes=("vat",),
)
GOODWILL = replace(
    ORDER, key="gw-1", kind=EntryKind.CREDIT, amount=Decimal(10), name="Goodwill", taxes=()
)


async def test_a_charge_of_a_service_order_is_a_line_of_one_bill(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    taxed = TARIFF.format(name="FLAT", price="0.30") + TAXES
    await utility.enrol.tariff(taxed, reason="taxes")
    await measured(utility, OCTOBER, DECEMBER)
    with pytest.raises(EntryRefusedError):
        await post(utility, replace(ORDER, taxes=("vat", "gst")))
    with pytest.raises(InvalidValueError):
        replace(ORDER, name="")
    with pytest.raises(InvalidValueError):
        replace(PAY_IN, name="Reconnection")
    await run(utility, "2026-10")
    assert await total(utility) == Decimal("106.95")
    await post(utility, ORDER)
    await post(utility, GOODWILL)
    summary = await run(utility, "2026-10")
    october = await bill(utility, "A-1", "2026-10")
    lines = {entry.line.key: (entry.line.name, entry.line.amount) for entry in october.bill.lines}
    # The order bears the tax that it names, and the credit none: 10 % of 133, 5 % of 93.
    assert lines == {
        "energy": ("energy", Decimal("93.00")),
        "one-off/gw-1": ("Goodwill", Decimal("-10.00")),
        "one-off/so-17": ("Reconnection", Decimal("40.00")),
        "duty": ("duty", Decimal("4.65")),
        "vat": ("vat", Decimal("13.30")),
    }
    assert await total(utility) == Decimal("140.95")
    assert (await entry(utility, "so-17")).consumed_by == str(october.uid)
    with pytest.raises(SelfApprovalError, match="posted money that it consumes"):
        await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CASHIER)
    await DiscardBills(utility.billing, lambda: utility.now)([october.uid], CHIEF, "again")
    assert (await entry(utility, "so-17")).consumed_by == ""
    await settle(utility, "2026-10")
    assert await total(utility) == Decimal("140.95")
    utility.now = at(date(2026, 12, 2))
    await settle(utility, "2026-11")
    assert await total(utility, "2026-11") == Decimal("103.50")
    scope = ReconciledScope(DayRange(OCTOBER, DECEMBER))
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(scope)
    assert report.balanced


async def test_what_a_day_of_its_own_lets_lapse_is_booked(utility: Utility) -> None:
    await customers(utility)
    gift = replace(PAY_IN, kind=EntryKind.GRANT, amount=Decimal(100), expires=date(2026, 10, 20))
    assert await post(utility, gift)
    assert not await post(utility, gift)
    with pytest.raises(EntryDiffersError):
        await post(utility, replace(gift, expires=None))
    assert (await entry(utility)).to_json()["expires"] == "2026-10-20"
    for refused in (
        {"kind": EntryKind.CREDIT, "bank": "", "name": "Goodwill"},
        {"expires": gift.day},
    ):
        with pytest.raises(InvalidValueError, match="does not expire on"):
            replace(gift, **refused)
    utility.now = at(NOVEMBER.replace(day=2))
    await settle(utility, "2026-10")
    assert await total(utility) == 0
    utility.now = at(DECEMBER.replace(day=2))
    await settle(utility, "2026-11")
    assert await total(utility, "2026-11") == Decimal("90.00")
    scope = ReconciledScope(days=DayRange(OCTOBER, DECEMBER))
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(scope)
    (money,) = report.ledger
    became = (money.received, money.applied, money.expired, money.balance)
    assert became == tuple(map(Decimal, (100, 93, 7, 0)))
    assert money.balanced
