"""Steps, netting periods and maps of banks, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from tests.support.brute import cents
from tests.support.brute_matrix import (
    Bill,
    Hour,
    Pricer,
    Stretch,
    each,
    energy_line,
    is_day,
    is_night,
    kwh,
    month,
    net,
    peak,
    price,
    share,
    stretches,
    versions,
)

ZERO = Fraction(0)
PERIODS = ((is_day, Fraction(1)), (is_night, Fraction(1, 2)))
"""Which hours are of a period, and what its price is, of that of the stretch."""


def in_two(energy: Fraction, top: Fraction) -> tuple[Fraction, Fraction]:
    """What is below a bound, and what is above."""
    return min(energy, top), max(ZERO, energy - top)


def prorata(bill: Bill) -> list[Decimal]:
    """Each period has its share of what is below 300 kWh a month, and of what is above."""
    amounts = []
    for days in stretches(bill):
        parts = in_two(kwh(days), 300 * month(bill, days))
        for energy_in_step, doubled in zip(parts, (1, 2), strict=True):
            for counts, times in PERIODS if energy_in_step or doubled == 1 else ():
                energy = energy_in_step * kwh(days, counts) / kwh(days)
                amounts.append(cents(energy * price(bill, days) * times * doubled))
    return amounts


def per_period(bill: Bill) -> list[Decimal]:
    """Each period by itself has 300 kWh a month at the lower price."""
    amounts = []
    for days in stretches(bill):
        for counts, times in PERIODS:
            below, above = in_two(kwh(days, counts), 300 * month(bill, days))
            amounts.append(cents(below * price(bill, days) * times))
            if above:
                amounts.append(cents(above * price(bill, days) * times * 2))
    return amounts


def in_order(bill: Bill) -> list[Decimal]:
    """The lower price until 300 kWh a month are used, hour by hour."""
    amounts = []
    for days in stretches(bill):
        left = 300 * month(bill, days)
        sums: dict[tuple[int, Fraction], Fraction] = {}
        for hour in (hour for day in days for hour in day.hours):
            times = PERIODS[0 if is_day(hour) else 1][1]
            below, above = in_two(Fraction(hour.used, 1000), left)
            left -= below
            for doubled, energy in ((1, below), (2, above)):
                sums[doubled, times] = sums.get((doubled, times), ZERO) + energy
        amounts += [
            cents(energy * price(bill, days) * times * doubled)
            for (doubled, times), energy in sums.items()
            if energy or doubled == 1
        ]
    return amounts


def mirrored(bill: Bill) -> list[Decimal]:
    """Steps on a net: below zero it is credited what it would cost above."""
    amounts = []
    for days in stretches(bill):
        sign = -1 if net(days) < 0 else 1
        below, above = in_two(abs(net(days)), 30 * month(bill, days))
        amounts.append(cents(sign * below * price(bill, days)))
        if above:
            amounts.append(cents(sign * above * price(bill, days) * 2))
    return amounts


def of_net_below_zero(bill: Bill, days: Stretch) -> Fraction:
    """The whole net at the price of the step that it reaches, below zero at the first."""
    doubled = 2 if net(days) > 30 * month(bill, days) else 1
    return net(days) * price(bill, days) * doubled


def nested(bill: Bill) -> list[Decimal]:
    """Up to 200 kWh/kW the price until 40 kWh and twice it beyond; above that, half of it."""
    amounts = []
    for days in stretches(bill):
        inner, outer = in_two(kwh(days), 200 * peak(days) * month(bill, days))
        low, high = in_two(inner, 40 * month(bill, days))
        parts = [(low, Fraction(1)), (high, Fraction(2)), (outer, Fraction(1, 2))]
        amounts += [
            cents(energy * price(bill, days) * times)
            for number, (energy, times) in enumerate(parts)
            if energy or not number
        ]
    return amounts


def steps_of_demand(bill: Bill) -> list[Decimal]:
    """Half a kW at the price, and the rest of the peak at twice it, by days."""
    amounts = []
    for days in stretches(bill):
        below, above = in_two(peak(days), Fraction(1, 2))
        amounts.append(cents(below * price(bill, days) * share(bill, days)))
        if above:
            amounts.append(cents(above * price(bill, days) * 2 * share(bill, days)))
    return amounts


def steps_of_daily_demand(bill: Bill) -> list[Decimal]:
    """The same of the peak of each day, added."""
    amounts = []
    for days in stretches(bill):
        parts = [in_two(peak([day]), Fraction(1, 2)) for day in days]
        below, above = (sum(energies, ZERO) for energies in zip(*parts, strict=True))
        amounts.append(cents(below * price(bill, days)))
        if above:
            amounts.append(cents(above * price(bill, days) * 2))
    return amounts


def allowed(bill: Bill, days: Stretch) -> Fraction:
    """Nine kWh a day in one season, and seven in the other."""
    del bill
    return Fraction(len(days) * (9 if days[0].season == "s" else 7))


def hourly(sign: int) -> Pricer:
    """What single hours net to, on one side."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        nets = (sign * (hour.used - hour.fed) for day in days for hour in day.hours)
        return Fraction(sum(max(0, wh) for wh in nets), 1000) * price(bill, days)

    return each(amount)


