"""Charges that look at windows, months, dates and banks, in every way that a bill is cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    Level,
    Origin,
    PaidAhead,
    Peak,
)
from tests.support import brute_matrix as brute
from tests.support import brute_matrix_states as states
from tests.support.brute_matrix_states import months_before
from tests.support.charge_matrix import CUTS, Row, check_cell
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"
PAID = Decimal("5.00")


def of(qty: str, more: str = "") -> str:
    return f"{{id: c, qty: {qty}, price: {P}{more}}}"


def history(name: str, *values: str) -> Callable[[date], CarriedState]:
    """Peaks or energy of the months before, the latest first."""
    return lambda first: CarriedState(
        peaks=tuple(
            sorted(
                Peak(name, "", months_before(first, number + 1), Fraction(value))
                for number, value in enumerate(values)
            )
        )
    )


def banked(bank: str, *entries: tuple[str, int, int]) -> Callable[[date], CarriedState]:
    """Credits by period, how many months ago they were earned, and how much they are."""
    return lambda first: CarriedState(
        credits=tuple(
            sorted(
                Credit(bank, label, months_before(first, age), Fraction(amount))
                for label, age, amount in entries
            )
        )
    )


def paid_ahead(first: date) -> CarriedState:
    days, end = states.days_of(first), months_before(first, -1)
    return CarriedState(advances=(PaidAhead("c", PAID, days, 1, Origin(first, end)),))


def net_so_far(key: str, value: int) -> Callable[[date], CarriedState]:
    return lambda first: CarriedState(
        levels=(Level("over", "", key, Fraction(value), Origin(None, first)),)
    )


WINDOWS = "over: contract, window: 60m"
CONTRACT = {"contract": (Decimal("0.2"), Decimal("0.7"))}
TABLE = """\
tables:
  access:
    by: zone
    unit: EUR
    rows:
      - {from: 2020-01-01, values: {A: 0.11, B: 0.17}}
      - {from: @MONTH-13, values: {A: 0.12, B: 0.19}}
