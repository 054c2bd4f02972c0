"""A price or factor series from a CSV file: `start,value` a line, under that header or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from central.domain.rating.inputs.price_series import PriceSeries
from central.service.spreadsheet import columns_differ, listed_faults, number_of, rows_of
from firmware_bridge.contract.errors import ConfigurationError

_DAY_S = 86_400
_LONGEST = 20_000 * 96
_HEADING = ["start", "value"]
_DIGITS = 18
"""What every 64-bit integer holds."""


class SeriesFileError(ConfigurationError):
    """A file of prices or factors cannot be read; nothing of it is kept."""

    code = "SERIES_FILE"


def read_series_file(  # noqa: PLR0913 - how its times and numbers are written
    text: str,
    name: str,
    file: str,
    zone: ZoneInfo | None = None,
    step_s: int | None = None,
    *,
    decimal_comma: bool = False,
) -> PriceSeries:
    """The series of a file.

    A local time that comes twice in autumn is the earlier instant the first time and the later one
    the second.

    Args:
        text: The lines, as spreadsheets write them; each instant once, in any order.
        name: As tariffs name the series (`ES.DA`).
        file: Where it comes from, for messages.
        zone: Of instants without an offset; None refuses them.
        step_s: Length of a step; None takes the smallest distance. [s]
        decimal_comma: Whether a comma in a number is the decimal one.

    Raises:
        SeriesFileError: Lines cannot be read; says why of each. Or instants do not fall into steps,
            or it is empty.
    """
    numbers: dict[datetime, Decimal] = {}
    faults: list[str] = []
    try:
        for line, row in rows_of(text):
            if row == _HEADING and not numbers and not faults:
                continue
            try:
                start, number = _row(row, zone, decimal_comma=decimal_comma)
                _put(numbers, start, number, zone)
            except ValueError as error:
                faults.append(f"line {line}: {error}")
    except ValueError as error:
        faults.append(str(error))
    if faults:
        message = f"{file} cannot be read: {listed_faults(faults)}."
        raise SeriesFileError(message, value=faults)
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


def _put(
    numbers: dict[datetime, Decimal], start: datetime, number: Decimal, zone: ZoneInfo | None
) -> None:
    at = start
    if at in numbers and zone is not None:
        # The second time that a clock shows the hour which autumn repeats.
        at = start.astimezone(zone).replace(fold=1).astimezone(UTC)
    if at in numbers:
        message = f"{start.isoformat()} is listed twice"
        raise ValueError(message)
    numbers[at] = number


def _row(row: list[str], zone: ZoneInfo | None, *, decimal_comma: bool) -> tuple[datetime, Decimal]:
    if len(row) != len(_HEADING):
        raise ValueError(columns_differ(len(row), len(_HEADING)))
    start, number = _start(row[0], zone), number_of(row[1], decimal_comma=decimal_comma)
    places = -int(number.as_tuple().exponent)
    if max(number.adjusted() + 1, 0) + max(places, 0) > _DIGITS:
        message = f"{row[1]!r} has more than {_DIGITS} digits"
        raise ValueError(message)
    return start, number


def _start(text: str, zone: ZoneInfo | None) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a time"
        raise ValueError(message) from None
    if start.tzinfo is not None:
        return start.astimezone(UTC)
    if zone is None:
        message = f"{text!r} has no UTC offset, and no time zone is given"
        raise ValueError(message)
    local = start.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != start:
        message = f"{text!r} does not exist in {zone.key}"
        raise ValueError(message)
    return local.astimezone(UTC)


def _smallest(starts: list[datetime], file: str) -> int:
    if len(starts) == 1:
        message = f"{file} has one line, so the length of a step is unknown."
        raise SeriesFileError(message, remedy="Give the length of a step in minutes.")
    gap = min(after - before for before, after in pairwise(starts))
    return int(gap.total_seconds()) or 1
