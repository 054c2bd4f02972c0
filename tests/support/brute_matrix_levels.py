"""Baselines, levels, included units and conditions, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.support.brute import cents, instants
from tests.support.brute_matrix import (
    Bill,
    Day,
    Pricer,
    Stretch,
    a_month,
    each,
    energy_line,
    is_day,
    is_night,
    kwh,
    month,
    peak,
    price,
    seats,
    share,
    stretches,
)
from tests.support.brute_matrix_drawn import by_date
from tests.support.brute_matrix_states import by_conditions
from tests.support.brute_matrix_terms import fed, sends, user_of
from tests.support.brute_measures import Rules, Use, held, rebate

ZERO, NONE = Fraction(0), Decimal(0)
ZONE = "Europe/Madrid"
REACH = 20
"""How many days before the bill a baseline can look at."""


def past_days(bill: Bill) -> tuple[date, date]:
    """The days before the bill whose use is known."""
    first = bill.days[0].day
    return first - timedelta(days=REACH), first


def past_use(bill: Bill) -> list[int]:
    """Use of those days, hour by hour. [Wh]"""
    start, end = instants(*past_days(bill), ZONE)
    return [n * 37 % 900 for n in range((end - start) // timedelta(hours=1))]


def use_of(bill: Bill) -> Use:
    start, _ = instants(*past_days(bill), ZONE)
    used = [hour.used for day in bill.days for hour in day.hours]
    return Use(start, timedelta(hours=1), [*past_use(bill), *used], ZONE)


def marked_hours(use: Use) -> list[bool]:
    """Events in the afternoon of every fourth day of a month."""
    return [use.at(n).day % 4 == 0 and 16 <= use.at(n).hour < 20 for n in range(len(use.wh))]


def saved(rank: str, floor: str) -> Pricer:
    """What was not used in events, against the mean of three of the five days before without."""
    rules = Rules(5, 3, rank, lambda *_: True, floor)

    def amount(bill: Bill, days: Stretch) -> Fraction:
        use = use_of(bill)
        end = days[-1].day + timedelta(days=1)
        return rebate(use, marked_hours(use), days[0].day, end, rules) * price(bill, days)

    return each(amount)


def started(day: Day) -> datetime:
    midnight = datetime(day.day.year, day.day.month, day.day.day, tzinfo=ZoneInfo(ZONE))
    return midnight.astimezone(UTC)


def changes(days: Iterable[Day]) -> list[tuple[datetime, str, Fraction]]:
    """When what a user holds changes, and to what."""
    return [
        (
            started(day) + timedelta(hours=number, minutes=30),
            str(user_of(hour)),
            Fraction(hour.price),
        )
        for day in days
        for number, hour in enumerate(day.hours)
        if sends(hour)
    ]


def latest_of_each(opening: Mapping[str, Fraction]) -> Pricer:
    """What all users hold at the end of each stretch, for its share of the bill's days."""

    def lines(bill: Bill) -> list[Decimal]:
        holds, amounts = dict(opening), []
        for days in stretches(bill):
            holds |= {user: value for _, user, value in changes(days)}
            amounts.append(cents(sum(holds.values(), ZERO) * price(bill, days) * share(bill, days)))
        return amounts

    return lines


