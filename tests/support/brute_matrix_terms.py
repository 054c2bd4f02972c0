"""Years, terms, balances, agreed prices and events, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
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
    kwh,
    price,
    share,
    stretches,
    versions,
)
from tests.support.brute_matrix_drawn import number
from tests.support.brute_matrix_states import months_before

ZERO, NONE = Fraction(0), Decimal(0)
YEAR = Fraction(900)
"""What a year or term is to come to. [currency]"""


def ends_month(bill: Bill) -> bool:
    return (bill.days[-1].day + timedelta(days=1)).day == 1


def month_of(bill: Bill) -> date:
    return bill.days[0].day.replace(day=1)


def short_of_year(before: Decimal, share_of_it: Callable[[Bill], Fraction]) -> Pricer:
    """Energy, and what it is short of a share of the year's amount where the bill ends the year."""

    def lines(bill: Bill) -> list[Decimal]:
        amounts = each(energy_line)(bill)
        short = YEAR * share_of_it(bill) - Fraction(before + sum(amounts, NONE))
        return [*amounts, *([cents(short)] if short > 0 and ends_month(bill) else [])]

    return lines


def all_of_it(_: Bill) -> Fraction:
    return Fraction(1)


def days_of_year_since(months: int) -> Callable[[Bill], Fraction]:
    """Days of the bill and of so many months before it, of those of the year that it ends."""

    def share_of_it(bill: Bill) -> Fraction:
        end = months_before(month_of(bill), -1)
        counted = days_between(months_before(month_of(bill), months), end)
        return Fraction(len(counted), len(days_between(months_before(end, 12), end)))

    return share_of_it


def months_of_year_since(months: int) -> Callable[[Bill], Fraction]:
    return lambda _: Fraction(months + 1, 12)


def short_until_the_eleventh(before: Decimal) -> Pricer:
    """A year that ends with the 10th: the bill is cut there, and charged what the year is short."""

    def lines(bill: Bill) -> list[Decimal]:
        amounts = []
        for _, days in groupby(bill.days, key=lambda day: day.day.day > 10):
            side = bill.on(days)
            mine = each(energy_line)(side)
            amounts += mine
            short = YEAR - Fraction(before + sum(mine, NONE))
            if side.days[-1].day.day == 10 and short > 0:
                amounts.append(cents(short))
        return amounts

    return lines


def part_of_month(bill: Bill) -> Fraction:
    return Fraction(len(bill.days), bill.period)


def short_of_month(share_of_it: Callable[[Bill], Fraction]) -> Pricer:
    def lines(bill: Bill) -> list[Decimal]:
        amounts = each(energy_line)(bill)
        short = YEAR * share_of_it(bill) - Fraction(sum(amounts, NONE))
        return [*amounts, *([cents(short)] if short > 0 else [])]

    return lines


def fed(days: Iterable[Day]) -> Fraction:
    return Fraction(sum(hour.fed for day in days for hour in day.hours), 1000)


def credited(bill: Bill) -> list[Decimal]:
    """Energy, and 5 cents for what is fed in, as far as there is energy to pay."""
    left, amounts = ZERO, []
    for version in map(bill.on, versions(bill)):
        lines = each(energy_line)(version)
        left += fed(version.days) / 20
        used = min(left, Fraction(sum(lines, NONE)))
        left -= used
        amounts += [*lines, *([cents(-used)] if used or fed(version.days) else [])]
    return amounts


def topped_up_after_credits(bill: Bill) -> list[Decimal]:
    amounts = credited(bill)
    short = a_month(bill) - max(ZERO, Fraction(sum(amounts, NONE)))
    return [*amounts, *([cents(short)] if short > 0 else [])]


def committed_after_credits(bill: Bill) -> list[Decimal]:
    """All of the month's amount, whatever part of the month is billed."""
    amounts = credited(bill)
    short = YEAR - Fraction(sum(amounts, NONE))
    return [*amounts, *([cents(short)] if short > 0 else [])]


def settled_into_money(bill: Bill) -> list[Decimal]:
    """What a bank of 50 kWh has left at the end of the month pays later bills: a line of zero."""
    net = kwh(bill.days) - fed(bill.days)
    settles = ends_month(bill) and net < 50
    return [*each(energy_line)(bill), *([NONE] if settles else [])]


