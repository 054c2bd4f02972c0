"""Windows, named hours, several meters and earlier peaks, in every way that a bill is cut."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest

from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import local_day
from tests.support import brute_matrix as brute
from tests.support import brute_matrix_peaks as peaks
from tests.support.brute_matrix_states import months_before
from tests.support.charge_matrix import CUTS, MIXED, ZONE, Feed, Row, check_cell
from tests.support.rating import blocks_of
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
ROLLING = "max: import, window: 120m, mode: rolling"
NAMED = {"SERIES": ", named: {price: E}"}


def of(qty: str, price: str = P) -> str:
    return f"{{id: c, qty: {qty}, price: {price}}}"


def measured(rule: str) -> dict[str, str]:
    return {"DETERMINANTS": f"  own: {{{rule}}}"}


def named_hours(bill: brute.Bill) -> Feed:
    hours = [hour for day in bill.days for hour in day.hours]
    start = local_day(bill.days[0].day, ZONE).start
    marks = tuple(int(peaks.is_named(hour)) for hour in hours)
    return Feed(prices=(PriceSeries("E", start, 3600, marks, 0),))


def second_meter(bill: brute.Bill) -> Feed:
    counted = [peaks.of_another_meter(hour) for day in bill.days for hour in day.hours]
    days = DayRange(bill.days[0].day, bill.days[-1].day + timedelta(days=1))
    return Feed({"import": blocks_of(days, ZONE, 3600, counted, channel_id=3)})


def rolled(astride: str, counts: peaks.Counts) -> Row:
    return Row(
        of("own", BY_PERIOD),
        "",
        peaks.rolling(counts, peaks.BY_PERIOD),
        measured(f"{ROLLING}, by: period, astride: {astride}"),
    )


EARLIER = (Fraction(2), Fraction(1, 10), Fraction(15, 10))


def had_peaks(first: date) -> CarriedState:
    earlier = enumerate(EARLIER, start=1)
    return CarriedState(
        peaks=tuple(sorted(Peak("kw", "", months_before(first, age), kw) for age, kw in earlier))
    )


ROWS = {
    "coincident peak": Row(
        of("own"),
        "",
        peaks.coincident,
        NAMED | measured("max: import, window: 60m, during: named"),
        feed=named_hours,
    ),
    "energy of named hours": Row(
        of("own"),
        "",
        peaks.in_named_hours(named=True),
        NAMED | measured("sum: import, during: named"),
        feed=named_hours,
    ),
    "energy of other hours": Row(
        of("own"),
        "",
        peaks.in_named_hours(named=False),
        NAMED | measured("sum: import, outside: named"),
        feed=named_hours,
    ),
    "peak of each meter": Row(
        of("own"),
        "",
        brute.each(peaks.of_each_meter),
        measured("max: import, window: 60m, meters: each"),
        feed=second_meter,
    ),
    "peak of all meters": Row(
        of("own"),
        "",
        brute.each(peaks.of_all_meters),
        measured("max: import, window: 60m, meters: together"),
        feed=second_meter,
    ),
    "peak of the bill": Row(
        of("kw"), "on_change: {demand: bill_peak}\n", brute.each(peaks.of_the_bill)
    ),
    "rolling": Row(of("own"), "", peaks.rolling(peaks.first, peaks.ALL_DAY), measured(ROLLING)),
    "rolling, first": rolled("first", peaks.first),
    "rolling, last": rolled("last", peaks.last),
    "rolling, each": rolled("each", peaks.both),
    "rolling, none": rolled("none", peaks.whole),
    "ratchet": Row(
        of("own"),
        "state: {kw: {months: 11}}\n",
        peaks.ratchet(Fraction(3, 10), EARLIER),
        {
            "DETERMINANTS": '  own: {expr: "max(0.3, current(kw, months: 1-12),'
            ' prior(kw, months: 6-9, pct: 80), prior(kw, months: 10-5, pct: 50))", unit: kW}'
        },
        opening=had_peaks,
    ),
    "ratchet alone": Row(
        of("own"),
        "state: {kw: {months: 11, missing: ignore}}\n",
        peaks.ratchet_alone(EARLIER),
        {"DETERMINANTS": '  own: {expr: "prior(kw, months: 1-12, pct: 90)", unit: kW}'},
        opening=had_peaks,
    ),
}
CELLS = [
    (name, how)
    for name in ROWS
    for how in (*CUTS, MIXED)
    if DRAWS > 1 or how in {"all at once", "season and version"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    check_cell(ROWS[name], how, DRAWS)