def held_over_time(opening: Mapping[str, Fraction], *, hours: bool) -> Pricer:
    """What users hold: its mean over each stretch for its share of days, or times the hours."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        start, _ = instants(bill.days[0].day, bill.days[0].day + timedelta(days=1), ZONE)
        begin, end = instants(days[0].day, days[-1].day + timedelta(days=1), ZONE)
        until = dict(opening)
        until |= {user: value for at, user, value in changes(bill.days) if start <= at < begin}
        later = [change for change in changes(bill.days) if change[0] >= begin]
        mean = held(later, until, begin, end)
        if hours:
            return mean * Fraction(int((end - begin).total_seconds()), 3600) * price(bill, days)
        return mean * price(bill, days) * share(bill, days)

    return each(amount)


def beyond_seats(bill: Bill) -> list[Decimal]:
    """Ten kWh a month and seat are included; what a stretch leaves, the next can use."""
    left, amounts = ZERO, []
    for days in stretches(bill):
        left += 10 * seats(days) * month(bill, days)
        used = min(left, kwh(days))
        left -= used
        amounts.append(cents((kwh(days) - used) * price(bill, days)))
    return amounts


def beyond_whole_months(bill: Bill) -> list[Decimal]:
    """A hundred kWh a month are included, all of them in a part of a month."""
    left, amounts = ZERO, []
    for days in stretches(bill):
        left += 100 * share(bill, days)
        used = min(left, kwh(days))
        left -= used
        amounts.append(cents((kwh(days) - used) * price(bill, days)))
    return amounts


def rider_of_table(bill: Bill) -> list[Decimal]:
    """Energy, and a percent of it that a table has from days on."""
    amounts = []
    for _, days in groupby(bill.days, key=lambda day: (day.version, by_date(bill, day))):
        stretch = bill.on(days)
        lines = each(energy_line)(stretch)
        percent = by_date(bill, stretch.days[0])
        amounts += [*lines, cents(Fraction(sum(lines, NONE)) * percent / 100)]
    return amounts


def credited_where(*, exempt: bool) -> Pricer:
    """What is fed in earns and pays on days that are exempt, or on those that are not."""

    def lines(bill: Bill) -> list[Decimal]:
        left, amounts = ZERO, []
        for stretch in by_conditions(bill):
            mine = each(energy_line)(stretch)
            amounts += mine
            if stretch.days[0].exempt is exempt:
                left += fed(stretch.days) / 20
                used = min(left, Fraction(sum(mine, NONE)))
                left -= used
                amounts += [cents(-used)] if used or fed(stretch.days) else []
        return amounts

    return lines


def topped_up_where_exempt(bill: Bill) -> list[Decimal]:
    parts = by_conditions(bill)
    counted = [stretch for stretch in parts if stretch.days[0].exempt]
    mine = sum((sum(each(energy_line)(stretch), NONE) for stretch in counted), NONE)
    short = sum((a_month(stretch) for stretch in counted), ZERO) - Fraction(mine)
    every = [amount for stretch in parts for amount in each(energy_line)(stretch)]
    return [*every, *([cents(short)] if short > 0 else [])]


def on_last_day(*, exempt: bool, then: Pricer, otherwise: Pricer) -> Pricer:
    """One rule for bills whose last day is exempt, or is not, and another for the others."""
    return lambda bill: (then if bill.days[-1].exempt is exempt else otherwise)(bill)


def at_prices_by_period(bill: Bill, days: Stretch) -> Fraction:
    """25 cents by day and 10 by night."""
    del bill
    return kwh(days, is_day) / 4 + kwh(days, is_night) / 10


def is_estimated(day: Day) -> bool:
    return day.day.day % 3 == 0


def metered_peak(bill: Bill, days: Stretch) -> Fraction:
    """The peak of the days that were not estimated."""
    metered = [day for day in days if not is_estimated(day)]
    return peak(metered) * price(bill, days) * share(bill, days)


def in_whole_kwh(bill: Bill) -> list[Decimal]:
    """Each period and stretch in whole kWh that sum to the bill's, by the largest rest."""
    cells = [
        (kwh(days, counts), price(bill, days) * times)
        for days in stretches(bill)
        for counts, times in ((is_day, Fraction(1)), (is_night, Fraction(1, 2)))
    ]
    whole = [int(energy) for energy, _ in cells]
    missing = int(kwh(bill.days) + Fraction(1, 2)) - sum(whole)
    by_rest = sorted(range(len(cells)), key=lambda at: whole[at] - cells[at][0])
    for at in by_rest[:missing]:
        whole[at] += 1
    return [cents(energy * rate) for energy, (_, rate) in zip(whole, cells, strict=True)]


def in_months_of(normal: Fraction) -> Pricer:
    """A price per month: whole months by their days, and parts by so many days a month."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        whole = len(bill.days) == bill.period
        return price(bill, days) * len(days) / (bill.period if whole else normal)

    return each(amount)


def in_full_months(lowest: int) -> Pricer:
    """A price per month, all of it from so many days on, and by thirtieths below."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        whole = len(bill.days) >= lowest
        return price(bill, days) * len(days) / (len(bill.days) if whole else 30)

    return each(amount)


def at_last_price(opening: Fraction) -> Callable[[Bill], list[Decimal]]:
    """A bank of energy, whose rest is paid at the market's price of the bill's last hour."""

    def lines(bill: Bill) -> list[Decimal]:
        nets = [kwh(days) - fed(days) for days in stretches(bill)]
        left = max(ZERO, sum(nets, ZERO) - opening)
        used = [max(ZERO, energy) for energy in nets]
        whole = sum(used, ZERO)
        amounts = [
            cents(left * energy / whole * price(bill, days) if whole else ZERO)
            for energy, days in zip(used, stretches(bill), strict=True)
        ]
        rest = max(ZERO, opening - sum(nets, ZERO))
        last = Fraction(bill.days[-1].hours[-1].price, 1000)
        if rest and last and (bill.days[-1].day + timedelta(days=1)).day == 1:
            amounts.append(cents(-rest * last))
        return amounts

    return lines
