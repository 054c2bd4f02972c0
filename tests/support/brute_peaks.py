"""Brute force for what is made of windows' power: excess, means of peaks. Imports no product."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo


def powers(
    start: datetime, step: timedelta, wh: list[int], zone: str, window: int
) -> list[tuple[datetime, Fraction]]:
    """Local begin and average kW of every block of `window` minutes that is whole."""
    info, per = ZoneInfo(zone), timedelta(minutes=window) // step
    windows = []
    for number in range(len(wh) - per + 1):
        local = (start + number * step).astimezone(info)
        if (local.hour * 60 + local.minute) % window == 0:
            kwh = Fraction(sum(wh[number : number + per]), 1000)
            windows.append((local, kwh * 60 / window))
    return windows


def squares(
    windows: list[tuple[datetime, Fraction]],
    wanted: Callable[[datetime], bool],
    contracted: Callable[[date], Fraction],
) -> Fraction:
    """The sum of the squares of what windows have beyond the contracted power."""
    total = Fraction(0)
    for begin, power in windows:
        excess = power - contracted(begin.date())
        if wanted(begin) and excess > 0:
            total += excess * excess
    return total


def root(value: Fraction) -> Decimal:
    """A root to 30 digits, by the decimal module."""
    with localcontext() as context:
        context.prec = 60
        return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()


def highest_days(windows: list[tuple[datetime, Fraction]], count: int) -> Fraction:
    """The mean of the highest windows of as many days, none twice."""
    days: dict[date, Fraction] = {}
    for begin, power in windows:
        days[begin.date()] = max(power, days.get(begin.date(), power))
    highest = sorted(days.values())[-count:]
    return sum(highest, Fraction(0)) / len(highest)
