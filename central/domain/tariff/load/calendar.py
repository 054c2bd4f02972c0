"""Seasons, day types and schedules from text; what overlaps or is missing is refused."""

from __future__ import annotations

import re
from datetime import date, timedelta

from central.domain.tariff.calendar_rules import (
    DEFAULT_SCHEDULE,
    REST,
    CalendarRules,
    DayType,
    HolidayRule,
    MonthDay,
    Period,
    PeriodRule,
    Schedule,
    Season,
)
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    date_of,
    fields_of,
    items_of,
    texts_of,
)
from central.domain.tariff.load.yaml_source import Node, Scalar
from central.domain.tariff.refusal import Code

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = 1440
_LEAP_YEAR = 2024


def load_calendar(node: Node | None, report: Report) -> CalendarRules:
    """The calendar of a tariff; without one there are no seasons, day types or periods."""
    if node is None:
        return CalendarRules()
    reader = FieldReader(node, "calendar", report)
    holidays = None
    if (found := reader.take("holidays")) is not None:
        holidays = _holidays(found, report)
    seasons: tuple[Season, ...] = ()
    if (found := reader.take("seasons")) is not None:
        seasons = _seasons(found, report)
    days: tuple[DayType, ...] = ()
    if (found := reader.take("days")) is not None:
        days = _day_types(found, report, has_holidays=holidays is not None)
    schedules = []
    if (found := reader.take("periods")) is not None:
        schedules.append(
            _schedule(DEFAULT_SCHEDULE, found, "calendar.periods", seasons, days, report)
        )
    if (found := reader.take("schedules")) is not None:
        for name, child in fields_of(found, "calendar.schedules", report):
            path = f"calendar.schedules.{name}"
            if name in {DEFAULT_SCHEDULE, "none"}:
                message = f"{name!r} is a reserved name."
                report.refuse(Code.DUPLICATE_NAME, child.line, path, message, "Use another.")
            schedules.append(_schedule(name, child, path, seasons, days, report))
    reader.done()
    _names_are_distinct(seasons, schedules, node.line, report)
    return CalendarRules(holidays, seasons, days, tuple(schedules))


def _names_are_distinct(
    seasons: tuple[Season, ...], schedules: list[Schedule], line: int, report: Report
) -> None:
    periods = {period.name for schedule in schedules for period in schedule.periods}
    for season in seasons:
        if season.name in periods:
            message = f"{season.name!r} names a season and a period."
            report.refuse(
                Code.DUPLICATE_NAME, line, "calendar", message, "Rename one, so prices are clear."
            )


def _holidays(node: Node, report: Report) -> HolidayRule:
    reader = FieldReader(node, "calendar.holidays", report)
    country = reader.text("country")
    subdivision = reader.text("subdivision")
    observed = reader.flag("observed", default=True)
    dates: list[date] = []
    if (found := reader.take("dates")) is not None:
        path = "calendar.holidays.dates"
        dates = [date_of(child, path, report) for child in items_of(found, path, report)]
    only: tuple[str, ...] = ()
    if (found := reader.take("only")) is not None:
        only = texts_of(found, "calendar.holidays.only", report)
    reader.done()
    if country is None and (subdivision is not None or only or not dates):
        message = "Holidays need a country or dates."
        report.refuse(
            Code.MISSING_KEY, node.line, "calendar.holidays", message, "Add `country` or `dates`."
        )
    return HolidayRule(country, subdivision, observed, tuple(sorted(dates)), only)


def _seasons(node: Node, report: Report) -> tuple[Season, ...]:
    seasons: list[Season] = []
    owner: dict[MonthDay, str] = {}
    for name, child in fields_of(node, "calendar.seasons", report):
        path = f"calendar.seasons.{name}"
        texts = _comma_texts(child, path, report)
        if texts == (REST,):
            _one_rest(any(season.ranges is None for season in seasons), child, path, report)
            seasons.append(Season(name, None))
            continue
        ranges = tuple(_date_range(text, child, path, report) for text in texts)
        for first, last in ranges:
            for day in _days_of(first, last):
                if day in owner:
                    message = f"{day[0]:02}-{day[1]:02} is in {owner[day]!r} and in {name!r}."
                    report.refuse(
                        Code.SEASONS_OVERLAP, child.line, path, message, "Let each day be in one."
                    )
                owner[day] = name
        seasons.append(Season(name, ranges))
    missing = [day for day in _days_of((1, 1), (12, 31)) if day not in owner]
    has_rest = any(season.ranges is None for season in seasons)
    if missing and not has_rest:
        message = f"{missing[0][0]:02}-{missing[0][1]:02} is in no season."
        report.refuse(
            Code.SEASONS_GAP, node.line, "calendar.seasons", message, "Cover it, or add `rest`."
        )
    return tuple(seasons)


