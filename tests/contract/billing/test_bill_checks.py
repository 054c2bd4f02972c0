"""What a check finds holds a bill until its inputs change or somebody answers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest

from central.adapters.timescale.billing.checks import TimescaleBilledParts
from central.adapters.timescale.class_policies import OF_BILLS, TimescaleClassPolicies
from central.adapters.timescale.exceptions.releases import TimescaleBillReleases
from central.adapters.timescale.pool import Pool, make_pool
from central.domain.actor import Actor
from central.domain.billing.check_policy import CHECK_SCHEMA, DEFAULT_LIMITS
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.service.billing.post_entries import AccountLedger
from central.service.billing.try_checks import TryChecks
from central.service.class_policies import ClassPolicies
from central.service.exceptions.release import NotReleasableError, release_bill
from central.service.ports.audit import AuditFilter
from central.service.ports.bill_releases import ReleasedBill
from central.service.ports.exception_notes import ActionNote
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import AgreementRecord
from central.service.registry.groups import NamedGroups
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, OPERATOR, noted
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import FIRST, approve, at, bill, found, heads, measured, run, settle
from tests.support.servers import Database

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 1)


@asynccontextmanager
async def half_a_year(database: Database) -> AsyncIterator[tuple[Utility, Pool]]:
    """A customer of ten kilowatt-hours a day since August, and fifty in December."""
    async with (
        timescale_utility(database.dsn) as utility,
        make_pool(database.dsn, max_size=2) as pool,
    ):
        await found(utility)
        utility.now = at(JANUARY)
        await measured(utility, FIRST, DECEMBER)
        await measured(utility, DECEMBER, JANUARY, wh=50_000)
        await run(utility, "2026-12")
        yield utility, pool


async def december(utility: Utility) -> tuple[BillState, list[str]]:
    """Where the bill of December stands, and what holds it."""
    record = await bill(utility, "A-1", "2026-12")
    return record.bill.state, [hold.code for hold in record.bill.holds]


async def release(utility: Utility, pool: Pool, actor: Actor = OPERATOR) -> ReleasedBill:
    record = await bill(utility, "A-1", "2026-12")
    answer = ActionNote(noted(utility.now, actor, "a heat pump"), ReasonCode.CUSTOMER_CONFIRMED)
    return await release_bill(TimescaleBillReleases(pool), record.uid, answer)


async def test_a_high_bill_is_held_with_its_figures_and_its_lines(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, _):
        record = await bill(utility, "A-1", "2026-12")
        assert record.bill.state is BillState.HELD
        (hold,) = record.bill.holds
        assert hold.code == "HIGH_BILL"
        assert hold.evidence == "SP-1; day 50.00; mean 10.00; deviation 1.00; periods 4"
        assert str(record.bill.amounts.total) == "465.00"
        november = await bill(utility, "A-1", "2026-11")
        assert november.bill.state is BillState.DRAFT


async def test_a_release_holds_for_what_the_bill_says_and_no_longer(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        released = await release(utility, pool)
        assert (released.codes, released.left) == (("HIGH_BILL",), ())
        assert await december(utility) == (BillState.DRAFT, [])
        # The same bill is not asked again, whoever runs it.
        await run(utility, "2026-12")
        assert await december(utility) == (BillState.DRAFT, [])
        page = await utility.audit.rows(AuditFilter(action="bill.hold_released"), 10)
        assert [row.actor for row in page] == [OPERATOR.key]
        # Another day makes it another bill.
        await measured(utility, DECEMBER, date(2026, 12, 2), wh=60_000, version=2)
        await run(utility, "2026-12")
        assert await december(utility) == (BillState.HELD, ["HIGH_BILL"])
        # What it says is not so much any more, and nobody has to answer for that.
        await measured(utility, DECEMBER, JANUARY, wh=11_000, version=3)
        await run(utility, "2026-12")
        assert await december(utility) == (BillState.DRAFT, [])


async def test_who_releases_a_bill_does_not_approve_it(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        await release(utility, pool, CHIEF)
        summary = await run(utility, "2026-12", actor=CLERK)
        assert ("A-1", "SELF_APPROVAL") in await approve(utility, summary)


async def test_what_is_not_held_by_a_check_is_not_released(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        await release(utility, pool)
        with pytest.raises(NotReleasableError):
            await release(utility, pool)
        record = await bill(utility, "A-1", "2026-12")
        store, answer = TimescaleBillReleases(pool), ActionNote(noted(utility.now, CLERK, "so"))
        with pytest.raises(InvalidValueError, match="MISSING_INTERVALS"):
            await release_bill(store, record.uid, answer, ["MISSING_INTERVALS"])
        with pytest.raises(InvalidValueError, match="reason"):
            ActionNote(noted(utility.now, CLERK, " "))


async def test_the_policy_of_a_group_judges_its_points(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        groups = NamedGroups(utility.registry, OPERATOR, lambda: utility.now)
        await groups.add(GroupRecord("shops", GroupOf.POINT))
        await groups.assign("shops", Membership("SP-1", FIRST))
        store = TimescaleClassPolicies(pool, OF_BILLS, CHECK_SCHEMA)
        use = ClassPolicies(store, DEFAULT_LIMITS, lambda: utility.now)
        note = OPERATOR, "tried for a month"
        text = "{off: [HIGH_BILL], thresholds: {class_tariffs: [DEAR], amount_limit: 464.99 EUR}}"
        assert await use.set_policy("shops", CHECK_SCHEMA.parse(text), DECEMBER, note) == 1
        await run(utility, "2026-12")
        assert await december(utility) == (BillState.HELD, ["CLASS_TARIFF", "AMOUNT_LIMIT"])


async def test_another_policy_judges_drafts_anew(migrated: Database) -> None:
    async with half_a_year(migrated) as (utility, pool):
        await release(utility, pool)
        months = [f"2026-{number:02}" for number in range(8, 12)]
        for name in months:
            assert await approve(utility, await run(utility, name)) == []
        store = TimescaleClassPolicies(pool, OF_BILLS, CHECK_SCHEMA)
        use = ClassPolicies(store, DEFAULT_LIMITS, lambda: utility.now)
        policy = CHECK_SCHEMA.parse("thresholds: {amount_limit: 464.99 EUR}")
        summary = await run(utility, "2026-12")
        await use.set_policy(
            "electricity", policy, DECEMBER, (OPERATOR, "too many slipped through")
        )
        # Nobody approves what nobody looked at under the new one, also where no run came since.
        assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
        await run(utility, "2026-12")
        assert await december(utility) == (BillState.HELD, ["AMOUNT_LIMIT"])


async def test_what_settles_without_days_is_of_the_class_of_what_was_delivered(
    migrated: Database,
) -> None:
    async with half_a_year(migrated) as (utility, pool):
        await release(utility, pool)
        for number in range(8, 13):
            await settle(utility, f"2026-{number:02}")
        utility.now = at(date(2027, 2, 1))
        left = AgreementRecord("A-1", "SP-1", "FLAT", FIRST, JANUARY)
        await utility.enrol.agreement(left)
        once = LedgerEntry(
            *("so-17", "A-1", EntryKind.CHARGE, JANUARY, "EUR", Decimal(30)), name="Meter broken"
        )
        ledger = AccountLedger(utility.ledger, utility.billing, lambda: utility.now)
        await ledger.post(once, OPERATOR, "service order")
        store = TimescaleClassPolicies(pool, OF_BILLS, CHECK_SCHEMA)
        use = ClassPolicies(store, DEFAULT_LIMITS, lambda: utility.now)
        limit = CHECK_SCHEMA.parse("thresholds: {amount_limit: 29.99 EUR}")
        for name, held in (("volume", {BillState.DRAFT}), ("electricity", {BillState.HELD})):
            await use.set_policy(name, limit, FIRST, (OPERATOR, "too many slipped through"))
            summary = await run(utility, "2027-01")
            assert {head.state for head in await heads(utility, summary)} == held


async def test_a_trial_says_what_a_draft_raises_and_no_longer(migrated: Database) -> None:
    async with half_a_year(migrated) as (_, pool):
        tried = TryChecks(TimescaleBilledParts(pool))
        month = DayRange(DECEMBER, JANUARY)
        document = CHECK_SCHEMA.parse("{off: [HIGH_BILL], thresholds: {amount_limit: 1 EUR}}")
        trial = await tried("electricity", document, month, 10)
        assert (trial.parts, trial.before) == (1, {"HIGH_BILL": 1})
        assert (trial.raised, trial.gone) == ({"AMOUNT_LIMIT": 1}, {"HIGH_BILL": 1})
        assert [entry.bill for entry in trial.examples] == ["A-1/2026-12", "A-1/2026-12"]
        assert (await tried("volume", document, month, 10)).parts == 0
        november = await tried("electricity", document, DayRange(date(2026, 11, 1), DECEMBER), 10)
        assert (november.parts, november.before) == (1, {})
