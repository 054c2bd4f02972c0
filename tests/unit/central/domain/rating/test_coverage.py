"""The energy that a bill charges for: every interval once, whatever the tariff calls it."""

from __future__ import annotations

from central.domain.billing.cycle import Cycle
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.inputs.price_series import PriceSeries
from tests.support.months import HEAD, ZONE, bills

START = Cycle.parse("2026-10").days.interval(ZONE).start
HOURS = (PriceSeries("H", START, 3600, (1, *[0] * 800), 0),)
SERIES = "series: {h: {price: H}}\n"
PERIODS = 'calendar: {periods: {day: [{at: "00:00-12:00"}], night: rest}}\n'


def charged(determinants: str, charges: str, more: str = "") -> int:
    text = HEAD.replace("{kwh: {sum: import}}", determinants)
    text = text.replace("[{id: energy, qty: kwh, price: 1}]", charges) + more
    rated = bills(text, {"2026-10": 12}, prices=HOURS)[0]
    assert not rated.holds
    return int(charged_energy(rated.lines, "import"))


def test_the_same_energy_under_two_names_counts_once() -> None:
    found = charged(
        "{tou: {sum: import, by: period}, all_: {sum: import}}",
        "[{id: a, qty: tou, price: 1}, {id: b, qty: all_, price: 1}, {id: c, qty: tou, price: 2}]",
        PERIODS,
    )
    assert found == 12


def test_hours_that_are_told_apart_add_up() -> None:
    determinants = "{peak: {sum: import, during: h}, rest_: {sum: import, outside: h}}"
    charges = "[{id: a, qty: peak, price: 1}, {id: b, qty: rest_, price: 1}]"
    assert charged(determinants, charges, SERIES) == 12
    assert charged(determinants, "[{id: b, qty: rest_, price: 1}]", SERIES) == 0


def test_energy_that_no_line_charges_is_not_charged() -> None:
    assert charged("{kwh: {sum: import}}", "[{id: a, price: 1, per: day}]") == 0