def _one_rest(second: bool, node: Node, path: str, report: Report) -> None:  # noqa: FBT001 - a guard
    if second:
        message = "Two entries take the rest."
        report.refuse(Code.TWO_RESTS, node.line, path, message, "Keep one `rest`.")


def _comma_texts(node: Node, path: str, report: Report) -> tuple[str, ...]:
    texts = texts_of(node, path, report)
    return tuple(part.strip() for text in texts for part in text.split(","))


def _date_range(text: str, node: Node, path: str, report: Report) -> tuple[MonthDay, MonthDay]:
    match = _RANGE.fullmatch(text)
    if match is None:
        message = f"{text!r} is no range of days."
        report.refuse(Code.NOT_A_DATE, node.line, path, message, 'Write it as "06-01..09-30".')
    first_month, first_day, last_month, last_day = map(int, match.groups())
    for month, day in ((first_month, first_day), (last_month, last_day)):
        try:
            date(_LEAP_YEAR, month, day)
        except ValueError:
            message = f"{month:02}-{day:02} is no day of the year."
            report.refuse(Code.NOT_A_DATE, node.line, path, message, "Write month-day.")
    return (first_month, first_day), (last_month, last_day)


def _days_of(first: MonthDay, last: MonthDay) -> list[MonthDay]:
    """The days from first to last of a leap year, round its end where last comes before first."""
    start, end = date(_LEAP_YEAR, *first), date(_LEAP_YEAR, *last)
    if end < start:
        end = date(_LEAP_YEAR + 1, *last) if last != (2, 29) else date(_LEAP_YEAR + 1, 2, 28)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    found = [(day.month, day.day) for day in days]
    crosses = end.year > _LEAP_YEAR and last >= (2, 29)
    return [*found, (2, 29)] if crosses and (2, 29) not in found else found


def _day_types(node: Node, report: Report, *, has_holidays: bool) -> tuple[DayType, ...]:
    types: list[DayType] = []
    covered: set[int] = set()
    for name, child in fields_of(node, "calendar.days", report):
        path = f"calendar.days.{name}"
        if any(found.rest for found in types) or len(covered) == len(_WEEKDAYS):
            message = f"No day is left for {name!r}; the first match wins."
            report.refuse(Code.UNREACHABLE_DAYS, child.line, path, message, "Move it up.")
        weekdays: set[int] = set()
        holidays = rest = False
        for text in _comma_texts(child, path, report):
            if text == "holidays":
                holidays = True
            elif text == REST:
                rest = True
            else:
                weekdays |= _weekdays(text, child, path, report)
        if holidays and not has_holidays:
            message = "Day types name holidays, but the calendar has none."
            report.refuse(Code.MISSING_KEY, child.line, path, message, "Add `calendar.holidays`.")
        covered |= weekdays
        types.append(DayType(name, frozenset(weekdays), holidays=holidays, rest=rest))
    if len(covered) < len(_WEEKDAYS) and not any(found.rest for found in types):
        missing = _WEEKDAYS[min(set(range(7)) - covered)]
        message = f"{missing} is in no day type."
        report.refuse(
            Code.DAYS_GAP, node.line, "calendar.days", message, "Cover it, or add `rest`."
        )
    return tuple(types)


def _weekdays(text: str, node: Node, path: str, report: Report) -> set[int]:
    first, _, last = text.partition("-")
    if first not in _WEEKDAYS or (last or first) not in _WEEKDAYS:
        message = f"{text!r} names no days."
        remedy = "Write weekdays as mon-fri or sat,sun, or holidays, or rest."
        report.refuse(Code.UNKNOWN_DAY_TYPE, node.line, path, message, remedy)
    start = _WEEKDAYS.index(first)
    length = (_WEEKDAYS.index(last or first) - start) % 7 + 1
    return {(start + number) % 7 for number in range(length)}


