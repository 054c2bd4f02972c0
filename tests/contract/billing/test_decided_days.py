"""What a person decides of days, on a real store: edited, estimated by a method, restored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.domain.vee.decided_day import DayNote
from central.service.ports.audit import AuditFilter
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import PointChannelId
from central.service.validation.chosen_estimate import ChosenEstimate, NotEstimatedError
from central.service.validation.decide_days import (
    DayNotClosedError,
    DecideDays,
    NoSuchChannelError,
    NothingDecidedError,
)
from central.service.validation.decisions import accept_finding
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.contract.billing.test_bill_window import (
    AUGUST,
    CHANNEL,
    DAY,
    bill,
    changed,
    codes,
    days,
    found,
    metered,
    quality,
    registers,
    total,
)
from tests.support.actors import CLERK, OPERATOR
from tests.support.books import NOVEMBER, OCTOBER, ZONE, Utility, timescale_utility
from tests.support.daily_books import approve, issue
from tests.support.servers import Database

HOUR = timedelta(hours=1)
FAULT = DayNote(CLERK, ReasonCode.METER_FAULT, "the meter leapt")
FIRST, BACK = OCTOBER + 13 * DAY, OCTOBER + 16 * DAY
NOON = day_start(FIRST, ZONE) + 12 * HOUR
LEAP = 5_000_000


@asynccontextmanager
async def decided(database: Database) -> AsyncIterator[tuple[Utility, DecideDays]]:
    async with timescale_utility(database.dsn) as utility:
        utility.now = datetime(2026, 11, 2, 9, tzinfo=UTC)
        yield utility, DecideDays(utility.validation, lambda: utility.now)


ASKED = {"INTERVALS_AGAINST_REGISTER"}
"""No finding holds the bill; its own check asks, since the register says something else."""


async def held_for(utility: Utility) -> set[str]:
    """What October's bill is held for."""
    summary = await bill(utility, 10)
    return {hold.code for entry in summary.held for hold in entry.holds}


async def again(utility: Utility) -> int:
    """Validate all of October again; how many versions that makes."""
    async with utility.validation.transaction() as work:
        await work.reopen(CHANNEL, OCTOBER)
    return (await utility.validate()).versions


async def test_an_edit_is_a_version_that_stands_while_its_readings_are_the_same(
    migrated: Database,
) -> None:
    async with decided(migrated) as (utility, use):
        edge = await found(utility)
        readings = registers(days(AUGUST, NOVEMBER))
        leap = [
            replace(one, mantissa=one.mantissa + (LEAP if one.at > NOON else 0)) for one in readings
        ]
        await utility.deliver(edge, leap)
        await utility.validate()
        assert "SERVICE_CAPACITY" in await codes(utility)
        await bill(utility, 9)
        assert (await bill(utility, 10)).held_count == 1
        before = await total(utility, FIRST, FIRST + DAY)
        preview = await use.edit(CHANNEL, {NOON: Fraction(81)}, FAULT, preview=True)
        assert await total(utility, FIRST, FIRST + DAY) == before
        done = await use.edit(CHANNEL, {NOON: Fraction(81)}, FAULT)
        assert [day.after for day in done.days] == [day.after for day in preview.days]
        assert await total(utility, FIRST, FIRST + DAY) == before - LEAP
        assert await quality(utility, FIRST) == {IntervalQuality.ACTUAL, IntervalQuality.EDITED}
        assert await codes(utility) == {"EDITED_DAY"}
        assert await held_for(utility) == ASKED
        assert await again(utility) == 0
        # The original stays, and who did what and why is said.
        newest, original = await utility.validation.versions(CHANNEL, DayRange(FIRST, FIRST + DAY))
        assert (newest.actor, newest.block.version, original.block.version) == (CLERK.key, 2, 1)
        assert original.block.total() == before
        assert "the meter leapt" in newest.evidence
        (row,) = [
            row
            for row in await utility.audit.rows(AuditFilter(), 50)
            if row.action == "interval.edited"
        ]
        assert (row.actor, row.detail["reason"]) == (CLERK.key, "meter_fault: the meter leapt")
        with pytest.raises(NothingDecidedError):
            await use.edit(CHANNEL, {NOON: Fraction(81)}, FAULT)
        # Undone: a third version with what the readings say, which then follows them.
        await use.restore(CHANNEL, DayRange(FIRST, FIRST + DAY), FAULT)
        assert await total(utility, FIRST, FIRST + DAY) == before
        assert "SERVICE_CAPACITY" in await codes(utility)
        assert "EDITED_DAY" not in await codes(utility)
        assert await again(utility) == 0


