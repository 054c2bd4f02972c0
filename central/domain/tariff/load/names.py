"""What a determinant refers to, checked."""

from __future__ import annotations

from central.domain.tariff.calendar_rules import DEFAULT_SCHEDULE, CalendarRules
from central.domain.tariff.load.fields import FieldReader
from central.domain.tariff.load.prices import Scope
from central.domain.tariff.refusal import Code


def series_named(key: str, reader: FieldReader, units: dict[str, str]) -> str:
    """The input or series that a field names."""
    name = reader.name(key)
    if name not in units:
        message = f"{name!r} is no input and no series."
        reader.report.refuse(
            Code.UNKNOWN_SERIES, reader.line, reader.where(key), message, "Define it in `inputs`."
        )
    return name


def schedule_named(reader: FieldReader, calendar: CalendarRules) -> str:
    """The schedule that `by` names, "" for none."""
    name = reader.text("by", "none")
    if name is None or name == "none":
        return ""
    if name not in {schedule.name for schedule in calendar.schedules}:
        message = f"{name!r} is no schedule of the calendar."
        remedy = f"Use none, or define {DEFAULT_SCHEDULE}s in the calendar."
        reader.report.refuse(
            Code.UNKNOWN_SCHEDULE, reader.line, reader.where("by"), message, remedy
        )
    return name


def hours_named(key: str, reader: FieldReader, scope: Scope) -> str | None:
    """The series whose non-zero steps a field names; None where the field is absent."""
    name = reader.text(key)
    if name is not None and name not in scope.prices:
        message = f"{name!r} is no series of named intervals."
        remedy = "Define it in series, as `{price: NAME}`."
        reader.report.refuse(Code.UNKNOWN_SERIES, reader.line, reader.where(key), message, remedy)
    return name
