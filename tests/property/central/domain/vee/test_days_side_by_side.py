"""Days measured and judged side by side come out as each does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from central.domain.metering.errors import RegisterOverflowError
from central.domain.metering.installation import Installation, Multiplier, RegisterFacts
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import DayReadings, JudgedDay, Thresholds
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.judged_days import above
from central.domain.vee.policy import Policy
from central.domain.vee.regular import regular_days
from central.domain.vee.rule import Limits
from central.domain.vee.rules import reactive_alone, service_capacity, spike
from central.domain.vee.validate import measure_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Quality, TimeQuality, from_ms
from tests.support.metering import LONG_AGO, boundaries, intervals, registers

# An ordinary day, and days on which clocks change, at midnight and by half an hour, too.
DAYS = (
    (date(2026, 10, 14), "Europe/Madrid"),
    (date(2026, 10, 25), "Europe/Madrid"),
    (date(2026, 3, 29), "Europe/Madrid"),
    (date(2026, 10, 4), "Australia/Lord_Howe"),
    (date(2026, 9, 6), "America/Santiago"),
)
LIMITS = Thresholds()
FAULTS = (
    "gap", "fall", "rollover", "leap", "marked", "unsynchronised", "moved", "finer", "short",
    "late", "removed", "negative", "own", "huge", "two",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A channel's day, and what is wrong with it."""

    where: tuple[date, str]
    steps: tuple[int, ...]
    fault: str
    place: int
    exponent: int
    ratio: Fraction
    opening: Decimal | None
    capacity: Fraction | None
    is_vacant: bool
    unit: Unit


DRAWN = st.builds(
    Drawn,
    st.sampled_from(DAYS),
    st.lists(st.sampled_from((0, 0, 10, 25, 700, 90_000)), min_size=1, max_size=9).map(tuple),
    st.sampled_from(("", "", *FAULTS)),
    st.integers(9, 90),
    st.sampled_from((-2, -1, 0, 0, 1)),
    st.sampled_from((Fraction(1), Fraction(1), Fraction(80), Fraction(1, 4))),
    st.sampled_from((None, None, Decimal(0), Decimal("3.25"), Decimal("1E+9"))),
    st.sampled_from((None, Fraction(4_000), Fraction(1, 3))),
    st.booleans(),
    st.sampled_from((Unit.WATT_HOUR, Unit.VAR_HOUR)),
)


def shown(drawn: Drawn, at: Sequence[int]) -> dict[int, int]:
    """What the register showed."""
    steps = np.cumsum(np.resize(drawn.steps, len(at) - 1)).tolist()
    values = dict(zip(at, (1_000, *(1_000 + step for step in steps)), strict=True))
    place = at[drawn.place]
    after = {"fall": -(10**6), "rollover": -500, "leap": 10**12}.get(drawn.fault, 0)
    if drawn.fault == "gap":
        del values[place]
    elif drawn.fault == "moved":
        values[place + 3_000] = values.pop(place)
    elif drawn.fault == "short":
        values = dict(list(values.items())[: -drawn.place])
    elif drawn.fault == "huge":
        values = {ms: value * 10**11 for ms, value in values.items()}
    elif drawn.fault == "negative":
        values = {ms: value - 2_000 for ms, value in values.items()}
    return {ms: value + after * (ms >= place) for ms, value in values.items()}


def series_of(drawn: Drawn, at: Sequence[int]) -> tuple[ReadingSeries, ...]:
    """What was read, and how it was marked."""
    marks = {
        "marked": (Quality.ESTIMATED, TimeQuality.SYNCHRONISED),
        "unsynchronised": (Quality.ACTUAL, TimeQuality.UNSYNCHRONISED),
    }
    mark = {at[drawn.place]: marks[drawn.fault]} if drawn.fault in marks else None
    register = registers(shown(drawn, at), exponent=drawn.exponent, marks=mark)
    read = [register]
    if drawn.fault == "finer":
        exponents = register.exponent.copy()
        exponents[drawn.place] -= 1
        read = [replace(register, exponent=exponents)]
    elif drawn.fault == "own":
        read.append(intervals(dict.fromkeys(at[:-1], 7), exponent=drawn.exponent))
    elif drawn.fault == "two":
        read.append(register)
    first, last = at[0], at[-1]
    if drawn.fault == "late":
        first = at[drawn.place]
    elif drawn.fault == "removed":
        last = at[drawn.place]
    return tuple(replace(one, unit=drawn.unit).between(first, last) for one in read)


