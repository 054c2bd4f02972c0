"""Public holidays of a year as revisions: what bills are rated with, and can say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from central.domain.tariff.calendar_rules import HolidayRule

AS_DATED = "+as-dated"
RELEASED = 0
"""Revision of a year that no store keeps: what the release says."""


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """The holidays of one calendar in one year; (name, year, revision) is its key.

    Args:
        name: As `calendar_name` gives it.
        year: Of the dates.
        revision: Its place among those of the year, from 1 on; the newest holds.
        days: Dates with their names, ascending.
        withdrawn: Whether it takes back the revision before it, and says what held before that.
    """

    name: str
    year: int
    revision: int
    days: tuple[tuple[date, str], ...]
    withdrawn: bool = False


Years = Mapping[int, HolidayCalendar]


def calendar_name(rule: HolidayRule) -> str:
    """The calendar of a rule: `ES`, `US-CA`, or `US+as-dated` without days off for weekends."""
    region = "-".join(filter(None, (rule.country, rule.subdivision)))
    return region + ("" if rule.observed else AS_DATED)


def kept_years(calendars: Iterable[HolidayCalendar], name: str) -> dict[int, HolidayCalendar]:
    """The years of a calendar that are kept."""
    return {calendar.year: calendar for calendar in calendars if calendar.name == name}


def changed_days(
    days: Iterable[tuple[date, str]], added: Mapping[date, str], removed: Iterable[date]
) -> tuple[tuple[date, str], ...]:
    """Holidays with some added and some removed."""
    gone = frozenset(removed)
    left = {day: name for day, name in days if day not in gone}
    return tuple(sorted({**left, **added}.items()))
