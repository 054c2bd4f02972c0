"""Readings that a day does not use, and use that cannot be, are said with their place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.validate import Validated, validate_day
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Quality, TimeQuality, from_ms
from tests.support.metering import (
    QUARTER_MS,
    boundaries,
    channel,
    counting,
    intervals,
    one_meter,
    registers,
)

DAY = date(2026, 10, 14)
GRID = boundaries(DAY, "Europe/Madrid")
START = GRID[8]


def at(place: int) -> int:
    return START + place * QUARTER_MS


def only(result: Validated, code: str) -> VeeFinding:
    (finding,) = [one for one in result.findings if one.code == code]
    return finding


def test_an_interval_below_zero_holds_the_bill() -> None:
    own = intervals({at(5): -1, at(6): -2})
    result = validate_day(channel(), DAY, one_meter(registers(counting(GRID)), own))
    finding = only(result, "NEGATIVE_USE")
    assert finding.severity is Severity.CRITICAL
    assert (finding.interval.start, finding.interval.end) == (from_ms(at(5)), from_ms(at(7)))


def test_an_interval_of_zero_is_no_negative_use() -> None:
    own = intervals({at(5): 0})
    result = validate_day(channel(), DAY, one_meter(registers(counting(GRID)), own))
    assert not result.findings


def test_a_reading_that_the_device_doubts_is_left_out() -> None:
    values = counting(GRID)
    values[at(10)] += 7
    doubted = {at(10): (Quality.SUSPECT, TimeQuality.SYNCHRONISED)}
    result = validate_day(channel(), DAY, one_meter(registers(values, marks=doubted)))
    finding = only(result, "SUSPECT_READING")
    assert finding.severity is Severity.WARNING
    assert finding.interval.start == from_ms(at(10))
    assert finding.evidence["readings"] == "1"
    # The gap that it leaves is shared between its neighbours.
    assert result.block.values.tolist() == [25] * 96


def test_an_interval_that_starts_on_no_boundary_is_named() -> None:
    own = intervals({at(5) + 60_000: 25})
    result = validate_day(channel(), DAY, one_meter(registers(counting(GRID)), own))
    assert only(result, "EXTRA_INTERVALS").interval.start == from_ms(at(5) + 60_000)
    assert result.block.values.tolist() == [25] * 96


def test_a_channel_of_another_unit_holds_the_bill_and_is_not_used() -> None:
    other = replace(registers(counting(GRID)), unit=Unit.LITRE)
    result = validate_day(channel(), DAY, one_meter(other))
    finding = only(result, "UNIT_MISMATCH")
    assert finding.severity is Severity.CRITICAL
    assert finding.evidence == {"expected": "Wh"}
    assert only(result, "MISSING_INTERVALS").severity is Severity.CRITICAL
