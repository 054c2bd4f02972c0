"""Names of one part of a document that another part uses."""

from __future__ import annotations

from typing import NoReturn

from central.domain.tariff.calendar_rules import DEFAULT_SCHEDULE
from central.domain.tariff.document import ALL
from central.domain.tariff.grammar.kind import (
    NAME,
    TEXT,
    TEXTS,
    Kind,
    read_name,
    read_text,
    read_texts,
)
from central.domain.tariff.grammar.place import Place
from central.domain.tariff.refusal import Code


def _read_series(place: Place) -> str:
    name = read_name(place)
    if name not in place.scope.series:
        message = f"{name!r} is not an input and not a series."
        remedy = "Define it in `inputs`."
        place.refuse(Code.UNKNOWN_SERIES, message, remedy, line=place.record.line)
    return name


def _read_schedule(place: Place) -> str:
    name = read_text(place)
    if name == "none":
        return ""
    if name not in {schedule.name for schedule in place.scope.calendar.schedules}:
        message = f"{name!r} is not a schedule of the calendar."
        remedy = f"Use none, or define {DEFAULT_SCHEDULE}s in the calendar."
        place.refuse(Code.UNKNOWN_SCHEDULE, message, remedy, line=place.record.line)
    return name


def _read_hours(place: Place) -> str:
    name = read_text(place)
    if name not in place.scope.prices:
        message = f"{name!r} is not a series of named intervals."
        remedy = "Define it in series, as `{price: NAME}`."
        place.refuse(Code.UNKNOWN_SERIES, message, remedy, line=place.record.line)
    return name


def _read_prices(place: Place) -> str:
    name = read_text(place)
    if name not in place.scope.prices:
        message = f"{name!r} is not a price series."
        remedy = "Define it in series."
        place.refuse(Code.UNKNOWN_SERIES, message, remedy, line=place.record.line)
    return name


def _read_flag(place: Place) -> str:
    name = read_text(place)
    if name not in place.scope.needs:
        message = f"{name!r} is not an agreement fact."
        remedy = "Name it in `needs`."
        place.refuse(Code.UNKNOWN_FACT, message, remedy, line=place.record.line)
    if place.scope.needs[name] != "bool":
        message = f"The fact {name!r} is not true or false."
        place.refuse(Code.WRONG_FACT_KIND, message, "Make it `bool`.", line=place.record.line)
    return name


def _read_count(place: Place) -> str:
    name = read_name(place)
    if name not in place.scope.units and name not in place.scope.needs:
        message = f"{name!r} is not a determinant and not a fact."
        place.record.refuse(Code.UNKNOWN_DETERMINANT, message, "Define it first.", line=place.line)
    return name


def _read_new_line(place: Place) -> str:
    name = read_name(place)
    if name in place.scope.lines or name == ALL:
        message = f"{name!r} is already taken."
        remedy = "Choose another id."
        place.refuse(Code.DUPLICATE_NAME, message, remedy, line=place.record.line)
    place.scope.lines.add(name)
    return name


def _read_lines_above(place: Place) -> tuple[str, ...]:
    names, own = read_texts(place), place.record.values["id"]
    if not names:
        no_lines(place.record)
    for name in names:
        if name == own:
            place.refuse(Code.CYCLE, f"{own!r} rests on itself.", "Remove it.")
        if name != ALL and name not in place.scope.lines:
            message = f"{name!r} is not a line that stands before."
            place.refuse(Code.UNKNOWN_CHARGE, message, "Name charges above this one.")
    return names


def no_lines(record: Place) -> NoReturn:
    """Refuse a line that rests on others and names none."""
    message = f"{record.values['id']!r} names no lines that it rests on."
    record.refuse(Code.NO_BASE, message, "Add `of: [charge, ...]`.")


# An input, or a series computed from inputs.
SERIES = Kind(_read_series, str, NAME.shape)
# A schedule of the calendar, "" for `none`.
SCHEDULE = Kind(_read_schedule, str, TEXT.shape)
# A price series whose non-zero steps name intervals.
HOURS = Kind(_read_hours, str, NAME.shape)
# A price series whose steps are prices.
PRICE_SERIES = Kind(_read_prices, str, TEXT.shape)
# A yes-or-no fact of the agreement.
FLAG_FACT = Kind(_read_flag, str, TEXT.shape)
# A bank of energy; what is in the banks is checked once they are read.
BANK = Kind(read_text, str, NAME.shape)
# What an amount is multiplied by: a determinant or a fact.
COUNT = Kind(_read_count, str, TEXT.shape)
# The id of a line, which no other line has.
LINE_ID = Kind(_read_new_line, str, NAME.shape)
# The lines above that an entry rests on.
LINES_ABOVE = Kind(_read_lines_above, list, TEXTS.shape)
