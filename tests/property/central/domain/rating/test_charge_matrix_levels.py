"""Baselines, levels, included units and conditions, in every way that a bill is cut."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.inputs.carried_state import CarriedState, Credit, Level, Peak
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from tests.property.central.domain.rating.test_charge_matrix_terms import (
    BUDGET,
    FED,
    deferred,
    events,
    held,
)
from tests.support import brute_matrix as brute
from tests.support import brute_matrix_levels as levels
from tests.support import brute_matrix_states as states
from tests.support import brute_matrix_terms as terms
from tests.support.brute_matrix_states import months_before
from tests.support.charge_matrix import CUTS, MIXED, ZONE, Feed, Row, check_cell
from tests.support.rating import blocks_from, blocks_of
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"
STEPS = "steps: [{to: 300, price: {s: @s, w: @w}}, {to: null, price: {s: twice@s, w: twice@w}}]"
MONTHLY = f"{{id: c, price: {P}, per: month}}"
SUN = "sun: {earn: fed, price: 0.05, offsets: c"
HOLD = {"1": Fraction(40), "3": Fraction(7)}
TABLE = (
    "tables: {number: {unit: percent, rows: [{from: 2020-01-01, values: #0},"
    " {from: @MONTH-@TURN, values: #1}]}}\n"
)


def of(qty: str) -> str:
    return f"{{id: c, qty: {qty}, price: {P}}}"


def measured(rule: str) -> dict[str, str]:
    return {"DETERMINANTS": f"  own: {{{rule}}}"}


def with_past(bill: brute.Bill) -> Feed:
    use = levels.use_of(bill)
    marks = tuple(map(int, levels.marked_hours(use)))
    past = blocks_of(DayRange(*levels.past_days(bill)), ZONE, 3600, levels.past_use(bill))
    return Feed({"import": past}, (PriceSeries("E", use.start, 3600, marks, 0),))


def saved(rank: str, floor: str) -> Row:
    baseline = f"{{days: 5, pick: 3, rank: {rank}, like: any, reach: {levels.REACH}}}"
    return Row(
        of("own"),
        "",
        levels.saved(rank, floor),
        measured(f"rebate: import, during: named, baseline: {baseline}, floor: {floor}")
        | {"SERIES": ", named: {price: E}"},
        feed=with_past,
    )


def holding(first: date) -> CarriedState:
    del first
    return CarriedState(levels=tuple(Level("own", "", key, HOLD[key]) for key in sorted(HOLD)))


def level(rule: str, by_hand: brute.Pricer) -> Row:
    rule = f"events: api, key: user, unit: GB, {rule}"
    return Row(of("own"), "", by_hand, measured(rule), feed=events, opening=holding)


def partly_estimated(bill: brute.Bill) -> Feed:
    days = DayRange(bill.days[0].day, bill.days[-1].day + timedelta(days=1))
    hours = iter([hour.used for day in bill.days for hour in day.hours])
    estimated = [day.day for day in bill.days if levels.is_estimated(day)]
    blocks = blocks_from(days, ZONE, 3600, lambda _: next(hours), channel_id=3, estimated=estimated)
    return Feed({"load": blocks})


def of_load(words: str, by_hand: brute.Pricer) -> Row:
    rule = measured(f"max: load, window: 60m, estimated: {words}")
    return Row(of("own"), "inputs: {load: kWh}\n", by_hand, rule, feed=partly_estimated)


def peaks(first: date) -> CarriedState:
    earlier = ((months_before(first, 2), "0.1"), (months_before(first, 1), "2"))
    return CarriedState(peaks=tuple(Peak("kw", "", day, Fraction(kw)) for day, kw in earlier))


def cycle(said: str) -> dict[str, str]:
    return {"CYCLE": said}


ROWS = {
    "rebate": saved("highest", "event"),
    "rebate of the lowest": saved("lowest", "interval"),
    "rebate of the latest": saved("latest", "none"),
    "latest levels": level("take: latest", levels.latest_of_each(HOLD)),
    "mean of levels": level(
        "take: time_weighted, per: average", levels.held_over_time(HOLD, hours=False)
    ),
    "hours of levels": level(
        "take: time_weighted, per: hour", levels.held_over_time(HOLD, hours=True)
    ),
    "included by seat": Row(
        of("kwh, included: {per_month: 10, times: seats}"), "", levels.beyond_seats
    ),
    "included, whole": Row(
        of("kwh, included: {per_month: 100, prorate: none}"), "", levels.beyond_whole_months
    ),
    "included, at most": Row(
        of("kwh, included: {per_month: 100, rollover_months: 2, most: 30}"),
        "",
        states.beyond_included(Fraction(20)),
        opening=lambda first: CarriedState(
            credits=(Credit("c", "", months_before(first, 1), Fraction(20)),)
        ),
    ),
    "rider of a table": Row(
        ENERGY, TABLE + "riders: [{id: r, rate: number, of: c}]\n", levels.rider_of_table
    ),
    "rider unless": Row(
        ENERGY,
        "riders: [{id: r, percent: 5, of: c, unless: exempt}]\n",
        states.with_rider_on(exempt=False),
    ),
    "tax only": Row(
        ENERGY,
        "taxes: [{id: t, percent: 5, of: c, only: exempt, point: interval}]\n",
        states.with_rider_on(exempt=True),
    ),
    "bank only": Row(
        ENERGY, "", levels.credited_where(exempt=True), FED | {"BANKS": f", {SUN}, only: exempt}}"}
    ),
    "bank unless": Row(
        ENERGY,
        "",
        levels.credited_where(exempt=False),
        FED | {"BANKS": f", {SUN}, unless: exempt}}"},
    ),
    "minimum only": Row(
        ENERGY,
        "minimums: [{id: m, of: c, amount: 900, only: exempt}]\n",
        levels.topped_up_where_exempt,
    ),
    "commitment only": Row(
        ENERGY,
        "commitments: [{id: m, of: c, amount: 900, per: month, share: none, only: exempt}]\n",
        levels.on_last_day(
            exempt=True,
            then=terms.short_of_month(terms.all_of_it),
            otherwise=brute.each(brute.energy_line),
        ),
    ),
    "commitment unless": Row(
        ENERGY,
        "commitments: [{id: m, of: c, amount: 900, per: month, share: none, unless: exempt}]\n",
        levels.on_last_day(
            exempt=False,
            then=terms.short_of_month(terms.all_of_it),
            otherwise=brute.each(brute.energy_line),
        ),
    ),
    "prepaid only": Row(
        ENERGY,
        "settlement: [prepaid: {only: exempt}]\n",
        levels.on_last_day(
            exempt=True,
            then=terms.drawn_down(Fraction(40)),
            otherwise=brute.each(brute.energy_line),
        ),
        opening=held("prepaid", Fraction(40)),
    ),
    "budget only": Row(
        ENERGY,
        BUDGET % ", only: exempt",
        levels.on_last_day(
            exempt=True,
            then=terms.levelled((80, 120), Decimal(15)),
            otherwise=lambda bill: [*brute.each(brute.energy_line)(bill), Decimal(15)],
        ),
        opening=deferred,
    ),
    "prices by period": Row(
        "{id: c, qty: import, times: retail}",
        "",
        brute.each(levels.at_prices_by_period),
        {"SERIES": ", retail: {by: period, prices: {day: 0.25, night: 0.1}}"},
    ),
    "peaks of calendar months": Row(
        of("own"),
        "state: {kw: {months: 3, by: calendar, missing: hold}}\n",
        states.mean_of_months([Fraction(2), Fraction(1, 10)], Fraction(1, 2)),
        {"DETERMINANTS": '  own: {expr: "mean(kw, months: 3, floor: 0.5)", unit: kW}'},
        opening=peaks,
    ),
    "steps that stay whole": Row(
        f"{{id: c, qty: kwh, {STEPS}}}",
        "on_change: {thresholds: whole}\n",
        brute.graduated(lambda *_: Fraction(300)),
    ),
    "month of 30 days": Row(MONTHLY, "", levels.in_months_of(Fraction(30)), cycle("30")),
    "month of 365/12 days": Row(
        MONTHLY, "", levels.in_months_of(Fraction(365, 12)), cycle("365/12")
    ),
    "full months": Row(MONTHLY, "", levels.in_full_months(24), cycle("30, full_days: [24, 33]")),
    "peak of what was metered": of_load("exclude", brute.each(levels.metered_peak)),
    "peak of what is estimated too": of_load(
        "include",
        brute.each(lambda b, d: brute.peak(d) * brute.price(b, d) * brute.share(b, d)),
    ),
    "whole kilowatt-hours": Row(
        f"{{id: c, qty: tou, price: {BY_PERIOD}}}",
        "quantities: {kWh: 0}\n",
        levels.in_whole_kwh,
    ),
    "true-up at the market": Row(
        of("banked"),
        "",
        levels.at_last_price(Fraction(900)),
        {"NEM": ", true_up: {month: @M, series: market}, at_end: {pay: 0}"},
        opening=lambda first: CarriedState(
            credits=(Credit("nem", "", months_before(first, 1), Fraction(900)),)
        ),
    ),
}
CELLS = [
    (name, how)
    for name in ROWS
    for how in (*CUTS, MIXED)
    if DRAWS > 1 or how in {"all at once", "season and version"}
    # An estimated stretch has no metered peak, and holds the bill.
    if (how, name) != (MIXED, "peak of what was metered")
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    check_cell(ROWS[name], how, DRAWS)
