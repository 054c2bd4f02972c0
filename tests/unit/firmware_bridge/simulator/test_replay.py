"""A load becomes an exact counter, at every instant and over every year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from firmware_bridge.simulator.load import LoadSeries, VirtualLoadError, from_kw, read_load
from firmware_bridge.simulator.replay import CalendarReplay, TimedReplay, standard_offset
from tests.support.data import data_root, find_data

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def series(*kw: str, step_s: int = 3600) -> LoadSeries:
    return from_kw([Decimal(value) for value in kw], step_s)


def year(step_s: int = 3600, years: int = 1) -> LoadSeries:
    steps = years * 365 * 86_400 // step_s
    return from_kw([Decimal(step % 97) / 100 for step in range(steps)], step_s)


def test_energy_accrues_linearly_within_a_step_and_is_rounded_down() -> None:
    replay = TimedReplay(series("1.5", "0.0001"), START)
    shown = [replay.energy_wh(at(hours)) for hours in (-1, 0, 0.5, 1, 1.5, 2, 99)]
    assert shown == [0, 0, 750, 1500, 1500, 1500, 1500]
    # A third of an hour of 1.5 kW is 500 Wh to the millisecond.
    third = START + timedelta(minutes=20)
    assert replay.energy_wh(third) == 500
    assert replay.energy_wh(third - timedelta(milliseconds=1)) == 499


def test_the_sum_of_many_fractions_of_a_watt_hour_is_not_lost() -> None:
    replay = TimedReplay(series(*["0.0003"] * 10), START)
    assert [replay.energy_wh(at(hours)) for hours in range(11)] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_a_loop_goes_on_where_the_series_ends() -> None:
    replay = TimedReplay(series("1", "2.0005"), START, loop=True)
    assert replay.energy_wh(at(2)) == 3000
    assert replay.energy_wh(at(3)) == 4000
    assert replay.energy_wh(at(4)) == 6001
    assert replay.power_w(at(3.5)) == 2000


def test_a_day_of_the_year_gets_the_load_of_its_date() -> None:
    load = year()
    replay = CalendarReplay(load, "UTC", 2026)
    for day in (0, 58, 59, 200, 364):
        start = START + timedelta(days=day)
        expected = sum((Fraction(step % 97, 100) for step in range(day * 24)), Fraction(0))
        assert replay.energy_wh(start) == expected * 1000 // 1


def test_the_29th_of_february_repeats_the_28th_and_march_keeps_its_dates() -> None:
    load = year()
    common, leap = CalendarReplay(load, "UTC", 2026), CalendarReplay(load, "UTC", 2028)

    def day_wh(replay: CalendarReplay, on: datetime) -> int:
        return replay.energy_wh(on + timedelta(days=1)) - replay.energy_wh(on)

    def on(year_number: int, month: int, day: int) -> datetime:
        return datetime(year_number, month, day, tzinfo=UTC)

    assert day_wh(leap, on(2028, 2, 29)) == day_wh(common, on(2026, 2, 28))
    assert day_wh(leap, on(2028, 3, 1)) == day_wh(common, on(2026, 3, 1))
    assert day_wh(leap, on(2028, 12, 31)) == day_wh(common, on(2026, 12, 31))
    assert day_wh(leap, on(2029, 1, 1)) == day_wh(common, on(2027, 1, 1))


def test_years_follow_one_another_and_a_series_of_years_repeats() -> None:
    load = year(years=2)
    replay = CalendarReplay(load, "UTC", 2026)
    steps = [Fraction(step % 97, 100) for step in range(2 * 8760)]
    assert replay.energy_wh(datetime(2027, 1, 1, tzinfo=UTC)) == sum(steps[:8760]) * 1000 // 1
    # 2028 is the first year again, with a 29 February.
    third = sum(steps) + sum(steps[:8760]) + sum(steps[58 * 24 : 59 * 24])
    assert replay.energy_wh(datetime(2029, 1, 1, tzinfo=UTC)) == third * 1000 // 1


def test_step_zero_is_midnight_of_local_standard_time() -> None:
    assert standard_offset("Europe/Berlin") == timedelta(hours=1)
    assert standard_offset("America/Los_Angeles") == timedelta(hours=-8)
    assert standard_offset("Australia/Sydney") == timedelta(hours=10)
    replay = CalendarReplay(year(), "America/Los_Angeles", 2026)
    assert replay.start == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert replay.energy_wh(replay.start) == 0
    assert replay.energy_wh(replay.start + timedelta(hours=2)) == 10


def test_negative_steps_flow_out() -> None:
    load = series("1", "-0.5", "0.25")
    into, out = TimedReplay(load.imported(), START), TimedReplay(load.exported(), START)
    assert (into.energy_wh(at(3)), out.energy_wh(at(3))) == (1250, 500)


def test_rows_with_times_are_read_with_their_zone(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("start,kWh\n2026-01-01T01:00:00+01:00,0.25\n2026-01-01T00:15:00Z,0.5\n")
    replay = TimedReplay(read_load(path))
    assert replay.start == START
    assert replay.energy_wh(at(0.25)) == 250
    assert replay.energy_wh(at(0.375)) == 500


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 values"),
        ("1\n2\n", "length of a step"),
        ("1\nx\n", "line 2: 'x' is not a number"),
        ("start,kWh\n2026-01-01T00:00:00,1\n2026-01-01T01:00:00,1\n", "no time zone"),
        ("start,kWh\n2026-01-01T00:00:00Z,1\n", "two rows"),
        ("start,kWh\nyesterday,1\n", "line 2: 'yesterday'"),
        ("start,kWh\n2026-01-01T00:00:00Z,1,2\n", "3 columns"),
        (
            "start,kWh\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,1\n2026-01-01T03:00:00Z,1\n",
            "Row 3",
        ),
        ("start,kWh\n2026-01-01T00:00:00Z,NaN\n2026-01-01T01:00:00Z,1\n", "line 2: 'NaN' is not"),
    ],
)
def test_a_load_file_that_is_none_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(VirtualLoadError, match=says):
        read_load(path)


def test_a_load_without_times_needs_a_start() -> None:
    with pytest.raises(VirtualLoadError, match="no times"):
        TimedReplay(series("1"))
    with pytest.raises(VirtualLoadError, match="whole years"):
        CalendarReplay(series("1"), "UTC", 2026)


YEAR_FILES = sorted(
    path.name
    for path in (find_data("loads") or Path("missing")).glob("*.csv")
    if len(path.read_text().split()) in {8760, 35040}
)


@pytest.mark.parametrize("name", YEAR_FILES or ["none"])
def test_a_real_year_counts_to_the_watt_hour(name: str) -> None:
    path = data_root("loads") / name
    tokens = [Decimal(token) for token in path.read_text().split()]
    load = read_load(path)
    into = CalendarReplay(load.imported(), "UTC", 2026)
    out = CalendarReplay(load.exported(), "UTC", 2026)
    hours = Fraction(8760, len(tokens))
    imported = exported = Fraction(0)
    for step, token in enumerate(tokens, start=1):
        imported += max(Fraction(token), Fraction(0)) * hours
        exported += max(-Fraction(token), Fraction(0)) * hours
        if step % 500 == 0 or step == len(tokens):
            instant = START + step * timedelta(hours=8760) / len(tokens)
            assert into.energy_wh(instant) == imported * 1000 // 1
            assert out.energy_wh(instant) == exported * 1000 // 1
