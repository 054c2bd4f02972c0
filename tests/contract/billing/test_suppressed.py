"""Days that are not billed by decision: no run drafts them, and state goes on behind them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.suppressions import TimescaleSuppressions
from central.domain.billing.credit_note import BilledBehindError
from central.domain.billing.state import SelfApprovalError
from central.domain.billing.suppression import (
    CannotLiftError,
    CannotSuppressError,
    SuppressionState,
)
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.billing.suppress_periods import SuppressPeriods
from central.service.ports.registry import NotRegisteredError
from central.service.ports.suppressions import OccupiedService, SuppressionStore
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, pool_of
from tests.support.corrected_books import (
    AUGUST,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    corrected_utility,
    figures,
    late,
    metered,
    netting,
)
from tests.support.daily_books import bill, run, settle
from tests.support.servers import Database

A1 = OccupiedService("A-1", "SP-1")


def suppress(utility: Utility, store: SuppressionStore | None = None) -> SuppressPeriods:
    return SuppressPeriods(store or utility.suppressions, lambda: utility.now)


async def autumn(utility: Utility) -> None:
    """August issued, which left 310 kWh in the bank; September and October are metered."""
    utility.now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    await netting(utility)
    for first, used, sold in ((AUGUST, 10, 20), (SEPTEMBER, 10, 0), (OCTOBER, 20, 0)):
        await metered(utility, first, used, sold)
    await settle(utility, "2026-08")


async def september(
    utility: Utility, store: SuppressionStore | None = None, reason: str = "under construction"
) -> UUID:
    use_case = suppress(utility, store)
    uid = await use_case.suppress(A1, OCTOBER, CLERK, reason)
    await use_case.approve(uid, CHIEF)
    return uid


async def named(utility: Utility, first: date, end: date) -> list[tuple[date, date, str, str]]:
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(
        ReconciledScope(DayRange(first, end))
    )
    assert report.balanced
    return [
        (days.days.first, days.days.end, str(days.coverage), days.decisions)
        for days in report.decided
        if days.obis.startswith("1-0:1.8.0")
    ]


async def test_a_suppressed_period_is_billed_by_nobody_and_state_goes_on(utility: Utility) -> None:
    await autumn(utility)
    uid = await september(utility)
    for period in ("2026-09", "2026-10"):
        await settle(utility, period)
    assert await utility.billing.of_period("A-1", "2026-09") == ()
    # 620 kWh less the 310 of August; September took none of them, and left none.
    assert await figures(utility, "A-1", "2026-10") == [("energy", "93.00"), ("vat", "19.53")]
    said = f"suppression {uid}: under construction"
    assert await named(utility, SEPTEMBER, NOVEMBER) == [(SEPTEMBER, OCTOBER, "suppressed", said)]
    with pytest.raises(CannotLiftError, match="billed or suppressed behind"):
        await suppress(utility).lift(uid, CLERK, "sold")
    (suppression,) = await suppress(utility).listed("A-1")
    assert (suppression.days, suppression.reason) == (
        DayRange(SEPTEMBER, OCTOBER),
        "under construction",
    )


async def test_what_is_lifted_is_billed_by_the_next_run(utility: Utility) -> None:
    await autumn(utility)
    uid = await september(utility)
    await settle(utility, "2026-09")
    await suppress(utility).lift(uid, CLERK, "they live there")
    with pytest.raises(NotRegisteredError):
        await suppress(utility).lift(uid, CLERK, "again")
    await settle(utility, "2026-10")
    # 300 kWh of September and 620 of October, less the 310 of August.
    assert await figures(utility, "A-1", "2026-09") == [("energy", "0.00"), ("vat", "0.00")]
    assert await figures(utility, "A-1", "2026-10") == [("energy", "183.00"), ("vat", "38.43")]
    assert await named(utility, SEPTEMBER, NOVEMBER) == []
    (suppression,) = await suppress(utility).listed()
    assert (suppression.lifted_by, suppression.lift_reason) == (CLERK.key, "they live there")


async def test_only_days_behind_what_is_issued_are_suppressed(utility: Utility) -> None:
    await autumn(utility)
    use_case = suppress(utility)
    with pytest.raises(CannotSuppressError, match="billed or suppressed already"):
        await use_case.suppress(A1, SEPTEMBER, CHIEF, "no")
    with pytest.raises(InvalidValueError, match="reason"):
        await use_case.suppress(A1, OCTOBER, CHIEF, " ")
    with pytest.raises(NotRegisteredError, match="no days to be billed at SP-9"):
        await use_case.suppress(OccupiedService("A-1", "SP-9"), OCTOBER, CHIEF, "no")
    await run(utility, "2026-09")
    with pytest.raises(CannotSuppressError, match="not issued: it is draft"):
        await use_case.suppress(A1, NOVEMBER, CHIEF, "no")
    assert await use_case.listed() == []


async def test_one_person_alone_keeps_no_day_from_being_billed(utility: Utility) -> None:
    await autumn(utility)
    use_case = suppress(utility)
    uid = await use_case.suppress(A1, OCTOBER, CLERK, "under construction")
    with pytest.raises(SelfApprovalError, match="proposed it"):
        await use_case.approve(uid, CLERK)
    with pytest.raises(CannotSuppressError, match=f"waits for approval: {uid}"):
        await use_case.suppress(A1, NOVEMBER, CHIEF, "and longer")
    await run(utility, "2026-09")
    with pytest.raises(CannotSuppressError, match="not the first unbilled day"):
        await use_case.approve(uid, CHIEF)
    assert (await bill(utility, "A-1", "2026-09")).bill.days == DayRange(SEPTEMBER, OCTOBER)
    await use_case.lift(uid, CLERK, "it is billed")
    with pytest.raises(NotRegisteredError):
        await use_case.approve(uid, CHIEF)
    assert (await bill(utility, "A-1", "2026-09")).bill.days == DayRange(SEPTEMBER, OCTOBER)
    (suppression,) = await use_case.listed()
    assert (suppression.state, suppression.approved_by) == (SuppressionState.LIFTED, None)


async def test_days_are_suppressed_a_year_ahead_at_most(utility: Utility) -> None:
    await autumn(utility)
    use_case = suppress(utility)
    with pytest.raises(CannotSuppressError, match="until 2027-11-21 at most"):
        await use_case.suppress(A1, date(2027, 11, 22), CLERK, "for ever")
    uid = await use_case.suppress(A1, date(2027, 11, 21), CLERK, "a year")
    await use_case.approve(uid, CHIEF)
    (suppression,) = await use_case.listed()
    assert (suppression.state, suppression.approved_by) == (SuppressionState.HOLDS, CHIEF.key)


async def test_the_database_lets_nobody_suppress_alone(migrated: Database) -> None:
    async with corrected_utility(migrated.dsn) as books:
        pool = pool_of(books.utility)
        await autumn(books.utility)
        store = TimescaleSuppressions(pool)
        uid = await suppress(books.utility, store).suppress(A1, OCTOBER, CLERK, "a house")
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        for alone in (
            "UPDATE suppressed_period SET approved_by = decided_by, approved_at = decided_at",
            "UPDATE suppressed_period SET proposed = false",
        ):
            with pytest.raises(psycopg.errors.IntegrityError):
                owner.execute(alone)
        owner.execute(
            "UPDATE suppressed_period SET approved_by = %s, approved_at = now()", [CHIEF.key]
        )
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute("UPDATE suppressed_period SET approved_by = 'user:other'")
    assert uid


async def test_what_the_part_before_leaves_later_goes_through(migrated: Database) -> None:
    async with corrected_utility(migrated.dsn) as books:
        pool = pool_of(books.utility)
        utility = books.utility
        await autumn(utility)
        uid = await september(utility, TimescaleSuppressions(pool))
        await settle(utility, "2026-10")
        await late(utility, AUGUST, 30_000, channel=2)
        # Ten kWh more in the bank of August are ten less of October.
        (euros,) = (await books.correct.preview("A-1")).amounts
        assert euros.net == Decimal("-3.00")
        cancel = CancelBills(utility.billing, TimescaleCancellations(pool), lambda: utility.now)
        both = [(await bill(utility, "A-1", period)).uid for period in ("2026-08", "2026-10")]
        with pytest.raises(BilledBehindError, match="suppressed behind"):
            await cancel(both, CLERK, "wrong")
        with pytest.raises(CannotLiftError):
            await suppress(utility, TimescaleSuppressions(pool)).lift(uid, CLERK, "no")
