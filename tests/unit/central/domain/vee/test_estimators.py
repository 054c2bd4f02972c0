"""The estimators: what each expects, how long a gap it may fill, and in which order."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid
from central.domain.metering.intervals import Metered
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.vee.allowed import AllowedEstimators
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimate import EstimatedDay, estimate_days
from central.domain.vee.estimators import CHOSEN, ESTIMATORS, class_profile, even, like_day, manual
from central.domain.vee.policy_document import VEE_SCHEMA, PolicyRefusedError, class_policy
from central.domain.vee.rule import Limits
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import to_ms
from tests.unit.central.domain.vee.test_estimate import MONDAY, ZONE, block, empty, flat, metered

DAY = timedelta(days=1)
HISTORY = [flat(MONDAY - 7 * DAY, 100)]


def profile(first: date, days: int, rates: list[int], step_s: int = 3600) -> ClassProfile:
    """The same rates in each UTC day. [W]."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return ClassProfile(PriceSeries("homes", start, step_s, tuple(rates * days), 0))


def filled(
    day: DayBlock, allowed: AllowedEstimators, history: list[DayBlock] | None = None
) -> EstimatedDay | None:
    found = estimate_days([day], metered(day.day, 1), history or [], (), allowed)
    return found[0] if found else None


def only(*estimators: object, **more: object) -> AllowedEstimators:
    return AllowedEstimators(tuple(estimators), **more)  # type: ignore[arg-type]


def test_they_are_tried_in_the_order_of_what_they_know() -> None:
    names = [estimator.name for estimator in ESTIMATORS]
    assert names == [
        *("LINEAR", "LIKE_DAY", "DAY_KIND", "OWN_PROFILE", "CLASS_PROFILE", "EVEN", "MANUAL"),
    ]
    assert {entry.name for entry in ESTIMATORS} - {entry.name for entry in CHOSEN} == {
        *("LINEAR", "MANUAL")
    }


def test_a_profile_stands_as_it_is_where_nothing_is_known_of_the_channel() -> None:
    rates = profile(MONDAY - DAY, 3, list(range(100, 124)))
    day = filled(empty(MONDAY), AllowedEstimators(profile=rates))
    assert day is not None
    # Madrid is two hours ahead of UTC.
    assert day.block.values.tolist() == [122, 123, *range(100, 122)]
    assert set(day.block.quality.tolist()) == {IntervalQuality.ESTIMATED_PROFILE}
    evidence = json.loads(day.evidence)
    assert evidence["profile"] == ["homes"]
    assert evidence["methods"] == {"CLASS_PROFILE": 24}


def test_a_profile_has_the_channels_own_level_where_a_week_of_it_is_known() -> None:
    rates = profile(MONDAY - 40 * DAY, 42, [100] * 12 + [300] * 12)
    week = [block(MONDAY - DAY * back, [400] * 24) for back in range(1, 8)]
    six = filled(empty(MONDAY), only(class_profile.ESTIMATOR, profile=rates), week[:6])
    seven = filled(empty(MONDAY), only(class_profile.ESTIMATOR, profile=rates), week)
    assert six is not None
    assert seven is not None
    assert six.block.total() == 24 * 200
    assert seven.block.total() == 24 * 400
    assert set(seven.block.values.tolist()) == {200, 600}


def test_a_profile_of_quarter_hours_fills_hours_and_one_that_ends_fills_nothing() -> None:
    rates = profile(MONDAY - DAY, 3, [100, 200, 300, 400] * 24, step_s=900)
    day = filled(empty(MONDAY), AllowedEstimators(profile=rates))
    assert day is not None
    assert set(day.block.values.tolist()) == {250}
    assert filled(empty(MONDAY), AllowedEstimators(profile=profile(MONDAY - DAY, 1, [1]))) is None
    negative = profile(MONDAY - DAY, 3, [-1] * 24)
    assert filled(empty(MONDAY), AllowedEstimators(profile=negative)) is None


def test_a_profile_fills_the_day_of_a_daily_channel_with_its_hours() -> None:
    day = date(2026, 10, 25)
    span = local_day(day, ZONE)
    nothing = DayBlock(
        *(1, day, ZONE, span.start, 25 * 3600, 0, Unit.LITRE),
        np.array([NULL]),
        np.array([IntervalQuality.MISSING]),
    )
    grid = Grid(to_ms(span.start), 25 * 3_600_000, 1, (to_ms(span.start), to_ms(span.end)))
    rest = Metered(grid, nothing.values, nothing.quality, 0, ())
    allowed = AllowedEstimators(profile=profile(day - DAY, 3, [10] * 24))
    (found,) = estimate_days([nothing], rest, [], (), allowed)
    assert found.block.total() == 250


def test_a_gap_that_is_too_long_for_one_is_left_to_the_next() -> None:
    limits = Limits({"like_day_longest": timedelta(hours=12)})
    half = block(MONDAY, [7] * 12 + [None] * 12)
    allowed = only(like_day.ESTIMATOR, limits=limits)
    assert filled(half, allowed, HISTORY) is not None
    assert filled(block(MONDAY, [7] * 11 + [None] * 13), allowed, HISTORY) is None
    both = AllowedEstimators(limits=limits)
    other = filled(block(MONDAY, [7] * 11 + [None] * 13), both, HISTORY)
    assert other is not None
    assert json.loads(other.evidence)["methods"] == {"DAY_KIND": 13}