def net_of_year(before: Fraction, sign: int) -> Pricer:
    """The year so far, less what was charged of it; what is left is shared by what each brought."""

    def lines(bill: Bill) -> list[Decimal]:
        after = before + net(bill.days)
        left = max(ZERO, sign * after) - max(ZERO, sign * before)
        towards = sign if left >= 0 else -sign
        brought = [max(ZERO, towards * net(days)) for days in stretches(bill)]
        whole = sum(brought, ZERO)
        return [
            cents(left * energy / whole * price(bill, days) if whole else ZERO)
            for energy, days in zip(brought, stretches(bill), strict=True)
        ]

    return lines


def mapped(opening: dict[str, Fraction]) -> Pricer:
    """Two periods netted apart; what the day earned pays for the night, and the night's for it.

    Args:
        opening: Period to what earlier bills left in it. [kWh]
    """

    def of(days: Stretch, counts: Callable[[Hour], bool]) -> Fraction:
        fed = sum(hour.fed for day in days for hour in day.hours if counts(hour))
        return kwh(days, counts) - Fraction(fed, 1000)

    def lines(bill: Bill) -> list[Decimal]:
        amounts = []
        for (counts, times), other in zip(PERIODS, ("night", "day"), strict=True):
            charged = max(ZERO, max(ZERO, of(bill.days, counts)) - opening[other])
            used = [max(ZERO, of(days, counts)) for days in stretches(bill)]
            whole = sum(used, ZERO)
            amounts += [
                cents(charged * energy / whole * price(bill, days) * times if whole else ZERO)
                for energy, days in zip(used, stretches(bill), strict=True)
            ]
        return amounts

    return lines


def paid_by_steps(bill: Bill) -> list[Decimal]:
    """What is fed in earns 5 cents up to 10 kWh a month and 2 beyond, and pays the energy."""
    left, amounts = ZERO, []
    for version in map(bill.on, versions(bill)):
        lines = each(energy_line)(version)
        earned = ZERO
        for days in stretches(version):
            fed = Fraction(sum(hour.fed for day in days for hour in day.hours), 1000)
            below, above = in_two(fed, 10 * month(bill, days))
            earned += below * Fraction(5, 100) + above * Fraction(2, 100)
        left += earned
        used = min(left, Fraction(sum(lines, Decimal(0))))
        left -= used
        amounts += [*lines, *([cents(-used)] if used or earned else [])]
    return amounts


def two_banks(lasting: Fraction, *, listed: bool) -> Pricer:
    """What is fed in earns 5 cents that lapse with the bill; a gift lasts.

    Args:
        lasting: Of the gift. [currency]
        listed: Whether the gift pays first, as it stands in the list.
    """

    def lines(bill: Bill) -> list[Decimal]:
        pots, amounts = {"lapses": ZERO, "lasts": lasting}, []
        order = ("lasts", "lapses") if listed else ("lapses", "lasts")
        for version in map(bill.on, versions(bill)):
            mine = each(energy_line)(version)
            amounts += mine
            unpaid = Fraction(sum(mine, Decimal(0)))
            fed = Fraction(sum(hour.fed for day in version.days for hour in day.hours), 1000)
            pots["lapses"] += fed / 20
            for name in order:
                # A bank has paid what its line says, rounded.
                used = min(pots[name], max(ZERO, unpaid))
                pots[name] -= used
                if used or (fed and name == "lapses"):
                    amounts.append(cents(-used))
                    unpaid -= Fraction(cents(used))
        return amounts

    return lines
