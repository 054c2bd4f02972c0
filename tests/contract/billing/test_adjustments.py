"""What issued bills should have said otherwise is on the next bill, once and to the cent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.reconciliation import TimescaleReconciliation
from central.adapters.timescale.knowledge import as_of
from central.adapters.timescale.pool import make_pool
from central.domain.billing.correction import (
    CorrectionStaleError,
    CorrectionState,
    CorrectionWaitingError,
    CorrectionWay,
    NoNextBillError,
    NoSuchCorrectionError,
    NothingToCorrectError,
)
from central.domain.billing.coverage import CorrectionNote
from central.domain.billing.state import BillState, SelfApprovalError
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import DiscardBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.corrections import Correction
from central.service.ports.registry import AgreementRecord
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from tests.support.actors import CHIEF, CLERK, OPERATOR, TRADER
from tests.support.books import Utility
from tests.support.corrected_books import (
    AUGUST,
    DECEMBER,
    ISSUED_AT,
    MONTHS,
    NET,
    NETTED,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    SOLD,
    UNBANKED,
    USED,
    Corrected,
    corrected_utility,
    figures,
    late,
    metered,
    netting,
    total_of,
)
from tests.support.daily_books import DAY, approve, bill, issue, run, settle
from tests.support.servers import Database
from tests.support.walked import walked

pytestmark = pytest.mark.begins_with(NETTED)

LOGGED = """\
SELECT action, actor, detail ->> 'reason' FROM audit_log
WHERE action LIKE 'correction.%' ORDER BY id
"""
FOUR = (*MONTHS, "2026-11")


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Corrected]:
    async with corrected_utility(migrated.dsn) as made:
        made.utility.now = ISSUED_AT
        yield made


async def adjusted(books: Corrected) -> None:
    """Decided by the clerk, and approved by the chief."""
    adjust = CorrectionWay.ADJUST
    uid = await books.correct.decide("A-1", adjust, CLERK, "readings came late")
    await books.correct.approve(uid, CHIEF)


async def reconciled(utility: Utility, first: date) -> Reconciliation:
    """The report of a month."""
    month = DayRange(first, (first + 31 * DAY).replace(day=1))
    return await Reconcile(utility.reconciliation, lambda: utility.now)(ReconciledScope(month))


async def remembered(utility: Utility, dsn: str, first: date, at: datetime) -> Reconciliation:
    """The report of a month as of a time."""
    month = DayRange(first, (first + 31 * DAY).replace(day=1))
    async with make_pool(dsn, max_size=2) as pool:
        past = TimescaleReconciliation(as_of(pool, KnowledgeTime.of(at, utility.now)))
        return await Reconcile(past, lambda: at)(ReconciledScope(month))


async def november(utility: Utility) -> None:
    """November is over and metered, and of A-2, who was never billed wrongly, all four months."""
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    await metered(utility, NOVEMBER, 10, 0)


async def never_wrong(utility: Utility, *days: tuple[date, int, int]) -> Decimal:
    """What another account is billed from the right data, once.

    Args:
        utility: With November metered.
        days: Each with the channel, 1 for used and 2 for sold, and Wh.
    """
    await netting(utility, 2)
    for number, first in enumerate((AUGUST, SEPTEMBER, OCTOBER)):
        await metered(utility, first, USED[number], SOLD[number], 2)
    await metered(utility, NOVEMBER, 10, 0, 2)
    for number, (day, channel, wh) in enumerate(days):
        await late(utility, day, wh, channel + 2, version=2 + number)
    for period in FOUR:
        await settle(utility, period)
    return await total_of(utility, "A-2", *FOUR)


async def test_the_next_bill_carries_what_three_should_have_said(
    books: Corrected, migrated: Database
) -> None:
    utility = books.utility
    await late(utility, AUGUST, 30_000, channel=2)
    await adjusted(books)
    assert not (await books.correct.preview("A-1")).differs
    report = await reconciled(utility, AUGUST)
    assert report.balanced
    assert report.changed == []
    assert {(days.obis, str(days.coverage), days.total) for days in report.adjusted} == {
        (str(ACTIVE_IMPORT), "adjusted", Decimal(310_000)),
        (str(ACTIVE_EXPORT), "adjusted", Decimal(630_000)),
    }
    assert {days.decisions.split(": ")[1] for days in report.adjusted} == {"readings came late"}
    adjusted_at = utility.now
    await november(utility)
    told = (await remembered(utility, migrated.dsn, AUGUST, adjusted_at)).to_json()
    assert told == report.to_json()
    await settle(utility, "2026-11")
    record = await bill(utility, "A-1", "2026-11")
    assert [
        (each.line.id, each.line.kind, str(each.line.amount)) for each in record.bill.lines
    ] == [
        ("energy", "energy", "90.00"),
        ("vat", "tax", "18.90"),
        ("adjustment", "adjustment", "-3.00"),
        ("adjustment", "tax", "-0.63"),
    ]
    october = await bill(utility, "A-1", "2026-10")
    energy, tax = (each.line for each in record.bill.lines[2:])
    assert energy.name == f"Adjustment of {october.number}: energy"
    assert energy.note == "was 300 kWh: 90.00, is 290 kWh: 87.00"
    assert energy.adjusts is not None
    assert (energy.adjusts.bill, energy.adjusts.key) == (october.number, "energy")
    assert (energy.quantity, tax.price) == (Decimal(-10), Decimal(21))
    assert (record.bill.amounts.net, record.bill.amounts.tax) == (
        Decimal("87.00"),
        Decimal("18.27"),
    )
    # It is read back as it was hashed, and what was issued is as it was.
    assert record.bill.sha256 == record.sha256
    assert str(october.bill.amounts.billed) == "108.90"
    right = await never_wrong(utility, (AUGUST, 2, 30_000))
    assert await total_of(utility, "A-1", *FOUR) == right


async def test_data_that_come_late_twice_count_once(books: Corrected) -> None:
    utility = books.utility
    await late(utility, AUGUST, 30_000, channel=2)
    await adjusted(books)
    await late(utility, AUGUST, 31_000, channel=2, version=3)
    report = await books.correct.preview("A-1")
    (euros,) = report.amounts
    assert euros.net == Decimal("-0.30")
    assert {part.version for part in report.bills[0].parts} == {2}
    await adjusted(books)
    await november(utility)
    await settle(utility, "2026-11")
    right = await never_wrong(utility, (AUGUST, 2, 31_000))
    assert await total_of(utility, "A-1", *FOUR) == right


@pytest.mark.parametrize("stands", [BillState.DRAFT, BillState.APPROVED, BillState.ISSUED])
async def test_whatever_the_next_bill_is_by_then(books: Corrected, stands: BillState) -> None:
    utility = books.utility
    await november(utility)
    summary = await run(utility, "2026-11")
    if stands is not BillState.DRAFT:
        assert await approve(utility, summary) == []
    if stands is BillState.ISSUED:
        assert await issue(utility, summary) == []
    await late(utility, AUGUST, 30_000, channel=2)
    uid = await books.correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "late")
    withdrawn = await books.correct.approve(uid, CHIEF)
    assert len(withdrawn) == (stands is BillState.APPROVED)
    if stands is BillState.ISSUED:
        utility.now = datetime.fromisoformat("2027-01-20T12:00:00+00:00")
        await metered(utility, DECEMBER, 10, 0)
        await settle(utility, "2026-12")
        assert len(await figures(utility, "A-1", "2026-12")) == 4
        more = await total_of(utility, "A-1", "2026-12") - Decimal("112.53")
        assert more == Decimal("-3.63")
    else:
        # Whoever approves the draft as it was is refused: the next run makes it anew.
        assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
        await settle(utility, "2026-11")
        assert len(await figures(utility, "A-1", "2026-11")) == 4
        more = Decimal(0)
    right = await never_wrong(utility, (AUGUST, 2, 30_000))
    assert await total_of(utility, "A-1", *FOUR) + more == right


async def test_a_discarded_bill_leaves_them_to_the_next(books: Corrected) -> None:
    utility = books.utility
    await late(utility, AUGUST, 30_000, channel=2)
    await adjusted(books)
    await november(utility)
    await run(utility, "2026-11")
    draft = await bill(utility, "A-1", "2026-11")
    assert draft.contributors == (CLERK.key,)
    await DiscardBills(utility.billing, lambda: utility.now)([draft.uid], CLERK)
    await settle(utility, "2026-11")
    assert len(await figures(utility, "A-1", "2026-11")) == 4


@pytest.mark.begins_with(UNBANKED)
async def test_another_person_approves_who_did_not_work_on_it(
    books: Corrected, migrated: Database
) -> None:
    utility = books.utility
    utility.now += DAY
    await utility.enrol.tariff(NET.replace("0.30", "0.40").replace("2026-01-01", "2026-10-01"))
    with pytest.raises(NoSuchCorrectionError):
        await books.correct.approve((await bill(utility, "A-1", "2026-08")).uid, CHIEF)
    uid = await books.correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "dearer")
    with pytest.raises(CorrectionWaitingError):
        await books.correct.decide("A-1", CorrectionWay.LEAVE, TRADER, "dearer")
    with pytest.raises(SelfApprovalError, match="decided it"):
        await books.correct.approve(uid, CLERK)
    with pytest.raises(SelfApprovalError, match="changed its account"):
        await books.correct.approve(uid, OPERATOR)
    await late(utility, OCTOBER, 12_000)
    with pytest.raises(CorrectionStaleError):
        await books.correct.approve(uid, CHIEF)
    await books.correct.withdraw(uid, CLERK, "more came")
    uid = await books.correct.decide("A-1", CorrectionWay.ADJUST, TRADER, "dearer")
    await books.correct.approve(uid, CHIEF)
    states = [each.state for each in await books.correct.listed("A-1")]
    assert states == [CorrectionState.APPROVED, CorrectionState.WITHDRAWN]
    with psycopg.connect(migrated.dsn) as owner:
        assert owner.execute(LOGGED).fetchall() == [
            ("correction.decided", CLERK.key, "dearer"),
            ("correction.withdrawn", CLERK.key, "more came"),
            ("correction.decided", TRADER.key, "dearer"),
            ("correction.approved", CHIEF.key, None),
        ]
    await november(utility)
    summary = await run(utility, "2026-11")
    assert await approve(utility, summary) == []


async def test_what_was_withdrawn_meanwhile_is_not_approved(
    books: Corrected, monkeypatch: pytest.MonkeyPatch
) -> None:
    await late(books.utility, AUGUST, 30_000, channel=2)
    store, correct = books.correct._store, books.correct
    first = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "readings came late")
    asked = store.correction

    async def then_another_is_decided(uid: UUID) -> Correction | None:
        found = await asked(uid)
        await correct.withdraw(uid, CLERK, "not worth it")
        await correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "not worth it")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "correction", then_another_is_decided)
        with pytest.raises(NoSuchCorrectionError):
            await correct.approve(first, CHIEF)
    states = [(each.way, each.state) for each in await correct.listed("A-1")]
    assert states == [
        (CorrectionWay.LEAVE, CorrectionState.DECIDED),
        (CorrectionWay.ADJUST, CorrectionState.WITHDRAWN),
    ]
    assert await walked(lambda after: correct.page("A-1", after, 1)) == await correct.listed("A-1")
    later = books.utility.now + timedelta(seconds=1)
    assert (await correct.page(None, None, 10, later)).rows == ()


@pytest.mark.parametrize("way", CorrectionWay)
async def test_two_who_approve_at_once_approve_once(books: Corrected, way: CorrectionWay) -> None:
    await late(books.utility, AUGUST, 30_000, channel=2)
    uid = await books.correct.decide("A-1", way, CLERK, "readings came late")
    both = [books.correct.approve(uid, person) for person in (CHIEF, TRADER)]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(each, NoSuchCorrectionError) for each in done) == [False, True]
    assert [each.state for each in await books.correct.listed("A-1")] == [CorrectionState.APPROVED]


async def test_who_decided_it_does_not_approve_the_bill(books: Corrected) -> None:
    utility = books.utility
    await late(utility, AUGUST, 30_000, channel=2)
    uid = await books.correct.decide("A-1", CorrectionWay.ADJUST, CHIEF, "late")
    await books.correct.approve(uid, TRADER)
    await november(utility)
    summary = await run(utility, "2026-11")
    with pytest.raises(SelfApprovalError, match="decided a correction that it carries"):
        await approve(utility, summary)


@pytest.mark.begins_with(UNBANKED)
async def test_nothing_is_adjusted_where_no_bill_is_to_come(books: Corrected) -> None:
    utility = books.utility
    adjust = CorrectionWay.ADJUST
    with pytest.raises(NothingToCorrectError):
        await books.correct.decide("A-1", adjust, CLERK, "late")
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "NET", AUGUST, NOVEMBER))
    await late(utility, AUGUST, 22_000)
    with pytest.raises(NoNextBillError):
        await books.correct.decide("A-1", adjust, CLERK, "late")
    assert await books.correct.listed() == []


async def test_what_is_left_is_asked_again_when_inputs_change(
    books: Corrected, migrated: Database
) -> None:
    utility = books.utility
    await late(utility, AUGUST, 30_000, channel=2)
    uid = await books.correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "too little")
    await books.correct.approve(uid, CHIEF)
    assert not (await books.correct.preview("A-1")).bills
    report = await reconciled(utility, AUGUST)
    assert (report.balanced, report.adjusted) == (True, [])
    (day,) = report.changed
    assert (day.difference, day.written_off) == (
        Decimal(10_000),
        CorrectionNote(str(uid), "too little"),
    )
    left_at = utility.now
    await november(utility)
    await settle(utility, "2026-11")
    assert await figures(utility, "A-1", "2026-11") == [("energy", "90.00"), ("vat", "18.90")]
    await late(utility, AUGUST, 31_000, channel=2, version=3)
    (euros,) = (await books.correct.preview("A-1")).amounts
    # Nothing was settled: all of it is a difference again.
    assert euros.net == Decimal("-3.30")
    (day,) = (await reconciled(utility, AUGUST)).changed
    assert (day.difference, day.written_off) == (Decimal(11_000), None)
    told = (await remembered(utility, migrated.dsn, AUGUST, left_at)).to_json()
    assert told == report.to_json()