def _schedule(  # noqa: PLR0913, PLR0917 - the context of a schedule
    name: str,
    node: Node,
    path: str,
    seasons: tuple[Season, ...],
    days: tuple[DayType, ...],
    report: Report,
) -> Schedule:
    periods: list[Period] = []
    for label, child in fields_of(node, path, report):
        where = f"{path}.{label}"
        if isinstance(child, Scalar) and child.text == REST:
            _one_rest(any(period.rules is None for period in periods), child, where, report)
            periods.append(Period(label, None))
            continue
        rules = tuple(
            _rule(rule, f"{where}[{number}]", seasons, days, report)
            for number, rule in enumerate(items_of(child, where, report))
        )
        periods.append(Period(label, rules))
    schedule = Schedule(name, tuple(periods))
    _covers_once(schedule, node, path, seasons, days, report)
    return schedule


def _rule(
    node: Node, path: str, seasons: tuple[Season, ...], days: tuple[DayType, ...], report: Report
) -> PeriodRule:
    reader = FieldReader(node, path, report)
    named_seasons: tuple[str, ...] = ()
    if (found := reader.take("season")) is not None:
        named_seasons = texts_of(found, reader.where("season"), report)
        known = {season.name for season in seasons}
        for text in named_seasons:
            if text not in known:
                message = f"{text!r} is no season."
                report.refuse(
                    Code.UNKNOWN_SEASON, found.line, path, message, "Define it in `seasons`."
                )
    named_days: tuple[str, ...] = ()
    if (found := reader.take("days")) is not None:
        named_days = texts_of(found, reader.where("days"), report)
        known = {day.name for day in days}
        for text in named_days:
            if text not in known:
                message = f"{text!r} is no day type."
                report.refuse(
                    Code.UNKNOWN_DAY_TYPE, found.line, path, message, "Define it in `days`."
                )
    hours: list[tuple[int, int]] = []
    if (found := reader.take("at")) is not None:
        for text in _comma_texts(found, reader.where("at"), report):
            hours.extend(_hours(text, found, path, report))
    reader.done()
    return PeriodRule(named_seasons, named_days, tuple(hours) or ((0, _DAY),))


def _hours(text: str, node: Node, path: str, report: Report) -> list[tuple[int, int]]:
    match = _HOURS.fullmatch(text)
    parts = tuple(map(int, match.groups())) if match else (0, 0, 0, 0)
    start, end = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    minutes_fit = parts[1] < 60 and parts[3] < 60  # noqa: PLR2004 - minutes of an hour
    if match is None or start == end or start >= _DAY or end > _DAY or not minutes_fit:
        message = f"{text!r} is no range of hours."
        report.refuse(Code.BAD_TIME_RANGE, node.line, path, message, 'Write it as "10:00-14:00".')
    if start < end:
        return [(start, end)]
    return [(start, _DAY), (0, end)] if end else [(start, _DAY)]


def _covers_once(  # noqa: PLR0913, PLR0917 - the context of a schedule
    schedule: Schedule,
    node: Node,
    path: str,
    seasons: tuple[Season, ...],
    days: tuple[DayType, ...],
    report: Report,
) -> None:
    has_rest = any(period.rules is None for period in schedule.periods)
    for season in [season.name for season in seasons] or [""]:
        for day in [day.name for day in days] or [""]:
            owner = _owners(schedule, season, day, node, path, report)
            missing = [minute for minute in range(_DAY) if minute not in owner]
            if missing and not has_rest:
                clock = f"{missing[0] // 60:02}:{missing[0] % 60:02}"
                when = ", ".join(part for part in (season, day) if part)
                message = f"{clock} is in no period{f' ({when})' if when else ''}."
                report.refuse(
                    Code.PERIODS_GAP, node.line, path, message, "Cover it, or add `rest`."
                )


def _owners(  # noqa: PLR0913, PLR0917 - the context of a schedule
    schedule: Schedule, season: str, day: str, node: Node, path: str, report: Report
) -> dict[int, str]:
    owner: dict[int, str] = {}
    for period in schedule.periods:
        for rule in period.rules or ():
            if not matches(rule, season, day):
                continue
            for start, end in rule.hours:
                for minute in range(start, end):
                    if owner.setdefault(minute, period.name) != period.name:
                        clock = f"{minute // 60:02}:{minute % 60:02}"
                        message = f"{clock} is in {owner[minute]!r} and in {period.name!r}."
                        report.refuse(
                            Code.PERIODS_OVERLAP, node.line, path, message, "Let each be in one."
                        )
    return owner


def matches(rule: PeriodRule, season: str, day: str) -> bool:
    """Whether a rule speaks of a season and day type."""
    return (not rule.seasons or season in rule.seasons) and (not rule.days or day in rule.days)
