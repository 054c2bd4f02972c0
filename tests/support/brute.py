"""A brute-force rater for tests: fractions and zoneinfo, one interval at a time.

It imports nothing of the product and shares no idea with it beyond the definitions: every interval
is asked for its local date, season, day type and period, and added where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass
class Plan:
    """A tariff in the plainest terms.

    Args:
        period: Local date (as a day type sees it), whether a holiday, and minute to a label.
        prices: (season, label) to price per kWh.
        season: Local date to season.
        fixed: Price per month.
        yearly: Price per year by days.
        demand: Price per kW of the highest block of `window` minutes in the bill, or None.
        window: In minutes.
        tiers: Upper bounds with prices, or None; graduated, all periods together.
        ratchet: Percent of the highest earlier peak that is billed at least.
        taxes: Percents, each on everything before it.
        standard: Whether periods are read on the clock that ignores daylight saving.
    """

    period: Callable[[date, int], str]
    season: Callable[[date], str]
    prices: dict[tuple[str, str], Fraction]
    fixed: Fraction
    yearly: Fraction = Fraction(0)
    demand: Fraction | None = None
    window: int = 15
    tiers: list[tuple[Fraction | None, Fraction]] | None = None
    ratchet: Fraction = Fraction(0)
    taxes: list[Fraction] = field(default_factory=list)
    standard: bool = False


@dataclass
class Load:
    """Energy per interval in Wh, from an instant on."""

    start: datetime
    step: timedelta
    wh: list[int]


def days_between(first: date, end: date) -> list[date]:
    """The days from one date to the day before another."""
    return [first + timedelta(days=number) for number in range((end - first).days)]


def days_of_year(year: int) -> int:
    """365, or 366 in a leap year."""
    return 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365


def bill(  # noqa: C901, PLR0913, PLR0917 - plain on purpose
    plans: list[tuple[date, Plan]],
    load: Load,
    zone: str,
    days: tuple[date, date],
    prior_peak: Fraction,
    cycle_days: int,
    months: int = 1,
) -> tuple[list[Decimal], Decimal]:
    """Amounts of the lines, each rounded half up, in order; and the total.

    Args:
        plans: First day in force to plan, ascending.
        load: Covers the days.
        zone: IANA zone.
        days: First day, and the day after the last.
        prior_peak: Highest peak of earlier months. [kW]
        cycle_days: Of the whole period; more than those billed after a move-in.
        months: That the whole period is.
    """
    info = ZoneInfo(zone)
    first, end = days
    count = (end - first).days
    segments: list[tuple[int, str, date, date]] = []
    day = first
    while day < end:
        number = max(n for n, (since, _) in enumerate(plans) if since <= day)
        season = plans[number][1].season(day)
        if segments and segments[-1][:2] == (number, season):
            segments[-1] = (*segments[-1][:3], day + timedelta(days=1))
        else:
            segments.append((number, season, day, day + timedelta(days=1)))
        day += timedelta(days=1)
    energy: dict[tuple[int, str], int] = {}
    windows: dict[int, list[tuple[int, list[int]]]] = {}
    for index, wh in enumerate(load.wh):
        local = (load.start + index * load.step).astimezone(info)
        if not first <= local.date() < end:
            continue
        own = next(n for n, s in enumerate(segments) if s[2] <= local.date() < s[3])
        plan = plans[segments[own][0]][1]
        minute = local.hour * 60 + local.minute
        clock = local - (local.dst() or timedelta(0)) if plan.standard else local
        label = plan.period(local.date(), clock.hour * 60 + clock.minute)
        energy[own, label] = energy.get((own, label), 0) + wh
        if minute % plan.window == 0:
            windows.setdefault(own, []).append((index, []))
        if windows.get(own):
            windows[own][-1][1].append(wh)
    rounded: list[Decimal] = []
    for number in dict.fromkeys(segment[0] for segment in segments):
        mine = [n for n, segment in enumerate(segments) if segment[0] == number]
        plan = plans[number][1]
        span = sum((segments[n][3] - segments[n][2]).days for n in mine)
        lines = [cents(plan.fixed * Fraction(span * months, cycle_days))]
        own_days = [d for n in mine for d in days_between(segments[n][2], segments[n][3])]
        lines.append(
            cents(sum((plan.yearly / days_of_year(d.year) for d in own_days), Fraction(0)))
        )
        for n in mine:
            days_in = (segments[n][3] - segments[n][2]).days
            share = Fraction(days_in * months, cycle_days)
            lines += energy_lines(plan, n, segments[n][1], energy, share)
        for n in mine:
            if plan.demand is not None:
                lines.append(demand_line(plan, windows[n], load, segments[n], count, prior_peak))
        for percent in plan.taxes:
            total = sum(lines, Decimal(0))
            lines.append(cents(Fraction(total) * percent / 100))
        rounded += lines
    return rounded, sum(rounded, Decimal(0))


def energy_lines(
    plan: Plan,
    number: int,
    season: str,
    energy: dict[tuple[int, str], int],
    share: Fraction,
) -> list[Decimal]:
    mine = {label: Fraction(wh, 1000) for (n, label), wh in energy.items() if n == number}
    if plan.tiers is None:
        return [cents(kwh * plan.prices[season, label]) for label, kwh in sorted(mine.items())]
    total, low = sum(mine.values(), Fraction(0)), Fraction(0)
    found: list[Decimal] = []
    for top, price in plan.tiers:
        high = total if top is None else min(total, top * share)
        part = max(Fraction(0), high - low)
        if part or not found:
            found.append(cents(part * price))
        low = max(low, high if top is None else top * share)
    return found


def demand_line(  # noqa: PLR0913, PLR0917 - everything a line depends on
    plan: Plan,
    windows: list[tuple[int, list[int]]],
    load: Load,
    segment: tuple[int, str, date, date],
    count: int,
    prior_peak: Fraction,
) -> Decimal:
    assert plan.demand is not None
    per_window = plan.window * 60 // int(load.step.total_seconds())
    whole = [sum(own) for _, own in windows if len(own) == per_window]
    peak = Fraction(max(whole), 1000) * Fraction(60, plan.window)
    billed = max(peak, prior_peak * plan.ratchet / 100)
    share = Fraction((segment[3] - segment[2]).days, count)
    return cents(billed * plan.demand * share)


def cents(value: Fraction) -> Decimal:
    """Rounded to cents, halves away from zero, with the decimal module's own rule."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    quantum = Decimal("0.01")
    guess = exact.quantize(quantum, ROUND_HALF_UP)
    twice = 2 * (abs(value) * 100 - (abs(value) * 100 // 1))
    whole = abs(value) * 100 // 1 + (1 if twice >= 1 else 0)
    sure = (Decimal(int(whole)) * quantum).copy_sign(guess)
    assert abs(sure - guess) <= quantum
    return sure


def instants(first: date, end: date, zone: str) -> tuple[datetime, datetime]:
    """First instants of two local dates, found by walking minutes: no cleverness."""
    info = ZoneInfo(zone)
    found = []
    for day in (first, end):
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
        while at.astimezone(info).date() < day:
            at += timedelta(minutes=15)
        found.append(at)
    return found[0], found[1]
