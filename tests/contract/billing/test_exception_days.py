"""The day of a finding is estimated or edited from the queue, which it then leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from central.adapters.timescale.pool import make_pool
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.service.exceptions.edit import edit
from central.service.exceptions.estimate import estimate
from central.service.ports.audit import AuditFilter
from central.service.ports.exceptions import ExceptionKey, ExceptionKind
from central.service.validation.chosen_estimate import ChosenEstimate
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from tests.contract.billing.test_bill_window import (
    AUGUST,
    CHANNEL,
    DAY,
    HOUR,
    days,
    found,
    quality,
    registers,
    total,
)
from tests.contract.billing.test_exceptions import Office
from tests.support.actors import OPERATOR
from tests.support.books import NOVEMBER, OCTOBER, ZONE, timescale_utility
from tests.support.servers import Database

SILENT, BACK, SPIKED = OCTOBER + 13 * DAY, OCTOBER + 15 * DAY, OCTOBER + 20 * DAY
NOON = day_start(SPIKED, ZONE) + 12 * HOUR
MORE = 15_000
"""What an hour says beyond what was used. [Wh]"""
EVEN = estimate(ChosenEstimate("even"))


@asynccontextmanager
async def faulty(database: Database) -> AsyncIterator[Office]:
    """Months with two days that nothing came of, and an hour far above all others."""
    async with (
        timescale_utility(database.dsn) as utility,
        make_pool(database.dsn, max_size=2) as pool,
    ):
        utility.now = datetime(2026, 11, 1, 9, tzinfo=UTC)
        edge = await found(utility)
        readings = registers(days(AUGUST, NOVEMBER, (SILENT, BACK)))
        await utility.deliver(
            edge,
            [replace(one, mantissa=one.mantissa + MORE * (one.at > NOON)) for one in readings],
        )
        await utility.validate()
        yield Office(utility, pool)


async def waiting(office: Office) -> dict[str, list[ExceptionKey]]:
    """Findings by their code."""
    keys: dict[str, list[ExceptionKey]] = {}
    for row in await office.rows(kinds=(ExceptionKind.FINDING,)):
        keys.setdefault(row.code, []).append(row.key)
    return keys


async def test_days_are_estimated_first_as_a_preview_and_leave_the_queue(
    migrated: Database,
) -> None:
    async with faulty(migrated) as office:
        before = await waiting(office)
        assert set(before) == {"MISSING_INTERVALS", "SPIKE"}
        missing, utility = before["MISSING_INTERVALS"], office.utility
        asked = DayRange(SILENT, SILENT + DAY)
        previewed = await office.act(missing, EVEN, keep=False)
        assert [(one.code, one.closed) for one in previewed] == [(None, True)] * 2
        assert previewed[0].done == (
            "estimated: 2026-10-14: 1.944 kWh, was 24 of 24 intervals missing"
            "; 2026-10-15: 1.944 kWh, was 24 of 24 intervals missing"
        )
        assert previewed[1].done == "settled with the others"
        # The preview was the decision, rolled back.
        assert await waiting(office) == before
        assert await quality(utility, SILENT) == {IntervalQuality.MISSING}
        assert len(await utility.validation.versions(CHANNEL, asked)) == 1
        assert await office.act(missing, EVEN) == previewed
        # Whoever estimated the days answers for them, too.
        assert set(await waiting(office)) == {"SPIKE"}
        used = registers([BACK])[0].mantissa - registers([SILENT])[0].mantissa
        assert await total(utility, SILENT, BACK) == used
        for day in (SILENT, SILENT + DAY):
            asked = DayRange(day, day + DAY)
            newest, original = await utility.validation.versions(CHANNEL, asked)
            assert (newest.actor, original.block.missing) == (OPERATOR.key, 24)
            assert await quality(utility, day) == {IntervalQuality.ESTIMATED_PROFILE}
        gaps = [
            entry.accepted_by
            for entry in await utility.validation.open_findings(CHANNEL)
            if entry.code == "ESTIMATED_GAP"
        ]
        assert gaps == [OPERATOR.key] * 2
        again = await office.act(missing, EVEN)
        assert {one.code for one in again} == {"NO_SUCH_EXCEPTION"}
        with pytest.raises(InvalidValueError):
            estimate(ChosenEstimate("guess"))


async def test_a_spike_is_edited_and_what_was_there_stays(migrated: Database) -> None:
    async with faulty(migrated) as office:
        before = await waiting(office)
        (spike,), utility = before["SPIKE"], office.utility
        true = await total(utility, SPIKED, SPIKED + DAY) - MORE
        used = Fraction(81)  # as every hour
        # Of another day, or of the same: a refusal leaves both as they are.
        other = {NOON: used, NOON - DAY: Fraction(70)}
        (refused,) = await office.act([spike], edit(other))
        assert refused.code == "INVALID_VALUE"
        assert str(SPIKED - DAY) in (refused.message or "")
        assert await waiting(office) == before
        assert IntervalQuality.EDITED not in await quality(utility, SPIKED - DAY)
        (previewed,) = await office.act([spike], edit({NOON: used}), keep=False)
        assert previewed.closed
        assert await waiting(office) == before
        (done,) = await office.act([spike], edit({NOON: used}))
        assert done == previewed
        assert set(await waiting(office)) == {"MISSING_INTERVALS"}
        assert await total(utility, SPIKED, SPIKED + DAY) == true
        asked = DayRange(SPIKED, SPIKED + DAY)
        newest, original = await utility.validation.versions(CHANNEL, asked)
        assert (newest.actor, original.block.total()) == (OPERATOR.key, true + MORE)
        (row,) = [
            row
            for row in await utility.audit.rows(AuditFilter(), 50)
            if row.action == "interval.edited"
        ]
        assert row.detail["reason"] == "read_on_site: asked on site"
        (unchanged,) = await office.act(before["MISSING_INTERVALS"][:1], edit({NOON: Fraction(1)}))
        assert unchanged.code == "INVALID_VALUE"
        with pytest.raises(InvalidValueError):
            edit({})