async def test_readings_under_an_edit_that_change_ask_and_change_nothing(
    migrated: Database,
) -> None:
    async with decided(migrated) as (utility, use):
        edge = await found(utility)
        await metered(utility, edge, days(AUGUST, NOVEMBER, (FIRST, BACK)))
        asked = DayRange(FIRST, BACK)
        await use.estimate(CHANNEL, asked, ChosenEstimate("like-day"), FAULT)
        used = registers([BACK])[0].mantissa - registers([FIRST])[0].mantissa
        assert await total(utility, FIRST, BACK) == used
        # The other days of the gap take the difference: all of it sums to the register.
        await use.edit(CHANNEL, {NOON: Fraction(900)}, FAULT)
        assert await total(utility, FIRST, BACK) == used
        assert await codes(utility) == {"ESTIMATED_GAP", "EDITED_DAY"}
        assert await again(utility) == 0
        await metered(utility, edge, days(FIRST, BACK))
        assert "EDIT_OVERTAKEN" in await codes(utility, FIRST, FIRST + DAY)
        assert IntervalQuality.EDITED in await quality(utility, FIRST)
        assert await quality(utility, FIRST + DAY) == {IntervalQuality.ACTUAL}
        await bill(utility, 9)
        assert (await bill(utility, 10)).held_count == 1
        (asks,) = [
            entry
            for entry in await utility.validation.open_findings(CHANNEL)
            if entry.code == "EDIT_OVERTAKEN"
        ]
        note = DecisionNote(CLERK, "the edit is right", utility.now)
        await accept_finding(utility.decisions, utility.validation, f"v{asks.id}", note)
        assert await held_for(utility) == ASKED
        assert await again(utility) == 0
        await use.restore(CHANNEL, DayRange(FIRST, FIRST + DAY), FAULT)
        assert await total(utility, FIRST, BACK) == used
        assert await codes(utility) == set()


async def test_what_a_person_estimates_is_replaced_by_readings_that_come_late(
    migrated: Database,
) -> None:
    async with decided(migrated) as (utility, use):
        edge = await found(utility)
        await metered(utility, edge, days(AUGUST, NOVEMBER, (FIRST, BACK)))
        asked = DayRange(FIRST, BACK)
        for method in ("even", "own-profile", None):
            seen = await use.estimate(CHANNEL, asked, ChosenEstimate(method), FAULT, preview=True)
            assert len(seen.days) == 3
        assert "MISSING_INTERVALS" in await codes(utility)
        with pytest.raises(NotEstimatedError):
            await use.estimate(CHANNEL, asked, ChosenEstimate("class-profile"), FAULT)
        await use.estimate(CHANNEL, asked, ChosenEstimate("even"), FAULT)
        assert await quality(utility, FIRST) == {IntervalQuality.ESTIMATED_PROFILE}
        assert await again(utility) == 0
        assert await codes(utility) == {"ESTIMATED_GAP"}
        await bill(utility, 9)
        for month in (9, 10):
            summary = await bill(utility, month)
            assert await approve(utility, summary) == []
            assert await issue(utility, summary) == []
        # Billed days: another estimate differs from their bill, and says so.
        done = await use.estimate(
            CHANNEL, asked, ChosenEstimate("like-day"), replace(FAULT, actor=OPERATOR)
        )
        assert done.issued == tuple(days(FIRST, BACK))
        assert {day for day, _ in await changed(utility)} <= set(done.issued)
        await metered(utility, edge, days(FIRST, BACK))
        assert await quality(utility, FIRST) == {IntervalQuality.ACTUAL}
        assert await codes(utility) == set()


