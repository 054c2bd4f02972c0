"""What meters counted, from files: an amount per step of time, or registers read now and then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.shares import spread
from central.service.rating.series_csv import read_series_file
from central.service.spreadsheet import number_of, rows_of
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.interval import Interval, day_start, local_day
from firmware_bridge.contract.quantity import Unit

_HOUR_S = 3600
_FINER = 3
_HEADING = ["start", "value"]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNITS = {
    "kvarh": Unit.VAR_HOUR,
    "kvah": Unit.VOLT_AMPERE_HOUR,
    "m3": Unit.LITRE,
}
Days = tuple[ZoneInfo, time]
"""The zone that local days are cut in, and when they begin."""


class InputFileError(ConfigurationError):
    """A file of what a meter counted cannot be used."""

    code = "INPUT_FILE"
    default_remedy = "Correct the file, or the options that read it."


def counted_steps(text: str, name: str, file: str, days: Days, channel_id: int) -> list[DayBlock]:
    """Day blocks of a file of `start,value`: kWh, kvarh, kVAh or m3 in each step.

    Args:
        text: Of the file, as spreadsheets write it; a time without an offset is local, and where
            all are dates, a step is a local day.
        name: Input that it feeds (`import`, `export`, `kvarh`, `m3`, ...).
        file: Its name, for messages.
        days: Where local days are cut.
        channel_id: Number of the channel, among all that are given.

    Raises:
        SeriesFileError: The file cannot be read.
        InputFileError: It does not begin and end with local days.
    """
    if _daily(text):
        return _counted_days(text, name, file, days, channel_id)
    series = read_series_file(text, name, file, days[0])
    return _blocks(series, file, days, channel_id, IntervalQuality.ACTUAL)


def counted_reads(text: str, name: str, file: str, days: Days, channel_id: int) -> list[DayBlock]:
    """Day blocks of a file of `time,register`: each advance is shared evenly over its hours.

    The shares sum to the advance, so nothing is invented or lost; all are marked as estimated.

    Args:
        text: Of the file, as spreadsheets write it; a time without an offset is local.
        name: Input that it feeds (`import`, `export`, `kvarh`, `m3`, ...).
        file: Its name, for messages.
        days: Where local days are cut.
        channel_id: Number of the channel, among all that are given.

    Raises:
        SeriesFileError: The file cannot be read.
        InputFileError: It has one read, a register that falls, a read that is not a whole number
            of hours after the one before, or does not begin and end with local days.
    """
    registers = read_series_file(text, name, file, days[0], _HOUR_S)
    reads = [(hour, value) for hour, value in enumerate(registers.mantissas) if value is not None]
    if len(reads) == 1:
        message = f"{file} has one read; a quantity is what lies between two."
        raise InputFileError(message, value=file)
    hours: list[int] = []
    for (begin, before), (end, after) in pairwise(reads):
        if after < before:
            at = registers.start + timedelta(hours=end)
            message = f"The register in {file} falls at {at.isoformat()}."
            raise InputFileError(message, value=after)
        # Three more digits, so that the shares of a coarse register are nearly even.
        hours += spread((after - before) * 10**_FINER, end - begin)
    steps = replace(registers, mantissas=tuple(hours), exponent=registers.exponent - _FINER)
    return _blocks(steps, file, days, channel_id, IntervalQuality.ESTIMATED_LINEAR)


def _blocks(
    series: PriceSeries, file: str, days: Days, channel_id: int, quality: IntervalQuality
) -> list[DayBlock]:
    zone, at = days
    end = series.start + timedelta(seconds=series.step_s * len(series.mantissas))
    spans = DayRange(_day_at(series.start, file, days), _day_at(end, file, days))
    form = _Form(series.name, series.exponent, zone, quality, channel_id)
    offset, blocks = 0, []
    for day in spans.days():
        interval = local_day(day, zone.key, at)
        count, left = divmod(interval.duration, timedelta(seconds=series.step_s))
        if left:
            message = f"{day} is not a whole number of steps of {series.step_s} s."
            raise InputFileError(message, value=series.step_s)
        blocks.append(form.block(day, interval, series.mantissas[offset : offset + count]))
        offset += count
    return blocks


def _daily(text: str) -> bool:
    """Whether the first row below a heading begins with a date alone."""
    rows = (row for _, row in rows_of(text) if row != _HEADING)
    first = next(rows, [""])
    return _DATE.fullmatch(first[0]) is not None


def _counted_days(text: str, name: str, file: str, days: Days, channel_id: int) -> list[DayBlock]:
    """One interval a local day, whatever hours it has."""
    values: dict[date, Decimal] = {}
    for line, row in rows_of(text):
        if row == _HEADING:
            continue
        try:
            day, value = date.fromisoformat(row[0]), number_of(row[1], decimal_comma=False)
        except (ValueError, IndexError) as error:
            message = f"Line {line} of {file} is not a day and a number: {error}."
            raise InputFileError(message, value=row) from None
        if day in values:
            message = f"{day} is listed twice in {file}."
            raise InputFileError(message, value=day)
        values[day] = value
    exponent = min(0, *(int(value.as_tuple().exponent) for value in values.values()))
    known = {day: int(value.scaleb(-exponent)) for day, value in values.items()}
    spans = DayRange(min(known), max(known) + timedelta(days=1))
    form = _Form(name, exponent, days[0], IntervalQuality.ACTUAL, channel_id)
    return [
        form.block(day, local_day(day, days[0].key, days[1]), [known.get(day)])
        for day in spans.days()
    ]


@dataclass(frozen=True, slots=True)
class _Form:
    """What all blocks of a file share."""

    name: str
    exponent: int
    zone: ZoneInfo
    quality: IntervalQuality
    channel_id: int

    def block(self, day: date, interval: Interval, values: Sequence[int | None]) -> DayBlock:
        unit = _UNITS.get(self.name, Unit.WATT_HOUR)
        missing = IntervalQuality.MISSING
        return DayBlock(
            channel_id=self.channel_id,
            day=day,
            zone=self.zone.key,
            start=interval.start,
            period_s=interval.duration // timedelta(seconds=len(values)),
            exponent=self.exponent + display_unit(unit).places,
            unit=unit,
            values=np.array([NULL if value is None else value for value in values], np.int64),
            quality=np.array(
                [missing if value is None else self.quality for value in values], np.uint8
            ),
        )


def _day_at(instant: datetime, file: str, days: Days) -> date:
    zone, at = days
    local = instant.astimezone(zone)
    if day_start(local.date(), zone.key, at) != instant:
        message = f"{file} begins or ends at {local:%Y-%m-%d %H:%M}, inside a local day."
        raise InputFileError(message, value=instant)
    return local.date()
