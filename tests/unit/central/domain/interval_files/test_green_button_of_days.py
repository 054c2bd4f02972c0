"""Our own Green Button files say what was counted, in codes that others read."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from central.domain.currency import number_of
from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.green_button_of_days import CountedDay, clock_of, green_button_of
from central.domain.interval_files.read_green_button import read_green_button
from central.domain.interval_files.write_green_button import write_green_button
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    GAS_VOLUME,
    WATER_VOLUME,
    Obis,
)
from firmware_bridge.contract.quantity import Unit

ZONE = "America/New_York"
DAY = date(2026, 3, 8)


def day_of(
    obis: Obis, unit: Unit, *, exponent: int = 0, closed: bool = True, point: str = "P1"
) -> CountedDay:
    whole = local_day(DAY, ZONE)
    count = whole.duration // timedelta(hours=1)
    values = np.arange(1, count + 1, dtype=np.int64)
    quality = np.zeros(count, np.uint8)
    values[3], quality[3] = NULL, IntervalQuality.MISSING
    quality[4] = IntervalQuality.EDITED
    block = DayBlock(1, DAY, ZONE, whole.start, 3600, exponent, unit, values, quality)
    return CountedDay(point, obis, block, closed)


def read_back(file: GreenButtonFile) -> GreenButtonFile:
    return read_green_button(["".join(write_green_button(file)).encode()])


# What utilities of these numbers_of print in their own files, or the rule of the offset says.
@pytest.mark.parametrize(
    ("zone", "on", "back", "saved", "offset"),
    [
        ("America/New_York", "360E2000", "B40E2000", "3600", "-18000"),
        ("America/Los_Angeles", "360E2000", "B40E2000", "3600", "-28800"),
        ("Europe/Madrid", "3E0E2000", "AE0E3000", "3600", "3600"),
        ("Australia/Sydney", "A40E2000", "440E3000", "3600", "36000"),
        ("Asia/Tokyo", "00000000", "00000000", "0", "32400"),
        ("Asia/Kolkata", "00000000", "00000000", "0", "19800"),
    ],
)
def test_the_clock_is_said_as_espi_packs_it(
    zone: str, on: str, back: str, saved: str, offset: str
) -> None:
    said = dict(clock_of(zone, 2026))
    assert said == {
        "dstStartRule": on, "dstEndRule": back, "dstOffset": saved, "tzOffset": offset,
    }  # fmt: skip


def test_a_day_of_23_hours_keeps_its_instants_values_and_qualities() -> None:
    given = day_of(ACTIVE_IMPORT, Unit.WATT_HOUR, exponent=1)
    end = local_day(DAY, ZONE).end
    file = read_back(green_button_of("A <1>", [given], "USD", end))
    values = list(file.values())
    assert len(values) == 22
    assert values[0].start == local_day(DAY, ZONE).start
    assert values[-1].end == end
    assert [value.value for value in values[:4]] == list(map(Decimal, ("10", "20", "30", "50")))
    assert [value.qualities for value in values[2:5]] == [("17",), ("7",), ("17",)]
    assert file.feed.title == "A <1>"
    # The hour without a value is a gap.
    assert values[3].start == values[2].end + timedelta(hours=1)


def test_what_is_not_over_is_not_said_and_what_is_not_validated_is_raw() -> None:
    given = day_of(ACTIVE_IMPORT, Unit.WATT_HOUR, closed=False)
    begin = local_day(DAY, ZONE).start
    file = green_button_of("A", [given], "", begin + timedelta(minutes=150))
    assert [value.qualities for value in file.values()] == [("14",), ("14",)]


def test_each_medium_and_direction_has_its_own_codes() -> None:
    days = [
        day_of(ACTIVE_IMPORT, Unit.WATT_HOUR),
        day_of(ACTIVE_EXPORT, Unit.WATT_HOUR),
        day_of(GAS_VOLUME, Unit.LITRE, exponent=1),
        day_of(WATER_VOLUME, Unit.LITRE, point="P2"),
    ]
    end = local_day(DAY, ZONE).end
    file = read_back(green_button_of("A", days, "JPY", end))
    services = [dict(point.fields)["ServiceCategory/kind"] for point in file.points]
    assert services == ["0", "1", "2"]
    said = [dict(series.type_fields) for series in file.series]
    keys = ("commodity", "flowDirection", "kind", "uom", "powerOfTenMultiplier", "currency")
    assert [tuple(each[key] for key in keys) for each in said] == [
        ("1", "1", "12", "72", "0", "392"),
        ("1", "19", "12", "72", "0", "392"),
        ("7", "1", "58", "42", "-2", "392"),
        ("9", "1", "58", "42", "-3", "392"),
    ]
    assert [series.point for series in file.series] == [0, 0, 1, 2]
    litres = [value.value for value in file.values() if value.unit == "m3"]
    assert litres[:2] == [Decimal("0.01"), Decimal("0.02")]


def test_what_espi_has_no_unit_for_is_counted_as_left_out() -> None:
    end = local_day(DAY, ZONE).end
    file = green_button_of("A", [day_of(GAS_VOLUME, Unit.CELSIUS)], "", end)
    assert (file.series, file.left_out) == ((), (("channel", 1),))


def test_a_currency_that_is_none_has_no_number() -> None:
    assert (number_of("KWD"), number_of("???"), number_of("")) == ("414", "", "")
