"""What a bill prints of meters that were exchanged while it was billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.meter_reads import BilledSpan, meter_reads
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.rating import blocks_from

BEGIN = datetime(2026, 9, 19, tzinfo=UTC)
EXCHANGE = datetime(2026, 9, 20, 12, 30, tzinfo=UTC)
END = datetime(2026, 9, 22, tzinfo=UTC)
DAYS = DayRange(date(2026, 9, 19), date(2026, 9, 22))


def span(
    serial: str, start: datetime, end: datetime, opening: int | None, closing: int | None
) -> BilledSpan:
    reads = (None if read is None else Decimal(read) for read in (opening, closing))
    within = Interval(start, end)
    return BilledSpan(serial, ACTIVE_IMPORT, Unit.WATT_HOUR, within, Fraction(1), *reads)


def hours(quality: IntervalQuality, value: int = 1000) -> list[DayBlock]:
    """1 kWh an hour, with the hour of the exchange as it is said."""
    first, day, *rest = blocks_from(DAYS, "UTC", 3600, lambda _: 1000)
    values, qualities = np.array(day.values), np.array(day.quality)
    values[12], qualities[12] = value, quality
    return [first, replace(day, values=values, quality=qualities), *rest]


def test_meters_without_reads_at_an_exchange_have_what_their_hours_are_billed() -> None:
    spans = [span("S3", BEGIN, EXCHANGE, 5, None), span("S3B", EXCHANGE, END, None, 9)]
    old, new = meter_reads(spans, hours(IntervalQuality.ESTIMATED_LINEAR))
    # The hour that it was exchanged in began with the old one.
    assert [old.usage, new.usage] == [Decimal(37), Decimal(35)]
    assert (old.estimated, new.estimated) == (True, True)


def test_a_meter_without_a_read_has_what_the_others_leave() -> None:
    spans = [span("S3", BEGIN, EXCHANGE, 0, 36_500), span("S3B", EXCHANGE, END, None, 9)]
    old, new = meter_reads(spans, hours(IntervalQuality.ACTUAL))
    assert (old.usage, new.usage) == (Decimal("36.5"), Decimal("35.5"))
    assert not old.estimated
    assert not new.estimated


def test_what_is_missing_is_not_called_estimated() -> None:
    (only,) = meter_reads([span("S3", BEGIN, END, 0, 9)], hours(IntervalQuality.MISSING, NULL))
    assert only.usage == Decimal(71)
    assert not only.estimated


def test_an_estimate_is_said_of_the_meter_that_was_there() -> None:
    later = EXCHANGE + timedelta(hours=1)
    spans = [span("S3", BEGIN, later, 5, None), span("S3B", later, END, None, 9)]
    old, new = meter_reads(spans, hours(IntervalQuality.ESTIMATED_LIKE_DAY))
    assert (old.estimated, new.estimated) == (True, False)
    assert [old.usage, new.usage] == [Decimal(38), Decimal(34)]
