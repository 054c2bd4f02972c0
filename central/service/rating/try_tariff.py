"""A year of a tariff, tried: its calendar, its prices by the hour, a bill a month for a load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.tariff.calendar import minute_table, season_on
from central.domain.tariff.calendar_rules import CalendarRules, Schedule
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.energy_prices import EnergyPrice, energy_prices
from central.domain.tariff.version import TariffVersion
from central.service.rating.rate_bills import BillToRate, PricedBill, RatingInputs, rate_bills
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.quantity import Unit

HOURS = 24
_HOUR_MINUTES = 60
_QUARTER = timedelta(minutes=15)
_DIGITS = 4
# The relative use of a household by the hour of the clock, and by the month of the year.
_WORKING_DAY = (5, 4, 4, 4, 4, 5, 8, 11, 9, 7, 7, 8, 9, 9, 8, 8, 9, 11, 14, 16, 16, 14, 11, 8)
_DAY_OFF = (6, 5, 4, 4, 4, 4, 5, 7, 9, 11, 12, 13, 14, 13, 11, 10, 10, 11, 13, 15, 15, 13, 11, 8)
_MONTHS = (12, 11, 10, 9, 8, 8, 9, 9, 8, 9, 10, 12)
_SATURDAY = 5
_IMPORT = "import"


@dataclass(frozen=True, slots=True)
class HourRow:
    """What the hours of a kind of day have, over some dates of the year.

    Args:
        schedule: Name of the schedule, "" for prices.
        days: Kind of day, "" where the tariff knows none.
        first: First date.
        last: Last date.
        hours: One text for each hour of the clock; those of periods that change inside an hour are
            both there, with a slash.
    """

    schedule: str
    days: str
    first: date
    last: date
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TariffYear:
    """A year of a tariff.

    Args:
        calendar: Periods by the hour.
        prices: What a kWh of use costs by the hour, in the first step, before percents and taxes
            and without prices per interval; empty where no charge is by the kWh of use.
        bills: Of the months.
    """

    calendar: tuple[HourRow, ...]
    prices: tuple[HourRow, ...]
    bills: tuple[PricedBill, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What a tariff is tried with.

    Args:
        year: The calendar year.
        kwh: Use in the year, shared as a household's is. [kWh]
        facts: Of the agreement.
        prices: Price and factor series that the tariff names.
        flat: Value of further series, the same at all times.
        events: Stream to events; the tariff's other streams have none.
    """

    year: int
    kwh: Decimal
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    prices: Sequence[PriceSeries] = ()
    flat: Sequence[tuple[str, Decimal]] = ()
    events: Events = field(default_factory=dict)


def try_tariff(version: TariffVersion, trial: Trial) -> TariffYear:
    """Try a year of a tariff.

    Raises:
        RatingHeldError: A month cannot be priced, such as for a fact that is missing.
    """
    document = version.document
    events = {name: trial.events.get(name, ()) for name in sorted(document.given_streams)}
    inputs = RatingInputs(
        (version,),
        trial.facts,
        (*trial.prices, *(_flat(document, trial.year, *given) for given in trial.flat)),
        events=events,
    )
    return TariffYear(
        tuple(_calendar(document.calendar, trial.year)),
        tuple(_prices(document, trial.year)),
        tuple(rate_bills(inputs, _months(document, trial))),
    )


def _months(document: TariffDocument, trial: Trial) -> Iterator[BillToRate]:
    days = DayRange(date(trial.year, 1, 1), date(trial.year + 1, 1, 1))
    blocks = standard_load(days, trial.kwh, document)
    nothing = [_unused(block) for block in blocks]
    names = ("export", "kvarh", "kvah", "m3", *dict(document.inputs))
    others = dict.fromkeys(names, nothing)
    for month in range(1, 13):
        period = Cycle(trial.year, month).period
        yield BillToRate(period.name, period.days, period, {_IMPORT: blocks, **others})


