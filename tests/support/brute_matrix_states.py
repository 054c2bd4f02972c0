"""Charges that look at windows, days, months, dates or banks, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import groupby

from tests.support.brute import cents, days_between
from tests.support.brute_matrix import (
    Bill,
    Day,
    Hour,
    Pricer,
    Stretch,
    a_month,
    each,
    energy_line,
    is_day,
    is_night,
    kwh,
    month,
    net,
    peak,
    price,
    seats,
    share,
    stretches,
    versions,
)

ZERO = Fraction(0)


def contracted(day: Day) -> Fraction:
    """Power: 0.2 while there are 3 seats, then 0.7. [kW]"""
    return Fraction(1, 5) if day.seats == 3 else Fraction(7, 10)


def excesses(days: Stretch) -> list[Fraction]:
    return [
        max(ZERO, Fraction(hour.used, 1000) - contracted(day)) for day in days for hour in day.hours
    ]


def square_root(value: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(value.numerator) / value.denominator).sqrt())


def excess_by_root(bill: Bill) -> list[Decimal]:
    """The root of the bill's squares, shared by the squares of each stretch."""
    squares = [sum((excess**2 for excess in excesses(days)), ZERO) for days in stretches(bill)]
    whole = sum(squares, ZERO)
    root = square_root(whole)
    return [
        cents(root * square / whole * price(bill, days) if whole else ZERO)
        for square, days in zip(squares, stretches(bill), strict=True)
    ]


def highest_excess(bill: Bill, days: Stretch) -> Fraction:
    return max(excesses(days)) * price(bill, days) * share(bill, days)


def mean_of_three_days(bill: Bill, days: Stretch) -> Fraction:
    highest = sorted(peak([day]) for day in days)[-3:]
    return sum(highest, ZERO) / len(highest) * price(bill, days) * share(bill, days)


def mean_of_months(earlier: Sequence[Fraction], floor: Fraction) -> Pricer:
    """The mean of earlier months' peaks and the bill's own, each at least a floor."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        months = [max(floor, kw) for kw in (*earlier, peak(bill.days))]
        return sum(months, ZERO) / len(months) * price(bill, days) * share(bill, days)

    return each(amount)


def total_of_months(earlier: Sequence[Fraction]) -> Pricer:
    """The energy of earlier months and the bill's own, per month."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        return (sum(earlier, ZERO) + kwh(bill.days)) * price(bill, days) * month(bill, days)

    return each(amount)


def with_losses(bill: Bill, days: Stretch) -> Fraction:
    """Energy times what a fact says on its day: 1.05 while there are 3 seats, then 1.08."""
    factors = {3: Fraction(105, 100), 7: Fraction(108, 100)}
    return sum((kwh([day]) * factors[day.seats] for day in days), ZERO) * price(bill, days)


def retail(hour: Hour) -> Fraction:
    """1.5 times the market and a cent, no less than 5 and no more than 20 cents."""
    computed = Fraction(3 * hour.price, 2000) + Fraction(1, 100)
    return min(Fraction(20, 100), max(Fraction(5, 100), computed))


def at_retail(bill: Bill, days: Stretch) -> Fraction:
    del bill
    return sum(
        (Fraction(hour.used, 1000) * retail(hour) for day in days for hour in day.hours), ZERO
    )


def runs(bill: Bill, key: Callable[[Day], object]) -> list[Bill]:
    """The bill in runs of days that are alike."""
    return [bill.on(days) for _, days in groupby(bill.days, key=key)]


def by_conditions(bill: Bill) -> list[Bill]:
    return runs(bill, lambda day: (day.version, day.exempt))


def with_rider_on(*, exempt: bool) -> Pricer:
    """Energy, and 5 % of it on days that are exempt, or on days that are not."""

    def lines(bill: Bill) -> list[Decimal]:
        amounts: list[Decimal] = []
        for stretch in by_conditions(bill):
            mine = each(energy_line)(stretch)
            amounts += mine
            if stretch.days[0].exempt is exempt:
                amounts.append(cents(Fraction(sum(mine, Decimal(0))) * 5 / 100))
        return amounts

    return lines


def topped_up_unless_exempt(bill: Bill) -> list[Decimal]:
    """Energy, and what that of the days that are not exempt is short of their part of a month."""
    alike = by_conditions(bill)
    counted = [stretch for stretch in alike if not stretch.days[0].exempt]
    mine = sum((sum(each(energy_line)(days), Decimal(0)) for days in counted), Decimal(0))
    short = sum((a_month(days) for days in counted), ZERO) - Fraction(mine)
    every = [amount for days in alike for amount in each(energy_line)(days)]
    return [*every, *([cents(short)] if short > 0 else [])]


def rounded_to_five(bill: Bill) -> list[Decimal]:
    lines = each(energy_line)(bill)
    total = int(sum(lines, Decimal(0)) * 100)
    nearest = (total + 2) // 5 * 5
    gap = Decimal(nearest - total) / 100
    return [*lines, *([gap] if gap else [])]


def on_the_fifteenth(times: Callable[[Day], int]) -> Pricer:
    def lines(bill: Bill) -> list[Decimal]:
        return [
            cents(price(bill, days) * times(day))
            for days in stretches(bill)
            for day in days
            if day.day.day == 15
        ]

    return lines


def _coming(bill: Bill) -> list[Decimal]:
    """The month after, at what is known on the last day, where the bill ends its month."""
    last = bill.days[-1]
    if (last.day + timedelta(days=1)).day != 1:
        return []
    return [cents(bill.prices[last.version, last.season] * last.seats)]


