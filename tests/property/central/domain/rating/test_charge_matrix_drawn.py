"""Tables, parameters and posted charges of drawn numbers, in every way that a bill is cut."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.inputs.one_off import OneOff
from tests.support import brute_matrix_drawn as brute
from tests.support.charge_matrix import CUTS, Row, check_cell
from tests.support.size import sized

DRAWS = sized("METERLINE_MATRIX_DRAWS", 1, 60)
P = "{s: @s, w: @w}"
ENERGY = f"{{id: c, qty: kwh, price: {P}}}"
RATED = "{id: c, qty: kwh, rate: number}"
TURNS = "[{from: 2020-01-01, values: %s}, {from: @MONTH-@TURN, values: %s}]"
BY_ZONE = "tables: {number: {by: zone, unit: %s, rows: " + (
    TURNS % ("{A: #0, B: #1}", "{A: #2, B: #3}") + "}}\n"
)
BY_TWO = "tables: {number: {by: [zone, grade], unit: EUR, rows: " + (
    TURNS % ("{A: {x: #0, y: #1}, B: {x: #2, y: #3}}", "{A: {x: #4, y: #5}, B: {x: #6, y: #7}}")
    + "}}\n"
)
DATED = "[{from: 2020-01-01, value: #0}, {from: @MONTH-@TURN, value: #1}]"
PARAMETER = "parameters: {number: {kind: %s, values: " + DATED + "%s}}\n"
TAX = "taxes: [{id: t, percent: 21, of: c, point: %s}]\n"
ZONE = {"zone": ("A", "B")}
BEARS = ("t",)


def posted(first: date, numbers: Sequence[int]) -> tuple[OneOff, ...]:
    """On the 3rd, 15th and 28th; the last bears no tax."""
    days = ((3, BEARS), (15, BEARS), (28, ()))
    return tuple(
        OneOff(first.replace(day=day), f"k{day}", "order", Decimal(number) / 100, taxes)
        for number, (day, taxes) in zip(numbers, days, strict=False)
    )


def lossy(unit: str) -> dict[str, str]:
    return {
        "SERIES": ", lossy: {expr: import * number, factors: number}",
        "DETERMINANTS": "  delivered: {sum: lossy}",
        "NEEDS": f", zone: text{unit}",
    }


ROWS = {
    "price of a table": Row(
        RATED, BY_ZONE % "EUR", brute.at_rate(brute.by_zone), {"NEEDS": ", zone: text"}, ZONE
    ),
    "price by two keys": Row(
        RATED,
        BY_TWO,
        brute.at_rate(brute.by_zone_and_grade),
        {"NEEDS": ", zone: text, grade: text"},
        ZONE | {"grade": ("x", "y")},
    ),
    "factor of a table": Row(
        f"{{id: c, qty: delivered, price: {P}}}",
        BY_ZONE % "ratio",
        brute.with_losses(brute.by_zone),
        lossy(""),
        ZONE,
    ),
    "count of a table": Row(
        f"{{id: c, qty: counted, price: {P}}}",
        BY_ZONE % "lamp",
        brute.as_count(brute.by_zone),
        {"NEEDS": ", zone: text", "DETERMINANTS": "  counted: {counter: number}"},
        ZONE,
    ),
    "tax of a table": Row(
        ENERGY,
        "tables: {number: {unit: percent, rows: [{from: 2020-01-01, values: @ABS0},"
        " {from: @MONTH-@TURN, values: @ABS1}]}}\n"
        "taxes: [{id: t, rate: number, of: c, point: period_end}]\n",
        brute.taxed_from_table,
    ),
    "price of a parameter": Row(RATED, PARAMETER % ("EUR", ""), brute.at_rate(brute.by_date)),
    "count of a parameter": Row(
        f"{{id: c, qty: counted, price: {P}}}",
        PARAMETER % ("lamp", ""),
        brute.as_count(brute.by_date),
        {"DETERMINANTS": "  counted: {counter: number}"},
    ),
    "parameter that is agreed": Row(
        RATED,
        PARAMETER % ("EUR", ", agreed: true"),
        brute.at_rate(brute.agreed),
        facts={"number": (None, Decimal("0.4"))},
    ),
    "posted": Row(ENERGY, TAX % "period_end", brute.with_posted, posted=posted),
    "posted, taxed by day": Row(ENERGY, TAX % "interval", brute.with_posted_by_day, posted=posted),
}
CELLS = [
    (name, how) for name in ROWS for how in CUTS if DRAWS > 1 or how in {"all at once", "move-out"}
]


@pytest.mark.parametrize(("name", "how"), CELLS)
def test_a_charge_is_that_of_every_hour(name: str, how: str) -> None:
    check_cell(ROWS[name], how, DRAWS)