"""
SHORT = "minimums: [{id: m, of: c, amount: 900, unless: exempt}]\n"

ROWS = {
    "excess by root": Row(
        of("beyond"),
        "",
        states.excess_by_root,
        {
            "NEEDS": ", contract: kW",
            "DETERMINANTS": f"  beyond: {{excess: import, {WINDOWS}, take: root}}",
        },
        CONTRACT,
    ),
    "highest excess": Row(
        of("beyond"),
        "",
        brute.each(states.highest_excess),
        {
            "NEEDS": ", contract: kW",
            "DETERMINANTS": f"  beyond: {{excess: import, {WINDOWS}, take: highest}}",
        },
        CONTRACT,
    ),
    "mean of the highest days": Row(
        of("mean"),
        "",
        brute.each(states.mean_of_three_days),
        {"DETERMINANTS": "  mean: {max: import, window: 60m, mean_of: 3}"},
    ),
    "latest months with a floor": Row(
        of("mean"),
        "state: {kw: {months: 3}}\n",
        states.mean_of_months([Fraction(2), Fraction(1, 10)], Fraction(1, 2)),
        {"DETERMINANTS": '  mean: {expr: "mean(kw, months: 3, floor: 0.5)", unit: kW}'},
        opening=history("kw", "2", "0.1", "90"),
    ),
    "energy of the latest months": Row(
        of("total", ", per: month"),
        "state: {kwh: {months: 3}}\n",
        states.total_of_months([Fraction(20), Fraction(7)]),
        {"DETERMINANTS": '  total: {expr: "total(kwh, months: 3)", unit: kWh}'},
        opening=history("kwh", "20", "7", "5000"),
    ),
    "computed series": Row(
        of("delivered"),
        "",
        brute.each(states.with_losses),
        {
            "NEEDS": ", losses: ratio",
            "SERIES": ", lossy: {expr: import * losses, factors: losses}",
            "DETERMINANTS": "  delivered: {sum: lossy}",
        },
        {"losses": (Decimal("1.05"), Decimal("1.08"))},
    ),
    "computed price": Row(
        "{id: c, qty: import, times: retail}",
        "",
        brute.each(states.at_retail),
        {"SERIES": ', retail: {prices: "min(0.20, max(0.05, 1.5 * market + 0.01))"}'},
    ),
    "capped exports": Row(
        ENERGY,
        "",
        states.exports_capped,
        {"BANKS": ", comp: {earn: export, times: market, offsets: c, expires: bill}"},
    ),
    "bank that expires": Row(
        ENERGY,
        "",
        states.banked_for_later(Fraction(25)),
        {
            "DETERMINANTS": "  fed: {sum: export}",
            "BANKS": ", sun: {earn: fed, price: 1, offsets: c, when: next_bill, expires_months: 2}",
        },
        opening=banked("sun", ("", 3, 40), ("", 1, 25)),
    ),
    "rider only": Row(
        ENERGY,
        "riders: [{id: r, percent: 5, of: c, only: exempt}]\n",
        states.with_rider_on(exempt=True),
    ),
    "tax unless": Row(
        ENERGY,
        "taxes: [{id: t, percent: 5, of: c, unless: exempt, point: interval}]\n",
        states.with_rider_on(exempt=False),
    ),
    "minimum unless": Row(ENERGY, SHORT, states.topped_up_unless_exempt),
    "total rounded": Row(ENERGY, "settlement: [round_total: {to: 0.05}]\n", states.rounded_to_five),
    "one-off": Row(
        f'{{id: c, price: {P}, on: "--@MM-15"}}', "", states.on_the_fifteenth(lambda _: 1)
    ),
    "one-off per seat": Row(
        of("seats", ", on: @MONTH-15"), "", states.on_the_fifteenth(lambda day: day.seats)
    ),
    "in advance, the first": Row(
        of("seats", ", per: month, in_advance: true"), "", states.first_in_advance
    ),
    "in advance, paid": Row(
        of("seats", ", per: month, in_advance: true"),
        "",
        states.paid_in_advance(PAID),
        opening=paid_ahead,
    ),
    "included with rollover": Row(
        of("kwh", ", included: {per_month: 100, rollover_months: 2}"),
        "",
        states.beyond_included(Fraction(50)),
        opening=banked("c", ("", 3, 40), ("", 2, 30), ("", 1, 20)),
    ),
    "true-up": Row(
        of("banked"),
        "",
        states.settled({"": Fraction(50)}, states.ALL, {"": Fraction(3, 100)}),
        {"NEM": ", true_up: {month: @M, pay: 0.03}"},
        opening=banked("nem", ("", 1, 50)),
    ),
    "true-up by period": Row(
        f"{{id: c, qty: banked, price: {BY_PERIOD}}}",
        "",
        states.settled(
            {"day": Fraction(50), "night": Fraction(9000)},
            states.BOTH,
            {"day": Fraction(3, 100), "night": Fraction(2, 100)},
        ),
        {"NEM": ", true_up: {month: @M, pay: {day: 0.03, night: 0.02}}", "BANKED": ", by: period"},
        opening=banked("nem", ("day", 1, 50), ("night", 1, 9000)),
    ),
    "dated table": Row(
        "{id: c, qty: kwh, rate: access}",
        TABLE,
        states.zoned,
        {"NEEDS": ", zone: text"},
        {"zone": ("A", "B")},
    ),
    "net of a season": Row(
        of("over"),
        "",
        states.net_of_season(Fraction(-90), 1),
        {"DETERMINANTS": "  over: {sum: net, side: use, netting: season}"},
        opening=net_so_far("season/use/net//", -90),
    ),
    "surplus of a season": Row(
        of("over"),
        "",
        states.net_of_season(Fraction(-90), -1),
        {"DETERMINANTS": "  over: {sum: net, side: surplus, netting: season}"},
        opening=net_so_far("season/surplus/net//", -90),
    ),
}
CELLS = [
    (name, how) for name in ROWS for how in CUTS if DRAWS > 1 or how in {"all at once", "move-out"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    check_cell(ROWS[name], how, DRAWS)
