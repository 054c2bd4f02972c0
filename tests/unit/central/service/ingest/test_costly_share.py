"""How many costly messages of one gateway a window takes follows from what they took of late."""

from __future__ import annotations

import pytest

from central.service.ingest.costly_share import LEAST, MOST, WINDOW_S, CostlyShare


def test_nothing_is_held_back_before_anything_was_slow() -> None:
    assert CostlyShare().at_once == MOST


@pytest.mark.parametrize(
    ("each_s", "at_once"), [(0.001, MOST), (0.005, MOST), (0.01, 25), (0.1, 2), (3.0, LEAST)]
)
def test_so_many_are_taken_as_a_short_window_can_hold(each_s: float, at_once: int) -> None:
    share = CostlyShare()
    share.note(20, 20, 20 * each_s)
    assert share.at_once == at_once
    assert at_once == LEAST or at_once * each_s <= WINDOW_S


def test_it_recovers_once_the_database_is_quick_again() -> None:
    share = CostlyShare()
    share.note(10, 10, 10.0)
    assert share.at_once == LEAST
    for _ in range(30):
        share.note(LEAST, LEAST, LEAST * 0.002)
    assert share.at_once == MOST


def test_a_window_of_others_messages_says_nothing_of_what_one_costs() -> None:
    share = CostlyShare()
    share.note(1, 100, 10.0)
    share.note(0, 10, 10.0)
    share.note(0, 0, 1.0)
    assert share.at_once == MOST
