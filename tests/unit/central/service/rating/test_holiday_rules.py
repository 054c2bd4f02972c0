"""Holidays as tariffs say them: by name, by dates of every year, with days off by direction."""

from __future__ import annotations

from datetime import date

import holidays
import pytest

from central.domain.tariff.calendar_rules import HolidayRule
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.service.rating.resolve_calendar import plain_names, released_holidays, resolve_calendar

TARIFF = """\
tariff: holidays
effective: 2020-01-01
zone: Europe/Madrid
currency: {{code: EUR}}
calendar:
  holidays: {rule}
  days: {{off: "holidays", work: rest}}
  periods: {{low: [{{days: off}}], high: rest}}
determinants: {{kwh: {{sum: import, by: period}}}}
charges: [{{id: energy, qty: kwh, price: {{low: 0.1, high: 0.2}}}}]
"""


def document(rule: str) -> TariffDocument:
    return load_tariff(TARIFF.format(rule=rule))


def dates(rule: str, year: int) -> list[str]:
    tariff = document(rule)
    resolved = resolve_calendar([tariff], year, year)
    found = resolved.dates(tariff.calendar.holidays, date(year, 7, 1))
    return [day.isoformat() for day in sorted(found) if day.year == year]


@pytest.mark.parametrize("year", range(2020, 2034))
def test_a_name_has_its_day_in_every_year(year: int) -> None:
    # Spain's list leaves out what falls on a Sunday, as in 2020, 2026 and 2037.
    assert dates('{country: ES, only: ["All Saints\' Day"]}', year) == [f"{year}-11-01"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Neither list of the region has them where they are Sundays.
        (
            "{country: ES, subdivision: CN, observed: false, only: [Day of the Canary Islands]}",
            "2021-05-30",
        ),
        ("{country: ES, subdivision: CL, only: [Castile and León Day]}", "2023-04-23"),
        ("{country: ES, subdivision: EX, observed: false, only: [Extremadura Day]}", "2024-09-08"),
        ("{country: DE, only: [New Year's Day]}", "2023-01-01"),
        ("{country: CO, only: [Independence Day]}", "2025-07-20"),
        ("{country: CA, subdivision: 'ON', observed: false, only: [Canada Day]}", "2029-07-01"),
        ("{country: 'NO', observed: false, only: [Constitution Day]}", "2026-05-17"),
    ],
)
def test_a_name_has_its_day_where_that_is_a_sunday(rule: str, expected: str) -> None:
    assert date.fromisoformat(expected).weekday() == 6
    assert dates(rule, int(expected[:4])) == [expected]


@pytest.mark.parametrize("year", [2022, 2026])  # New Year's Day and All Saints' on a Sunday.
def test_every_name_of_every_country_has_its_day(year: int) -> None:
    for country in holidays.list_supported_countries(include_aliases=False):
        asked = holidays.country_holidays(country, years=year, observed=False, language="en_US")
        names = {name for found in asked.values() for name in found.split("; ")}
        if country not in holidays.list_localized_countries():
            continue  # Its names are in its own language.
        for observed in (True, False):
            rule = HolidayRule(country, None, observed)
            found = {
                name
                for _, listed in released_holidays(rule, year)
                for name in plain_names(rule, listed)
            }
            lost = [name for name in names if not plain_names(rule, name) & found]
            assert not lost, (country, observed, lost)


def test_a_holiday_of_every_other_year_has_none_between() -> None:
    rule = '{country: MU, only: ["All Saints\' Day"]}'
    assert [dates(rule, year) for year in (2027, 2028)] == [["2027-11-01"], []]


def test_a_holiday_on_a_sunday_is_among_all_of_them() -> None:
    assert {"2026-11-01", "2026-12-06"} <= set(dates("{country: ES}", 2026))


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        # Madrid moves it to the Monday; its list says 'Monday following All Saints' Day'.
        ('{country: ES, subdivision: MD, only: ["All Saints\' Day"]}', 2026, "11-02"),
        ('{country: ES, subdivision: MD, only: ["All Saints\' Day"]}', 2027, "11-01"),
        # Colombia's law moves it, and leaves nothing on its own day.
        ("{country: CO, only: [Epiphany]}", 2026, "01-12"),
        ("{country: CO, only: [Epiphany]}", 2025, "01-06"),
        ("{country: CR, only: [Juan Santamaría Day]}", 2024, "04-15"),
    ],
)
def test_a_name_finds_the_day_it_is_moved_to(rule: str, year: int, expected: str) -> None:
    assert dates(rule, year) == [f"{year}-{expected}"]


