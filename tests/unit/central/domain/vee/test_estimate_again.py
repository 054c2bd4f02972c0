"""Estimates are made again where they no longer sum to the registers, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimate import EstimatedDay, estimate_days
from central.domain.vee.estimate_again import estimate_again
from tests.unit.central.domain.vee.test_estimate import MONDAY, block, empty, flat, metered

DAY = timedelta(days=1)
WEEK = [MONDAY + DAY * number for number in range(4)]
HISTORY = [flat(day - 7 * DAY, 100) for day in WEEK]
NORMAL = sum(range(100, 124))
ALL = {(0, 96): 4 * NORMAL + 4_000}


def estimated(*days: date) -> list[DayBlock]:
    """Days that were estimated when no register was there."""
    found = estimate_days([empty(day) for day in days], metered(days[0], len(days)), HISTORY)
    return [day.block for day in found]


def again(
    blocks: Sequence[DayBlock],
    gaps: Mapping[tuple[int, int], int],
    reopened: Collection[date] = (),
    issued: Collection[date] = (),
) -> dict[date, EstimatedDay]:
    known = metered(blocks[0].day, len(blocks), gaps)
    return {day.block.day: day for day in estimate_again(blocks, known, HISTORY, reopened, issued)}


def totals(blocks: Sequence[DayBlock], found: Mapping[date, EstimatedDay]) -> list[int]:
    newest = (found[one.day].block if one.day in found else one for one in blocks)
    return [one.total() for one in newest]


def test_a_register_behind_the_gap_makes_all_its_estimates_again() -> None:
    blocks = estimated(*WEEK)
    found = again(blocks, ALL)
    assert totals(blocks, found) == [NORMAL + 1_000] * 4
    assert all(day.block.version == 5 for day in found.values())


def test_estimates_that_sum_to_the_registers_stay_whatever_other_days_say_now() -> None:
    (one, *_), (other, *_) = estimated(*WEEK), again(estimated(*WEEK), ALL).values()
    odd = [flat(MONDAY - 7 * DAY, 900)]
    for block_, advance in ((one, NORMAL), (other.block, NORMAL + 1_000)):
        known = metered(MONDAY, 1, {(0, 24): advance})
        assert estimate_again([block_], known, odd, (), ()) == ()
    assert again(estimated(*WEEK), {}) == {}


def test_of_two_gaps_only_the_one_with_another_register_is_made_again() -> None:
    blocks = estimated(*WEEK)
    found = again(blocks, {(0, 36): NORMAL + sum(range(100, 112)), (36, 60): 9_000})
    assert list(found) == WEEK[1:]
    assert found[WEEK[1]].block.values[:12].tolist() == list(range(100, 112))
    assert sum(totals(blocks, found)) == NORMAL + sum(range(100, 112)) + 9_000


def test_a_corrected_register_is_met_again() -> None:
    blocks = [day.block for day in again(estimated(*WEEK), ALL).values()]
    found = again(blocks, {(0, 96): 4 * NORMAL - 400})
    assert totals(blocks, found) == [NORMAL - 100] * 4
    assert again([day.block for day in found.values()], {(0, 96): 4 * NORMAL - 400}) == {}


def test_a_day_of_which_a_part_came_is_filled_with_the_rest_of_its_gap() -> None:
    blocks = estimated(*WEEK[:2])
    blocks[1] = block(WEEK[1], [None] * 6 + [500] * 18, version=5)
    found = again(blocks, {(0, 30): NORMAL + 6_000}, reopened={WEEK[1]})
    assert sum(totals(blocks, found)) == NORMAL + 6_000 + 18 * 500
    assert found[WEEK[1]].block.quality[6] == IntervalQuality.ACTUAL
    # Without registers it is like other days, and the day before stays.
    assert list(again(blocks, {}, reopened={WEEK[1]})) == [WEEK[1]]


def test_missing_days_behind_the_estimates_take_their_share_and_those_before_do_not() -> None:
    blocks = [*estimated(*WEEK[:3]), empty(WEEK[3])]
    found = again(blocks, ALL)
    assert totals(blocks, found) == [NORMAL + 1_000] * 4
    blocks = [empty(WEEK[0]), *estimated(*WEEK[1:])]
    assert list(again(blocks, ALL)) == WEEK[1:]
    assert again([empty(day) for day in WEEK], ALL) == {}


@pytest.mark.parametrize(
    ("advance", "totals_"),
    [
        (4 * NORMAL + 4_000, [NORMAL, NORMAL, NORMAL + 2_000, NORMAL + 2_000]),
        (2 * NORMAL, [NORMAL, NORMAL, 0, 0]),
        # What was billed is more than the register: those days differ from their bill.
        (2 * NORMAL - 800, [(2 * NORMAL - 800) // 4] * 4),
    ],
)
def test_issued_days_keep_what_was_billed_where_others_take_the_difference(
    advance: int, totals_: list[int]
) -> None:
    blocks = estimated(*WEEK)
    found = again(blocks, {(0, 96): advance}, issued=WEEK[:2])
    assert totals(blocks, found) == totals_


def test_of_issued_days_alone_the_estimates_are_made_again() -> None:
    blocks = estimated(*WEEK)
    assert totals(blocks, again(blocks, ALL, issued=WEEK)) == [NORMAL + 1_000] * 4
    # A part of an issued day came: it does not take what its neighbours lack.
    blocks[3] = block(WEEK[3], [None] * 6 + [500] * 18, version=5)
    gap = {(0, 78): 3 * NORMAL + sum(range(100, 106)) + 7_800}
    found = again(blocks, gap, reopened={WEEK[3]}, issued=WEEK)
    assert list(found) == WEEK
    assert max(found[WEEK[3]].block.values[:6].tolist()) < 500


def test_registers_that_contradict_what_is_known_change_nothing() -> None:
    blocks = estimated(*WEEK[:2])
    blocks[1] = block(WEEK[1], [700] + [None] * 23, version=5)
    assert again(blocks, {(0, 48): 600}, reopened={WEEK[1]}) == {}
