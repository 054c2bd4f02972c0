"""Every charge in every way that a bill is cut, as a rater computes it that asks each hour."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.support import brute_matrix as brute
from tests.support.charge_matrix import CUTS, Row, check_cell, drawn
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
BY_PERIOD = "{s: {day: @s, night: half@s}, w: {day: @w, night: half@w}}"
STEPS = "steps: [{to: %s, price: {s: @s, w: @w}}, {to: null, price: {s: twice@s, w: twice@w}}]"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"


def fixed(more: str) -> str:
    return f"{{id: c, price: {P}, {more}}}"


def of(qty: str, more: str = "") -> str:
    return f"{{id: c, qty: {qty}, price: {P}{more}}}"


def stepped(bound: str, tiers: str) -> str:
    return f"{{id: c, qty: kwh, tiers: {{{tiers}}}, {STEPS % bound}}}"


TAX = "taxes: [{id: t, percent: 21, of: c, point: %s}]\n"
MINIMUM = "minimums: [{id: m, of: c, amount: 900%s}]\n"
TERM = "commitments: [{id: m, of: c, per: month, amount: %s, qty: %s}]\n"

_ROWS: dict[str, tuple[str, str, brute.Pricer]] = {
    "per day": (fixed("per: day"), "", brute.each(lambda b, d: brute.price(b, d) * len(d))),
    "per month": (
        fixed("per: month"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.month(b, d)),
    ),
    "per year": (
        fixed("per: year"),
        "",
        brute.each(lambda b, d: brute.price(b, d) / 12 * brute.month(b, d)),
    ),
    "per year by days": (fixed("per: year_by_days"), "", brute.each(brute.by_days_of_year)),
    "per month, whole": (
        fixed("per: month, prorate: none"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.share(b, d)),
    ),
    "fact per month": (
        of("seats", ", per: month"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.seats(d) * brute.month(b, d)),
    ),
    "count": (
        of("seat"),
        "",
        brute.each(lambda b, d: brute.price(b, d) * brute.seats(d) * brute.share(b, d)),
    ),
    "energy": (ENERGY, "", brute.each(brute.energy_line)),
    "energy by period": (
        f"{{id: c, qty: tou, price: {BY_PERIOD}}}",
        "",
        brute.by_hours_of_day,
    ),
    "graduated": (
        stepped("300", "kind: graduated"),
        "",
        brute.graduated(lambda b, d: 300 * brute.month(b, d)),
    ),
    "graduated, whole": (
        stepped("300", "scale: whole"),
        "",
        brute.graduated(lambda *_: Fraction(300)),
    ),
    "graduated per day": (
        stepped("9, unit: kWh/day", "kind: graduated"),
        "",
        brute.graduated(lambda _, d: Fraction(9 * len(d))),
    ),
    "graduated per kW": (
        stepped("200, unit: kWh/kW, of: kw", "kind: graduated"),
        "",
        brute.graduated(lambda b, d: 200 * brute.peak(d) * brute.month(b, d)),
    ),
    "package": (stepped("300", "kind: package, size: 7"), "", brute.packages),
    "volume": (stepped("300", "kind: volume"), "", brute.each(brute.volume)),
    "stair": (stepped("300", "kind: stair"), "", brute.each(brute.amount_reached)),
    "demand": (
        of("kw"),
        "",
        brute.each(lambda b, d: brute.peak(d) * brute.price(b, d) * brute.share(b, d)),
    ),
    "demand per month": (
        of("kw", ", per: month"),
        "",
        brute.each(lambda b, d: brute.peak(d) * brute.price(b, d) * brute.month(b, d)),
    ),
    "demand by period": (
        f"{{id: c, qty: tou_kw, price: {BY_PERIOD}}}",
        "",
        brute.demand_by_hours_of_day,
    ),
    "daily demand": (of("daily"), "", brute.each(brute.daily_peaks)),
    "demand in kVA": (
        of("apparent"),
        "",
        brute.each(
            lambda b, d: brute.peak(d) * Fraction(5, 4) * brute.price(b, d) * brute.share(b, d)
        ),
    ),
    "market price": ("{id: c, qty: import, times: market}", "", brute.each(brute.at_market)),
    "net use": (of("taken"), "", brute.netted(1)),
    "surplus": (of("given"), "", brute.netted(-1)),
    "bank of energy": (of("banked"), "", brute.netted(1)),
    "tax by interval": (ENERGY, TAX % "interval", brute.with_tax_of_each),
    "tax": (ENERGY, TAX % "period_end", brute.with_tax),
    "exemption": (ENERGY.replace("}}", "}, unless: exempt}"), "", brute.unless_exempt),
    "minimum": (ENERGY, MINIMUM % "", brute.topped_up(brute.a_month)),
    "minimum per kW": (ENERGY, MINIMUM % ", qty: kw", brute.topped_up(brute.a_month_per_kw)),
    "commitment per kW": (ENERGY, TERM % (900, "kw"), brute.topped_up(brute.a_term_per_kw)),
    "commitment per kWh": (ENERGY, TERM % (3, "kwh"), brute.topped_up(brute.a_term_per_kwh)),
}
CHARGES = {name: Row(*row) for name, row in _ROWS.items()}


CELLS = [
    (name, how)
    for name in CHARGES
    for how in CUTS
    # In `make test`, every charge where all comes at once, and every cut of some charges.
    if DRAWS > 1 or how == "all at once" or name in {"energy by period", "demand", "net use"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    for seed, rated in enumerate(check_cell(CHARGES[name], how, DRAWS)):
        left = sum((credit.amount for credit in rated.closing.credits), Fraction(0))
        assert left == max(Fraction(0), -brute.net(drawn(how, seed)[0].days))
