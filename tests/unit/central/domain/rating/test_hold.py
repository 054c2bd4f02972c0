"""Days of one cause hold a bill with one reason."""

from __future__ import annotations

from datetime import date

from central.domain.rating.hold import HeldDay, Hold, by_cause


def missing(day: int, channel: int = 7, count: int = 4) -> Hold:
    """A day of October that lacks intervals."""
    on = date(2026, 10, day)
    message = f"{count} intervals of 'import' on {on} are missing."
    return Hold("MISSING_INTERVALS", message, f"channel {channel}, {on}", HeldDay(channel, on))


def test_days_of_a_channel_are_one_reason_with_their_ranges_and_count() -> None:
    (hold,) = by_cause([missing(3), missing(5), missing(4), missing(9)])
    assert hold.code == "MISSING_INTERVALS"
    assert hold.message == (
        "4 intervals of 'import' on 2026-10-03 are missing. So it is on 3 more days."
    )
    assert hold.evidence == "channel 7, 2026-10-03 to 2026-10-05, 2026-10-09: 4 days"


def test_one_day_says_what_it_always_said() -> None:
    assert by_cause([missing(3)]) == (missing(3),)


def test_channels_and_codes_are_causes_of_their_own_in_the_order_of_their_first_day() -> None:
    stuck = Hold("STANDING_STILL", "It stands still.", "x", HeldDay(7, date(2026, 10, 4)))
    holds = by_cause([missing(3), stuck, missing(4), missing(3, channel=8)])
    assert [(hold.code, hold.evidence) for hold in holds] == [
        ("MISSING_INTERVALS", "channel 7, 2026-10-03 to 2026-10-04: 2 days"),
        ("STANDING_STILL", "x"),
        ("MISSING_INTERVALS", "channel 8, 2026-10-03"),
    ]


def test_what_two_services_of_a_point_both_name_is_said_once() -> None:
    price = Hold("MISSING_PRICE", "No price.", "energy")
    assert by_cause([missing(3), price, missing(3), price]) == (missing(3), price)


def test_several_on_one_day_say_how_many_times() -> None:
    message = "A reading has two different values."
    both = [
        Hold("CONFLICTING_READINGS", message, f"2026-10-03T0{hour}", HeldDay(7, date(2026, 10, 3)))
        for hour in (4, 5)
    ]
    (hold,) = by_cause(both)
    assert (hold.message, hold.evidence) == (message, "channel 7, 2026-10-03: 2 times")
