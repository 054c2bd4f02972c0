"""Billing cycles: periods that tile, and their names."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise

import pytest

from central.domain.billing.billing_cycle import (
    CALENDAR_MONTHS,
    BillingCycle,
    NoBillingPeriodError,
)
from central.domain.billing.cycle import Cycle, UnlistedPeriodError
from central.domain.billing.period_text import period_members, period_of
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import InvalidValueError

BIMONTHLY = BillingCycle("bimonthly", date(2026, 1, 1), 2)


def days(first: tuple[int, int, int], end: tuple[int, int, int]) -> DayRange:
    return DayRange(date(*first), date(*end))


def test_calendar_months_and_anchored_months_keep_their_names() -> None:
    october = CALENDAR_MONTHS.period_of(date(2026, 10, 31))
    assert october == Cycle.parse("2026-10").period
    assert str(october) == "2026-10"
    anchored = BillingCycle("anchored", date(2026, 1, 15))
    assert anchored.period_of(date(2026, 11, 14)) == Cycle.parse("2026-10@15").period
    assert str(anchored.period_of(date(2026, 11, 15))) == "2026-11@15"


def test_anchor_of_31_falls_on_the_last_day_and_comes_back() -> None:
    ends = BillingCycle("ends", date(2026, 1, 31))
    found = list(ends.periods(date(2026, 1, 31), date(2026, 6, 1)))
    firsts = [(one.days.first.month, one.days.first.day) for one in found]
    assert firsts == [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]
    assert all(one == Cycle.parse(one.name).period for one in found)


def test_other_periods_are_named_by_their_last_month_and_their_cycle() -> None:
    found = BIMONTHLY.period_of(date(2026, 9, 1))
    assert found.name == "2026-10.bimonthly"
    assert found.days == days((2026, 9, 1), (2026, 11, 1))
    assert (found.months, found.bill_day, found.whole) == (2, date(2026, 11, 1), True)


@pytest.mark.parametrize("months", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("first", [date(2024, 2, 29), date(2026, 1, 31), date(2025, 12, 1)])
def test_periods_tile_and_each_holds_its_days(months: int, first: date) -> None:
    cycle = BillingCycle("any", first, months)
    found = list(cycle.periods(first, date(2031, 1, 1)))
    assert found[0].days.first == first
    assert found[-1].days.end >= date(2031, 1, 1)
    assert len({one.name for one in found}) == len(found)
    for one, two in pairwise(found):
        assert one.days.end == two.days.first
        assert cycle.period_of(one.days.first) == cycle.period_of(one.days.last) == one


def test_periods_of_some_days_are_those_that_hold_any_of_them() -> None:
    found = BIMONTHLY.periods(date(2026, 2, 28), date(2026, 3, 2))
    assert [one.name for one in found] == ["2026-02.bimonthly", "2026-04.bimonthly"]
    assert [one.name for one in BIMONTHLY.periods(date(2025, 1, 1), date(2026, 1, 2))] == [
        "2026-02.bimonthly"
    ]


def test_dates_by_hand_may_end_twice_in_one_month() -> None:
    ends = [date(2026, 9, 2), date(2026, 10, 2), date(2026, 10, 31), date(2026, 12, 3)]
    route = BillingCycle.by_hand("route-7", ends, bill_after=3)
    names = [one.name for one in route.listed]
    assert names == ["2026-10.route-7", "2026-10.route-7.2", "2026-12.route-7"]
    assert [str(Cycle.parse(name)) for name in names] == names
    assert route.period_of(date(2026, 10, 2)).bill_day == date(2026, 11, 3)
    with pytest.raises(NoBillingPeriodError, match="no period on 2026-12-03"):
        route.period_of(date(2026, 12, 3))


def test_a_rule_is_written_down_and_goes_on_after_what_is() -> None:
    listed = BIMONTHLY.listed_until(date(2026, 9, 2))
    assert [one.name for one in listed.listed][-1] == "2026-10.bimonthly"
    assert listed.listed_until(date(2026, 9, 2)) == listed
    assert list(listed.listed_until(date(2028, 1, 1)).listed) == list(
        BIMONTHLY.periods(date(2026, 1, 1), date(2028, 1, 1))
    )
    ends = BillingCycle("ends", date(2026, 1, 31)).listed_until(date(2026, 2, 2))
    assert ends.listed_until(date(2026, 4, 2)).listed[-1].days.end == date(2026, 4, 30)


def test_gaps_doubled_names_and_lengths_are_refused() -> None:
    one = BIMONTHLY.period_of(date(2026, 1, 1))
    later = BIMONTHLY.period_of(date(2026, 5, 1))
    same = BillingPeriod(one.name, days((2026, 3, 1), (2026, 4, 1)), 1, date(2026, 4, 1))
    part = BIMONTHLY.cut_to(days((2026, 1, 5), (2026, 3, 1)))
    for listed, said in (
        ((one, later), "begins on"),
        ((one, same), "two periods"),
        ((part,), "own"),
    ):
        with pytest.raises(InvalidValueError, match=said):
            BillingCycle("bimonthly", date(2026, 1, 1), 2, 0, listed)
    with pytest.raises(InvalidValueError, match="1, 2, 3, 6 or 12 months"):
        BillingCycle("odd", date(2026, 1, 1), 5)
    with pytest.raises(InvalidValueError, match="not a name"):
        BillingCycle("Not this", date(2026, 1, 1))
    with pytest.raises(InvalidValueError, match="do not ascend"):
        BillingCycle.by_hand("route", [date(2026, 1, 2), date(2026, 1, 2)])


def test_a_name_of_a_listed_period_has_no_days_of_its_own() -> None:
    named = Cycle.parse("2026-10.bimonthly")
    assert (named.year, named.month, named.of) == (2026, 10, "bimonthly")
    with pytest.raises(UnlistedPeriodError, match="the list of the cycle 'bimonthly'"):
        _ = named.period
    for text in ("2026-10.Big", "2026-10.", "2026-10@15.x", "2026-10.x.1", "2026-13.x"):
        with pytest.raises(InvalidValueError):
            Cycle.parse(text)


def test_a_shortened_period_is_measured_against_its_own() -> None:
    part = BIMONTHLY.cut_to(days((2026, 10, 12), (2026, 11, 1)))
    assert part.name == "2026-10.bimonthly"
    assert not part.whole
    assert part.lies_in == (WholeMonths(days((2026, 9, 1), (2026, 11, 1)), 2),)
    assert part.share(part.days) * 61 == 40
    assert part.whole_months(part.days) == 2


def test_a_lengthened_period_is_measured_against_each_own() -> None:
    part = CALENDAR_MONTHS.cut_to(days((2026, 9, 21), (2026, 11, 1)))
    assert (part.name, part.months, part.whole) == ("2026-10", 1, False)
    assert part.share(part.days) == part.share(days((2026, 9, 21), (2026, 10, 1))) + 1
    assert part.share(days((2026, 9, 21), (2026, 10, 1))) * 3 == 1
    two = CALENDAR_MONTHS.cut_to(days((2026, 9, 1), (2026, 11, 1)))
    assert two.whole
    assert two.share(two.days) == 2


def test_own_periods_have_to_hold_the_days() -> None:
    with pytest.raises(InvalidValueError, match="does not cover"):
        BillingPeriod(
            "2026-10",
            days((2026, 9, 30), (2026, 11, 1)),
            1,
            date(2026, 11, 1),
            (WholeMonths(days((2026, 10, 1), (2026, 11, 1)), 1),),
        )
    with pytest.raises(InvalidValueError, match="0 months"):
        BillingPeriod("2026-10", days((2026, 10, 1), (2026, 11, 1)), 0, date(2026, 11, 1))


@pytest.mark.parametrize(
    "period",
    [
        Cycle.parse("2026-10@31").period,
        BIMONTHLY.period_of(date(2026, 9, 1)),
        BIMONTHLY.cut_to(days((2026, 10, 12), (2026, 11, 1))),
        CALENDAR_MONTHS.cut_to(days((2026, 10, 12), (2026, 11, 1))),
    ],
)
def test_a_bill_says_its_period_and_a_month_only_its_name(period: BillingPeriod) -> None:
    said = json.loads(json.dumps(dict(period_members(period))))
    assert period_of(said) == period
    assert ("period" in said) is not (period.name == "2026-10@31")
