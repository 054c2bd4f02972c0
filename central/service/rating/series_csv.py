"""A price or factor series from a CSV file: `start,value` a line, under that header or none."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from zoneinfo import ZoneInfo

from central.domain.rating.inputs.price_series import PriceSeries
from firmware_bridge.contract.errors import ConfigurationError

_DAY_S = 86_400
_LONGEST = 20_000 * 96
_DIGITS = 18
"""What every 64-bit integer holds."""


class SeriesFileError(ConfigurationError):
    """A file of prices or factors cannot be read; nothing of it is kept."""

    code = "SERIES_FILE"


def read_series_file(
    text: str, name: str, file: str, zone: ZoneInfo | None = None, step_s: int | None = None
) -> PriceSeries:
    """The series of a file.

    A local time that comes twice in autumn is the earlier instant the first time and the later one
    the second.

    Args:
        text: The lines; each instant once, in any order.
        name: As tariffs name the series (`ES.DA`).
        file: Where it comes from, for messages.
        zone: Of instants without an offset; None refuses them.
        step_s: Length of a step; None takes the smallest distance. [s]

    Raises:
        SeriesFileError: A line cannot be read, instants do not fall into steps, or it is empty.
    """
    numbers: dict[datetime, Decimal] = {}
    for line, start, number in _rows(text, file, zone):
        at = start
        if at in numbers and zone is not None:
            # The second time that a clock shows the hour which autumn repeats.
            at = start.astimezone(zone).replace(fold=1).astimezone(UTC)
        if at in numbers:
            raise _refused(file, line, f"{start.isoformat()} is listed twice")
        numbers[at] = number
    if not numbers:
        message = f"{file} is empty."
        raise SeriesFileError(message, value=file)
    starts = sorted(numbers)
    step = step_s or _smallest(starts, file)
    return _series(name, file, numbers, starts, step)


def _series(
    name: str, file: str, numbers: dict[datetime, Decimal], starts: list[datetime], step_s: int
) -> PriceSeries:
    step = timedelta(seconds=step_s)
    count = (starts[-1] - starts[0]) // step + 1
    if _DAY_S % step_s or count > _LONGEST:
        message = (
            f"{file}: a day is not a whole number of steps of {step_s} s, or they are too many."
        )
        raise SeriesFileError(message, value=step_s, remedy="Give the length of a step in minutes.")
    exponent = min(0, *(int(number.as_tuple().exponent) for number in numbers.values()))
    found: list[int | None] = [None] * count
    for start in starts:
        place, left = divmod(start - starts[0], step)
        if left:
            message = f"{file}: {start.isoformat()} is not the start of a step of {step_s} s."
            raise SeriesFileError(message, value=start)
        found[place] = int(numbers[start].scaleb(-exponent))
    return PriceSeries(name, starts[0], step_s, tuple(found), exponent)


def _rows(text: str, file: str, zone: ZoneInfo | None) -> Iterator[tuple[int, datetime, Decimal]]:
    reader = csv.reader(text.lstrip("\ufeff").splitlines())
    for row in reader:
        line = reader.line_num
        if not row or (line == 1 and [cell.strip() for cell in row] == ["start", "value"]):
            continue
        if len(row) != len(("start", "value")):
            raise _refused(file, line, f"it has {len(row)} columns instead of start,value")
        yield line, _start(row[0].strip(), file, line, zone), _number(row[1].strip(), file, line)


def _start(text: str, file: str, line: int, zone: ZoneInfo | None) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused(file, line, f"{text!r} is not a time") from error
    if start.tzinfo is not None:
        return start.astimezone(UTC)
    if zone is None:
        raise _refused(file, line, f"{text!r} has no UTC offset, and no time zone is given")
    local = start.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != start:
        raise _refused(file, line, f"{text!r} does not exist in {zone.key}")
    return local.astimezone(UTC)


def _number(text: str, file: str, line: int) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _refused(file, line, f"{text!r} is not a number")
    places = -int(number.as_tuple().exponent)
    if max(number.adjusted() + 1, 0) + max(places, 0) > _DIGITS:
        raise _refused(file, line, f"{text!r} has more than {_DIGITS} digits")
    return number


def _smallest(starts: list[datetime], file: str) -> int:
    if len(starts) == 1:
        message = f"{file} has one line, so the length of a step is unknown."
        raise SeriesFileError(message, remedy="Give the length of a step in minutes.")
    gap = min(after - before for before, after in pairwise(starts))
    return int(gap.total_seconds()) or 1


def _refused(file: str, line: int, what: str) -> SeriesFileError:
    message = f"Line {line} of {file} cannot be read: {what}."
    return SeriesFileError(message, value=line)