def standard_load(days: DayRange, kwh: Decimal, document: TariffDocument) -> list[DayBlock]:
    """The use of a household, quarter-hour by quarter-hour, which sums to just so much.

    Args:
        days: Local days.
        kwh: Of all of them; what is finer than a Wh is left out. [kWh]
        document: Whose zone and day start they have.
    """
    zone = ZoneInfo(document.zone)
    shares: list[int] = []
    counts: list[tuple[date, int]] = []
    for day in days.days():
        interval = local_day(day, document.zone, document.day_start)
        quarters = interval.duration // _QUARTER
        counts.append((day, quarters))
        for number in range(quarters):
            local = (interval.start + number * _QUARTER).astimezone(zone)
            shape = _DAY_OFF if local.weekday() >= _SATURDAY else _WORKING_DAY
            shares.append(shape[local.hour] * _MONTHS[local.month - 1])
    total, wh = sum(shares), int(kwh * 1000)
    edges = np.concatenate([[0], np.cumsum(shares)])
    values = np.diff([wh * int(edge) // total for edge in edges])
    blocks, offset = [], 0
    for day, count in counts:
        interval = local_day(day, document.zone, document.day_start)
        blocks.append(
            DayBlock(
                channel_id=1,
                day=day,
                zone=document.zone,
                start=interval.start,
                period_s=_QUARTER // timedelta(seconds=1),
                exponent=0,
                unit=Unit.WATT_HOUR,
                values=np.array(values[offset : offset + count], np.int64),
                quality=np.zeros(count, np.uint8),
            )
        )
        offset += count
    return blocks


def _unused(block: DayBlock) -> DayBlock:
    """The same day with no use."""
    return DayBlock(
        channel_id=2,
        day=block.day,
        zone=block.zone,
        start=block.start,
        period_s=block.period_s,
        exponent=0,
        unit=block.unit,
        values=np.zeros_like(block.values),
        quality=block.quality,
    )


def _flat(document: TariffDocument, year: int, name: str, value: Decimal) -> PriceSeries:
    span = DayRange(date(year, 1, 1), date(year + 1, 1, 1)).interval(
        document.zone, document.day_start
    )
    exponent = min(0, int(value.as_tuple().exponent))
    steps = span.duration // timedelta(hours=1)
    return PriceSeries(name, span.start, 3600, (int(value.scaleb(-exponent)),) * steps, exponent)


def _calendar(rules: CalendarRules, year: int) -> Iterator[HourRow]:
    for schedule in rules.schedules:
        names = [period.name for period in schedule.periods]
        for kind in _kinds(rules):
            for first, last, season in _seasons(rules, year):
                hours = tuple(
                    "/".join(names[number] for number in numbers)
                    for numbers in _numbers(schedule, season, kind)
                )
                yield HourRow(schedule.name, kind, first, last, hours)


def _prices(document: TariffDocument, year: int) -> Iterator[HourRow]:
    rules = document.calendar
    prices = energy_prices(document)
    if not prices:
        return
    for kind in _kinds(rules):
        for first, last, season in _seasons(rules, year):
            hours = [Fraction(0)] * HOURS
            for price in prices:
                hourly = _hourly(rules, price, (season, kind))
                hours = [each + more for each, more in zip(hours, hourly, strict=True)]
            yield HourRow("", kind, first, last, tuple(map(_price_text, hours)))


def _hourly(rules: CalendarRules, price: EnergyPrice, when: tuple[str, str]) -> list[Fraction]:
    """The price of a charge at each hour; an hour of two periods has the mean by its minutes."""
    season, kind = when
    if not price.by:
        return [price.at(season, "")] * HOURS
    schedule = rules.schedule(price.by)
    minutes = minute_table(schedule, season, kind).tolist()
    prices = [price.at(season, period.name) for period in schedule.periods]
    return [
        sum(
            (prices[number] for number in minutes[hour * 60 : hour * 60 + _HOUR_MINUTES]),
            Fraction(0),
        )
        / _HOUR_MINUTES
        for hour in range(HOURS)
    ]


def _kinds(rules: CalendarRules) -> list[str]:
    return [kind.name for kind in rules.days] or [""]


def _seasons(rules: CalendarRules, year: int) -> Iterator[tuple[date, date, str]]:
    """The dates of a year by month, cut where the season changes."""
    first = day = date(year, 1, 1)
    while day.year == year:
        after = day + timedelta(days=1)
        if after.month != day.month or season_on(rules, after) != season_on(rules, day):
            yield first, day, season_on(rules, day)
            first = after
        day = after


def _numbers(schedule: Schedule, season: str, kind: str) -> list[tuple[int, ...]]:
    minutes = minute_table(schedule, season, kind).tolist()
    hours = (minutes[hour * 60 : hour * 60 + _HOUR_MINUTES] for hour in range(HOURS))
    return [tuple(dict.fromkeys(numbers)) for numbers in hours]


def _price_text(price: Fraction) -> str:
    return format(Decimal(round(price * 10**_DIGITS)).scaleb(-_DIGITS), "f")
