"""Which period a day of an account lies in."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from central.domain.billing.account_periods import (
    AccountPeriods,
    CycleAssignment,
    built_in_cycle,
)
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.segments import DayRange

BIMONTHLY = BillingCycle("bimonthly", date(2026, 1, 1), 2)
LISTED = BIMONTHLY.listed_until(date(2027, 1, 1))
OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))


def test_an_account_without_a_cycle_is_in_the_calendar_month() -> None:
    period = AccountPeriods({}, {}).on(7, date(2026, 10, 31))
    assert period is not None
    assert (period.name, period.days, period.bill_day) == ("2026-10", OCTOBER, date(2026, 11, 1))


@pytest.mark.parametrize(
    ("anchor", "day", "name", "first", "end"),
    [
        ("@15", date(2026, 10, 15), "2026-10@15", date(2026, 10, 15), date(2026, 11, 15)),
        ("@15", date(2026, 10, 14), "2026-09@15", date(2026, 9, 15), date(2026, 10, 15)),
        ("@31", date(2027, 2, 28), "2027-02@31", date(2027, 2, 28), date(2027, 3, 31)),
        ("@31", date(2027, 2, 27), "2027-01@31", date(2027, 1, 31), date(2027, 2, 28)),
    ],
)
def test_a_built_in_cycle_begins_on_its_day(
    anchor: str, day: date, name: str, first: date, end: date
) -> None:
    periods = AccountPeriods({}, {1: [CycleAssignment(date(2026, 1, 1), anchor)]})
    period = periods.on(1, day)
    assert period is not None
    assert (period.name, period.days) == (name, DayRange(first, end))


def test_only_days_of_a_month_are_built_in() -> None:
    names = ["monthly", "@2", "@31", "@1", "@32", "@02", "bimonthly"]
    assert [built_in_cycle(name) is not None for name in names] == [True] * 3 + [False] * 4


def test_a_change_of_cycle_shortens_the_periods_on_both_sides() -> None:
    change = [CycleAssignment(date(2026, 10, 11), "bimonthly")]
    periods = AccountPeriods({"bimonthly": LISTED}, {1: change})
    before, after = periods.on(1, date(2026, 10, 10)), periods.on(1, date(2026, 10, 11))
    assert before is not None
    assert after is not None
    assert (before.name, before.days.end, before.whole) == ("2026-10", date(2026, 10, 11), False)
    assert (after.name, after.days) == (
        "2026-10.bimonthly",
        DayRange(date(2026, 10, 11), date(2026, 11, 1)),
    )
    assert [one.months for one in after.measures] == [2]


def test_periods_of_any_day_tile_time() -> None:
    changes = [
        CycleAssignment(date(2026, 3, 10), "@10"),
        CycleAssignment(date(2026, 6, 20), "bimonthly"),
        CycleAssignment(date(2026, 11, 1), "monthly"),
    ]
    periods = AccountPeriods({"bimonthly": LISTED}, {1: changes})
    day = date(2026, 1, 1)
    while day < date(2027, 3, 1):
        period = periods.on(1, day)
        assert period is not None
        assert period.days.first == day
        for inside in period.days.days():
            assert periods.on(1, inside) == period
        day = period.days.end


def test_the_same_cycle_again_changes_nothing() -> None:
    twice = [
        CycleAssignment(date(2026, 1, 1), "bimonthly"),
        CycleAssignment(date(2026, 1, 20), "bimonthly"),
    ]
    period = AccountPeriods({"bimonthly": LISTED}, {1: twice}).on(1, date(2026, 1, 21))
    assert period is not None
    assert period.whole


def test_a_list_by_hand_ends_where_it_ends() -> None:
    route = BillingCycle.by_hand("route-7", [date(2026, 9, 29), date(2026, 10, 28)])
    periods = AccountPeriods(
        {"route-7": route}, {1: [CycleAssignment(date(2026, 1, 1), "route-7")]}
    )
    assert periods.on(1, date(2026, 10, 27)) is not None
    assert periods.on(1, date(2026, 10, 28)) is None
    assert periods.on(1, date(2026, 9, 28)) is None
    assert periods.on(2, date(2026, 10, 28)) is not None


def test_the_last_days_of_an_occupancy_are_a_part_of_their_period() -> None:
    periods = AccountPeriods({}, {})
    days = DayRange(OCTOBER.first, OCTOBER.first + timedelta(days=12))
    part = periods.cut_to(1, days)
    assert part is not None
    assert (part.name, part.days, part.whole) == ("2026-10", days, False)
    assert periods.cut_to(1, OCTOBER) == periods.on(1, OCTOBER.first)
