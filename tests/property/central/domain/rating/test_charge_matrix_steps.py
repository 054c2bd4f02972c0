"""Steps, netting periods and maps of banks, in every way that a bill is cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction

import pytest

from central.domain.rating.inputs.carried_state import CarriedState, Credit, Level, Origin
from tests.support import brute_matrix as brute
from tests.support import brute_matrix_steps as steps
from tests.support.brute_matrix_states import months_before
from tests.support.charge_matrix import CUTS, MIXED, Row, check_cell
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
TWICE = "{s: twice@s, w: twice@w}"
HALF = "{s: half@s, w: half@w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
TWICE_BY_PERIOD = "{s: {day: twice@s, night: @s}, w: {day: twice@w, night: @w}}"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"


def of(qty: str, price: str = P) -> str:
    return f"{{id: c, qty: {qty}, price: {price}}}"


def styled(style: str) -> str:
    bounds = f"steps: [{{to: 300, price: {BY_PERIOD}}}, {{to: null, price: {TWICE_BY_PERIOD}}}]"
    return f"{{id: c, qty: tou, tiers: {{style: {style}}}, {bounds}}}"


def stepped(qty: str, bound: str, tiers: str = "kind: graduated") -> str:
    bounds = f"steps: [{{to: {bound}, price: {P}}}, {{to: null, price: {TWICE}}}]"
    return f"{{id: c, qty: {qty}, tiers: {{{tiers}}}, {bounds}}}"


def measured(rule: str) -> dict[str, str]:
    return {"DETERMINANTS": f"  own: {{{rule}}}"}


def banked(**amounts: Fraction) -> Callable[[date], CarriedState]:
    """Credits of the month before in the bank of energy, by period."""
    return lambda first: CarriedState(
        credits=tuple(
            Credit("nem", label, months_before(first, 1), amount)
            for label, amount in sorted(amounts.items())
        )
    )


def gift(first: date) -> CarriedState:
    return CarriedState(credits=(Credit("gift", "", months_before(first, 3), GIFT),))


def so_far(side: str, value: int) -> Callable[[date], CarriedState]:
    """What a year that began on the first of January has netted to."""

    def opening(first: date) -> CarriedState:
        since = date(first.year, 1, 1)
        key = f"year/{side}/net//2020-01-01"
        return CarriedState(levels=(Level("own", "", key, Fraction(value), Origin(since, first)),))

    return opening


NEST = (
    f"{{id: c, qty: kwh, steps: [{{to: 200, unit: kWh/kW, of: kw, steps: [{{to: 40, price: {P}}},"
    f" {{to: null, price: {TWICE}}}]}}, {{to: null, price: {HALF}}}]}}"
)
GIFT = Fraction(8)
TWO_BANKS = ", gift: {offsets: c}, sun: {earn: fed, price: 0.05, offsets: c, expires: bill}"
FED = "  fed: {sum: export}"
ROWS = {
    "steps, prorata": Row(styled("prorata"), "", steps.prorata),
    "steps, per period": Row(styled("per_period"), "", steps.per_period),
    "steps, in order": Row(styled("in_order"), "", steps.in_order),
    "steps, mirrored": Row(
        stepped("own", "30", "below_zero: mirror"), "", steps.mirrored, measured("sum: net")
    ),
    "volume below zero": Row(
        stepped("own", "30", "kind: volume"),
        "",
        brute.each(steps.of_net_below_zero),
        measured("sum: net"),
    ),
    "steps in steps": Row(NEST, "", steps.nested),
    "steps of demand": Row(stepped("kw", "0.5, unit: kW"), "", steps.steps_of_demand),
    "steps of daily demand": Row(
        stepped("daily", "0.5, unit: kW"), "", steps.steps_of_daily_demand
    ),
    "steps of an allowance": Row(
        stepped("kwh", "1, unit: ratio, of: own"),
        "",
        brute.graduated(steps.allowed),
        measured("per_day: {s: 9, w: 7}"),
    ),
    "steps per kW and day": Row(
        stepped("kwh", "7, unit: kWh/kW/day, of: kw"),
        "",
        brute.graduated(lambda _, days: 7 * brute.peak(days) * len(days)),
    ),
    "net of the hour": Row(
        of("own"), "", steps.hourly(1), measured("sum: net, side: use, netting: interval")
    ),
    "surplus of the hour": Row(
        of("own"), "", steps.hourly(-1), measured("sum: net, side: surplus, netting: interval")
    ),
    "net of the month": Row(
        of("own"), "", brute.netted(1), measured("sum: net, side: use, netting: month")
    ),
    "net of the year": Row(
        of("own"),
        "",
        steps.net_of_year(Fraction(-90), 1),
        measured("sum: net, side: use, netting: year, begins: 2020-01-01"),
        opening=so_far("use", -90),
    ),
    "surplus of the year": Row(
        of("own"),
        "",
        steps.net_of_year(Fraction(40), -1),
        measured("sum: net, side: surplus, netting: year, begins: 2020-01-01"),
        opening=so_far("surplus", 40),
    ),
    "bank with a map": Row(
        of("banked", BY_PERIOD),
        "",
        steps.mapped({"day": Fraction(60), "night": Fraction(20)}),
        {"NEM": ", map: {day: night, night: day}", "BANKED": ", by: period"},
        opening=banked(day=Fraction(60), night=Fraction(20)),
    ),
    "bank by steps": Row(
        ENERGY,
        "",
        steps.paid_by_steps,
        {
            "DETERMINANTS": FED,
            "BANKS": ", sun: {earn: fed, steps: [{to: 10, price: 0.05}, {to: null, price: 0.02}],"
            " offsets: c}",
        },
    ),
    "bank that lapses first": Row(
        ENERGY,
        "",
        steps.two_banks(GIFT, listed=False),
        {"DETERMINANTS": FED, "BANKS": TWO_BANKS},
        opening=gift,
    ),
    "banks as listed": Row(
        ENERGY,
        "bank_order: listed\n",
        steps.two_banks(GIFT, listed=True),
        {"DETERMINANTS": FED, "BANKS": TWO_BANKS},
        opening=gift,
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
