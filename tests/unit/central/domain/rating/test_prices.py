"""Price series: exact prices of steps, whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from central.domain.rating.inputs.price_series import PriceSeries
from firmware_bridge.contract.interval import Interval

START = datetime(2026, 3, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)


def series(*prices: int | None, start: datetime = START) -> PriceSeries:
    return PriceSeries("ES.DA", start, 3600, prices, -3)


def test_quarter_hours_take_the_price_of_their_hour() -> None:
    found = series(10, 20).at_steps(START + HOUR / 2, 900, 4)
    assert found is not None
    assert found.tolist() == [10, 10, 20, 20]


def test_an_unknown_price_is_no_price_and_does_not_disturb_its_neighbours() -> None:
    prices = series(10, None, 30)
    assert prices.at_steps(START, 3600, 3) is None
    assert prices.at_steps(START + HOUR, 900, 1) is None
    found = prices.at_steps(START + 2 * HOUR, 3600, 1)
    assert found is not None
    assert found.tolist() == [30]


def test_steps_before_after_or_across_are_not_priced() -> None:
    prices = series(10, 20)
    assert prices.at_steps(START - HOUR, 3600, 1) is None
    assert prices.at_steps(START + HOUR, 3600, 2) is None
    assert prices.at_steps(START, 5400, 1) is None


def test_a_local_start_counts_real_hours_over_the_night_of_a_clock_change() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    prices = series(*range(48), start=datetime(2026, 3, 29, tzinfo=madrid))
    found = prices.at_steps(datetime(2026, 3, 29, 12, tzinfo=madrid), 3600, 1)
    assert found is not None
    assert found.tolist() == [11]


def test_what_is_cut_to_an_interval_keeps_its_hash_when_later_prices_come() -> None:
    days = Interval(START + HOUR, START + 3 * HOUR)
    early, late = series(1, 2, 3).within(days), series(1, 2, 3, 4, 5).within(days)
    assert early.to_json() == late.to_json()
    assert early.mantissas == (2, 3)
    assert series(1).within(days).mantissas == ()


def test_a_cut_keeps_the_step_that_an_interval_begins_or_ends_in() -> None:
    days = Interval(START + HOUR / 2, START + 3 * HOUR / 2)
    assert series(1, 2, 3).within(days).mantissas == (1, 2)


def test_an_unknown_price_and_a_price_of_zero_have_two_hashes() -> None:
    assert series(1, None).to_json() != series(1, 0).to_json()
