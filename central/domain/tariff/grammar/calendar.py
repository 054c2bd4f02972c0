"""Seasons, day types, holidays and schedules."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from central.domain.tariff.calendar_rules import (
    DEFAULT_SCHEDULE,
    REST,
    CalendarRules,
    DayType,
    HolidayRule,
    MonthDay,
    Schedule,
    Season,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import (
    FLAG,
    TEXT,
    TEXTS,
    Json,
    Kind,
    map_shape,
    read_comma_texts,
    read_date,
    read_entries,
    read_text,
)
from central.domain.tariff.grammar.node import Scalar
from central.domain.tariff.grammar.record import Record, Row, list_of, pairs
from central.domain.tariff.grammar.schedule import PERIODS, one_rest
from central.domain.tariff.refusal import Code

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_YEARLY = re.compile(r"--(\d\d)-(\d\d)")
_RANGE = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")
_LEAP_YEAR = 2024


def _check_some_holidays(holidays: Cursor) -> None:
    values = holidays.values
    further = values["subdivision"] is not None or values["only"] or not values["dates"]
    if values["country"] is None and further:
        message = "Holidays need a country or dates."
        holidays.refuse(Code.MISSING_KEY, message, "Add `country` or `dates`.")


def _make_holidays(holidays: Cursor) -> HolidayRule:
    values: dict[str, Any] = dict(holidays.values)
    days, observed = values.pop("dates"), values.pop("observed")
    return HolidayRule(
        **values,
        dates=tuple(sorted(day for day in days if isinstance(day, date))),
        yearly=tuple(sorted(day for day in days if not isinstance(day, date))),
        observed=observed is True,
        days_off=observed if isinstance(observed, tuple) else (),
    )


def _read_holiday(cursor: Cursor) -> date | MonthDay:
    text = read_text(cursor)
    if not text.startswith("--"):
        return read_date(cursor)
    match = _YEARLY.fullmatch(text)
    try:
        day = None if match is None else date(_LEAP_YEAR, int(match[1]), int(match[2]))
    except ValueError:
        day = None
    if day is None:
        message = f"{text!r} is not a day of every year."
        cursor.refuse(Code.NOT_A_DATE, message, "Write it as --11-01.")
    return day.month, day.day


def _holiday_text(day: date | MonthDay) -> str:
    return day.isoformat() if isinstance(day, date) else f"--{day[0]:02}-{day[1]:02}"


def _read_observed(cursor: Cursor) -> object:
    if isinstance(cursor.node, Scalar):
        return FLAG.read(cursor)
    return tuple(
        sorted(
            (_weekday(entry.key, entry), _weekday(read_text(entry), entry))
            for entry in read_entries(cursor)
        )
    )


def _weekday(word: str, cursor: Cursor) -> int:
    if word not in _WEEKDAYS:
        message, remedy = (
            f"{word!r} is not a weekday.",
            "Write {sun: mon}, or {sun: mon, sat: fri}.",
        )
        cursor.refuse(Code.NOT_A_CHOICE, message, remedy)
    return _WEEKDAYS.index(word)


def _write_observed(observed: object) -> object:
    if not isinstance(observed, tuple):
        return FLAG.write(observed)
    return {_WEEKDAYS[day]: _WEEKDAYS[off] for day, off in observed}


_OBSERVED = Kind(
    _read_observed,
    _write_observed,
    {"anyOf": [FLAG.shape, map_shape({"enum": [*_WEEKDAYS]})]},
)
_HOLIDAY = Kind(
    _read_holiday,
    _holiday_text,
    {"type": "string", "pattern": r"^(\d{4}|-)-\d{2}-\d{2}$"},
)


def _all_dates(rule: HolidayRule) -> tuple[date | MonthDay, ...]:
    return (*rule.yearly, *rule.dates)


def _days_off(rule: HolidayRule) -> object:
    return rule.days_off or rule.observed


HOLIDAYS = Record(
    HolidayRule,
    (
        Row("country", TEXT),
        Row("subdivision", TEXT),
        Row("observed", _OBSERVED, default=True, always=True, get=_days_off),
        Row("dates", list_of(_HOLIDAY), default=(), get=_all_dates),
        Row("only", TEXTS, default=()),
    ),
    checks=(_check_some_holidays,),
    make=_make_holidays,
)


def _read_seasons(cursor: Cursor) -> tuple[Season, ...]:
    seasons: list[Season] = []
    owner: dict[MonthDay, str] = {}
    for entry in read_entries(cursor):
        texts = read_comma_texts(entry)
        if texts == (REST,):
            one_rest(entry, second=any(season.ranges is None for season in seasons))
            seasons.append(Season(entry.key, None))
            continue
        ranges = tuple(_date_range(text, entry) for text in texts)
        for first, last in ranges:
            _take_days(first, last, owner, entry)
        seasons.append(Season(entry.key, ranges))
    missing = [day for day in _days_of((1, 1), (12, 31)) if day not in owner]
    if missing and all(season.ranges is not None for season in seasons):
        message = f"{missing[0][0]:02}-{missing[0][1]:02} is in no season."
        cursor.refuse(Code.SEASONS_GAP, message, "Add it to an entry, or add `rest`.")
    return tuple(seasons)


def _date_range(text: str, cursor: Cursor) -> tuple[MonthDay, MonthDay]:
    match = _RANGE.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a range of days."
        cursor.refuse(Code.NOT_A_DATE, message, 'Write it as "06-01..09-30".')
    first_month, first_day, last_month, last_day = map(int, match.groups())
    for month, day in ((first_month, first_day), (last_month, last_day)):
        try:
            date(_LEAP_YEAR, month, day)
        except ValueError:
            message = f"{month:02}-{day:02} is not a day of the year."
            cursor.refuse(Code.NOT_A_DATE, message, "Write month-day.")
    return (first_month, first_day), (last_month, last_day)


def _take_days(first: MonthDay, last: MonthDay, owner: dict[MonthDay, str], season: Cursor) -> None:
    for day in _days_of(first, last):
        if day in owner:
            message = f"{day[0]:02}-{day[1]:02} is in {owner[day]!r} and in {season.key!r}."
            season.refuse(Code.SEASONS_OVERLAP, message, "Give each day one season.")
        owner[day] = season.key


def _days_of(first: MonthDay, last: MonthDay) -> list[MonthDay]:
    """The days from first to last of a leap year, round its end where last comes before first."""
    start, end = date(_LEAP_YEAR, *first), date(_LEAP_YEAR, *last)
    if end < start:
        end = date(_LEAP_YEAR + 1, *last) if last != (2, 29) else date(_LEAP_YEAR + 1, 2, 28)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    month_days = [(day.month, day.day) for day in days]
    crosses = end.year > _LEAP_YEAR and last >= (2, 29)
    return [*month_days, (2, 29)] if crosses and (2, 29) not in month_days else month_days


def _write_seasons(seasons: tuple[Season, ...]) -> Json:
    return {season.name: _season_text(season) for season in seasons}


def _season_text(season: Season) -> object:
    if season.ranges is None:
        return REST
    return [
        f"{first[0]:02}-{first[1]:02}..{last[0]:02}-{last[1]:02}" for first, last in season.ranges
    ]


SEASONS = Kind(_read_seasons, _write_seasons, map_shape(TEXTS.shape))


def _read_days(cursor: Cursor) -> tuple[DayType, ...]:
    types: list[DayType] = []
    covered: set[int] = set()
    for entry in read_entries(cursor):
        if any(kind.rest for kind in types) or len(covered) == len(_WEEKDAYS):
            message = f"No day is left for {entry.key!r}: earlier entries match them all."
            entry.refuse(Code.UNREACHABLE_DAYS, message, "Move it up.")
        types.append(_day_type(entry, has_holidays=cursor.record.values["holidays"] is not None))
        covered |= types[-1].weekdays
    if len(covered) < len(_WEEKDAYS) and not any(kind.rest for kind in types):
        message = f"{_WEEKDAYS[min(set(range(7)) - covered)]} is in no day type."
        cursor.refuse(Code.DAYS_GAP, message, "Add it to an entry, or add `rest`.")
    return tuple(types)


def _day_type(cursor: Cursor, *, has_holidays: bool) -> DayType:
    words = read_comma_texts(cursor)
    weekdays = {
        day for word in words if word not in {"holidays", REST} for day in _weekdays(word, cursor)
    }
    if "holidays" in words and not has_holidays:
        message = "Day types name holidays, but the calendar has none."
        cursor.refuse(Code.MISSING_KEY, message, "Add `calendar.holidays`.")
    return DayType(
        cursor.key, frozenset(weekdays), holidays="holidays" in words, rest=REST in words
    )


def _weekdays(text: str, cursor: Cursor) -> set[int]:
    first, _, last = text.partition("-")
    if first not in _WEEKDAYS or (last or first) not in _WEEKDAYS:
        remedy = "Write weekdays as mon-fri or sat,sun, or holidays, or rest."
        cursor.refuse(Code.UNKNOWN_DAY_TYPE, f"{text!r} names no days.", remedy)
    start = _WEEKDAYS.index(first)
    length = (_WEEKDAYS.index(last or first) - start) % 7 + 1
    return {(start + number) % 7 for number in range(length)}


def _write_days(types: tuple[DayType, ...]) -> Json:
    return {kind.name: _day_words(kind) for kind in types}


def _day_words(kind: DayType) -> list[str]:
    words = [_WEEKDAYS[number] for number in sorted(kind.weekdays)]
    words += ["holidays"] if kind.holidays else []
    return [*words, REST] if kind.rest else words


DAYS = Kind(_read_days, _write_days, map_shape(TEXTS.shape))


def _default_periods(rules: CalendarRules) -> object:
    schedules = (entry for entry in rules.schedules if entry.name == DEFAULT_SCHEDULE)
    return next((schedule.periods for schedule in schedules), None)


def _other_schedules(rules: CalendarRules) -> object:
    others = [entry for entry in rules.schedules if entry.name != DEFAULT_SCHEDULE]
    return tuple((schedule.name, schedule.periods) for schedule in others)


def _check_schedule_names(calendar: Cursor) -> None:
    for name, _ in calendar.values["schedules"]:
        if name in {DEFAULT_SCHEDULE, "none"}:
            cursor = calendar.field("schedules").field(name)
            cursor.refuse(Code.DUPLICATE_NAME, f"{name!r} is a reserved name.", "Use another.")


def _check_distinct_names(calendar: Cursor) -> None:
    """A price may name a season or a period, so that no name is both."""
    schedules = [calendar.values["periods"] or (), *dict(calendar.values["schedules"]).values()]
    periods = {period.name for schedule in schedules for period in schedule}
    for season in calendar.values["seasons"]:
        if season.name in periods:
            message = f"{season.name!r} names a season and a period."
            calendar.refuse(Code.DUPLICATE_NAME, message, "Rename one, so prices are clear.")


def _make_calendar(calendar: Cursor) -> CalendarRules:
    values = calendar.values
    default, others = values["periods"], values["schedules"]
    named = [*([] if default is None else [(DEFAULT_SCHEDULE, default)]), *others]
    schedules = tuple(Schedule(name, periods) for name, periods in named)
    rules = CalendarRules(values["holidays"], values["seasons"], values["days"], schedules)
    calendar.scope.calendar = rules
    return rules


CALENDAR = Record(
    CalendarRules,
    (
        Row("holidays", HOLIDAYS),
        Row("seasons", SEASONS, default=(), ends=True),
        Row("days", DAYS, default=(), ends=True),
        Row("periods", PERIODS, get=_default_periods),
        Row("schedules", pairs(PERIODS), default=(), get=_other_schedules),
    ),
    checks=(_check_schedule_names, _check_distinct_names),
    make=_make_calendar,
)