def test_a_policy_says_how_many_days_a_day_is_like_and_how_far_they_may_be() -> None:
    weeks = {1: 100, 2: 200, 3: 300, 4: 400, 8: 900, 12: 1_300}
    history = [flat(MONDAY - 7 * each * DAY, value) for each, value in weeks.items()]

    def value(history: list[DayBlock], **values: int | timedelta) -> int | None:
        day = filled(empty(MONDAY), only(like_day.ESTIMATOR, limits=Limits(values)), history)
        return None if day is None else int(day.block.values[0])

    assert value(history) == 250
    assert value(history, like_days=3) == 200
    # Five weeks have four such days, and 90 days two more.
    assert value(history, like_days=6) == 250
    assert value(history, like_days=6, like_day_reach=90 * DAY) == sum(weeks.values()) // 6
    assert value(history[4:]) is None
    assert value(history[4:], like_day_reach=timedelta(days=56)) == 900
    # Nothing is further than 90 days, whatever a policy says.
    far = [flat(MONDAY - 7 * 13 * DAY, 5_000)]
    assert value(far, like_day_reach=timedelta(days=400)) is None


def test_estimated_days_beside_it_make_a_gap_longer() -> None:
    limits = Limits({"like_day_longest": timedelta(hours=30)})
    allowed = only(like_day.ESTIMATOR, limits=limits)
    first = estimate_days([empty(MONDAY)], metered(MONDAY, 1), HISTORY)[0].block
    history = [flat(MONDAY - 6 * DAY, 100)]
    after = empty(MONDAY + DAY)
    assert estimate_days([after], metered(after.day, 1), history, (), allowed)
    assert not estimate_days([first, after], metered(MONDAY, 2), history, (), allowed)
    # A day that is not beside it is another gap.
    apart = [first, empty(MONDAY + 2 * DAY)]
    history = [flat(MONDAY - 5 * DAY, 100)]
    assert estimate_days(apart, metered(MONDAY, 3), history, (), allowed)


def test_equal_shares_need_registers_at_both_ends() -> None:
    allowed = only(even.ESTIMATOR)
    assert filled(empty(MONDAY), allowed) is None
    gap = metered(MONDAY, 1, {(0, 24): 100})
    (found,) = estimate_days([empty(MONDAY)], gap, HISTORY, (), allowed)
    assert found.block.total() == 100
    assert json.loads(found.evidence)["methods"] == {"EVEN": 24}
    (shaped,) = estimate_days([empty(MONDAY)], gap, HISTORY)
    assert json.loads(shaped.evidence)["methods"] == {"LIKE_DAY": 24}


def test_what_a_person_gives_stands_to_the_last_digit() -> None:
    given = {number: Fraction(number) + Fraction(5, 10) for number in range(12)}
    edited = manual.with_values(block(MONDAY, [None] * 12 + [7] * 12, version=3), given)
    assert (edited.exponent, edited.version) == (-1, 4)
    assert edited.values.tolist() == [*range(5, 125, 10), *[70] * 12]
    assert set(edited.quality[:12].tolist()) == {IntervalQuality.EDITED}
    assert set(edited.quality[12:].tolist()) == {IntervalQuality.ACTUAL}


@pytest.mark.parametrize("value", [Fraction(-1), Fraction(1, 3), Fraction(2**63)])
def test_what_is_no_value_of_an_interval_is_refused(value: Fraction) -> None:
    with pytest.raises(InvalidValueError):
        manual.with_values(flat(MONDAY, 1), {0: value})


def test_a_policy_names_estimators_their_lengths_and_the_profile_of_its_class() -> None:
    document = VEE_SCHEMA.parse(
        "{estimators: [CLASS_PROFILE, EVEN], profile: homes,"
        " thresholds: {estimate_after_days: 5, class_profile_longest: 48h}}"
    )
    policy = class_policy("electricity", (document,))
    assert [estimator.name for estimator in policy.estimators] == ["CLASS_PROFILE", "EVEN"]
    assert (policy.profile, policy.estimate_after_days) == ("homes", 5)
    assert VEE_SCHEMA.of(document.to_json()) == document
    later = class_policy("electricity", (document, VEE_SCHEMA.parse("{estimators: []}")))
    assert (later.estimators, later.profile) == ((), "homes")
    assert DEFAULT_POLICIES["electricity"].profile == ""


@pytest.mark.parametrize(
    "text",
    [
        "estimators: [GUESS]",
        "estimators: [LINEAR]",
        "estimators: [MANUAL]",
        "estimators: [EVEN, EVEN]",
        "estimators: EVEN",
        "estimators: [[EVEN]]",
        "profile: [a]",
        "thresholds: {like_day_longest: 3}",
        "thresholds: {estimate_after_days: 1.5}",
    ],
)
def test_a_policy_that_names_no_estimator_or_no_length_is_refused(text: str) -> None:
    with pytest.raises(PolicyRefusedError):
        VEE_SCHEMA.parse(text)
