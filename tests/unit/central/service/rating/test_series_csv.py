"""Files of prices: instants, steps and exact numbers, or a refusal that names the line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from central.service.rating.series_csv import SeriesFileError, read_series_file

MADRID = ZoneInfo("Europe/Madrid")


def test_instants_with_an_offset_make_steps_of_the_smallest_distance() -> None:
    text = "start,value\n2026-01-01T00:00+01:00,0.05\n2026-01-01T02:00+01:00,-1\n"
    text += "2026-01-01T01:00+01:00,0.125\n"
    found = read_series_file(text, "ES.DA", "p.csv")
    assert found.start == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert (found.step_s, found.exponent, found.mantissas) == (3600, -3, (50, 125, -1000))


def test_a_hole_is_a_number_that_is_not_known() -> None:
    text = "2026-01-01T00:00Z,1\n2026-01-01T01:00Z,2\n2026-01-01T03:00Z,4\n"
    assert read_series_file(text, "X", "p.csv").mantissas == (1, 2, None, 4)


def test_the_hour_that_autumn_repeats_is_two_instants() -> None:
    text = "".join(f"2026-10-25T0{hour}:00,{hour}\n" for hour in (1, 2, 2, 3))
    found = read_series_file(text, "X", "p.csv", MADRID)
    assert found.mantissas == (1, 2, 2, 3)
    assert found.start == datetime(2026, 10, 24, 23, tzinfo=UTC)


def test_an_hour_that_spring_skips_is_refused() -> None:
    with pytest.raises(SeriesFileError, match=r"line 2: .* does not exist in Europe/Madrid"):
        read_series_file("2026-03-29T01:00,1\n2026-03-29T02:00,2\n", "X", "p.csv", MADRID)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("start,value\n", "is empty"),
        ("2026-01-01T00:00Z,1\n", "one line"),
        ("2026-01-01T00:00,1\n2026-01-01T01:00,1\n", "line 1: .*no UTC offset"),
        ("2026-01-01T00:00Z,1\n2026-01-01T00:00Z,1\n", "line 2: .*is listed twice"),
        ("2026-01-01T00:00Z,1\n2026-01-01T01:00Z,NaN\n", "line 2: .*is not a number"),
        ("2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1e999\n", "line 2: .*18 digits"),
        ("2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1e999999999\n", "line 2: .*18 digits"),
        ("2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1e-999999999\n", "line 2: .*18 digits"),
        ("2026-01-01T00:00Z,1,2\n", "3 columns"),
        ("yesterday,1\n", "is not a time"),
        ("2026-01-01T00:00Z,1\n2026-01-01T07:00Z,1\n", "a day is not a whole number"),
        (
            "2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1\n2026-01-01T02:30Z,1\n",
            "not the start of a step",
        ),
        ("0001-01-01T00:00Z,1\n9999-01-01T01:00Z,1\n9999-01-01T02:00Z,1\n", "too many"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(SeriesFileError, match=says):
        read_series_file(text, "X", "p.csv")


def test_a_step_can_be_given() -> None:
    found = read_series_file("2026-01-01T00:00Z,1.50\n", "X", "p.csv", step_s=86_400)
    assert (found.step_s, found.mantissas, found.exponent) == (86_400, (150,), -2)
