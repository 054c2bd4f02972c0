"""Policies by class and storms on real stores: set, tried, in force, and said on the days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime

import pytest

from central.adapters.timescale.validation.policies import TimescalePolicies
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policy_document import VEE_SCHEMA, PolicyDocument
from central.service.class_policies import NoSuchClassError
from central.service.ports.audit import AuditFilter
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.registry.groups import NamedGroups
from central.service.validation.policies import NoSuchStormError, Policies
from central.service.validation.try_policy import TryPolicy
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import local_day
from tests.contract.billing.test_asked_history import SINCE, named, standing, stood_still
from tests.contract.billing.test_closing import DAY, night, opened
from tests.support.actors import OPERATOR
from tests.support.books import ZONE, Utility, pool_of, timescale_utility
from tests.support.servers import Database

NOTE = OPERATOR, "tried for a month"
TEN = VEE_SCHEMA.parse("thresholds: {zero_days: 10}")
SEVENTH = SINCE.replace(day=7)


def begin(number: int) -> datetime:
    """When a local day of September begins."""
    return local_day(SINCE.replace(day=number), ZONE).start


@asynccontextmanager
async def kept(database: Database) -> AsyncIterator[tuple[Utility, TimescalePolicies, Policies]]:
    """A utility with a group of its one point, its policies and their use-cases."""
    async with timescale_utility(database.dsn) as utility:
        pool = pool_of(utility)
        store = TimescalePolicies(pool)
        yield utility, store, Policies(store, lambda: utility.now)


async def grouped(utility: Utility, name: str = "coast") -> None:
    groups = NamedGroups(utility.registry, OPERATOR, lambda: utility.now)
    await groups.add(GroupRecord(name, GroupOf.POINT))
    await groups.assign(name, Membership("SP-1", SINCE))


async def test_a_trial_says_what_a_draft_changes_and_a_policy_then_does_it(
    migrated: Database,
) -> None:
    async with kept(migrated) as (utility, store, use):
        await stood_still(utility)
        days = DayRange(SINCE, date(2026, 10, 1))
        tried = TryPolicy(store, utility.validation)
        trial = await tried("electricity", TEN, days, 10)
        assert (trial.channels, trial.days) == (1, 9)
        assert (trial.before, trial.raised) == ({"ZERO_DAYS": 1}, {})
        assert trial.gone == {"ZERO_DAYS": 1}
        assert [(one.point, one.day.day) for one in trial.examples] == [("SP-1", SEVENTH)]
        three = await tried("electricity", PolicyDocument(), days, 10)
        assert not three.gone
        assert not (await tried("export", TEN, days, 10)).channels
        # What was tried is not in force, and closed days stay as they were judged.
        assert await named(utility, "ZERO_DAYS") == [SEVENTH]
        assert await use.set_policy("electricity", TEN, SINCE, NOTE) == 1
        assert await use.set_policy("electricity", TEN, SINCE, NOTE) == 2
        assert [one.policy.version for one in await store.policies()] == [2, 1]
        assert await named(utility, "ZERO_DAYS") == [SEVENTH]


async def test_a_policy_of_a_group_judges_its_points(migrated: Database) -> None:
    async with kept(migrated) as (utility, _, use):
        edge = await opened(utility, SINCE)
        await grouped(utility)
        await use.set_policy("coast", VEE_SCHEMA.parse("off: [ZERO_DAYS]"), SEVENTH, NOTE)
        utility.now = night(SINCE + 9 * DAY)
        await utility.deliver(edge, standing(SINCE, SINCE + 9 * DAY, SINCE))
        await utility.validate()
        # The third day came before the policy, and the rule was off when the run went on.
        assert await named(utility, "ZERO_DAYS") == [SINCE + 2 * DAY]
        with pytest.raises(NoSuchClassError):
            await use.set_policy("hills", TEN, SINCE, NOTE)
        with pytest.raises(InvalidValueError):
            await use.set_policy("coast", TEN, SINCE, (OPERATOR, " "))


async def test_a_storm_takes_back_what_its_rules_found_and_its_end_brings_it_back(
    migrated: Database,
) -> None:
    async with kept(migrated) as (utility, store, use):
        await stood_still(utility)
        await grouped(utility)
        storm = await use.start_storm("coast", (begin(6), None), NOTE)
        await utility.validate()
        assert await named(utility, "ZERO_DAYS") == []
        assert SEVENTH in await named(utility, "STORM_MODE")
        await use.end_storm(storm, begin(7), NOTE)
        await utility.validate()
        assert await named(utility, "ZERO_DAYS") == [SEVENTH]
        assert await named(utility, "STORM_MODE") == [SINCE.replace(day=6)]
        (there,) = await store.storms()
        assert (there.group, there.end) == ("coast", begin(7))
        rows = await utility.audit.rows(AuditFilter(), 10)
        assert {"vee.storm_started", "vee.storm_ended"} <= {row.action for row in rows}


async def test_what_cannot_be_a_storm_is_refused(migrated: Database) -> None:
    async with kept(migrated) as (utility, _, use):
        await opened(utility, SINCE)
        await grouped(utility)
        with pytest.raises(NoSuchClassError):
            await use.start_storm("hills", (begin(6), None), NOTE)
        with pytest.raises(InvalidValueError, match="MISSING_INTERVALS"):
            await use.start_storm("coast", (begin(6), None), NOTE, ["MISSING_INTERVALS"])
        with pytest.raises(InvalidValueError, match="cannot end"):
            await use.start_storm("coast", (begin(6), begin(6)), NOTE)
        with pytest.raises(NoSuchStormError):
            await use.end_storm(9, begin(6), NOTE)
