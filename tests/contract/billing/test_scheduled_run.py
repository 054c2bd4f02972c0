"""Runs by a schedule: the month before for a group, and a cycle's period on its bill day, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from central.domain.billing.bill import RunType
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.schedule import JobSchedule, Occurrence
from central.service.billing.scheduled_run import ScheduledRun
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import NotRegisteredError
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from tests.support.actors import OPERATOR
from tests.support.books import HOURLY, Utility, month

NOW = datetime(2026, 11, 3, 4, tzinfo=UTC)
NIGHT = date(2026, 11, 3)


def due(night: date = NIGHT, group: str | None = None, cycle: str | None = None) -> Occurrence:
    return Occurrence(
        JobSchedule("run", "bill_run", time(4), group=group, cycle=cycle), "UTC", night
    )


def scheduled(utility: Utility) -> ScheduledRun:
    return ScheduledRun(utility.billing, utility.registry, lambda: utility.now, 500, 180)


async def test_a_groups_month_is_billed_and_what_is_billed_stays(utility: Utility) -> None:
    edge = await utility.found(2, period_s=HOURLY)
    await utility.deliver(edge, *(month(serial, period_s=HOURLY) for serial in ("S1", "S2")))
    await utility.validate()
    groups = NamedGroups(utility.registry, OPERATOR, lambda: NOW)
    await groups.add(GroupRecord("north", GroupOf.ACCOUNT))
    await groups.assign("north", Membership("A-1", date(2026, 10, 1)))
    said = await scheduled(utility)(NOW, due(group="north"))
    assert said == "2026-10: 1 bills, 0 held"
    run = await utility.billing.find_run(Cycle(2026, 10), RunType.REGULAR, RunScope(group="north"))
    assert run is not None
    assert [head.account for head in await utility.billing.heads(run)] == ["A-1"]
    assert run.creator == "job:bill"
    assert await scheduled(utility)(NOW, due(group="north")) == said
    assert await scheduled(utility)(NOW, due()) == "2026-10: 1 bills, 0 held"


async def test_a_period_is_billed_on_its_bill_day_and_once(utility: Utility) -> None:
    await utility.found(1, period_s=HOURLY)
    cycles = BillingCycles(utility.registry, OPERATOR, lambda: NOW)
    await cycles.add(BillingCycle("odd", date(2026, 9, 1), 2, bill_after=3))
    await cycles.assign("A-1", "odd", date(2026, 9, 1))
    early = await scheduled(utility)(NOW, due(cycle="odd"))
    assert early == "no period has its bill day yet"
    on_time, later = due(date(2026, 11, 4), cycle="odd"), NOW + timedelta(days=1)
    assert await scheduled(utility)(later, on_time) == "2026-10.odd: 1 bills, 1 held"
    assert await scheduled(utility)(later, on_time) == "2026-10.odd is billed"
    period = Cycle.parse("2026-10.odd")
    assert await utility.billing.find_run(period, RunType.REGULAR, EVERYONE) is not None
    with pytest.raises(NotRegisteredError, match="'even'"):
        await scheduled(utility)(NOW, due(cycle="even"))
