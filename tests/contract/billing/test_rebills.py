"""Issued bills are cancelled and billed anew as one, on every server found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.pool import make_pool
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.credit_note import (
    AlreadyCancelledError,
    BilledBehindError,
    TailMovedError,
)
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import ApproveBills, DiscardBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.find_bill import find_bill
from central.service.billing.fresh_bills import BillInputsError
from central.service.billing.post_entries import AccountLedger
from central.service.billing.rebill_bills import NothingDiffersError, RebillBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.billing import BillRecord
from central.service.ports.cancellations import CancellationStore
from central.service.ports.registry import AgreementRecord
from tests.support.actors import CHIEF, person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import TARIFF, at, bill, found, measured, run, settle
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
AGENT = person("agent")
APPROVED = b"""
UPDATE bill SET state = 'approved', approver = 'person:chief', approved_at = made_at
WHERE replaces IS NOT NULL
"""
REFUSED = (
    b"""
    UPDATE bill SET state = 'issued', series = 'INV', legal_number = 7, number = 'INV-7',
        issued_at = made_at, issued_on = '2026-12-02', due_on = '2026-12-02', issue = '{}',
        content_sha256 = sha256('x')
    WHERE replaces IS NOT NULL
    """,
    b"UPDATE bill SET replaces = NULL WHERE replaces IS NOT NULL",
    b"UPDATE bill_part SET replaces_part = NULL WHERE replaces_part IS NOT NULL",
    b"""
    INSERT INTO bill_part (
        id, bill_id, agreement_id, occupancy_id, first_day, end_day, closing, replaces_part
    ) OVERRIDING SYSTEM VALUE
    SELECT 1000, bill_id, agreement_id, occupancy_id, first_day + 1, end_day, closing, id
    FROM bill_part WHERE replaces_part IS NULL
    """,
)
PLAIN = """\
tariff: {name}
effective: 2026-01-01
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
taxes: [{{id: vat, percent: 10, of: [all], point: interval}}]
"""


@asynccontextmanager
async def opened(
    database: Database, customers: int = 1, more: str = ""
) -> AsyncIterator[tuple[Utility, CancellationStore, RebillBills]]:
    """Customers at 0.30 a kWh and 10 %, 10 kWh a day, whose October and November are issued."""
    dsn = database.dsn_as("meterline_app")
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        await found(utility, customers, since=OCTOBER)
        await utility.enrol.tariff(PLAIN.format(name="FLAT", price="0.30") + more, reason="plain")
        for number in range(1, customers + 1):
            await measured(utility, OCTOBER, date(2027, 1, 1), number)
        utility.now = at(date(2026, 12, 2))
        store = TimescaleCancellations(pool)
        rebills = TimescaleRebills(pool)
        yield (
            utility,
            store,
            RebillBills(utility.billing, store, rebills, lambda: utility.now),
        )


async def record(utility: Utility, uid: UUID) -> BillRecord:
    there = await utility.billing.bill(uid)
    assert there is not None
    return there


async def read_late(utility: Utility, wh: int = 20_000, version: int = 2) -> None:
    """The first five days of October are 20 kWh each, after all."""
    await measured(utility, OCTOBER, date(2026, 10, 6), wh=wh, version=version)


async def decided(utility: Utility, uid: UUID) -> BillRecord:
    await ApproveBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    return await record(utility, uid)


async def balanced(utility: Utility) -> None:
    reconcile = Reconcile(utility.reconciliation, lambda: utility.now)
    assert (await reconcile(ReconciledScope(DayRange(OCTOBER, DECEMBER)))).balanced


async def test_a_bill_in_the_middle_of_a_chain_is_billed_anew(migrated: Database) -> None:
    async with opened(migrated) as (utility, store, rebill):
        await settle(utility, "2026-10")
        await settle(utility, "2026-11")
        with pytest.raises(NothingDiffersError):
            await rebill("A-1", AGENT, "late readings")
        october, november = [await bill(utility, "A-1", f"2026-{month}") for month in (10, 11)]
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        draft = await record(utility, uid)
        assert (draft.bill.state, draft.contributors) == (BillState.DRAFT, (AGENT.key,))
        assert (draft.bill.revision, draft.bill.replaced) == (1, "INV-000001")
        assert draft.bill.replaces == october.content_sha256
        assert draft.sha256 == draft.bill.sha256
        # The draft holds nothing: the bill stands, and no run looks at it.
        await balanced(utility)
        assert (await run(utility, "2026-11")).bills == {BillState.ISSUED: 1}
        with pytest.raises(AlreadyCancelledError):
            await rebill("A-1", AGENT, "late readings")
        anew = await decided(utility, uid)
        assert anew.number == "INV-000003"
        assert anew.bill.amounts.net == Decimal("93.00") + Decimal("15.00")
        chain = await store.chain(october.uid)
        assert [(link.how, link.number) for link in chain] == [
            ("cancelled by", "CN-000001"),
            ("replaced by", "INV-000003"),
        ]
        note = await record(utility, chain[0].uid)
        assert note.bill.amounts.billed == -october.bill.amounts.billed
        await balanced(utility)
        summary = await run(utility, "2026-10")
        assert summary.bills == {BillState.ISSUED: 1}
        assert summary.totals == {"EUR": Decimal("118.80")}
        # November opens from it as it did, and stays.
        cancel = CancelBills(utility.billing, store, lambda: utility.now)
        with pytest.raises(BilledBehindError, match="INV-000002"):
            await cancel([uid], AGENT, "not so")
        # And once more, of the bill that stands.
        await read_late(utility, 30_000, version=3)
        (uid,) = await rebill("A-1", AGENT, "later readings", anew.uid)
        again = await decided(utility, uid)
        assert (again.bill.revision, again.bill.replaced) == (2, "INV-000003")
        assert (await record(utility, november.uid)).number == "INV-000002"


async def test_what_a_bill_leaves_otherwise_takes_those_behind_along(
    plain_migrated: Database,
) -> None:
    minimum = "minimums: [{id: yearly, of: energy, amount: 1, per: year}]\n"
    async with opened(plain_migrated, more=minimum) as (utility, store, rebill):
        await settle(utility, "2026-10")
        await settle(utility, "2026-11")
        await read_late(utility)
        uids = await rebill("A-1", AGENT, "late readings")
        drafts = [await record(utility, uid) for uid in uids]
        assert [draft.bill.replaced for draft in drafts] == ["INV-000001", "INV-000002"]
        # Whichever is named, they are decided together, the earlier first.
        await decided(utility, uids[1])
        anew = [await record(utility, uid) for uid in uids]
        assert [one.number for one in anew] == ["INV-000003", "INV-000004"]
        notes = [link.number for one in anew for link in await store.chain(one.uid)]
        assert sorted(str(number) for number in notes if str(number).startswith("CN")) == [
            "CN-000001",
            "CN-000002",
        ]
        await balanced(utility)
        # December opens from the new November.
        utility.now = at(date(2027, 1, 2))
        await settle(utility, "2026-12")
        assert (await bill(utility, "A-1", "2026-12")).bill.amounts.net == Decimal("93.00")


async def test_what_changes_meanwhile_refuses_the_whole_decision(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, _, rebill):
        await settle(utility, "2026-10")
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        await ApproveBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
        await utility.enrol.tariff(PLAIN.format(name="FLAT", price="0.31"), reason="dearer")
        with pytest.raises(BillInputsError, match="FLAT"):
            await IssueBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
        original = await find_bill(utility.billing, "A-1/2026-10")
        assert original.number == "INV-000001"
        # It is a draft again with its credit note; discarded, another is proposed.
        await DiscardBills(utility.billing, lambda: utility.now)([uid], AGENT)
        (uid,) = await rebill("A-1", AGENT, "late readings, and a price")
        anew = await decided(utility, uid)
        assert (anew.number, anew.bill.amounts.net) == ("INV-000002", Decimal("111.60"))


async def test_an_unchanged_bill_goes_on_though_its_account_changed(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, _, rebill):
        await settle(utility, "2026-10")
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        paid = LedgerEntry("paid", "A-1", EntryKind.PAYMENT, DECEMBER, "EUR", Decimal(43))
        await AccountLedger(utility.ledger, utility.billing, lambda: utility.now).post(
            paid, AGENT, "transfer"
        )
        assert (await decided(utility, uid)).number == "INV-000002"


async def test_bills_issued_behind_a_proposal_are_kept_from_another_opening(
    plain_migrated: Database,
) -> None:
    minimum = "minimums: [{id: yearly, of: energy, amount: 1, per: year}]\n"
    async with opened(plain_migrated, more=minimum) as (utility, _, rebill):
        await settle(utility, "2026-10")
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        await settle(utility, "2026-11")
        with pytest.raises(TailMovedError, match="INV-000002"):
            await decided(utility, uid)
        assert (await record(utility, uid)).bill.state is BillState.APPROVED


async def test_approved_bills_behind_are_drafts_again_and_follow(plain_migrated: Database) -> None:
    minimum = "minimums: [{id: yearly, of: energy, amount: 1, per: year}]\n"
    async with opened(plain_migrated, more=minimum) as (utility, _, rebill):
        await settle(utility, "2026-10")
        summary = await run(utility, "2026-11")
        await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
        behind = await bill(utility, "A-1", "2026-11")
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        await decided(utility, uid)
        assert (await record(utility, behind.uid)).bill.state is BillState.DRAFT
        await settle(utility, "2026-11")
        assert (await record(utility, behind.uid)).number == "INV-000003"
        await balanced(utility)


async def test_what_the_bill_consumed_the_new_one_consumes(plain_migrated: Database) -> None:
    async with opened(plain_migrated, more="settlement: [prepaid]\n") as (utility, _, rebill):
        ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
        day = date(2026, 10, 10)
        pay_in = LedgerEntry("in", "A-1", EntryKind.PAY_IN, day, "EUR", Decimal(50), "prepaid")
        await ledger.post(pay_in, person("cashier"), "transfer")
        await settle(utility, "2026-10")
        await read_late(utility)
        (uid,) = await rebill("A-1", AGENT, "late readings")
        anew = await decided(utility, uid)
        assert anew.bill.amounts.billed == Decimal("118.80") - 50
        kept = await utility.ledger.entry("in")
        assert kept is not None
        assert kept.consumed_by == str(uid)
        (money,) = await utility.reconciliation.account_money(None, "A-1", NOVEMBER)
        assert money.balanced
        assert (money.received, money.applied) == (Decimal(50), Decimal(50))
        # What the balance pays is beside the total.
        summary = await run(utility, "2026-10")
        assert summary.totals == {"EUR": Decimal("118.80")}
        assert summary.settled == {"EUR": Decimal(-50)}


async def test_a_bill_that_only_opens_with_something_else_is_billed_anew_with_it(
    plain_migrated: Database,
) -> None:
    """December ends the year of a minimum, which is reached: it says and leaves what it did."""
    async with opened(plain_migrated) as (utility, _, rebill):
        await utility.enrol.tariff(TARIFF.format(name="FLAT", price="0.30"), reason="a minimum")
        utility.now = at(date(2027, 1, 2))
        for month in (10, 11, 12):
            await settle(utility, f"2026-{month}")
        await measured(utility, NOVEMBER, date(2026, 11, 6), wh=20_000, version=2)
        uids = await rebill("A-1", AGENT, "late readings")
        anew = [await decided(utility, uids[0]), await record(utility, uids[1])]
        assert [bill.bill.amounts.net for bill in anew] == [Decimal("105.00"), Decimal("93.00")]
        # What was adjusted opens what is behind, too.
        async with make_pool(plain_migrated.dsn, max_size=2) as pool:
            correct = CorrectBills(TimescaleCorrections(pool), lambda: utility.now)
            await measured(utility, NOVEMBER, date(2026, 11, 6), wh=30_000, version=3)
            adjust = CorrectionWay.ADJUST
            await correct.approve(await correct.decide("A-1", adjust, AGENT, "later ones"), CHIEF)
        taxed = TARIFF + "taxes: [{{id: vat, percent: 10, of: [all], point: interval}}]\n"
        for effective, text in (("2026-12-01", TARIFF), ("2026-11-01", taxed)):
            version = text.format(name="FLAT", price="0.30").replace("2026-01-01", effective)
            await utility.enrol.tariff(version)
        uids = await rebill("A-1", AGENT, "taxed")
        assert (await decided(utility, uids[0])).bill.amounts.total == Decimal("132.00")


async def test_only_the_points_that_differ_are_billed_anew(plain_migrated: Database) -> None:
    async with opened(plain_migrated, 2) as (utility, _, rebill):
        await utility.enrol.agreement(AgreementRecord("A-2", "SP-2", "FLAT", OCTOBER, NOVEMBER))
        await utility.enrol.agreement(AgreementRecord("A-1", "SP-2", "FLAT", NOVEMBER))
        await settle(utility, "2026-11")
        both = await bill(utility, "A-1", "2026-11")
        await measured(utility, NOVEMBER, date(2026, 11, 6), 2, wh=20_000, version=2)
        (uid,) = await rebill("A-1", AGENT, "late readings", only_changed=True)
        anew = await decided(utility, uid)
        assert anew.sha256 == anew.bill.sha256
        assert [supply.service_point for supply in anew.bill.supplies] == ["SP-2"]
        assert anew.bill.amounts.net == Decimal("105.00")
        assert anew.bill.replaced == both.number
        await balanced(utility)
        summary = await run(utility, "2026-11")
        assert summary.totals == {"EUR": Decimal("419.10")}
        assert summary.kwh == summary.validated_kwh == Decimal(310 + 310 + 300 + 350)


async def test_parts_that_share_a_bill_are_billed_anew_together(plain_migrated: Database) -> None:
    """Each is charged for its share of the days that both have; alone it would have all of them."""
    rent = "charges: [{{id: rent, price: {rent}, per: month, prorate: none}}, "
    shared = PLAIN.replace("charges: [", rent)
    half = date(2026, 10, 16)
    async with opened(plain_migrated) as (utility, _, rebill):
        for name, price in (("FLAT", "31"), ("DEAR", "62")):
            text = shared.format(name=name, price="0.30", rent=price)
            await utility.enrol.tariff(text, reason="with rent")
        await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", OCTOBER, half))
        await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "DEAR", half))
        await settle(utility, "2026-10")
        assert (await bill(utility, "A-1", "2026-10")).bill.amounts.net == Decimal("140.00")
        dearer = shared.format(name="FLAT", price="0.40", rent="31")
        await utility.enrol.tariff(dearer, reason="wrong price")
        (uid,) = await rebill("A-1", AGENT, "wrong price", only_changed=True)
        anew = await decided(utility, uid)
        assert anew.bill.amounts.net == Decimal("155.00")
        assert [supply.tariff for supply in anew.bill.supplies] == ["FLAT", "DEAR"]
        with pytest.raises(NothingDiffersError):
            await rebill("A-1", AGENT, "once more", uid)


async def test_what_ends_earlier_keeps_the_rates_of_its_bill(plain_migrated: Database) -> None:
    """A tax goes by the last day of the bill, and a point that left earlier is not billed alone."""
    at_end = PLAIN.replace("point: interval", "point: period_end")
    async with opened(plain_migrated, 2) as (utility, _, rebill):
        await utility.enrol.tariff(at_end.format(name="FLAT", price="0.30"), reason="by period")
        later = at_end.replace("2026-01-01", "2026-11-25").replace("percent: 10", "percent: 20")
        await utility.enrol.tariff(later.format(name="FLAT", price="0.30"))
        await utility.enrol.agreement(AgreementRecord("A-2", "SP-2", "FLAT", OCTOBER, NOVEMBER))
        left = AgreementRecord("A-1", "SP-2", "FLAT", NOVEMBER, date(2026, 11, 21))
        await utility.enrol.agreement(left)
        await settle(utility, "2026-11")
        await measured(utility, NOVEMBER, date(2026, 11, 6), 2, wh=20_000, version=2)
        (uid,) = await rebill("A-1", AGENT, "late readings", only_changed=True)
        anew = await decided(utility, uid)
        assert anew.bill.amounts.total == Decimal("198.00")  # 90, 75 and 20 % of all
        with pytest.raises(NothingDiffersError):
            await rebill("A-1", AGENT, "once more", uid)


async def test_an_owner_who_errs_issues_no_bill_beside_the_one_it_replaces(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, _, rebill):
        await settle(utility, "2026-10")
        await read_late(utility)
        await rebill("A-1", AGENT, "late readings")
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        owner.execute(APPROVED)
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.RestrictViolation), owner.transaction():
                owner.execute(statement)