def first_in_advance(bill: Bill) -> list[Decimal]:
    """Nothing was paid ahead: the days themselves, and the month to come."""
    now = each(lambda b, d: price(b, d) * seats(d) * month(b, d))(bill)
    return [*now, *_coming(bill)]


def paid_in_advance(paid: Decimal) -> Pricer:
    """The month was paid: what it costs otherwise by now, and the month to come."""

    def lines(bill: Bill) -> list[Decimal]:
        cost = sum((price(bill, d) * seats(d) * month(bill, d) for d in stretches(bill)), ZERO)
        share_of_month = Fraction(len(bill.days), bill.period)
        before = Fraction(paid) * share_of_month
        changed = [] if cents(cost / share_of_month) == paid else [cents(cost - before)]
        return [*changed, *_coming(bill)]

    return lines


def beyond_included(pool: Fraction) -> Pricer:
    """100 kWh a month are included, beside what earlier months left."""

    def lines(bill: Bill) -> list[Decimal]:
        left, amounts = pool, []
        for days in stretches(bill):
            left += 100 * month(bill, days)
            used = min(left, kwh(days))
            left -= used
            amounts.append(cents((kwh(days) - used) * price(bill, days)))
        return amounts

    return lines


def exports_capped(bill: Bill) -> list[Decimal]:
    """Exports at the market's price pay the energy of this bill, and lapse with it."""
    left, amounts = ZERO, []
    for version in map(bill.on, versions(bill)):
        lines = each(energy_line)(version)
        earned = sum(
            (Fraction(h.fed * h.price, 10**6) for d in version.days for h in d.hours), ZERO
        )
        left += earned
        used = min(left, Fraction(sum(lines, Decimal(0))))
        left -= used
        amounts += [*lines, *([cents(-used)] if used or earned else [])]
    return amounts


def banked_for_later(left: Fraction) -> Pricer:
    """What earlier months left pays the energy; what is given earns for later bills alone."""

    def lines(bill: Bill) -> list[Decimal]:
        pot, amounts = left, []
        for days in versions(bill):
            mine = each(energy_line)(bill.on(days))
            used = min(pot, Fraction(sum(mine, Decimal(0))))
            pot -= used
            earned = any(hour.fed for day in days for hour in day.hours)
            amounts += [*mine, *([cents(-used)] if used or earned else [])]
        return amounts

    return lines


def settled(
    opening: dict[str, Fraction],
    counts: Mapping[str, Callable[[Hour], bool]],
    pay: dict[str, Fraction],
) -> Pricer:
    """A bank of energy by period, whose rest is paid out where the bill ends its month.

    Args:
        opening: Period to what is left in it. [kWh]
        counts: Period to which hours are its.
        pay: Period to the price of what is left.
    """

    def of(days: Stretch, label: str) -> Fraction:
        fed = sum((h.fed for d in days for h in d.hours if counts[label](h)), 0)
        return kwh(days, counts[label]) - Fraction(fed, 1000)

    def lines(bill: Bill) -> list[Decimal]:
        amounts = []
        for label, left in opening.items():
            whole = of(bill.days, label)
            charged, rest = max(ZERO, whole - left), max(ZERO, left - whole)
            used = [max(ZERO, of(days, label)) for days in stretches(bill)]
            brought = sum(used, ZERO)
            half = Fraction(1, 2) if label == "night" else Fraction(1)
            amounts += [
                cents(charged * energy / brought * price(bill, days) * half if brought else ZERO)
                for energy, days in zip(used, stretches(bill), strict=True)
            ]
            if rest and (bill.days[-1].day + timedelta(days=1)).day == 1:
                amounts.append(cents(-rest * pay[label]))
        return amounts

    return lines


BOTH = {"day": is_day, "night": is_night}
ALL: Mapping[str, Callable[[Hour], bool]] = {"": lambda _: True}


def zoned(bill: Bill) -> list[Decimal]:
    """A table by zone, A while there are 3 seats and then B, with a new row from the 13th."""
    prices = {(3, 0): 11, (7, 0): 17, (3, 1): 12, (7, 1): 19}

    def key(day: Day) -> tuple[int, str, int, int]:
        return day.version, day.season, day.seats, int(day.day.day >= 13)

    return [
        cents(kwh(list(days)) * Fraction(prices[row[2:]], 100))
        for row, days in groupby(bill.days, key=key)
    ]


def net_of_season(before: Fraction, sign: int) -> Pricer:
    """The season so far, less what was charged of it before the bill; each season by itself."""

    def lines(bill: Bill) -> list[Decimal]:
        # The other season is the one of each bill's first days that began before them.
        amounts, carried = [], before if bill.days[0].season == "w" else ZERO
        for season in runs(bill, lambda day: day.season):
            after = carried + net(season.days)
            left = max(ZERO, sign * after) - max(ZERO, sign * carried)
            towards = sign if left >= 0 else -sign
            brought = [max(ZERO, towards * net(days)) for days in stretches(season)]
            whole = sum(brought, ZERO)
            amounts += [
                cents(left * energy / whole * price(bill, days) if whole else ZERO)
                for energy, days in zip(brought, stretches(season), strict=True)
            ]
            carried = ZERO
        return amounts

    return lines


def months_before(first: date, count: int) -> date:
    """The first day of the month so many months before another."""
    number = first.year * 12 + first.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def days_of(first: date) -> int:
    """Of a month."""
    return len(days_between(first, months_before(first, -1)))