def paid_out(bill: Bill) -> list[Decimal]:
    """What is credited for later bills alone, paid out by half where the bill ends the year."""
    amounts = []
    for version in map(bill.on, versions(bill)):
        amounts += each(energy_line)(version)
        amounts += [NONE] if fed(version.days) else []
    left = fed(bill.days) / 20
    return [*amounts, *([cents(-left / 2)] if left and ends_month(bill) else [])]


def levelled(before: tuple[int, ...], deferred: Decimal, *, settles: bool = False) -> Pricer:
    """Energy, and what makes it the mean of itself and of the bills before it.

    Args:
        before: What those came to.
        deferred: What was not paid yet.
        settles: Whether a bill that ends its month pays all of that instead.
    """

    def lines(bill: Bill) -> list[Decimal]:
        amounts = each(energy_line)(bill)
        due = sum(amounts, NONE)
        mean = cents(Fraction(sum(before) + due) / (len(before) + 1))
        return [*amounts, deferred if settles and ends_month(bill) else mean - due]

    return lines


def drawn_down(balance: Fraction) -> Pricer:
    def lines(bill: Bill) -> list[Decimal]:
        amounts = each(energy_line)(bill)
        used = min(balance, Fraction(sum(amounts, NONE)))
        return [*amounts, *([cents(-used)] if used else [])]

    return lines


def agreed_groups(bill: Bill) -> list[list[Day]]:
    """Runs of days under one version, season and number of seats."""

    def key(day: Day) -> object:
        return (day.version, day.season, day.seats)

    return [list(days) for _, days in groupby(bill.days, key=key)]


def at_agreed_price(bill: Bill) -> list[Decimal]:
    """40 cents from the day on which there are 7 seats."""
    return [
        cents(kwh(days) * (price(bill, days) if days[0].seats == 3 else Fraction(2, 5)))
        for days in agreed_groups(bill)
    ]


def with_agreed_discount(bill: Bill) -> list[Decimal]:
    """Ten percent less of what each version charges from the day on which there are 7 seats."""
    amounts = []
    for _, days in groupby(bill.days, key=lambda day: (day.version, day.seats)):
        alike = bill.on(days)
        lines = each(energy_line)(alike)
        amounts += lines
        if alike.days[0].seats != 3:
            amounts.append(cents(-Fraction(sum(lines, NONE)) / 10))
    return amounts


def taxed_on_issue(bill: Bill) -> list[Decimal]:
    """Energy, and a tax at the percent that a table has on the day after the last one billed."""
    lines = each(energy_line)(bill)
    issued = bill.days[-1].day + timedelta(days=1)
    later = issued >= month_of(bill).replace(day=bill.turn)
    percent = abs(number(bill, int(later)))
    return [*lines, cents(Fraction(sum(lines, NONE)) * percent / 100)]


def sends(hour: Hour) -> bool:
    """Whether an event was sent in the hour."""
    return hour.used % 5 == 0


def user_of(hour: Hour) -> int:
    return hour.used % 7


def is_east(hour: Hour) -> bool:
    return hour.used % 2 == 0


def sent(days: Stretch) -> list[Hour]:
    return [hour for day in days for hour in day.hours if sends(hour)]


def counted(amount: Callable[[list[Hour]], int]) -> Pricer:
    """A number of the events of each stretch."""
    return each(lambda bill, days: amount(sent(days)) * price(bill, days))


def shared_by_time(amount: Callable[[list[Hour]], int]) -> Pricer:
    """The same of what is held, for its share of the bill's days."""
    return each(lambda bill, days: amount(sent(days)) * price(bill, days) * share(bill, days))


def split_in_two(bill: Bill) -> list[Decimal]:
    """The values of events of the east at the price, of all others at half of it."""
    return [
        cents(
            sum(hour.price for hour in sent(days) if is_east(hour) is east)
            * price(bill, days)
            * times
        )
        for days in stretches(bill)
        for east, times in ((True, 1), (False, Fraction(1, 2)))
    ]
