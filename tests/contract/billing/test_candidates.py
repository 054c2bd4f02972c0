"""An issued bill of which an input changed is a candidate until it is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.domain.billing.bill import Party
from central.domain.billing.candidate import CandidateEnd
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_rule import (
    NoSuchRuleError,
    RuleCause,
    RuleState,
    RuleTerms,
)
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.state import SelfApprovalError
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.tariff.load.document import load_table
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.candidates import ShowCandidates
from central.service.billing.post_entries import AccountLedger
from central.service.ports.candidates import CorrectionCandidate
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.registry.lookup_tables import keep_table
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, OPERATOR, TRADER
from tests.support.candidate_books import SWEPT, Swept, swept_utility
from tests.support.corrected_books import (
    AUGUST,
    NEEDS_FACT,
    NET,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    SOLD,
    USED,
    late,
    metered,
    netting,
)
from tests.support.daily_books import DAY, TARIFF, bill, measured, settle
from tests.support.servers import Database
from tests.support.walked import walked

pytestmark = pytest.mark.begins_with(SWEPT)


@pytest.fixture
async def swept(migrated: Database) -> AsyncIterator[Swept]:
    async with swept_utility(migrated.dsn) as made:
        yield made


def difference(candidate: CorrectionCandidate) -> list[tuple[str, str]]:
    """Amounts by currency."""
    return [(each["amount"], each["currency"]) for each in candidate.difference["amounts"]]


async def test_a_late_reading_is_a_candidate_at_once_with_its_difference(swept: Swept) -> None:
    utility = swept.books.utility
    await late(utility, SEPTEMBER, 21_000)
    tally = await swept.on_change()
    assert (tally.rated, tally.opened) == (1, 1)
    (candidate,) = await swept.open()
    september = await bill(utility, "A-1", "2026-09")
    assert (candidate.account, candidate.number) == ("A-1", september.number)
    assert (candidate.first, candidate.end) == (SEPTEMBER, OCTOBER)
    assert candidate.causes == [
        {
            "kind": "readings",
            "name": "1-0:1.8.0*255 at SP-1",
            "detail": "2026-09-01 validated anew",
        }
    ]
    # September draws the kilowatt-hour from August's bank, so October pays for it.
    report = await swept.books.correct.preview("A-1")
    assert difference(candidate) == [
        (format(each.amount, "f"), each.currency) for each in report.amounts
    ]
    assert candidate.difference["kwh"] == format(report.kwh, "f")
    assert len(candidate.difference["lines"]) == sum(len(b.differences) for b in report.bills)
    # Nobody changed anything since: it is compared as integers alone.
    assert (await swept.sweep()).rated == 0
    assert (await swept.on_change()).parts == 0
    await late(utility, SEPTEMBER, 20_000, version=3)
    tally = await swept.sweep()
    assert (tally.rated, tally.closed) == (1, 1)
    (closed,) = await swept.closed()
    assert closed.closed_as is CandidateEnd.NO_DIFFERENCE
    assert (await swept.sweep()).rated == 0


async def test_what_says_the_same_is_not_rated_every_night(swept: Swept) -> None:
    utility = swept.books.utility
    await late(utility, AUGUST, 10_000)
    assert (await swept.sweep()).rated == 1
    assert await swept.open() == []
    tally = await swept.sweep()
    assert (tally.rated, tally.parts) == (0, 3)
    # A version of days to come is none of theirs.
    utility.now += timedelta(hours=2)
    await utility.enrol.tariff(NET.replace("2026-01-01", "2026-12-01").replace("0.30", "0.40"))
    assert (await swept.sweep()).rated == 0


async def test_changes_of_the_registry_and_the_tariff_are_causes(swept: Swept) -> None:
    utility = swept.books.utility
    await utility.enrol.tariff(NET.replace("2026-01-01", "2026-09-01").replace("0.30", "0.40"))
    assert (await swept.on_change()).opened == 1
    (candidate,) = await swept.open()
    assert (candidate.first, [each["kind"] for each in candidate.causes]) == (OCTOBER, ["tariff"])
    facts = AgreementFacts.of(limit=Decimal(5))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "NET", AUGUST, facts=facts))
    await utility.enrol.account(AccountRecord("A-1", Party("Another name")))
    await swept.on_change()
    (candidate,) = await swept.open()
    assert [each["kind"] for each in candidate.causes] == ["account", "fact", "tariff"]


VAT = "table: es-vat\nunit: percent\nrows: [{{from: 2026-01-01, values: {rate}}}]\n"


async def test_a_decree_on_a_table_is_a_cause(swept: Swept) -> None:
    utility = swept.books.utility
    await keep_table(utility.series, load_table(VAT.format(rate=21)), TRADER)
    named = NET.replace("2026-01-01", "2026-10-01").replace("percent: 21", "rate: vat_rate")
    tables = "tables: {vat_rate: {table: es-vat, unit: percent}}\nseries:"
    await utility.enrol.tariff(named.replace("series:", tables))
    # The same rate from a table is no difference.
    assert (await swept.on_change()).opened == 0
    utility.now += timedelta(hours=2)
    decree = load_table(VAT.format(rate=10))
    done = await keep_table(
        utility.series, decree, TRADER, reason="decree", clock=lambda: utility.now
    )
    # October's, and September's, which ends on the day of the version that names it.
    assert done.concerned.count == 2
    assert (await swept.on_change()).opened == 1
    (candidate,) = await swept.open()
    assert candidate.first == OCTOBER
    causes = [(each["kind"], each["name"]) for each in candidate.causes]
    assert causes == [("series", "es-vat")]


async def test_a_decision_closes_it_and_only_another_change_brings_it_back(swept: Swept) -> None:
    utility, correct = swept.books.utility, swept.books.correct
    await late(utility, SEPTEMBER, 21_000)
    await swept.on_change()
    uid = await correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "too little")
    (candidate,) = await swept.open()
    assert candidate.correction == uid
    await correct.approve(uid, CHIEF)
    (left,) = await swept.closed()
    assert (left.closed_as, left.correction, left.closed_by) == (
        CandidateEnd.LEFT,
        uid,
        CHIEF.key,
    )
    assert (await swept.sweep()).rated == 0
    utility.now += timedelta(hours=1)
    # Another fact of its days, and the same difference.
    facts = AgreementFacts.of(limit=Decimal(5))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "NET", AUGUST, facts=facts))
    assert (await swept.sweep()).rated == 1
    assert await swept.open() == []
    assert (await swept.sweep()).rated == 0
    await late(utility, SEPTEMBER, 25_000, version=3)
    await swept.sweep()
    assert len(await swept.open()) == 1
    uid = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "late")
    await correct.approve(uid, CHIEF)
    shown = ShowCandidates(swept.store, swept.books.correct)
    pages = await walked(lambda after: shown.page(None, after, 1, closed=True))
    assert pages == await swept.closed()
    assert [each.closed_as for each in await swept.closed()] == [
        CandidateEnd.ADJUSTED,
        CandidateEnd.LEFT,
    ]
    assert (await swept.sweep()).rated == 0


async def test_money_that_comes_later_is_of_the_next_bill_and_no_candidate(swept: Swept) -> None:
    utility = swept.books.utility
    prepaid = TARIFF.format(name="PRE", price="0.30") + "settlement: [prepaid]\n"
    await utility.enrol.tariff(prepaid)
    await utility.enrol.service_point(
        PointRecord("SP-2", "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    await utility.enrol.account(AccountRecord("A-2", Party("Customer 2")))
    await utility.enrol.agreement(AgreementRecord("A-2", "SP-2", "PRE", OCTOBER))
    await measured(utility, OCTOBER, NOVEMBER, 3)
    utility.now += timedelta(hours=1)
    await settle(utility, "2026-10")
    await swept.sweep()
    utility.now += timedelta(hours=2)
    ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
    in_october = OCTOBER + timedelta(days=10)
    paid = LedgerEntry(
        "p-1", "A-2", EntryKind.PAY_IN, in_october, "EUR", Decimal(20), bank="prepaid"
    )
    await ledger.post(paid, CLERK, "transfer")
    tally = await swept.on_change()
    assert (tally.rated, await swept.open()) == (0, [])
    assert (await swept.sweep()).rated == 0


@pytest.mark.parametrize("anew", [True, False])
async def test_a_credit_note_closes_it(swept: Swept, anew: bool) -> None:  # noqa: FBT001
    utility = swept.books.utility
    await late(utility, OCTOBER, 21_000)
    await swept.on_change()
    october = await bill(utility, "A-1", "2026-10")
    if anew:
        drafts: Sequence[UUID] = await swept.rebill("A-1", CLERK, "late")
    else:
        drafts = await swept.cancel([october.uid], CLERK, "wrong")
    await ApproveBills(utility.billing, lambda: utility.now).one(drafts[0], CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(drafts[0], CHIEF)
    (closed,) = await swept.closed()
    assert closed.closed_as is (CandidateEnd.REBILLED if anew else CandidateEnd.CANCELLED)
    assert closed.decision is not None
    assert (await swept.sweep()).opened == 0


async def test_what_cannot_be_rated_is_named_and_stops_no_other(swept: Swept) -> None:
    utility = swept.books.utility
    await netting(utility, 2)
    for number, first in enumerate((AUGUST, SEPTEMBER, OCTOBER)):
        await metered(utility, first, USED[number], SOLD[number], 2)
    for period in ("2026-08", "2026-09", "2026-10"):
        await settle(utility, period)
    await utility.enrol.tariff(NEEDS_FACT)
    await late(utility, AUGUST, 11_000, channel=3)
    tally = await swept.sweep()
    held = [each for each in await swept.open() if each.hold]
    assert tally.held == len(held) == 2
    assert all(each.hold and each.hold["code"] for each in held)
    figures = await swept.store.figures(utility.now + timedelta(days=8))
    assert (figures.open, figures.held, figures.month) == (2, 2, 2)


AUDITED = """\
SELECT action, actor FROM audit_log WHERE action LIKE 'correction.%' ORDER BY id
"""


async def small(swept: Swept, amount: str, days: int, way: CorrectionWay) -> str:
    """A rule in force, entered by the clerk and approved by the chief."""
    terms = RuleTerms(way, Decimal(amount), "EUR", days)
    version = await swept.rules.enter("small", terms, CLERK, "less than a letter costs")
    with pytest.raises(SelfApprovalError):
        await swept.rules.approve("small", version, CLERK)
    assert await swept.rules.apply() == 0
    await swept.rules.approve("small", version, CHIEF)
    with pytest.raises(NoSuchRuleError):
        await swept.rules.approve("small", version, CHIEF)
    return f"small@{version}"


@pytest.mark.parametrize("way", list(CorrectionWay))
async def test_a_small_difference_settles_itself_by_a_rule_of_two(
    swept: Swept, migrated: Database, way: CorrectionWay
) -> None:
    utility = swept.books.utility
    await late(utility, SEPTEMBER, 21_000)
    await swept.on_change()
    (candidate,) = await swept.open()
    ((_, total),) = candidate.amounts
    # The first day of September is 80 days ago; the difference is not below itself.
    await small(swept, str(abs(total)), 90, way)
    assert await swept.rules.apply() == 0
    await small(swept, str(abs(total) + 1), 80, way)
    assert await swept.rules.apply() == 0
    key = await small(swept, str(abs(total) + 1), 81, way)
    assert [rule.state for rule in await swept.rules.listed()] == [
        RuleState.IN_FORCE,
        RuleState.REPLACED,
        RuleState.REPLACED,
    ]
    assert await swept.rules.apply(utility.now + timedelta(hours=1)) == 0
    assert await swept.rules.apply() == 1
    (closed,) = await swept.closed()
    adjusted = way is CorrectionWay.ADJUST
    assert closed.closed_as is (CandidateEnd.ADJUSTED if adjusted else CandidateEnd.LEFT)
    (decision,) = await swept.books.correct.listed()
    assert (decision.decided_by, decision.approved_by) == (f"rule:{key}", f"rule:{key}")
    async with await psycopg.AsyncConnection.connect(migrated.dsn) as connection:
        rows = await (await connection.execute(AUDITED)).fetchall()
        posted = await (await connection.execute("SELECT count(*) FROM adjustment")).fetchone()
    assert rows[-2:] == [
        ("correction.decided", f"rule:{key}"),
        ("correction.approved", f"rule:{key}"),
    ]
    assert (posted is not None and posted[0] > 0) is adjusted
    assert (await swept.sweep()).rated == 0
    await swept.rules.withdraw("small", 3, TRADER, "too many")
    await late(utility, SEPTEMBER, 22_000, version=3)
    await swept.on_change()
    assert await swept.rules.apply() == 0


@pytest.mark.parametrize("estimated", [True, False], ids=["estimated", "measured"])
async def test_a_rule_trues_up_estimates_alone(swept: Swept, *, estimated: bool) -> None:
    utility = swept.books.utility
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    quality = IntervalQuality.ESTIMATED_LINEAR if estimated else IntervalQuality.ACTUAL
    await metered(utility, NOVEMBER, 20, 10)
    await measured(utility, NOVEMBER, NOVEMBER + DAY, version=2, wh=9_000, quality=quality)
    await settle(utility, "2026-11")
    await swept.on_change()
    await late(utility, NOVEMBER, 12_000, version=3)
    await swept.on_change()
    terms = RuleTerms(CorrectionWay.LEAVE, Decimal(100), "EUR", 90, RuleCause.ESTIMATES)
    await swept.rules.enter("true-up", terms, CLERK, "estimates are settled by themselves")
    await swept.rules.approve("true-up", 1, CHIEF)
    assert await swept.rules.apply() == int(estimated)
    assert len(await swept.open()) == int(not estimated)


async def test_a_rule_trues_up_readings_alone(swept: Swept) -> None:
    utility = swept.books.utility
    await utility.enrol.tariff(NET.replace("2026-01-01", "2026-10-01").replace("0.30", "0.31"))
    await swept.on_change()
    terms = RuleTerms(CorrectionWay.LEAVE, Decimal(100), "EUR", 90, RuleCause.ESTIMATES)
    await swept.rules.enter("true-up", terms, CLERK, "estimates are settled by themselves")
    await swept.rules.approve("true-up", 1, CHIEF)
    assert await swept.rules.apply() == 0


async def test_no_rule_settles_what_its_people_worked_on(swept: Swept, migrated: Database) -> None:
    utility = swept.books.utility
    dearer = NET.replace("2026-01-01", "2026-10-01").replace("0.30", "0.31")
    await utility.enrol.tariff(dearer)
    await swept.on_change()
    (candidate,) = await swept.open()
    terms = RuleTerms(CorrectionWay.LEAVE, Decimal(100), "EUR", 90)
    version = await swept.rules.enter("own", terms, OPERATOR, "entered the tariff as well")
    await swept.rules.approve("own", version, CHIEF)
    assert await swept.rules.apply() == 0
    assert [each.uid for each in await swept.open()] == [candidate.uid]
    assert await swept.books.correct.listed() == []
    # The database compares as well.
    by_rule = """\
WITH decided AS (
    INSERT INTO correction (
        uid, account_id, way, from_bill_id, reason, difference_sha256, decided_by, decided_at,
        rule_id
    )
    SELECT
        gen_random_uuid(), account_id, 'leave', bill_id, 'r', difference_sha256, 'rule:own@1',
        compared_at, correction_rule.id
    FROM correction_candidate CROSS JOIN correction_rule
    RETURNING id
)
SELECT id FROM decided
"""
    async with await psycopg.AsyncConnection.connect(migrated.dsn) as connection:
        row = await (await connection.execute(by_rule)).fetchone()
        with pytest.raises(psycopg.errors.RestrictViolation, match="not approved by somebody who"):
            await connection.execute(
                "UPDATE correction SET state = 'approved', approved_by = decided_by,"
                " approved_at = decided_at WHERE id = %s",
                row,
            )