def read_day(number: int, drawn: Drawn) -> DayReadings:
    """The readings of a drawn day."""
    day, zone = drawn.where
    at = boundaries(day, zone)
    start = from_ms(at[drawn.place]) if drawn.fault == "late" else LONG_AGO
    end = from_ms(at[drawn.place]) if drawn.fault == "removed" else None
    facts = RegisterFacts(modulus=Decimal(10) ** 8, opening=drawn.opening)
    installation = Installation("A 1", start, end, Multiplier(drawn.ratio), {ACTIVE_IMPORT: facts})
    point = ServicePoint(f"SP-{number}", zone, drawn.capacity)
    return DayReadings(
        PointChannel(number, point, ACTIVE_IMPORT, 900, drawn.unit),
        day,
        [InstallationSegment(installation, series_of(drawn, at))],
        is_vacant=drawn.is_vacant,
    )


def alone(read: DayReadings) -> JudgedDay:
    return measure_day(
        read.channel, read.day, read.segments, thresholds=LIMITS, is_vacant=read.is_vacant
    )


def findings(policy: Policy, day: JudgedDay) -> tuple[VeeFinding, ...]:
    """What is found where each day is looked at by itself."""
    (rules,) = policy.screened([day])
    return policy.judge(day, rules, NO_HISTORY)


POLICIES = (
    Policy(),
    # Lines at which more days stand out.
    Policy(
        Limits(
            {
                service_capacity.CAPACITY.name: Fraction(1_000),
                spike.FLOOR.name: Fraction(0),
                spike.RATIO.name: Fraction(1, 7),
                reactive_alone.FLOOR.name: Fraction(0),
            }
        )
    ),
)


@given(st.lists(DRAWN, min_size=1, max_size=6), st.sampled_from(POLICIES))
def test_days_side_by_side_are_what_each_is_alone(drawn: list[Drawn], policy: Policy) -> None:
    asked = [read_day(number, one) for number, one in enumerate(drawn, 1)]
    together = regular_days(asked, LIMITS)
    days: list[JudgedDay] = []
    for number, read in enumerate(asked):
        try:
            single = alone(read)
        except RegisterOverflowError:
            # What cannot be measured alone is not regular.
            assert number not in together
            continue
        day = together.get(number, single)
        assert day.block == single.block
        assert day.block.values.tolist() == single.block.values.tolist()
        assert day.grid == single.grid
        assert findings(policy, day) == findings(policy, single)
        days.append(day)
    each = [policy.screened([day])[0] for day in days]
    assert policy.screened(days) == each


def test_days_without_a_fault_are_regular() -> None:
    steps = (25, 0, 700)
    for number, where in enumerate(DAYS):
        one = Drawn(where, steps, "", 9, -1, Fraction(80), None, None, False, Unit.WATT_HOUR)
        (day,) = regular_days([read_day(number, one)], LIMITS).values()
        assert day.is_regular
        assert day.block.missing == 0
        assert len(day.block.values) == len(boundaries(*where, margin=0)) - 1


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))),
    st.fractions(min_value=0, max_denominator=2**40),
)
def test_a_ratio_is_compared_exactly(pairs: Sequence[tuple[int, int]], ratio: Fraction) -> None:
    left = np.array([pair[0] for pair in pairs], dtype=np.int64)
    right = np.array([pair[1] for pair in pairs], dtype=np.int64)
    assert above(left, ratio, right).tolist() == [a > ratio * b for a, b in pairs]
