"""A load as energy per step, in integers.

Two file formats: one number per line, the mean kW of a step; and `start,kWh` rows with ISO 8601
times that carry a zone. Digits are kept exactly as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.plain_number import plain_decimal
from firmware_bridge.contract.reading import to_ms

HOUR_S = 3600
_DAY_S = 86_400
_YEAR_HOURS = 8760
_DIGITS_MAX = 30
_COLUMNS = 2


class VirtualLoadError(ConfigurationError):
    """A load file cannot be read as a series; names the line."""

    code = "LOAD_FILE"


@dataclass(frozen=True, slots=True)
class LoadSeries:
    """Energy per step of equal length.

    Args:
        step_s: Length of a step. [s]
        energy: Signed energy of each step. [kWs x 10 ** -digits]
        digits: Decimal places of the energies.
        start_ms: The first step's start where the file names one; None where step 0 is
            1 January 00:00 of any year. [ms since the Unix epoch]
    """

    step_s: int
    energy: tuple[int, ...]
    digits: int
    start_ms: int | None = None

    def imported(self) -> LoadSeries:
        """What flows in: positive energies, zero elsewhere."""
        positive = tuple(max(value, 0) for value in self.energy)
        return LoadSeries(self.step_s, positive, self.digits, self.start_ms)

    def exported(self) -> LoadSeries:
        """What flows out, as positive energies."""
        negative = tuple(max(-value, 0) for value in self.energy)
        return LoadSeries(self.step_s, negative, self.digits, self.start_ms)


def from_kw(values: Sequence[Decimal], step_s: int) -> LoadSeries:
    """A series of mean power per step.

    Args:
        values: [kW]
        step_s: Must divide a day. [s]

    Raises:
        LoadFileError: There is no value, the step does not divide a day, or a value has more than
            30 decimal places.
    """
    if not values or step_s <= 0 or _DAY_S % step_s:
        message = f"A load needs values and a step that divides a day; {step_s} s does not."
        raise VirtualLoadError(message, value=step_s)
    digits = _places(values)
    energy = tuple(int(value.scaleb(digits)) * step_s for value in values)
    return LoadSeries(step_s, energy, digits)


def from_kwh(rows: Sequence[tuple[datetime, Decimal]]) -> LoadSeries:
    """A series of energy per step with the steps' starts.

    Args:
        rows: Aware starts, evenly spaced and ascending, at least two; energies. [kWh]

    Raises:
        LoadFileError: A start is naive or off the grid, or a value has too many decimal places.
    """
    if len(rows) < 2:  # noqa: PLR2004 - a step is the distance of two starts
        message = "A load with times needs at least two rows."
        raise VirtualLoadError(message, remedy="The distance of the first two rows is the step.")
    naive = next((start for start, _ in rows if start.tzinfo is None), None)
    if naive is not None:
        message = f"The start {naive.isoformat()} has no time zone."
        raise VirtualLoadError(message, value=naive, remedy="Write 2026-01-01T00:00:00Z or +01:00.")
    starts = [to_ms(start) for start, _ in rows]
    step_ms = starts[1] - starts[0]
    for row, (before, after) in enumerate(pairwise(starts), start=2):
        if after - before != step_ms or step_ms <= 0 or step_ms % 1000:
            message = f"Row {row} starts {after - before} ms after the row before, not {step_ms}."
            raise VirtualLoadError(message, value=rows[row - 1][0])
    digits = _places([value for _, value in rows])
    energy = tuple(int(value.scaleb(digits)) * HOUR_S for _, value in rows)
    return LoadSeries(step_ms // 1000, energy, digits, starts[0])


def _places(values: Iterable[Decimal]) -> int:
    places = 0
    for value in values:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):
            message = f"{value} is not a finite number."
            raise VirtualLoadError(message, value=value)
        places = max(places, -exponent)
    if places > _DIGITS_MAX:
        message = f"A value has {places} decimal places; the limit is {_DIGITS_MAX}."
        raise VirtualLoadError(message, value=places)
    return places


def read_load(path: Path, step_s: int | None = None) -> LoadSeries:
    """The load in a file.

    Args:
        path: One kW number per line, or `start,kWh` with a header line or without.
        step_s: Length of a step of the first format; where None, a count of 8,760 or 35,040 says
            it. [s]

    Raises:
        LoadFileError: The file cannot be read as either; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The load file {path.name} cannot be read: {error}."
        raise VirtualLoadError(message, value=str(path)) from error
    rows = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if any("," in line for _, line in rows[:2]):
        return from_kwh(_timed_rows(path.name, rows))
    values = [_number(path.name, number, line) for number, line in rows]
    return from_kw(values, step_s or _step_of_year(path.name, len(values)))


def _step_of_year(name: str, count: int) -> int:
    if count in (_YEAR_HOURS, _YEAR_HOURS * 4):
        return _YEAR_HOURS * HOUR_S // count
    message = f"{name} has {count} values, so the length of a step is unknown."
    raise VirtualLoadError(
        message, value=count, remedy="Set the length of a step in seconds with --step-s."
    )


def _timed_rows(name: str, rows: Sequence[tuple[int, str]]) -> list[tuple[datetime, Decimal]]:
    parsed: list[tuple[datetime, Decimal]] = []
    for number, line in rows:
        cells = [cell.strip() for cell in line.split(",")]
        if number == rows[0][0] and cells[0].lower() == "start":
            continue
        if len(cells) != _COLUMNS:
            message = f"{name}, line {number}: {len(cells)} columns instead of start,kWh."
            raise VirtualLoadError(message, value=line)
        try:
            start = datetime.fromisoformat(cells[0])
        except ValueError:
            message = f"{name}, line {number}: {cells[0]!r} is not an ISO 8601 time."
            raise VirtualLoadError(message, value=line) from None
        parsed.append((start, _number(name, number, cells[1])))
    return parsed


def _number(name: str, line: int, text: str) -> Decimal:
    number = plain_decimal(text)
    if number is None:
        message = f"{name}, line {line}: {text!r} is not a number."
        raise VirtualLoadError(message, value=text)
    return number
