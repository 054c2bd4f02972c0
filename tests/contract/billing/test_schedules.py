"""What people said of schedules, kept alike by every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

from central.domain.schedule import JobSchedule
from tests.support.actors import CLERK
from tests.support.books import Utility

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
NORTH = JobSchedule("north", "bill_run", time(4, 30), "Europe/Madrid", 3, "route-north", "odd")


async def test_a_schedule_is_kept_in_place_of_one_of_its_name(utility: Utility) -> None:
    other = JobSchedule("close_days", "close_days", time(1), None, paused=True)
    for one in (NORTH, other):
        await utility.schedules.keep(one, NOW, CLERK, {})
    assert await utility.schedules.schedules() == (other, NORTH)
    later = replace(NORTH, at=time(23, 59), day=None, group=None, cycle=None)
    await utility.schedules.keep(later, NOW, CLERK, {})
    await utility.schedules.asked_again("north", NOW, CLERK, {})
    assert await utility.schedules.schedules() == (other, later)
    await utility.schedules.drop("north", NOW, CLERK, {})
    assert await utility.schedules.schedules() == (other,)


async def test_zones_are_those_of_the_service_points(utility: Utility) -> None:
    assert await utility.schedules.zones() == ()
    await utility.found(2)
    assert await utility.schedules.zones() == ("Europe/Madrid",)
