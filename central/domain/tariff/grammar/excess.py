"""Excess of power over what is contracted."""

from __future__ import annotations

from central.domain.tariff.determinant_rules import ExcessDeterminant
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    TEXT,
    Kind,
    map_shape,
    minutes,
    one_of,
    read_entries,
    read_text,
)
from central.domain.tariff.grammar.names import SCHEDULE, SERIES
from central.domain.tariff.grammar.node import Fields
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.grammar.schedule import borders_of
from central.domain.tariff.refusal import Code

_TEXT_FACTS = frozenset({"bool", "text"})
Over = tuple[tuple[str, str], ...]


def _read_over(cursor: Cursor) -> Over:
    """A fact, or one of every period."""
    if not isinstance(cursor.node, Fields):
        return (("", _read_fact(cursor)),)
    labels = cursor.scope.labels(cursor.record.values["by"])
    entries = read_entries(cursor)
    names = {entry.key for entry in entries}
    if names != labels:
        wrong = min(names ^ labels)
        message = f"{wrong!r} is not a period, or one without contracted power."
        cursor.refuse(Code.UNKNOWN_PERIOD, message, "Name a fact for every period of `by`.")
    return tuple((entry.key, _read_fact(entry)) for entry in entries)


def _read_fact(cursor: Cursor) -> str:
    name, needs = read_text(cursor), cursor.scope.needs
    if name not in needs:
        message = f"{name!r} is not an agreement fact."
        cursor.refuse(Code.UNKNOWN_FACT, message, "Name it in `needs`.")
    if needs[name] in _TEXT_FACTS:
        message = f"The fact {name!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.")
    return name


def _write_over(over: Over) -> object:
    facts = dict(over)
    return facts.get("", facts)


def _check_windows_fit(excess: Cursor) -> None:
    """Every window lies inside one period, whose contracted power it is compared with."""
    by, window_s = excess.values["by"], excess.values["window"]
    if not by:
        return
    borders = borders_of(excess.scope.calendar.schedule(by))
    if any(minute * 60 % window_s for minute in borders):
        message = f"A window of {excess.key!r} lies in two periods of {by!r}."
        field = excess.field("window") if excess.has("window") else excess
        field.refuse(Code.WINDOW_ASTRIDE, message, "Write a window that every border divides.")


OVER = Kind(_read_over, _write_over, {"anyOf": [TEXT.shape, map_shape(TEXT.shape)]})

EXCESS = Record(
    ExcessDeterminant,
    (
        Row("excess", SERIES, required=True, attribute="series"),
        Row("by", SCHEDULE, default=""),
        Row("over", OVER, required=True),
        Row("window", minutes("window"), default=900, always=True, attribute="window_s"),
        Row("take", one_of("root", "highest"), required=True),
        Row("estimated", one_of("exclude", "include"), default="exclude"),
    ),
    checks=(_check_windows_fit,),
    named=True,
)
