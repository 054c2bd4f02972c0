from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from central.domain.tariff.calendar import (
    ResolvedCalendar,
    day_type_on,
    season_on,
    wall_minutes,
)
from central.domain.tariff.diff import Change, diff
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered, version_on
from central.service.rating.resolve_calendar import resolve_calendar

EVERY_CONSTRUCT = (
    Path(__file__).parents[5] / "docs" / "reference" / "tariffs" / "every-construct.yaml"
)
TEXT = """\
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
calendar:
  holidays: {country: ES, subdivision: MD, observed: false}
  seasons: {winter: "11-15..02-28,02-29..03-10", rest_: rest}
  days: {holiday: holidays, work: mon-fri, off: rest}
determinants: {kwh: {sum: import}}
charges:
  - {id: energy, qty: kwh, price: 0.2}
  - {id: customer, price: 5, per: month}
"""


def test_a_version_keeps_its_hash() -> None:
    """Bills name it: no order of rows, no default that is written, may change it."""
    older = EVERY_CONSTRUCT.read_text().replace(", netting: month", "")
    version = TariffVersion.of(load_kept(older, file="kept"))
    assert version.sha256 == "1c1f3f0551bd3e6cf631d281cc1bf0f6b7e3eb1bc8a8aae3a9402f3be07f6084"


def test_diff_names_each_change_by_charge() -> None:
    before = load_tariff(TEXT)
    after = load_tariff(
        TEXT.replace("0.2", "0.25").replace("2026-01-01", "2026-07-01")
        + "  - {id: extra, price: 1, per: day}\n"
    )
    assert diff(before, after) == (
        Change("effective", "2026-01-01", "2026-07-01"),
        Change("charges.energy.price", "0.2", "0.25"),
        Change("charges.extra", None, "{'id': 'extra', 'price': '1', 'per': 'day'}"),
    )
    assert diff(before, before) == ()


def test_version_in_force_is_the_latest_begun() -> None:
    texts = [TEXT, TEXT.replace("2026-01-01", "2026-07-01")]
    versions = ordered([TariffVersion.of(load_tariff(text)) for text in reversed(texts)])
    assert version_on(versions, date(2026, 6, 30)) is versions[0]
    assert version_on(versions, date(2026, 7, 1)) is versions[1]
    with pytest.raises(NoTariffVersionError):
        version_on(versions, date(2025, 12, 31))


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2026, 11, 14), "rest_"),
        (date(2026, 11, 15), "winter"),
        (date(2026, 12, 31), "winter"),
        (date(2026, 1, 1), "winter"),
        (date(2028, 2, 29), "winter"),
        (date(2026, 3, 11), "rest_"),
    ],
)
def test_season_crosses_the_end_of_the_year(day: date, season: str) -> None:
    assert season_on(load_tariff(TEXT).calendar, day) == season


def test_holidays_are_those_of_the_place() -> None:
    document = load_tariff(TEXT)
    resolved = resolve_calendar([document], 2026, 2026)
    kinds = [
        day_type_on(document.calendar, day, resolved)
        for day in (date(2026, 10, 12), date(2026, 10, 13), date(2026, 10, 17))
    ]
    assert kinds == ["holiday", "work", "off"]
    assert resolved.tzdata


@pytest.mark.parametrize(
    ("place", "day", "observed", "kind"),
    [
        ("country: US", date(2026, 7, 3), "true", "holiday"),  # 4 July is a Saturday
        ("country: US", date(2026, 7, 3), "false", "work"),
        ("country: US", date(2026, 7, 4), "true", "holiday"),
        ("country: GB, subdivision: ENG", date(2026, 12, 28), "true", "holiday"),  # a substitute
        ("country: GB, subdivision: ENG", date(2026, 12, 28), "false", "work"),
        ("country: US", date(2027, 12, 31), "true", "holiday"),  # of the next year's first day
        ("country: US", date(2027, 12, 31), "false", "work"),
        ("country: ES, subdivision: MD", date(2026, 5, 2), "false", "holiday"),
        ("country: ES, subdivision: CT", date(2026, 5, 2), "false", "off"),
    ],
)
def test_observed_days_count_where_the_tariff_says_so(
    place: str, day: date, observed: str, kind: str
) -> None:
    said = f"{place}, observed: {observed}"
    document = load_tariff(TEXT.replace("country: ES, subdivision: MD, observed: false", said))
    resolved = resolve_calendar([document], day.year, day.year)
    assert day_type_on(document.calendar, day, resolved) == kind


def test_a_weekday_that_is_a_leap_day_is_a_working_day() -> None:
    document = load_tariff(TEXT)
    resolved = resolve_calendar([document], 2028, 2028)
    assert day_type_on(document.calendar, date(2028, 2, 29), resolved) == "work"
    assert season_on(document.calendar, date(2028, 2, 29)) == "winter"


def test_unknown_country_is_refused() -> None:
    document = load_tariff(TEXT.replace("ES, subdivision: MD", "QQ"))
    with pytest.raises(TariffRefusedError) as caught:
        resolve_calendar([document], 2026, 2026)
    assert caught.value.findings[0].code is Code.UNKNOWN_HOLIDAYS


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        ("Europe/Madrid", date(2026, 3, 29), 92),
        ("Europe/Madrid", date(2026, 10, 25), 100),
        ("Australia/Lord_Howe", date(2026, 10, 4), 94),
        ("Australia/Lord_Howe", date(2026, 4, 5), 98),
        ("America/Santiago", date(2026, 9, 6), 92),
        ("Asia/Kolkata", date(2026, 10, 25), 96),
    ],
)
def test_quarter_hours_of_a_local_day(zone: str, day: date, count: int) -> None:
    _, minutes = wall_minutes(day, zone, "wall", 900)
    assert len(minutes) == count


def test_both_autumn_hours_have_the_same_minutes_on_the_wall_and_not_by_standard_time() -> None:
    day = date(2026, 10, 25)
    _, wall = wall_minutes(day, "Europe/Madrid", "wall", 3600)
    _, standard = wall_minutes(day, "Europe/Madrid", "standard", 3600)
    assert wall.tolist()[:5] == [0, 60, 120, 120, 180]
    assert standard.tolist()[:5] == [1380, 0, 60, 120, 180]


def test_resolved_dates_need_no_library() -> None:
    text = TEXT.replace("country: ES, subdivision: MD, observed: false", "dates: [2026-10-13]")
    document = load_tariff(text)
    assert day_type_on(document.calendar, date(2026, 10, 13), ResolvedCalendar()) == "holiday"
