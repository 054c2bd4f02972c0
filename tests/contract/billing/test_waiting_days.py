"""Missing days that wait for longer than their class's policy lets them are estimated, real stores.

The profile of a class is a series; a register that went backwards waits for nobody either.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from central.adapters.timescale.validation.policies import TimescalePolicies
from central.domain.billing.bill_window import BillWindow
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.vee.policy_document import VEE_SCHEMA
from central.service.ports.validation import ChannelDay
from central.service.rating.keep_series import keep_series
from central.service.validation.policies import Policies
from firmware_bridge.contract.interval import day_start
from tests.contract.billing.test_bill_window import (
    AUGUST,
    CHANNEL,
    DAY,
    bill,
    codes,
    days,
    estimate,
    found,
    metered,
    quality,
    registers,
    total,
)
from tests.support.actors import OPERATOR
from tests.support.books import NOVEMBER, OCTOBER, ZONE, Utility, pool_of, timescale_utility
from tests.support.servers import Database

NO_WINDOW = BillWindow()
FIRST, BACK = OCTOBER + 13 * DAY, OCTOBER + 16 * DAY


@asynccontextmanager
async def judged(database: Database, document: str) -> AsyncIterator[Utility]:
    """A utility whose electricity is judged by a policy, on 20 October."""
    async with timescale_utility(database.dsn) as utility:
        pool = pool_of(utility)
        utility.now = datetime(2026, 10, 20, 9, tzinfo=UTC)
        use = Policies(TimescalePolicies(pool), lambda: utility.now)
        policy = VEE_SCHEMA.parse(document)
        await use.set_policy("electricity", policy, AUGUST, (OPERATOR, "no bill waits for ever"))
        yield utility


async def test_missing_days_are_estimated_when_their_time_is_over(migrated: Database) -> None:
    limits = "estimate_after_days: 5, like_days: 6, like_day_reach: 2160h"
    async with judged(migrated, f"thresholds: {{{limits}}}") as utility:
        edge = await found(utility)
        await metered(utility, edge, days(AUGUST, OCTOBER + 19 * DAY, (FIRST, BACK)))
        utility.now = datetime(2026, 10, 18, 9, tzinfo=UTC)
        assert (await estimate(utility, NO_WINDOW)).days == 0
        utility.now = datetime(2026, 10, 19, 9, tzinfo=UTC)
        # The first is five days old; between registers the others have their share at once.
        assert (await estimate(utility, NO_WINDOW)).days == 3
        used = registers([BACK])[0].mantissa - registers([FIRST])[0].mantissa
        assert await total(utility, FIRST, BACK) == used
        assert await quality(utility, FIRST) == {IntervalQuality.ESTIMATED_LIKE_DAY}
        assert await codes(utility) == {"ESTIMATED_GAP"}
        # The sixth of the days that it is like is further than five weeks.
        async with pool_of(utility).connection() as connection:
            asked = "SELECT reason FROM day_block WHERE day = %s ORDER BY version DESC LIMIT 1"
            cursor = await connection.execute(asked, [FIRST])
            ((evidence,),) = await cursor.fetchall()
        sixth = FIRST - 42 * DAY
        assert json.loads(evidence)["like_days"][0].startswith(f"{sixth}:"), evidence
        assert (await estimate(utility, NO_WINDOW)).days == 0


async def test_a_silent_meter_is_estimated_day_by_day_as_long_as_its_policy_lets_it(
    migrated: Database,
) -> None:
    limits = "thresholds: {estimate_after_days: 1, like_day_longest: 72h}"
    async with judged(migrated, f"{{{limits}, estimators: [LIKE_DAY]}}") as utility:
        edge = await found(utility)
        utility.now = datetime(2026, 10, 15, 9, tzinfo=UTC)
        await metered(utility, edge, days(AUGUST, FIRST))
        estimated, orders = [], []
        for number in range(15, 19):
            utility.now = datetime(2026, 10, number, 9, tzinfo=UTC)
            await utility.validate()
            tally = await estimate(utility, NO_WINDOW)
            estimated.append(tally.days)
            orders.append(tally.orders)
        # On 18 October the gap of four days is longer than three.
        assert (estimated, orders) == ([1, 1, 1, 0], [0, 0, 0, 1])
        assert "FIELD_ORDER" in await codes(utility, FIRST + 3 * DAY, NOVEMBER)
        # What comes late takes the place of all of it.
        await metered(utility, edge, days(FIRST, OCTOBER + 17 * DAY))
        assert await quality(utility, FIRST) == {IntervalQuality.ACTUAL}
        assert await codes(utility) == set()


async def test_the_profile_of_a_class_fills_what_no_other_day_says(migrated: Database) -> None:
    limits = "thresholds: {estimate_after_days: 1}"
    document = f"{{{limits}, profile: homes, estimators: [CLASS_PROFILE]}}"
    async with judged(migrated, document) as utility:
        start = datetime(2026, 9, 1, tzinfo=UTC)
        rates = PriceSeries("homes", start, 3600, tuple([60] * 12 + [180] * 12) * 60, 0)
        await keep_series(utility.series, rates, OPERATOR, clock=lambda: utility.now)
        edge = await found(utility)
        await metered(utility, edge, days(AUGUST, FIRST))
        assert (await estimate(utility, NO_WINDOW)).days == 6
        # Three times as much from noon on, UTC, at the level of the weeks before.
        key = ChannelDay(CHANNEL, FIRST)
        block = (await utility.validation.blocks({key: None}))[key]
        assert abs(block.values[14:].sum() / 10 / (block.values[2:14].sum() / 12) - 3) < 0.05
        usual = registers([FIRST - DAY])
        day = usual[-1].mantissa - usual[0].mantissa
        assert abs(int(block.values.sum()) / day - 1) < 0.05
        async with utility.validation.transaction() as work:
            estimated = (await work.estimates([key]))[key]
        assert json.loads(estimated.evidence)["profile"] == ["homes"]


async def test_a_register_that_went_backwards_is_estimated_and_its_bill_goes_out(
    migrated: Database,
) -> None:
    async with judged(migrated, "thresholds: {estimate_after_days: 2}") as utility:
        edge = await found(utility)
        noon = day_start(FIRST, ZONE) + timedelta(hours=12)
        readings = [
            replace(one, mantissa=one.mantissa - (100_000 if one.at >= noon else 0))
            for one in registers(days(AUGUST, NOVEMBER))
        ]
        utility.now = datetime(2026, 11, 2, 9, tzinfo=UTC)
        await utility.deliver(edge, readings)
        await utility.validate()
        assert await codes(utility) >= {"REGISTER_BACKWARD", "MISSING_INTERVALS"}
        await bill(utility, 9)
        assert (await bill(utility, 10)).held_count == 1
        assert (await estimate(utility, NO_WINDOW)).days == 1
        assert await codes(utility) == {"ESTIMATED_GAP"}
        assert (await bill(utility, 10)).held_count == 0
        async with utility.validation.transaction() as work:
            await work.reopen(CHANNEL, OCTOBER)
        assert (await utility.validate()).versions == 0
        assert await codes(utility) == {"ESTIMATED_GAP"}
