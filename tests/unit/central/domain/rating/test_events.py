"""Numbers made of events: what counts, when, for whom, and what is left to the next bill."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.usage_event import Event
from central.domain.rating.lineage import LineageError, explain
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.months import HEAD, bills, codes


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def event(name: str, instant: str, value: str = "1", **fields: str) -> Event:
    return Event(name, at(instant), Decimal(value), tuple(sorted(fields.items())))


def tariff(determinant: str, more: str = "", price: str = "1") -> str:
    text = HEAD.replace("{kwh: {sum: import}}", f"{{n: {determinant}}}")
    return text.replace("qty: kwh, price: 1", f"qty: n, price: {price}") + more


def billed(determinant: str, events: list[Event], cycle: str = "2026-10", more: str = "") -> Rated:
    price = "{day: 1, night: 1}" if more else "1"
    text = tariff(determinant, more, price)
    return bills(text, {cycle: 0}, events={"api": events})[0]


def test_a_month_holds_the_events_from_its_first_local_instant_to_before_the_next_months() -> None:
    edges = ["2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z", "2026-10-31T22:59:59.999Z"]
    edges.append("2026-10-31T23:00:00Z")
    found = [event(f"e{n}", edge) for n, edge in enumerate(edges)]
    assert billed("{events: api, take: count}", found).quantity("n") == 2


def test_events_count_in_the_period_of_their_wall_time_also_when_the_clock_goes_back() -> None:
    periods = 'calendar: {periods: {day: [{at: "02:30-03:00"}], night: rest}}\n'
    # 25 October 2026: 02:30 comes twice in Madrid, at 00:30 and at 01:30 UTC.
    instants = ["00:29:59", "00:30:00", "00:59:59", "01:00:00", "01:30:00", "01:59:59", "02:00:00"]
    found = [event(f"e{n}", f"2026-10-25T{one}Z") for n, one in enumerate(instants)]
    rated = billed("{events: api, take: count, by: period}", found, more=periods)
    assert {one.label: one.exact for one in rated.determinants} == {"day": 4, "night": 3}
    for line in rated.lines:
        explain(line, {}, {"api": found})


def test_the_same_event_twice_counts_once_and_two_of_one_name_hold_the_bill() -> None:
    one, other = event("e", "2026-10-05T00:00:00Z", "3"), event("e", "2026-10-05T00:00:00Z", "4")
    assert billed("{events: api}", [one, one]).quantity("n") == 3
    assert codes(billed("{events: api}", [one, other])) == ["DUPLICATE_EVENT"]


def test_a_value_that_the_tariff_does_not_list_holds_the_bill_unless_it_says_other() -> None:
    found = [event("a", "2026-10-05T00:00:00Z", "3", region="ap")]
    listed = "{events: api, split: {field: region, values: [eu]}}"
    assert codes(billed(listed, found)) == ["UNKNOWN_DIMENSION"]
    assert not billed(listed, [event("a", "2026-11-05T00:00:00Z", "3", region="ap")]).holds
    other = "{events: api, split: {field: region, values: [eu], other: rest}}"
    assert {one.label: one.exact for one in billed(other, found).determinants} == {
        "eu": 0,
        "rest": 3,
    }


def test_nothing_happened_makes_zero_of_every_kind() -> None:
    for take in ("sum", "count", "max", "unique, key: user", "latest", "time_weighted"):
        rated = billed(f"{{events: api, take: {take}}}", [])
        assert rated.quantity("n") == 0
        assert not rated.holds


def test_a_level_is_carried_from_bill_to_bill_by_whom_it_belongs_to() -> None:
    text = tariff("{events: api, take: time_weighted, key: disk}")
    found = [
        event("a", "2026-09-15T22:00:00Z", "30", disk="x"),  # half of September
        event("b", "2026-10-31T23:00:00Z", "10", disk="y"),  # the first instant of November
        event("c", "2026-11-15T23:00:00Z", "0", disk="x"),  # half of November
    ]
    months = {"2026-09": 0, "2026-10": 0, "2026-11": 0}
    chain = bills(text, months, events={"api": found})
    assert [bill.quantity("n") for bill in chain] == [15, 30, 25]
    left = {one.key: int(one.value) for one in chain[-1].closing.levels}
    assert left == {"x": 0, "y": 10}


def test_a_level_goes_on_over_a_change_of_season_inside_the_bill() -> None:
    more = "calendar: {seasons: {s: 10-11..12-31, w: rest}}\n"
    text = tariff("{events: api, take: latest}", more)
    found = [event("a", "2026-10-02T00:00:00Z", "7")]
    rated = bills(text, {"2026-10": 0}, events={"api": found})[0]
    assert [one.exact for one in rated.determinants] == [7, 7]


def test_level_hours_are_the_level_times_the_hours_it_held_also_on_a_day_of_25() -> None:
    text = tariff("{events: api, take: time_weighted, per: hour, unit: GBh}")
    found = [event("a", "2026-10-24T22:00:00Z", "2"), event("b", "2026-10-25T23:00:00Z", "0")]
    rated = bills(text, {"2026-10": 0}, events={"api": found})[0]
    assert rated.quantity("n") == 50


def test_a_level_of_a_third_is_exact() -> None:
    text = tariff("{events: api, take: time_weighted}")
    found = [event("a", "2026-09-30T22:00:01.000001Z", "1")]
    rated = bills(text, {"2026-10": 0}, events={"api": found})[0]
    month = 31 * 86_400 + 3600
    assert rated.quantity("n") == 1 - Fraction(1_000_001, 1_000_000) / month


def test_a_line_is_not_proven_by_other_events_than_those_billed() -> None:
    found = [event("a", "2026-10-05T00:00:00Z", "3"), event("b", "2026-10-06T00:00:00Z", "4")]
    line = billed("{events: api}", found).lines[0]
    assert explain(line, {}, {"api": [*reversed(found), found[0]]})[0].sum == 7
    changed = [found[0], event("b", "2026-10-06T00:00:00Z", "4.0001")]
    for given in ({}, {"api": found[:1]}, {"api": changed}):
        with pytest.raises(LineageError):
            explain(line, {}, given)


def test_events_are_part_of_what_went_into_a_bill() -> None:
    one = billed("{events: api}", [event("a", "2026-10-05T00:00:00Z", "3")])
    two = billed("{events: api}", [event("a", "2026-10-05T00:00:00Z", "3", region="eu")])
    late = billed(
        "{events: api}",
        [event("a", "2026-10-05T00:00:00Z", "3"), event("z", "2026-12-05T00:00:00Z", "3")],
    )
    assert one.input_sha256 != two.input_sha256
    assert one.input_sha256 == late.input_sha256


def test_an_event_has_a_zone() -> None:
    with pytest.raises(InvalidValueError):
        event("a", "2026-10-05T00:00:00")
