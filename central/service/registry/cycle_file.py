"""Read lists of periods that were written by hand, such as the read dates of routes.

    cycle,first,end,months,bill_day
    route-7,2026-09-29,2026-10-28,1,2026-10-30
    route-7,2026-10-28,2026-11-30,1,2026-12-02

A period has the days from `first` to the day before `end`, and the next one begins on that day.
`months` (1 where it is left out) and `bill_day` (the end where it is left out) may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.segments import DayRange
from central.service.spreadsheet import records_of
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError

_COLUMNS = ("cycle", "first", "end", "months", "bill_day")
_NEEDED = _COLUMNS[:3]


class CycleFileError(ConfigurationError):
    """A file of periods cannot be read; nothing of it was imported."""

    code = "CYCLE_FILE_REFUSED"


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cycle: str
    days: DayRange
    months: int
    bill_day: date


def read_cycle_file(text: str, name: str = "the file") -> tuple[BillingCycle, ...]:
    """The cycles of a file with their lists, by name.

    Args:
        text: CSV with a heading.
        name: What the file is called in errors.

    Raises:
        CycleFileError: It is refused; says every reason with its line.
    """
    rows: list[_Row] = []
    faults: list[str] = []
    try:
        for line, record in records_of(text, _NEEDED, _COLUMNS):
            if isinstance(record, str):
                faults.append(f"line {line}: {record}")
                continue
            try:
                rows.append(_row(line, record))
            except ValueError as error:
                faults.append(f"line {line}: {error}")
    except ValueError as error:
        faults.append(f"{error}; the heading is {','.join(_COLUMNS)}, the last two may be left out")
    faults += _gaps(rows)
    cycles: list[BillingCycle] = []
    for cycle in sorted({row.cycle for row in rows}) if not faults else ():
        try:
            cycles.append(_cycle([row for row in rows if row.cycle == cycle]))
        except InvalidValueError as error:
            faults.append(str(error))
    if faults or not rows:
        reasons = "; ".join(faults) or "it has no period"
        message = f"{name}: {reasons}"
        raise CycleFileError(message.rstrip(".") + ".", value=faults)
    return tuple(cycles)


def _row(line: int, texts: dict[str, str]) -> _Row:
    days = DayRange(_day(texts["first"]), _day(texts["end"]))
    bill_day = _day(texts["bill_day"]) if texts.get("bill_day") else days.end
    if bill_day < days.end:
        message = f"the bill day {bill_day} is before the end {days.end}."
        raise ValueError(message)
    months = texts.get("months") or "1"
    if not (months.isascii() and months.isdigit()):
        message = f"{months!r} is not a number of months."
        raise ValueError(message)
    return _Row(line, texts["cycle"], days, int(months), bill_day)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a date such as 2026-10-28."
        raise ValueError(message) from None


def _gaps(rows: list[_Row]) -> list[str]:
    faults: list[str] = []
    newest: dict[str, _Row] = {}
    for row in rows:
        before = newest.get(row.cycle)
        if before is not None and before.days.end != row.days.first:
            faults.append(
                f"line {row.line}: {row.cycle} begins on {row.days.first}, and the period before"
                f" it ends on {before.days.end}"
            )
        if before is not None and before.months != row.months:
            faults.append(f"line {row.line}: {row.cycle} has periods of {before.months} months")
        newest[row.cycle] = row
    return faults


def _cycle(rows: list[_Row]) -> BillingCycle:
    dates = [*(row.days.first for row in rows), rows[-1].days.end]
    cycle = BillingCycle.by_hand(rows[0].cycle, dates, rows[0].months)
    listed = tuple(
        replace(period, bill_day=row.bill_day)
        for period, row in zip(cycle.listed, rows, strict=True)
    )
    return replace(cycle, listed=listed)
