"""The week of a tariff: periods by day and hour, each with the price of a kWh."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.week import SeasonWeek, season_dates, weeks_of
from tests.support.data import REPOSITORY

TARIFFS = REPOSITORY / "docs" / "reference" / "tariffs"


def weeks(name: str) -> dict[str, SeasonWeek]:
    return {week.season: week for week in weeks_of(load_tariff(TARIFFS / f"{name}.yaml"))}


def test_a_working_day_of_summer_has_its_periods_and_prices() -> None:
    monday = weeks("residential-tou")["summer"].rows[0]
    # The price of the period and the network's, by the prices of the document.
    night, shoulder, peak = (Fraction(text) for text in ("0.1435", "0.2277", "0.3161"))
    assert [(run.start // 60, run.end // 60, run.period, run.price) for run in monday.runs] == [
        (0, 8, "night", night),
        (8, 10, "shoulder", shoulder),
        (10, 14, "peak", peak),
        (14, 18, "shoulder", shoulder),
        (18, 22, "peak", peak),
        (22, 24, "shoulder", shoulder),
    ]


def test_a_week_ends_with_the_weekend_and_the_holiday() -> None:
    rows = weeks("residential-tou")["winter"].rows
    assert [row.weekday for row in rows] == [0, 1, 2, 3, 4, 5, 6, None]
    assert [len(row.runs) for row in rows] == [5, 5, 5, 5, 5, 1, 1, 1]


def test_a_season_that_crosses_the_year_has_two_parts() -> None:
    rules = load_tariff(TARIFFS / "residential-tou.yaml").calendar
    assert season_dates(rules) == {
        "winter": (
            (date(2001, 1, 1), date(2001, 5, 31)),
            (date(2001, 10, 1), date(2001, 12, 31)),
        ),
        "summer": ((date(2001, 6, 1), date(2001, 9, 30)),),
    }


def test_a_period_without_a_price_by_the_kwh_has_none() -> None:
    (week,) = weeks("demand-by-period").values()
    assert {run.price for row in week.rows for run in row.runs} == {None}


def test_a_tariff_without_periods_has_no_week() -> None:
    assert weeks("flat-energy") == {}
