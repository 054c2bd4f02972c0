"""A carpet says each interval where the local clock has it, and how its value came about."""

from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import numpy as np

from central.dashboard.carpet import LEVELS, Carpet, draw_carpet
from central.dashboard.language import language_of
from central.dashboard.present import Presenter
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.service.operator.month import assemble_month
from central.service.views.field import PointChannelView
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit

ZONE = "Europe/Madrid"
CHANNEL = PointChannelView("7", "p", "Home", ZONE, ACTIVE_IMPORT, 900, Unit.WATT_HOUR, None)
AUTUMN, SPRING, PLAIN = date(2026, 10, 25), date(2026, 3, 29), date(2026, 10, 1)
# Where the picture has the first column, and how large a day and an hour are.
LEFT, TOP, DAY, HOUR = 44, 18, 22, 12
QUARTER = HOUR / 4
RECTANGLE = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-\d+z")


def block(day: date, values: list[int], qualities: dict[int, IntervalQuality]) -> DayBlock:
    span = local_day(day, ZONE)
    count = span.duration // timedelta(minutes=15)
    numbers = np.array((values * count)[:count], dtype=np.int64)
    quality = np.zeros(count, np.uint8)
    for place, said in qualities.items():
        quality[place] = said
        if said == IntervalQuality.MISSING:
            numbers[place] = NULL
    return DayBlock(7, day, ZONE, span.start, 900, 0, Unit.WATT_HOUR, numbers, quality)


def drawn(*blocks: DayBlock) -> Carpet:
    month = assemble_month(CHANNEL, blocks[0].day.replace(day=1), blocks)
    return draw_carpet(month, Presenter(language_of("en")))


def cells(carpet: Carpet, name: str) -> list[tuple[float, float, float, float]]:
    """Rectangles of a class: x, y, width and height."""
    root = ET.fromstring(carpet.svg)  # noqa: S314 - made above
    paths = [each for each in root.iter() if each.get("class") == name]
    return [
        (float(x), float(y), float(wide), float(high))
        for path in paths
        for x, y, wide, high in RECTANGLE.findall(path.get("d") or "")
    ]


def column(day: date) -> int:
    return LEFT + DAY * (day.day - 1)


def test_values_are_dark_by_their_share_of_the_largest() -> None:
    carpet = drawn(block(PLAIN, [0, 100, 49, 20], {}))
    assert carpet.highest == Quantity(100, 0, Unit.WATT_HOUR)
    by_level = {level: cells(carpet, f"l{level}") for level in range(LEVELS)}
    assert {level: len(rectangles) for level, rectangles in by_level.items() if rectangles} == {
        0: 24, 1: 24, 3: 24, 6: 24,
    }  # fmt: skip
    assert [by_level[6][0], by_level[6][-1]] == [
        (column(PLAIN), TOP + QUARTER, DAY - 1, QUARTER),
        (column(PLAIN), TOP + 24 * HOUR - 3 * QUARTER, DAY - 1, QUARTER),
    ]


def test_the_repeated_hour_is_there_twice_side_by_side() -> None:
    first_pass = dict.fromkeys(range(8, 12), IntervalQuality.MISSING)
    carpet = drawn(block(AUTUMN, [5], first_pass))
    assert cells(carpet, "missing") == [(column(AUTUMN), TOP + 2 * HOUR, DAY / 2 - 1, HOUR)]
    assert sorted(cells(carpet, "l6")) == [
        (column(AUTUMN), TOP, DAY - 1, 2 * HOUR),
        (column(AUTUMN), TOP + 3 * HOUR, DAY - 1, 21 * HOUR),
        (column(AUTUMN) + DAY / 2, TOP + 2 * HOUR, DAY / 2 - 1, HOUR),
    ]


def test_the_hour_that_spring_leaves_out_is_empty() -> None:
    carpet = drawn(block(SPRING, [5], {}))
    assert cells(carpet, "l6") == [
        (column(SPRING), TOP, DAY - 1, 2 * HOUR),
        (column(SPRING), TOP + 3 * HOUR, DAY - 1, 21 * HOUR),
    ]


def test_the_layer_says_how_values_came_about() -> None:
    carpet = drawn(
        block(
            PLAIN,
            [5],
            {
                0: IntervalQuality.ESTIMATED_LINEAR,
                1: IntervalQuality.ESTIMATED_PROFILE,
                40: IntervalQuality.EDITED,
                41: IntervalQuality.POWER_FAILURE,
                95: IntervalQuality.MISSING,
            },
        )
    )
    assert cells(carpet, "estimated") == [(column(PLAIN), TOP, DAY - 1, 2 * QUARTER)]
    assert cells(carpet, "edited") == [(column(PLAIN), TOP + 40 * QUARTER, DAY - 1, QUARTER)]
    assert cells(carpet, "missing") == [(column(PLAIN), TOP + 95 * QUARTER, DAY - 1, QUARTER)]
    assert list(carpet.layers) == ["estimated", "edited", "missing", "unvalidated"]
    assert sum(high for *_, high in cells(carpet, "l6")) == 24 * HOUR - QUARTER
    assert cells(carpet, "unvalidated")[0] == (column(PLAIN) + DAY, TOP, DAY - 1, 24 * HOUR)
    assert len(cells(carpet, "unvalidated")) == 30


def test_a_month_of_quarter_hours_stays_small() -> None:
    days = [date(2026, 10, day) for day in range(1, 32)]
    carpet = drawn(*(block(day, [day.day * 7 % 97 + n for n in range(96)], {}) for day in days))
    assert len(carpet.svg) < 80_000
