from __future__ import annotations

from datetime import date
from fractions import Fraction

from central.domain.rating.inputs.carried_state import CarriedState, Credit
from central.domain.tariff.load.document import load_tariff
from central.service.registry.cutover_state import unknown_figures
from tests.support.data import REPOSITORY

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
ROLLOVER = load_tariff((REPOSITORY / "docs/reference/tariffs/rollover.yaml").read_text())


def left_of(charge: str) -> CarriedState:
    return CarriedState(credits=(Credit(charge, "", MAY, Fraction(6)),))


def test_included_units_that_roll_over_are_taken_over_by_their_charge() -> None:
    assert list(unknown_figures(ROLLOVER, left_of("data"), JUNE)) == []


def test_units_that_do_not_roll_over_are_no_state() -> None:
    (fault,) = unknown_figures(ROLLOVER, left_of("messages"), JUNE)
    assert fault == "the tariff rollover has no bank 'messages'; it has data, heat."


def test_only_money_has_a_day_on_which_it_lapses() -> None:
    lapsing = Credit("data", "", MAY, Fraction(6), expires=date(2027, 1, 1))
    (fault,) = unknown_figures(ROLLOVER, CarriedState(credits=(lapsing,)), JUNE)
    assert fault == "'data' keeps no money, so it has no day 2027-01-01 of its own."
