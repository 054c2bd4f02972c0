"""A day of very many channels from readings to blocks and findings, by all rules, on one core.

No store: `test_vee_night` has that. `METERLINE_BENCH_CHANNELS` sets how many channels of
quarter-hours there are; they come in lots of as many as one transaction closes, each lot with
readings of its own, so that memory stays as it is. A hundredth of the channels has a gap, and
another hundredth an interval far above what its connection carries.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from central.domain.metering.installation import Installation
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.day import DayReadings, JudgedDay, Thresholds
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.regular import regular_days
from central.domain.vee.rules import missing_intervals, service_capacity
from central.domain.vee.validate import measure_day
from central.service.validation.validate import VeeSettings
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind, Source
from tests.support.metering import LONG_AGO, boundaries

CHANNELS = int(os.environ.get("METERLINE_BENCH_CHANNELS", "100000"))
DAY, ZONE = date(2026, 10, 14), "Europe/Madrid"
LIMITS = Thresholds()
POLICY = DEFAULT_POLICIES["electricity"]


def _lots() -> Iterator[list[DayReadings]]:
    at = np.array(boundaries(DAY, ZONE), dtype=np.int64)
    gap = np.flatnonzero((np.arange(len(at)) < 50) | (np.arange(len(at)) >= 70))
    size = VeeSettings().closing
    for first in range(1, CHANNELS + 1, size):
        lot = []
        for number in range(first, min(first + size, CHANNELS + 1)):
            steps = 50 + (number * 31 + 17 * np.arange(len(at))) % 100
            if number % 100 == 1:
                steps[40] = 5_000
            chosen = gap if number % 100 == 0 else np.arange(len(at))
            zero = np.zeros(len(chosen), dtype=np.int64)
            series = ReadingSeries(
                kind=Kind.REGISTER,
                source=Source.PROFILE,
                period_s=900,
                unit=Unit.WATT_HOUR,
                at_ms=at[chosen],
                mantissa=np.cumsum(steps)[chosen],
                exponent=zero.astype(np.int16),
                flags=zero.astype(np.uint8),
            )
            point = ServicePoint(f"SP-{number}", ZONE, Fraction(10_000))
            counted = PointChannel(number, point, ACTIVE_IMPORT, 900, Unit.WATT_HOUR)
            meter = Installation(f"MTL/{number}", LONG_AGO)
            lot.append(DayReadings(counted, DAY, [InstallationSegment(meter, (series,))]))
        yield lot


def _judged(lot: list[DayReadings]) -> list[str]:
    """The codes that all rules find in a lot."""
    regular = regular_days(lot, LIMITS)
    days: list[JudgedDay] = [
        regular[number]
        if number in regular
        else measure_day(read.channel, read.day, read.segments, thresholds=LIMITS)
        for number, read in enumerate(lot)
    ]
    return [
        finding.code
        for day, rules in zip(days, POLICY.screened(days), strict=True)
        for finding in POLICY.judge(day, rules, NO_HISTORY)
    ]


def test_vee_day(capsys: pytest.CaptureFixture[str]) -> None:
    cpu_s, begun = 0.0, time.perf_counter()
    codes: list[str] = []
    grown: list[int] = []
    for number, lot in enumerate(_lots()):
        used = time.process_time()
        codes += _judged(lot)
        cpu_s += time.process_time() - used
        if number == CHANNELS // VeeSettings().closing // 2:
            grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert codes.count(missing_intervals.RULE.code) == CHANNELS // 100
    assert codes.count(service_capacity.RULE.code) == -(-CHANNELS // 100)
    with capsys.disabled():
        print(
            f"\nvee day: {CHANNELS:,} channels of 96 intervals with all {len(POLICY.rules)} rules:"
            f" {CHANNELS * 96 / cpu_s:,.0f} intervals a second of CPU ({cpu_s:.1f} s;"
            f" {time.perf_counter() - begun:.1f} s with the making of readings); memory at most"
            f" {grown[0]:,} kB after half, {grown[1]:,} kB after all;"
            f" load of the machine {os.getloadavg()[0]:.1f}"
        )
