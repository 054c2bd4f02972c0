"""Issued bills are cancelled by credit notes, on every server found.

All of them begin with the same issued bills, so they stand together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.domain.billing.billing_settings import DocumentKind
from central.domain.billing.coverage import Coverage
from central.domain.billing.credit_note import (
    AlreadyCancelledError,
    BilledBehindError,
    NotCancellableError,
    PartsUnclearError,
)
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.state import BillState, BillTransitionError, SelfApprovalError
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import ApproveBills, DiscardBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.find_bill import find_bill
from central.service.billing.post_entries import AccountLedger
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.billing import BillRecord
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.cancellations import CancellationStore
from central.service.ports.registry import AgreementRecord
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import TARIFF, at, bill, found, measured, run, settle
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
AGENT = person("agent")
APPROVED = b"""
UPDATE bill SET state = 'approved', approver = 'person:chief', approved_at = made_at
WHERE cancels IS NOT NULL
"""
ONE_LINE_LESS = (
    b"WITH gone AS (DELETE FROM bill_figures USING bill WHERE bill.id = bill_id"
    b" AND bill.cancels IS NOT NULL RETURNING bill_figures.*)"
    b" INSERT INTO bill_figures SELECT bill_id, forms[2:],"
    b" array_to_string(said[1:1] || said[3:], E'\\x1e')"
    b" FROM gone, string_to_array(figures, E'\\x1e') AS said;" + APPROVED
)


@asynccontextmanager
async def opened(
    database: Database, customers: int = 1
) -> AsyncIterator[tuple[Utility, CancellationStore]]:
    """Customers at 0.30 a kWh, 10 kWh a day, with two months that may be billed."""
    dsn = database.dsn_as("meterline_app")
    async with timescale_utility(dsn) as utility:
        pool = pool_of(utility)
        await found(utility, customers, since=OCTOBER)
        for number in range(1, customers + 1):
            await measured(utility, OCTOBER, DECEMBER, number)
        utility.now = at(date(2026, 12, 2))
        yield utility, TimescaleCancellations(pool)


def cancelling(utility: Utility, store: CancellationStore) -> CancelBills:
    return CancelBills(utility.billing, store, lambda: utility.now)


async def record(utility: Utility, uid: UUID) -> BillRecord:
    there = await utility.billing.bill(uid)
    assert there is not None
    return there


async def decided(utility: Utility, uid: UUID) -> BillRecord:
    """Approved by the chief, and issued."""
    await ApproveBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    return await record(utility, uid)


async def cancelled(utility: Utility, store: CancellationStore, *names: str) -> list[BillRecord]:
    uids = [(await find_bill(utility.billing, name)).uid for name in names]
    notes = await cancelling(utility, store)(uids, AGENT, "wrong tariff")
    await decided(utility, notes[0])
    return [await record(utility, note) for note in notes]


def said(record: BillRecord) -> list[tuple[int, str, Decimal | None, Decimal | None, Decimal]]:
    return [
        (entry.position, line.id, line.quantity, line.price, line.amount)
        for entry in record.bill.lines
        for line in [entry.line]
    ]


async def test_a_credit_note_says_what_the_bill_says_with_opposite_sign(migrated: Database) -> None:
    async with opened(migrated) as (utility, store):
        summary = await settle(utility, "2026-10")
        invoice = await bill(utility, "A-1", "2026-10")
        (uid,) = await cancelling(utility, store)([invoice.uid], AGENT, "wrong tariff")
        draft = await record(utility, uid)
        assert (draft.bill.state, draft.creator) == (BillState.DRAFT, AGENT.key)
        assert draft.bill.cancels is not None
        assert draft.bill.cancels.number == "INV-000001"
        assert draft.bill.amounts.billed == -invoice.bill.amounts.billed == Decimal("-93.00")
        assert said(draft) == [
            (place, charge, None if quantity is None else -quantity, price, -amount)
            for place, charge, quantity, price, amount in said(invoice)
        ]
        # Until it is issued, the bill stands.
        assert (await utility.billing.summary(summary.run)).totals == {"EUR": Decimal("93.00")}
        note = await decided(utility, uid)
        assert note.issue is not None
        assert (note.number, note.issue.kind) == ("CN-000001", DocumentKind.CREDIT_NOTE)
        assert note.content_sha256 == note.issue.content_sha256(note.sha256 or "")
        after = await utility.billing.summary(summary.run)
        assert not after.bills
        assert not after.totals
        assert (after.kwh, after.charges) == (Decimal(0), ())
        # The invoice itself says what it said.
        assert await record(utility, invoice.uid) == invoice


async def test_cancelled_days_are_billed_anew_as_the_next_revision(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, store):
        await settle(utility, "2026-10")
        first = await bill(utility, "A-1", "2026-10")
        (note,) = await cancelled(utility, store, "A-1/2026-10")
        dearer = TARIFF.format(name="FLAT", price="0.40")
        await utility.enrol.tariff(dearer, reason="the price was mistyped")
        await settle(utility, "2026-10")
        anew = await bill(utility, "A-1", "2026-10")
        assert (anew.bill.revision, anew.number) == (1, "INV-000002")
        assert (anew.bill.replaces, anew.bill.replaced) == (first.content_sha256, "INV-000001")
        assert anew.bill.amounts.billed == Decimal("124.00")
        assert (await find_bill(utility.billing, "A-1/2026-10")).uid == anew.uid
        chains = [
            [(link.how, link.number) for link in await store.chain(uid)]
            for uid in (first.uid, note.uid, anew.uid)
        ]
        assert chains == [
            [("cancelled by", "CN-000001"), ("replaced by", "INV-000002")],
            [("cancels", "INV-000001"), ("billed anew as", "INV-000002")],
            [("replaces", "INV-000001"), ("after", "CN-000001")],
        ]
        # And once more.
        await cancelled(utility, store, "A-1/2026-10")
        summary = await settle(utility, "2026-10")
        again = await bill(utility, "A-1", "2026-10")
        assert (again.bill.revision, again.bill.replaced) == (2, "INV-000002")
        # Nothing is made anew that says the same.
        assert (await run(utility, "2026-10")).bills == summary.bills == {BillState.ISSUED: 1}
        assert (await bill(utility, "A-1", "2026-10")).uid == again.uid


async def test_the_latest_is_cancelled_first_or_all_in_one_decision(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, store):
        await settle(utility, "2026-10")
        await settle(utility, "2026-11")
        october = await bill(utility, "A-1", "2026-10")
        november = await bill(utility, "A-1", "2026-11")
        cancel = cancelling(utility, store)
        with pytest.raises(BilledBehindError, match="INV-000002"):
            await cancel([october.uid], AGENT, "wrong tariff")
        notes = await cancel([october.uid, november.uid], AGENT, "wrong tariff")
        assert len(notes) == 2
        # Whichever is named: they were proposed together.
        await ApproveBills(utility.billing, lambda: utility.now).one(notes[0], CHIEF)
        await IssueBills(utility.billing, lambda: utility.now).one(notes[0], CHIEF)
        made = [await record(utility, note) for note in notes]
        assert sorted(str(note.number) for note in made) == ["CN-000001", "CN-000002"]
        summary = await settle(utility, "2026-11")
        assert summary.bills == {BillState.ISSUED: 2}
        anew = [await bill(utility, "A-1", f"2026-{month}") for month in (10, 11)]
        assert [one.bill.replaced for one in anew] == ["INV-000001", "INV-000002"]


async def test_what_is_open_behind_is_discarded_when_the_credit_note_is_issued(
    plain_migrated: Database,
) -> None:
    async with opened(plain_migrated) as (utility, store):
        await settle(utility, "2026-10")
        summary = await run(utility, "2026-11")
        behind = await bill(utility, "A-1", "2026-11")
        await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
        await cancelled(utility, store, "A-1/2026-10")
        assert (await record(utility, behind.uid)).bill.state is BillState.DISCARDED
        summary = await settle(utility, "2026-11")
        assert (await bill(utility, "A-1", "2026-11")).bill.amounts.billed == Decimal("90.00")


async def test_a_bill_is_issued_behind_a_proposal(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, store):
        await settle(utility, "2026-10")
        october = await bill(utility, "A-1", "2026-10")
        (note,) = await cancelling(utility, store)([october.uid], AGENT, "wrong tariff")
        await settle(utility, "2026-11")
        with pytest.raises(BilledBehindError, match="INV-000002"):
            await decided(utility, note)
        kept = await record(utility, note)
        assert (kept.bill.state, kept.number) == (BillState.APPROVED, None)
        # Its number is not gone.
        november = await bill(utility, "A-1", "2026-11")
        (later,) = await cancelling(utility, store)([november.uid], AGENT, "wrong tariff")
        assert (await decided(utility, later)).number == "CN-000001"
        await IssueBills(utility.billing, lambda: utility.now).one(note, CHIEF)
        assert (await record(utility, note)).number == "CN-000002"


async def test_two_persons_cancel_and_nothing_twice(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, store):
        summary = await run(utility, "2026-10")
        draft = await bill(utility, "A-1", "2026-10")
        cancel = cancelling(utility, store)
        with pytest.raises(NotCancellableError, match="draft"):
            await cancel([draft.uid], AGENT, "wrong tariff")
        await settle(utility, "2026-10")
        with pytest.raises(InvalidValueError, match="reason"):
            await cancel([draft.uid], AGENT, " ")
        (note,) = await cancel([draft.uid], AGENT, "wrong tariff")
        approve = ApproveBills(utility.billing, lambda: utility.now)
        with pytest.raises(SelfApprovalError):
            await approve.one(note, AGENT)
        with pytest.raises(AlreadyCancelledError):
            await cancel([draft.uid], CHIEF, "wrong tariff")
        # A run neither makes it anew nor approves nor issues it.
        await run(utility, "2026-10")
        assert (await approve.run(summary.run, CHIEF)).count == 0
        # Discarded, it is as if nobody had proposed it; who started the run may approve.
        await DiscardBills(utility.billing, lambda: utility.now)([note], AGENT, "not so")
        (note,) = await cancel([draft.uid], AGENT, "so it is")
        await approve.one(note, CLERK)
        await IssueBills(utility.billing, lambda: utility.now).one(note, CLERK)
        with pytest.raises(AlreadyCancelledError, match="CN-000001"):
            await cancel([draft.uid], AGENT, "wrong tariff")
        with pytest.raises(NotCancellableError, match="credit note"):
            await cancel([note], AGENT, "wrong tariff")


async def test_of_many_who_cancel_at_once_one_does(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, store):
        await settle(utility, "2026-10")
        invoice = await bill(utility, "A-1", "2026-10")
        cancel = cancelling(utility, store)
        tried = await asyncio.wait_for(
            asyncio.gather(
                *(cancel([invoice.uid], person(f"agent-{n}"), "wrong") for n in range(4)),
                return_exceptions=True,
            ),
            30,
        )
        done = [one for one in tried if not isinstance(one, BaseException)]
        assert len(done) == 1
        assert {type(one) for one in tried if isinstance(one, BaseException)} == {
            AlreadyCancelledError
        }
        ((note,),) = done
        await ApproveBills(utility.billing, lambda: utility.now).one(note, CHIEF)
        issue = IssueBills(utility.billing, lambda: utility.now)
        tried_issues = await asyncio.wait_for(
            asyncio.gather(*(issue.one(note, CHIEF) for _ in range(4)), return_exceptions=True), 30
        )
        assert tried_issues.count(None) == 1
        others = {type(one) for one in tried_issues if one is not None}
        assert others <= {StaleBillError, BillTransitionError}
        assert (await record(utility, note)).number == "CN-000001"


async def test_what_a_cancelled_bill_consumed_is_open_again(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, store):
        prepaid = TARIFF.format(name="FLAT", price="0.30") + "settlement: [prepaid]\n"
        await utility.enrol.tariff(prepaid, reason="prepaid meters")
        ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
        day = date(2026, 10, 10)
        pay_in = LedgerEntry("in", "A-1", EntryKind.PAY_IN, day, "EUR", Decimal(50), "prepaid")
        await ledger.post(pay_in, person("cashier"), "transfer")
        await settle(utility, "2026-10")
        first = await bill(utility, "A-1", "2026-10")
        assert first.bill.amounts.billed == Decimal("43.00")
        paid = LedgerEntry(
            "paid", "A-1", EntryKind.PAYMENT, DECEMBER, "EUR", Decimal(43), bill=str(first.uid)
        )
        await ledger.post(paid, person("cashier"), "transfer")
        (note,) = await cancelled(utility, store, "A-1/2026-10")
        assert note.bill.amounts.billed == Decimal("-43.00")
        entries = {kept.entry.key: kept for kept in await utility.ledger.entries("A-1", 0, 10)}
        assert {key: kept.consumed_by for key, kept in entries.items()} == {"in": "", "paid": ""}
        # What a payment named, it names; sent again, it is the same. None names what is cancelled.
        assert entries["paid"].entry == paid
        assert not await ledger.post(paid, CHIEF, "sent again")
        (money,) = await utility.reconciliation.account_money(None, "A-1", date(2027, 1, 1))
        assert (money.received, money.balance) == (Decimal(93), Decimal(93))
        assert money.balanced
        await settle(utility, "2026-10")
        anew = await bill(utility, "A-1", "2026-10")
        assert anew.bill.amounts.billed == Decimal("43.00")
        kept = await utility.ledger.entry("in")
        assert kept is not None
        assert kept.consumed_by == str(anew.uid)


async def test_of_an_accounts_points_one_is_cancelled(plain_migrated: Database) -> None:
    async with opened(plain_migrated, 2) as (utility, store):
        # Both points are the first account's.
        agreed = AgreementRecord("A-2", "SP-2", "FLAT", OCTOBER, NOVEMBER)
        await utility.enrol.agreement(agreed)
        await utility.enrol.agreement(AgreementRecord("A-1", "SP-2", "DEAR", NOVEMBER))
        await settle(utility, "2026-11")
        invoice = await bill(utility, "A-1", "2026-11")
        assert invoice.bill.amounts.billed == Decimal("240.00")
        cancel = cancelling(utility, store)
        with pytest.raises(PartsUnclearError, match="SP-7"):
            await cancel([invoice.uid], AGENT, "wrong tariff", ["SP-7"])
        (uid,) = await cancel([invoice.uid], AGENT, "wrong tariff", ["SP-2"])
        note = await decided(utility, uid)
        assert note.sha256 == note.bill.sha256
        assert note.bill.amounts.billed == Decimal("-150.00")
        assert [supply.service_point for supply in note.bill.supplies] == ["SP-2"]
        summary = await run(utility, "2026-11")
        # What stands of the bill, and the draft of what was cancelled.
        assert summary.bills == {BillState.ISSUED: 3, BillState.DRAFT: 1}
        assert summary.totals == {
            "EUR": 2 * Decimal("93.00") + Decimal("90.00") + Decimal("150.00")
        }
        assert sum(charge.amount for charge in summary.charges) == summary.totals["EUR"]
        anew = await bill(utility, "A-1", "2026-11")
        assert (anew.bill.revision, anew.bill.replaced) == (1, invoice.number)
        assert [supply.service_point for supply in anew.bill.supplies] == ["SP-2"]
        # The rest of the bill is cancelled by itself.
        (rest,) = await cancel([invoice.uid], AGENT, "moved out")
        assert (await decided(utility, rest)).bill.amounts.billed == Decimal("-90.00")
        with pytest.raises(AlreadyCancelledError):
            await cancel([invoice.uid], AGENT, "moved out")


async def test_the_reconciliation_counts_live_bills_alone(plain_migrated: Database) -> None:
    async with opened(plain_migrated) as (utility, store):
        summary = await settle(utility, "2026-10")
        days = DayRange(OCTOBER, NOVEMBER)
        reconcile = Reconcile(utility.reconciliation, lambda: utility.now)
        scopes = ReconciledScope(days=days), ReconciledScope(run=str(summary.run.uid))

        async def billed(scopes: Sequence[ReconciledScope]) -> list[dict[str, Decimal]]:
            reports = [await reconcile(scope) for scope in scopes]
            assert all(money.balanced for report in reports for money in report.money)
            return [{one.currency: one.lines for one in report.money} for report in reports]

        assert await billed(scopes) == [{"EUR": Decimal("93.00")}] * 2
        await cancelled(utility, store, "A-1/2026-10")
        # The run has no days any more, and those of the account are to be billed.
        assert await billed(scopes[:1]) == [{}]
        report = await reconcile(scopes[0])
        assert {named.coverage for named in report.faults} == {Coverage.DUE}
        await settle(utility, "2026-10")
        assert await billed(scopes) == [{"EUR": Decimal("93.00")}] * 2


def refused(owner: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation), owner.transaction():
        owner.execute(statement.encode())


async def test_an_owner_who_errs_cancels_nothing(migrated: Database) -> None:
    async with opened(migrated) as (utility, store):
        await settle(utility, "2026-10")
        october = await bill(utility, "A-1", "2026-10")
        await cancelling(utility, store)([october.uid], AGENT, "wrong tariff")
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        add = (
            "INSERT INTO bill (uid, run_id, account_id, cycle, run_type, state, first_day, end_day,"
            " currency, total, sha256, creator, made_at, document, cancels, decision)"
            " SELECT gen_random_uuid(), run_id, account_id, cycle, run_type, 'draft', first_day,"
            " end_day, currency, total, sha256, creator, made_at, document, id, gen_random_uuid()"
            " FROM bill WHERE "
        )
        refused(owner, add + "cancels IS NOT NULL")
        refused(owner, "DELETE FROM credited_part")
        refused(owner, "UPDATE credited_part SET part_id = part_id")
        refused(owner, "UPDATE bill SET cancels = NULL WHERE cancels IS NOT NULL")
        refused(owner, "DELETE FROM billed_period WHERE part_id IS NOT NULL")
        # A line less is no mirror.
        with pytest.raises(psycopg.errors.RestrictViolation), owner.transaction():
            owner.execute(ONE_LINE_LESS)
        # Issued by hand, what it cancels would claim its days still.
        owner.execute(APPROVED)
        refused(
            owner,
            "UPDATE bill SET state = 'issued', series = 'CN', legal_number = 1, number = 'CN-1',"
            " issued_at = made_at, issued_on = '2026-12-02', due_on = '2026-12-02', issue = '{}',"
            " content_sha256 = sha256('x') WHERE cancels IS NOT NULL",
        )
        refused(owner, "DELETE FROM billed_period WHERE part_id IS NOT NULL")
