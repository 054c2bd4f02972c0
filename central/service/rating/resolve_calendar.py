"""Turn the holiday rules of tariffs into explicit dates, once, outside the pure core."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain

import holidays

from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.calendar_rules import HolidayRule
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.holiday_calendar import HolidayCalendar, calendar_name, kept_years
from central.domain.tariff.refusal import Code, TariffFinding, TariffRefusedError


def resolve_calendar(
    documents: Iterable[TariffDocument],
    first_year: int,
    last_year: int,
    kept: Iterable[HolidayCalendar] = (),
) -> ResolvedCalendar:
    """The calendar of some tariffs over some years.

    Args:
        documents: Tariffs whose holidays are needed.
        first_year: First year, included.
        last_year: Last year, included.
        kept: Years that a store keeps; of others the release says the holidays.

    Raises:
        TariffRefusedError: A country, subdivision or holiday name is not known.
    """
    calendars = tuple(kept)
    rules = {document.calendar.holidays: document for document in documents}
    resolved = tuple(
        (rule, _dates(rule, range(first_year, last_year + 1), document.tariff, calendars))
        for rule, document in rules.items()
        if rule is not None
    )
    return ResolvedCalendar(resolved, first_year, last_year, tzdata_version())


_WEEKDAY_CYCLE = 28
_SUNDAY = 6
_LEAP_DAY = (2, 29)


@lru_cache(maxsize=256)
def _dates(
    rule: HolidayRule, years: range, tariff: str, kept: tuple[HolidayCalendar, ...]
) -> tuple[date, ...]:
    written = rule.own_dates(years[0], years[-1])
    if rule.country is None:
        return tuple(sorted(written))
    calendars = kept_years(kept, calendar_name(rule))
    dates: set[date] = set()
    names: set[str] = set()
    around = range(years[0] - 1, years[-1] + 2) if rule.days_off else years
    for year in around:
        days = calendars[year].days if year in calendars else _released(rule, year, tariff)
        for day, name in days:
            plain = plain_names(rule, name)
            names |= plain
            if not rule.only or plain & set(rule.only):
                dates.add(day)
    missing = set(rule.only) - names
    if missing:
        missing -= _known_names(rule, tariff, years[0])
    if missing:
        raise _unknown(tariff, f"{rule.country} has no holiday {min(missing)!r}.")
    return tuple(sorted(rule.with_days_off(dates) | written))


def plain_names(rule: HolidayRule, name: str) -> set[str]:
    """The holidays that a day is named after, as listed and without 'observed' or 'estimated'."""
    parts = {part.strip() for part in name.split(";")}
    labels = _labels(rule.country, rule.subdivision)
    matched = (label.fullmatch(part) for part in parts for label in labels)
    return parts | {match[1] for match in matched if match is not None}


@lru_cache(maxsize=256)
def _labels(country: str | None, subdivision: str | None) -> tuple[re.Pattern[str], ...]:
    """How a country's lists say that a day is another one's, or not certain yet."""
    asked = _listed(country, subdivision, (), observed=True)
    kinds = ("observed_label", "estimated_label", "observed_estimated_label")
    texts = {asked.tr(text) for kind in kinds if (text := getattr(asked, kind, None))}
    patterns = (re.escape(text).replace(re.escape("%s"), "(.+)", 1) for text in sorted(texts))
    return tuple(re.compile(pattern) for pattern in patterns)


def _known_names(rule: HolidayRule, tariff: str, year: int) -> frozenset[str]:
    """The names of holidays over a cycle of weekdays: in some years one is on none of its own."""
    years = range(year - _WEEKDAY_CYCLE, year + _WEEKDAY_CYCLE + 1)
    listed = (name for each in years for _, name in _released(rule, each, tariff))
    return frozenset(chain.from_iterable(plain_names(rule, name) for name in listed))


def released_holidays(rule: HolidayRule, year: int) -> tuple[tuple[date, str], ...]:
    """What the release says of the holidays of a rule's country in a year, all of them.

    Raises:
        TariffRefusedError: The country or subdivision is not known.
    """
    bare = replace(rule, dates=(), only=(), yearly=(), days_off=())
    return _released(bare, year, calendar_name(rule))


@lru_cache(maxsize=1024)
def _released(rule: HolidayRule, year: int, tariff: str) -> tuple[tuple[date, str], ...]:
    # A day off may lie in the year before or after the holiday's.
    years = range(year - 1, year + 2)
    try:
        listed = _listed(rule.country, rule.subdivision, years, observed=rule.observed)
        unmoved = _listed(rule.country, rule.subdivision, years, observed=False)
    except NotImplementedError:
        message = f"The holidays of {rule.country} {rule.subdivision or ''} are unknown."
        raise _unknown(tariff, message) from None
    days = {day: name for day, name in listed.items() if day.year == year}
    # A list may leave out a holiday on a Sunday that nothing replaces: it keeps its own day.
    names = set(chain.from_iterable(plain_names(rule, name) for name in days.values()))
    unlisted = [(day, name) for day, name in unmoved.items() if day.year == year]
    unlisted += _left_out_on_sundays(rule.country, rule.subdivision, year)
    sundays = {day: name for day, name in unlisted if not plain_names(rule, name) & names}
    return tuple(sorted([*days.items(), *sundays.items()]))


@lru_cache(maxsize=1024)
def _left_out_on_sundays(
    country: str | None, subdivision: str | None, year: int
) -> list[tuple[date, str]]:
    """Holidays of one date in the years around, missing in this and only where it is a Sunday."""
    years = range(year - _WEEKDAY_CYCLE, year + _WEEKDAY_CYCLE + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of years for which a list has no moving holidays.
        around = _listed(country, subdivision, years, observed=False)
    by_name: dict[str, dict[int, set[date]]] = {}
    for day, names in around.items():
        for name in names.split("; "):
            by_name.setdefault(name, {}).setdefault(day.year, set()).add(day)
    sundays = []
    for name, in_years in by_name.items():
        dates = {(day.month, day.day) for days in in_years.values() for day in days}
        if year in in_years or len(dates) > 1 or not min(in_years) < year < max(in_years):
            continue
        ((month, day_of_month),) = dates
        gaps = [each for each in range(min(in_years), max(in_years)) if each not in in_years]
        if (month, day_of_month) != _LEAP_DAY and all(
            date(each, month, day_of_month).weekday() == _SUNDAY for each in gaps
        ):
            sundays.append((date(year, month, day_of_month), name))
    return sundays


def _listed(
    country: str | None, subdivision: str | None, years: Iterable[int], *, observed: bool
) -> holidays.HolidayBase:
    assert country is not None  # noqa: S101 - filtered by those who ask
    return holidays.country_holidays(
        country,
        subdiv=subdivision,
        years=years,
        observed=observed,
        language="en_US" if _speaks_english(country) else None,
    )


def _speaks_english(country: str) -> bool:
    return "en_US" in (holidays.list_localized_countries().get(country) or [])


def _unknown(tariff: str, message: str) -> TariffRefusedError:
    remedy = "Use ISO codes that the holidays library knows, or list `dates`."
    finding = TariffFinding(Code.UNKNOWN_HOLIDAYS, tariff, 1, "calendar.holidays", message, remedy)
    return TariffRefusedError([finding])


@lru_cache(maxsize=1)
def tzdata_version() -> str:
    """Version of the time zone data installed with the product."""
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "system"