async def test_a_meter_that_stood_still_is_estimated_over_its_readings(
    migrated: Database,
) -> None:
    async with decided(migrated) as (utility, use):
        edge = await found(utility)
        stuck = registers([OCTOBER + 4 * DAY])[0].mantissa
        still = [
            replace(one, mantissa=min(one.mantissa, stuck))
            for one in registers(days(AUGUST, NOVEMBER))
        ]
        await utility.deliver(edge, still)
        await utility.validate()
        # Silent no longer: a register that stands still from the 5th on is named.
        assert "ZERO_DAYS" in await codes(utility)
        await bill(utility, 9)
        assert (await bill(utility, 10)).held_count == 1
        asked = DayRange(OCTOBER + 4 * DAY, NOVEMBER)
        with pytest.raises(NothingDecidedError):
            await use.estimate(CHANNEL, asked, ChosenEstimate("like-day"), FAULT)
        over = ChosenEstimate("day-kind", over_readings=True)
        await use.estimate(CHANNEL, asked, over, FAULT)
        usual = registers([NOVEMBER - DAY])[-1].mantissa - stuck
        assert abs(await total(utility, asked.first, NOVEMBER) / usual - 1) < 0.05
        assert await codes(utility) == {"EDITED_DAY", "PROLONGED_ESTIMATION"}
        assert await again(utility) == 0
        # Read on site by the time it was exchanged: the days sum to that.
        told = replace(over, total=Fraction(2_345_678))
        await use.estimate(CHANNEL, asked, told, FAULT)
        assert await total(utility, asked.first, NOVEMBER) == 2_345_678
        assert await held_for(utility) == ASKED


async def test_what_cannot_be_decided_is_refused_and_changes_nothing(migrated: Database) -> None:
    async with decided(migrated) as (utility, use):
        edge = await found(utility)
        await metered(utility, edge, days(AUGUST, NOVEMBER, (FIRST, FIRST + DAY)))
        one_day = DayRange(FIRST, FIRST + DAY)
        method, silent = ChosenEstimate(), DayNote(CLERK, ReasonCode.OTHER, " ")
        ahead = DayRange(date(2026, 12, 1), date(2026, 12, 2))
        with pytest.raises(InvalidValueError):
            await use.restore(CHANNEL, one_day, silent)
        with pytest.raises(NoSuchChannelError):
            await use.restore(PointChannelId(99), one_day, FAULT)
        with pytest.raises(DayNotClosedError):
            await use.restore(CHANNEL, ahead, FAULT)
        with pytest.raises(NothingDecidedError):
            await use.restore(CHANNEL, one_day, FAULT)
        with pytest.raises(InvalidValueError, match="no method"):
            await use.estimate(CHANNEL, one_day, ChosenEstimate("guess"), FAULT)
        with pytest.raises(InvalidValueError, match="days cannot"):
            await use.restore(CHANNEL, DayRange(date(2020, 1, 1), NOVEMBER), FAULT)
        with pytest.raises(InvalidValueError, match="No interval"):
            await use.edit(CHANNEL, {NOON + timedelta(minutes=1): Fraction(1)}, FAULT)
        with pytest.raises(InvalidValueError, match="still be missing"):
            await use.edit(CHANNEL, {NOON: Fraction(1)}, FAULT)
        with pytest.raises(InvalidValueError, match="days cannot"):
            await use.edit(CHANNEL, {}, FAULT)
        wrong = replace(method, total=Fraction(-1))
        with pytest.raises(InvalidValueError):
            await use.estimate(CHANNEL, one_day, wrong, FAULT)
        assert await again(utility) == 0
        assert list(await utility.validation.channels_at("SP-1")) == [ACTIVE_IMPORT]
        assert await utility.validation.channels_at("SP-9") == {}
