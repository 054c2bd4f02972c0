"""Readings for validation tests: registers at boundaries, as a meter's load profile keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction

from central.domain.metering.installation import Installation
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import (
    Kind,
    Quality,
    Source,
    TimeQuality,
    pack_flags,
    to_ms,
)

QUARTER_MS = 900_000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def channel(
    zone: str = "Europe/Madrid", *, period_s: int = 900, capacity_w: int | None = None
) -> PointChannel:
    capacity = None if capacity_w is None else Fraction(capacity_w)
    return PointChannel(
        7, ServicePoint("SP-1", zone, capacity), ACTIVE_IMPORT, period_s, Unit.WATT_HOUR
    )


def boundaries(day: date, zone: str, *, margin: int = 8, period_s: int = 900) -> list[int]:
    """Every boundary of a local day, and some on either side. [ms]"""
    interval = local_day(day, zone)
    first, last = to_ms(interval.start), to_ms(interval.end)
    period = period_s * 1000
    return list(range(first - margin * period, last + margin * period + 1, period))


def registers(
    values: Mapping[int, int],
    *,
    source: Source = Source.PROFILE,
    exponent: int = 0,
    marks: Mapping[int, tuple[Quality, TimeQuality]] | None = None,
) -> ReadingSeries:
    """A register series from {ms: mantissa}."""
    said = marks or {}
    plain = (Quality.ACTUAL, TimeQuality.SYNCHRONISED)
    rows = [(at, value, exponent, pack_flags(*said.get(at, plain))) for at, value in values.items()]
    return ReadingSeries.of(sorted(rows), source=source, period_s=900)


def intervals(values: Mapping[int, int], *, exponent: int = 0) -> ReadingSeries:
    """An interval series of a meter's profile from {start ms: mantissa}."""
    rows = [(at, value, exponent, 0) for at, value in sorted(values.items())]
    return ReadingSeries.of(rows, kind=Kind.INTERVAL, source=Source.PROFILE, period_s=900)


def one_meter(
    *series: ReadingSeries, installation: Installation | None = None
) -> list[InstallationSegment]:
    return [InstallationSegment(installation or Installation("ABC 1", LONG_AGO), series)]


def counting(at: Iterable[int], *, start: int = 1000, step: int = 25) -> dict[int, int]:
    """A register that advances by `step` at each of some instants."""
    return {ms: start + place * step for place, ms in enumerate(at)}