def test_a_holiday_whose_day_is_not_certain_yet_goes_by_its_name() -> None:
    assert len(dates("{country: AE, only: [Islamic New Year]}", 2026)) == 1


def test_a_holiday_and_the_day_off_for_it_go_by_one_name() -> None:
    rule = "{country: GB, only: [Boxing Day]}"
    assert dates(rule, 2026) == ["2026-12-26", "2026-12-28"]


def test_a_name_of_no_year_is_refused() -> None:
    with pytest.raises(TariffRefusedError, match="All Sinners"):
        dates("{country: ES, only: ['All Sinners']}", 2026)


def test_a_date_is_one_of_every_year() -> None:
    assert dates('{dates: ["--11-01", 2026-05-02]}', 2026) == ["2026-05-02", "2026-11-01"]
    assert dates('{dates: ["--11-01", 2026-05-02]}', 2027) == ["2027-11-01"]


def test_the_last_of_february_is_one_of_leap_years() -> None:
    assert [dates('{dates: ["--02-29"]}', year) for year in (2027, 2028)] == [[], ["2028-02-29"]]


def test_a_sunday_gives_monday_off_and_a_saturday_nothing() -> None:
    rule = '{dates: ["--11-01", "--12-26"], observed: {sun: mon}}'
    # 1 November 2026 is a Sunday, 26 December a Saturday.
    assert dates(rule, 2026) == ["2026-11-01", "2026-11-02", "2026-12-26"]


def test_a_saturday_gives_friday_off_where_the_tariff_says_so() -> None:
    rule = '{dates: ["--11-01", "--12-26"], observed: {sun: mon, sat: fri}}'
    assert dates(rule, 2026) == ["2026-11-01", "2026-11-02", "2026-12-25", "2026-12-26"]


def test_a_day_off_may_lie_in_the_year_before() -> None:
    # 1 January 2028 is a Saturday.
    assert dates('{dates: ["--01-01"], observed: {sat: fri}}', 2027) == ["2027-01-01", "2027-12-31"]
    assert "2027-12-31" in dates("{country: US, observed: {sat: fri}}", 2027)


def test_days_off_of_a_country_are_those_of_the_tariff() -> None:
    rule = "{{country: US, only: ['Independence Day'], observed: {}}}"
    # 4 July 2026 is a Saturday, 4 July 2027 a Sunday.
    assert dates(rule.format("true"), 2026) == ["2026-07-03", "2026-07-04"]
    assert dates(rule.format("{sun: mon}"), 2026) == ["2026-07-04"]
    assert dates(rule.format("{sun: mon}"), 2027) == ["2027-07-04", "2027-07-05"]


@pytest.mark.parametrize(
    "rule",
    [
        '{dates: ["--11-01", "--02-29", 2026-05-02], observed: {sun: mon}}',
        "{country: US, observed: {sat: fri, sun: mon}}",
        "{country: US, observed: false}",
    ],
)
def test_a_rule_is_written_as_it_is_read(rule: str) -> None:
    assert load_tariff(to_canonical_text(document(rule))) == document(rule)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ('{dates: ["--13-01"]}', Code.NOT_A_DATE),
        ('{dates: ["--02-30"]}', Code.NOT_A_DATE),
        ('{dates: ["--1-1"]}', Code.NOT_A_DATE),
        ("{country: US, observed: {sunday: mon}}", Code.NOT_A_CHOICE),
        ("{country: US, observed: {sun: later}}", Code.NOT_A_CHOICE),
        ("{country: US, observed: maybe}", Code.NOT_A_CHOICE),
        ("{observed: {sun: mon}}", Code.MISSING_KEY),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, code: Code) -> None:
    with pytest.raises(TariffRefusedError) as refused:
        document(rule)
    assert code in {finding.code for finding in refused.value.findings}
