"""Schedules: periods that cover every minute of every kind of day once."""

from __future__ import annotations

import re
from typing import cast

from central.domain.tariff.calendar_rules import REST, Period, PeriodRule, Schedule
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    TEXTS,
    Json,
    Kind,
    list_shape,
    map_shape,
    read_comma_texts,
    read_entries,
    read_texts,
)
from central.domain.tariff.grammar.node import Scalar
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.refusal import Code

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = 1440
Hours = tuple[tuple[int, int], ...]
Periods = tuple[Period, ...]


def one_rest(cursor: Cursor, *, second: bool) -> None:
    """Refuse the second entry that takes what the others leave."""
    if second:
        cursor.refuse(Code.TWO_RESTS, "Two entries take the rest.", "Keep one `rest`.")


def _calendar_of(cursor: Cursor) -> Cursor:
    """The calendar that holds a cursor's node, whose seasons and day types are read."""
    while "seasons" not in cursor.values:
        cursor = cursor.record
    return cursor


def _names_in_calendar(cursor: Cursor, key: str) -> list[str]:
    return [entry.name for entry in _calendar_of(cursor).values[key]]


def _read_seasons(cursor: Cursor) -> tuple[str, ...]:
    texts, seasons = read_texts(cursor), _names_in_calendar(cursor, "seasons")
    for text in texts:
        if text not in seasons:
            message = f"{text!r} is not a season."
            remedy = "Define it in `seasons`."
            cursor.record.refuse(Code.UNKNOWN_SEASON, message, remedy, line=cursor.line)
    return texts


def _read_days(cursor: Cursor) -> tuple[str, ...]:
    texts, days = read_texts(cursor), _names_in_calendar(cursor, "days")
    for text in texts:
        if text not in days:
            message = f"{text!r} is not a day type."
            remedy = "Define it in `days`."
            cursor.record.refuse(Code.UNKNOWN_DAY_TYPE, message, remedy, line=cursor.line)
    return texts


def _read_hours(cursor: Cursor) -> Hours:
    return tuple(span for text in read_comma_texts(cursor) for span in _spans(text, cursor)) or _ALL


def _spans(text: str, cursor: Cursor) -> Hours:
    match = _HOURS.fullmatch(text)
    parts = tuple(map(int, match.groups())) if match else (0, 0, 0, 0)
    start, end = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    minutes_fit = parts[1] < 60 and parts[3] < 60  # noqa: PLR2004 - minutes of an hour
    if match is None or start == end or start >= _DAY or end > _DAY or not minutes_fit:
        message = f"{text!r} is not a range of hours."
        remedy = 'Write it as "10:00-14:00".'
        cursor.record.refuse(Code.BAD_TIME_RANGE, message, remedy, line=cursor.line)
    if start < end:
        return ((start, end),)
    return ((start, _DAY), (0, end)) if end else ((start, _DAY),)


def _write_hours(hours: Hours) -> list[str]:
    return [f"{_clock(start)}-{_clock(end)}" for start, end in hours]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_ALL: Hours = ((0, _DAY),)
_RULE = Record(
    PeriodRule,
    (
        Row("season", Kind(_read_seasons, list, TEXTS.shape), default=(), attribute="seasons"),
        Row("days", Kind(_read_days, list, TEXTS.shape), default=()),
        Row("at", Kind(_read_hours, _write_hours, TEXTS.shape), default=_ALL, attribute="hours"),
    ),
)


def _read_periods(cursor: Cursor) -> Periods:
    periods: list[Period] = []
    for entry in read_entries(cursor):
        if isinstance(entry.node, Scalar) and entry.node.text == REST:
            one_rest(entry, second=any(period.rules is None for period in periods))
            periods.append(Period(entry.key, None))
        else:
            rules = tuple(cast("PeriodRule", _RULE.read(rule)) for rule in entry.items())
            periods.append(Period(entry.key, rules))
    _check_covered_once(tuple(periods), cursor)
    return tuple(periods)


def _check_covered_once(periods: Periods, cursor: Cursor) -> None:
    has_rest = any(period.rules is None for period in periods)
    for season in _names_in_calendar(cursor, "seasons") or [""]:
        for day in _names_in_calendar(cursor, "days") or [""]:
            owner = _owners(periods, season, day, cursor)
            missing = [minute for minute in range(_DAY) if minute not in owner]
            if missing and not has_rest:
                when = ", ".join(part for part in (season, day) if part)
                message = f"{_clock(missing[0])} is in no period{f' ({when})' if when else ''}."
                cursor.refuse(Code.PERIODS_GAP, message, "Add it to an entry, or add `rest`.")


def _owners(periods: Periods, season: str, day: str, cursor: Cursor) -> dict[int, str]:
    """The period of each minute of a kind of day."""
    owner: dict[int, str] = {}
    for period in periods:
        rules = [rule for rule in period.rules or () if _matches(rule, season, day)]
        for minute in [m for rule in rules for span in rule.hours for m in range(*span)]:
            if owner.setdefault(minute, period.name) != period.name:
                message = f"{_clock(minute)} is in {owner[minute]!r} and in {period.name!r}."
                cursor.refuse(Code.PERIODS_OVERLAP, message, "Give each hour one period.")
    return owner


def _matches(rule: PeriodRule, season: str, day: str) -> bool:
    """Whether a rule speaks of a season and day type."""
    return (not rule.seasons or season in rule.seasons) and (not rule.days or day in rule.days)


def _write_periods(periods: Periods) -> Json:
    return {period.name: _write_rules(period) for period in periods}


def _write_rules(period: Period) -> object:
    return REST if period.rules is None else [_RULE.write(rule) for rule in period.rules]


PERIODS = Kind(
    _read_periods,
    _write_periods,
    map_shape({"anyOf": [{"enum": [REST]}, list_shape(_RULE.schema)]}),
)


def borders_of(schedule: Schedule) -> set[int]:
    """The minutes of a day at which a period of a schedule begins or ends."""
    return {
        minute
        for period in schedule.periods
        for rule in period.rules or ()
        for hours in rule.hours
        for minute in hours
    }
