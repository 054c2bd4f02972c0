"""Names of one part of a document that another part uses."""

from __future__ import annotations

from typing import NoReturn

from central.domain.tariff.calendar_rules import DEFAULT_SCHEDULE
from central.domain.tariff.document import ALL
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    NAME,
    TEXT,
    TEXTS,
    Kind,
    read_name,
    read_text,
    read_texts,
)
from central.domain.tariff.grammar.record import Row
from central.domain.tariff.refusal import Code


def _read_series(cursor: Cursor) -> str:
    name = read_name(cursor)
    if name not in cursor.scope.series:
        message = f"{name!r} is not an input and not a series."
        remedy = "Define it in `inputs`."
        cursor.refuse(Code.UNKNOWN_SERIES, message, remedy, line=cursor.record.line)
    return name


def _read_schedule(cursor: Cursor) -> str:
    name = read_text(cursor)
    if name == "none":
        return ""
    if name not in {schedule.name for schedule in cursor.scope.calendar.schedules}:
        message = f"{name!r} is not a schedule of the calendar."
        remedy = f"Use none, or define {DEFAULT_SCHEDULE}s in the calendar."
        cursor.refuse(Code.UNKNOWN_SCHEDULE, message, remedy, line=cursor.record.line)
    return name


def _read_hours(cursor: Cursor) -> str:
    name = read_text(cursor)
    if name not in cursor.scope.prices:
        message = f"{name!r} is not a series of named intervals."
        remedy = "Define it in series, as `{price: NAME}`."
        cursor.refuse(Code.UNKNOWN_SERIES, message, remedy, line=cursor.record.line)
    return name


def _read_prices(cursor: Cursor) -> str:
    name = read_text(cursor)
    if name not in cursor.scope.prices:
        message = f"{name!r} is not a price series."
        remedy = "Define it in series."
        cursor.refuse(Code.UNKNOWN_SERIES, message, remedy, line=cursor.record.line)
    return name


def _read_given_prices(cursor: Cursor) -> str:
    name = _read_prices(cursor)
    if name not in cursor.scope.given_prices:
        message = f"{name!r} is computed from other prices."
        cursor.refuse(Code.UNKNOWN_SERIES, message, "Name one that is given, as `{price: NAME}`.")
    return name


def _read_flag(cursor: Cursor) -> str:
    name = read_text(cursor)
    if name not in cursor.scope.needs:
        message = f"{name!r} is not an agreement fact."
        remedy = "Name it in `needs`."
        cursor.refuse(Code.UNKNOWN_FACT, message, remedy, line=cursor.record.line)
    if cursor.scope.needs[name] != "bool":
        message = f"The fact {name!r} is not true or false."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Make it `bool`.", line=cursor.record.line)
    return name


def _read_numeric_fact(cursor: Cursor) -> str:
    name, needs = read_text(cursor), cursor.scope.needs
    if name not in needs:
        message = f"{name!r} is not an agreement fact and not a table."
        cursor.refuse(Code.UNKNOWN_FACT, message, "Name it in `needs`, or define it in `tables`.")
    if needs[name] in {"bool", "text"}:
        message = f"The fact {name!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.")
    return name


def _read_count(cursor: Cursor) -> str:
    name = read_name(cursor)
    if name not in cursor.scope.units and name not in cursor.scope.needs:
        message = f"{name!r} is not a determinant and not a fact."
        cursor.record.refuse(
            Code.UNKNOWN_DETERMINANT, message, "Define it first.", line=cursor.line
        )
    return name


def _read_new_line(cursor: Cursor) -> str:
    name = read_name(cursor)
    if name in cursor.scope.lines or name == ALL:
        message = f"{name!r} is already taken."
        remedy = "Choose another id."
        cursor.refuse(Code.DUPLICATE_NAME, message, remedy, line=cursor.record.line)
    cursor.scope.lines.add(name)
    return name


def _read_lines_above(cursor: Cursor) -> tuple[str, ...]:
    names, line_id = read_texts(cursor), cursor.record.values["id"]
    if not names:
        no_lines(cursor.record)
    for name in names:
        if name == line_id:
            cursor.refuse(Code.CYCLE, f"{line_id!r} depends on itself.", "Remove it.")
        if name != ALL and name not in cursor.scope.lines:
            message = f"{name!r} is not an earlier line."
            cursor.refuse(Code.UNKNOWN_CHARGE, message, "Name charges above this one.")
    return names


def no_lines(record: Cursor) -> NoReturn:
    """Refuse a line that rests on others and names none."""
    message = f"{record.values['id']!r} does not name the lines that it applies to."
    record.refuse(Code.NO_BASE, message, "Add `of: [charge, ...]`.")


# An input, or a series computed from inputs.
SERIES = Kind(_read_series, str, NAME.shape)
# A schedule of the calendar, "" for `none`.
SCHEDULE = Kind(_read_schedule, str, TEXT.shape)
# A price series whose non-zero steps name intervals.
HOURS = Kind(_read_hours, str, NAME.shape)
# A price series that is given, and not computed.
GIVEN_PRICES = Kind(_read_given_prices, str, TEXT.shape)
# A price series whose steps are prices.
PRICE_SERIES = Kind(_read_prices, str, TEXT.shape)
# A yes-or-no fact of the agreement.
FLAG_FACT = Kind(_read_flag, str, TEXT.shape)
# On which days a line applies, by facts of the agreement.
CONDITIONS = (Row("unless", FLAG_FACT), Row("only", FLAG_FACT))
# A bank of energy; what is in the banks is checked once they are read.
BANK = Kind(read_text, str, NAME.shape)
# A fact that is a number, or a table.
NUMERIC_FACT = Kind(_read_numeric_fact, str, TEXT.shape)
# What an amount is multiplied by: a determinant or a fact.
COUNT = Kind(_read_count, str, TEXT.shape)
# The id of a line, which no other line has.
LINE_ID = Kind(_read_new_line, str, NAME.shape)
# The lines above that an entry rests on.
LINES_ABOVE = Kind(_read_lines_above, list, TEXTS.shape)
