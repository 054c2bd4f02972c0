"""What a month costs, computed without the product: Decimal, zoneinfo, and a loop.

It reads a load file itself, accumulates it, floors the running total to 1 Wh as an integer register
shows it, walks the month's quarter-hours by the wall clock, and multiplies. It shares no code with
Meterline, and is as plain as it can be so that a reader can check it by eye.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Madrid")
STANDARD = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
CENT = Decimal("0.01")

HOLIDAYS = {(1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)}
PRICES = {
    ("summer", "peak"): Decimal("0.2847"),
    ("summer", "flat"): Decimal("0.1963"),
    ("summer", "night"): Decimal("0.1121"),
    ("winter", "peak"): Decimal("0.2659"),
    ("winter", "flat"): Decimal("0.1874"),
    ("winter", "night"): Decimal("0.1085"),
}
CUSTOMER = Decimal("6.90")
NETWORK = Decimal("0.0314")
DUTY = Decimal("5.11269632")
VAT = Decimal(21)

# The same tariff as the product reads it; `dates` are the holidays of the years at hand.
_TARIFF = """
tariff: acceptance-tou
title: Acceptance time of use
effective: 2020-01-01
zone: Europe/Madrid
clock: wall
currency: {code: EUR, digits: 2}
quantities: {kWh: 3}
cycle: {full_days: [27, 33], normal_days: 30}
calendar:
  holidays:
    dates: [{dates}]
  seasons: {summer: "06-01..09-30", winter: rest}
  days: {holiday: holidays, work: mon-fri, off: rest}
  periods:
    peak:
      - {season: summer, days: work, at: "10:00-14:00,18:00-22:00"}
      - {season: winter, days: work, at: "08:00-12:00,18:00-22:00"}
    flat:
      - {season: summer, days: work, at: "08:00-10:00,14:00-18:00,22:00-24:00"}
      - {season: winter, days: work, at: "12:00-18:00,22:00-24:00"}
    night: rest
determinants:
  kwh: {sum: import, by: period}
charges:
  - {id: customer, name: Customer charge, price: 6.90, per: month}
  - id: energy
    name: Energy
    qty: kwh
    price:
      summer: {peak: 0.2847, flat: 0.1963, night: 0.1121}
      winter: {peak: 0.2659, flat: 0.1874, night: 0.1085}
riders:
  - {id: network, name: Network access, qty: kwh.total, price: 0.0314}
taxes:
  - {id: duty, name: Duty, percent: 5.11269632, of: [customer, energy, network], point: interval}
  - {id: vat, name: VAT, percent: 21, of: [all, duty], category: S, point: interval}
"""


def tariff(*years: int) -> str:
    """The tariff document that the prices above stand in."""
    dates = [date(year, *day).isoformat() for year in years for day in sorted(HOLIDAYS)]
    return _TARIFF.replace("{dates}", ", ".join(dates))


def period_of(local: datetime) -> tuple[str, str]:
    """Season and period of a wall-clock time."""
    season = "summer" if 6 <= local.month <= 9 else "winter"
    if local.weekday() >= 5 or (local.month, local.day) in HOLIDAYS or local.hour < 8:
        return season, "night"
    hour = local.hour
    peak = (10 <= hour < 14) if season == "summer" else (8 <= hour < 12)
    return season, "peak" if peak or 18 <= hour < 22 else "flat"


def register(values: list[Decimal], steps_per_hour: int, year: int, at: datetime) -> int:
    """What an integer Wh register shows that was 0 at the year's first hour, standard time."""
    elapsed = at - (datetime(year, 1, 1, tzinfo=UTC) - STANDARD)
    seconds = elapsed // timedelta(seconds=1)
    step_seconds = 3600 // steps_per_hour
    whole, rest = divmod(seconds, step_seconds)
    energy = sum(values[:whole], Decimal(0)) * step_seconds + values[whole] * rest
    return int(energy * 1000 // 3600)


def year_values(file: Path, year: int) -> list[Decimal]:
    """The file's kW values; in a leap year 29 February repeats the day before."""
    values = [Decimal(line) for line in file.read_text().split()]
    per_day = len(values) // 365
    if date(year, 12, 31).timetuple().tm_yday == 366:
        day = 58 * per_day
        values = values[: day + per_day] + values[day:]
    return values


def month_bill(file: Path, year: int, month: int) -> dict[str, Decimal]:
    """Wh by period, and each amount of the month's bill.

    Returns:
        `wh`, one `kwh.<period>` each, one amount per charge, `total`.
    """
    with localcontext() as context:
        context.prec = 60
        return _month_bill(file, year, month)


def _month_bill(file: Path, year: int, month: int) -> dict[str, Decimal]:
    values = year_values(file, year)
    steps_per_hour = len(values) // 8760
    following = date(year + month // 12, month % 12 + 1, 1)
    at = datetime(year, month, 1, tzinfo=ZONE).astimezone(UTC)
    end = datetime(following.year, following.month, 1, tzinfo=ZONE).astimezone(UTC)
    usage: dict[tuple[str, str], int] = {}
    before = register(values, steps_per_hour, year, at)
    while at < end:
        after = register(values, steps_per_hour, year, at + QUARTER)
        key = period_of(at.astimezone(ZONE))
        usage[key] = usage.get(key, 0) + after - before
        at, before = at + QUARTER, after
    bill = {f"kwh.{period}": Decimal(wh) / 1000 for (_, period), wh in sorted(usage.items())}
    kwh = sum(bill.values(), Decimal(0))
    amounts = {"customer": CUSTOMER}
    for (season, period), wh in sorted(usage.items()):
        amounts[f"energy.{period}"] = cents(Decimal(wh) / 1000 * PRICES[season, period])
    amounts["network"] = cents(kwh * NETWORK)
    amounts["duty"] = cents(sum(amounts.values()) * DUTY / 100)
    amounts["vat"] = cents(sum(amounts.values()) * VAT / 100)
    return {**bill, **amounts, "kwh": kwh, "total": sum(amounts.values(), Decimal(0))}


def cents(amount: Decimal) -> Decimal:
    """Half away from zero, as bills round."""
    return amount.quantize(CENT, ROUND_HALF_UP)
