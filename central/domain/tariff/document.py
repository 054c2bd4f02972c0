"""The document model: what a tariff version says, as frozen values.

Nothing here computes a price. `load.py` makes these values from text and refuses what does not
hold together; `calendar.py` and the rater read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from central.domain.tariff.expression import Expression

Clock = Literal["wall", "standard"]
Per = Literal["day", "month", "year"]
Style = Literal["prorata", "per_period", "in_order"]
TierKind = Literal["graduated", "volume", "package", "stair"]

REST = "rest"
ALL = "all"
DEFAULT_SCHEDULE = "period"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and how a line is rounded to it.

    Args:
        code: ISO 4217 letters.
        digits: Decimals of a line; 2 for most, 0 for COP or JPY.
    """

    code: str
    digits: int


@dataclass(frozen=True, slots=True)
class CycleRules:
    """When a per-month price is whole.

    Args:
        full_days: A cycle of this many days, both ends included, counts as one month; None
            counts every whole cycle as one month.
        normal_days: Days of a month outside the band; None means the days of the cycle.
        days_per_year: What turns a price per year or per day into one per month.
        daily: `days` charges a per-day price for the days billed; `month` turns it into a price
            per month of 365/12 days, as the reference does.
    """

    full_days: tuple[int, int] | None = None
    normal_days: Fraction | None = Fraction(30)
    daily: Literal["days", "month"] = "days"


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """What a season or version boundary inside a bill does.

    Args:
        thresholds: `days_share` scales tier bounds and minimums of a segment by its days of the
            bill's; `whole` leaves them.
        demand: `segment_peak_days_share` bills each segment's own peak for its share of the days.
    """

    thresholds: Literal["days_share", "whole"] = "days_share"
    demand: Literal["segment_peak_days_share"] = "segment_peak_days_share"


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """Which dates are holidays: a country's, and further ones by date.

    Args:
        country: ISO 3166-1 alpha-2 letters; None takes `dates` alone.
        subdivision: State or province, as the holidays library names it.
        observed: Whether the day off after a holiday on a weekend counts as well.
        dates: Further dates.
        only: Names (in the library's English) that count; empty takes all.
    """

    country: str | None
    subdivision: str | None
    observed: bool
    dates: tuple[date, ...] = ()
    only: tuple[str, ...] = ()


MonthDay = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Season:
    """A part of every year.

    Args:
        name: As prices name it.
        ranges: First and last (month, day), both included; a range may cross year end. None is
            what the other seasons leave.
    """

    name: str
    ranges: tuple[tuple[MonthDay, MonthDay], ...] | None


@dataclass(frozen=True, slots=True)
class DayType:
    """A kind of day; the first that matches a date wins.

    Args:
        name: As schedules name it.
        weekdays: 0 is Monday.
        holidays: Whether holidays match.
        rest: Whether every date matches.
    """

    name: str
    weekdays: frozenset[int] = frozenset()
    holidays: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """Hours of a period: every named condition must hold.

    Args:
        seasons: Names; empty is every season.
        days: Names of day types; empty is every day.
        hours: Half-open minutes of the local day, within 0 .. 1440.
    """

    seasons: tuple[str, ...]
    days: tuple[str, ...]
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Period:
    """A labelled set of hours. `rules` None is what the other periods leave."""

    name: str
    rules: tuple[PeriodRule, ...] | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Periods that cover every minute of the year once."""

    name: str
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """Seasons, day types and schedules of a tariff."""

    holidays: HolidayRule | None = None
    seasons: tuple[Season, ...] = ()
    days: tuple[DayType, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    def schedule(self, name: str) -> Schedule:
        """The schedule of that name.

        Raises:
            KeyError: There is none.
        """
        for schedule in self.schedules:
            if schedule.name == name:
                return schedule
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A price, or one by season, by period, or by both.

    Args:
        rows: (season or "", period or "") to price. [currency per unit]
    """

    rows: tuple[tuple[tuple[str, str], Decimal], ...]

    @property
    def by_period(self) -> bool:
        """Whether the price differs by period."""
        return any(period for (_, period), _ in self.rows)

    @property
    def by_season(self) -> bool:
        """Whether the price differs by season."""
        return any(season for (season, _), _ in self.rows)

    def at(self, season: str, period: str) -> Decimal | None:
        """The price in a season and period, None where the table has none."""
        for (row_season, row_period), price in self.rows:
            if row_season in {"", season} and row_period in {"", period}:
                return price
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """One tier: up to a bound at a price, or holding narrower steps.

    Args:
        to: Upper bound, None for no bound.
        unit: What the bound counts: the quantity's own unit, `<unit>/day`, `<unit>/kW`,
            `<unit>/kW/day` or `ratio`.
        of: Determinant or fact the bound is multiplied by.
        price: Price inside the step; None where `steps` prices it.
        steps: Narrower steps inside this one.
    """

    to: Decimal | None
    unit: str
    of: str | None
    price: PriceTable | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class TierRules:
    """How steps apply.

    Args:
        kind: `graduated` prices each part in its step; `volume` prices all at the step reached;
            `package` charges whole blocks begun; `stair` charges one amount by the step reached.
        style: With periods: `prorata` spreads each step over the periods by their share;
            `per_period` applies the steps to each period alone; `in_order` fills them by time.
        scale: Whether bounds scale by a segment's share of the bill's days.
        size: Of a package, in the quantity's unit; the price is per package.
    """

    kind: TierKind = "graduated"
    style: Style = "prorata"
    scale: Literal["days_share", "whole"] = "days_share"
    size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A line, or a group of lines, of the bill.

    Args:
        id: As riders, taxes and lines name it.
        name: As the invoice prints it.
        qty: Determinant (`kwh`, `kwh.total`, `kwh.P1`), fact, or series; None for a fixed charge.
        price: Price per unit of `qty`, or per period of time.
        per: Unit of time of the price.
        prorate: Whether a part of a month pays a part.
        steps: Season or "" to steps, instead of `price`.
        tiers: How steps apply.
        times: Price series; the line is the sum of the products per interval.
        unless: Fact that, when true, drops the charge.
        only: Fact that must be true for the charge to apply.
    """

    id: str
    name: str | None = None
    qty: str | None = None
    price: PriceTable | None = None
    per: Per | None = None
    prorate: Literal["cycle", "none"] = "cycle"
    steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    tiers: TierRules = field(default_factory=TierRules)
    times: str | None = None
    unless: str | None = None
    only: str | None = None

    def steps_in(self, season: str) -> tuple[Step, ...]:
        """The steps of a season."""
        for name, steps in self.steps:
            if name in {"", season}:
                return steps
        return ()


@dataclass(frozen=True, slots=True)
class Percent:
    """A percent rider or a tax: a share of named lines.

    Args:
        id: As later percents and lines name it.
        name: As the invoice prints it.
        percent: Share of the base; negative is a discount. [%]
        of: Names of charges, riders, minimums or earlier percents; `all` is every line before
            taxes.
        category: Tax category code for structured invoices (UNTDID 5305).
        unless: Fact that, when true, drops it.
    """

    id: str
    name: str | None
    percent: Decimal
    of: tuple[str, ...]
    category: str | None = None
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Minimum:
    """A top-up of named lines to an amount.

    Args:
        id: As taxes and lines name it.
        name: As the invoice prints it.
        of: Lines that count.
        amount: Amount per month or year. [currency]
        qty: Determinant or fact that multiplies the amount, None for once.
        per: `month` or `year`.
        prorate: Whether a part of a month needs a part.
        basis: Whether credits count against the lines first.
        year_end: Month whose bill tops up a yearly minimum, 1 .. 12.
    """

    id: str
    name: str | None
    of: tuple[str, ...]
    amount: Decimal
    qty: str | None = None
    per: Literal["month", "year"] = "month"
    prorate: Literal["cycle", "none"] = "cycle"
    basis: Literal["before_credits", "after_credits"] = "before_credits"
    year_end: int = 12


@dataclass(frozen=True, slots=True)
class Series:
    """One value per interval: a weighted sum of inputs, exact and so explained by its intervals.

    Args:
        name: As determinants name it.
        terms: Input and what it is multiplied by (-1 for export in a net, 1.05 for losses).
        unit: Of the values.
    """

    name: str
    terms: tuple[tuple[str, Fraction], ...]
    unit: str


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A price series that charges name.

    Args:
        name: As charges name it.
        price: Name of the series given to the rater (`ES.DA`).
    """

    name: str
    price: str


@dataclass(frozen=True, slots=True)
class TrueUp:
    """When a bank is settled.

    Args:
        month: Month whose bill settles it, 1 .. 12.
        pay: Price per kWh of what is left, or share of the money; zero lets it lapse.
    """

    month: int
    pay: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EnergyBank:
    """Keeps what a netted determinant has below zero for later bills.

    Args:
        name: As determinants name it.
        map: Season or "" to (period it was earned in, period it offsets); the rest stays in its
            own period, and what goes to `none` lapses. The season is that of the bill it offsets.
        true_up: When it is settled.
        basis: `period` settles the sum of the periods' credits; `total` the credit of a bank that
            would have netted all periods together, as some utilities and the reference do.
    """

    name: str
    map: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    true_up: TrueUp | None = None
    basis: Literal["period", "total"] = "period"


@dataclass(frozen=True, slots=True)
class MoneyBank:
    """Keeps what exported energy earned, and offsets charges with it, oldest first.

    Args:
        name: As minimums and taxes name its line.
        earn: Determinant of exported energy.
        price: What it earns. [currency per unit]
        offsets: Charges that credit may pay.
        when: `this_bill` lets a credit pay the bill it is earned on; `next_bill` does not.
        true_up: When it is settled.
        expires_months: Age at which a credit lapses, None for never.
    """

    name: str
    earn: str
    price: PriceTable
    offsets: tuple[str, ...]
    when: Literal["this_bill", "next_bill"] = "this_bill"
    true_up: TrueUp | None = None
    expires_months: int | None = None


@dataclass(frozen=True, slots=True)
class SumDeterminant:
    """Sum of a series over the segment, by the periods of a schedule.

    Args:
        name: As charges name it.
        series: Input or series.
        by: Schedule, or "" for no split.
        bank: Energy bank that takes the negative part and pays later use.
        side: `use` takes what is above zero of each period's sum, `surplus` what is below.
    """

    name: str
    series: str
    by: str = ""
    bank: str | None = None
    side: Literal["both", "use", "surplus"] = "both"


@dataclass(frozen=True, slots=True)
class MaxDeterminant:
    """Highest average power over a window.

    Args:
        name: As charges name it.
        series: Input or series of energy.
        window_s: Length of the window; None takes the interval of the data. [s]
        mode: `block` windows start at whole multiples in the local hour; `rolling` at every
            interval.
        by: Schedule, or "" for no split.
        estimated: Whether estimated intervals count.
        daily: Whether the determinant is the sum of each local day's peak.
    """

    name: str
    series: str
    window_s: int | None = None
    mode: Literal["block", "rolling"] = "block"
    by: str = ""
    estimated: Literal["exclude", "include"] = "exclude"
    daily: bool = False


@dataclass(frozen=True, slots=True)
class FormulaDeterminant:
    """A number computed from other determinants and facts."""

    name: str
    expr: Expression
    unit: str = ""


@dataclass(frozen=True, slots=True)
class AllowanceDeterminant:
    """A quantity per day of the segment, by season.

    Args:
        name: As steps name it.
        per_day: Season or "" to quantity per day.
        unit: Of the quantity.
    """

    name: str
    per_day: PriceTable
    unit: str = "kWh"


@dataclass(frozen=True, slots=True)
class CounterDeterminant:
    """An effective-dated count from the agreement, averaged over the days of the segment."""

    name: str
    counter: str


Determinant = (
    SumDeterminant | MaxDeterminant | FormulaDeterminant | AllowanceDeterminant | CounterDeterminant
)


@dataclass(frozen=True, slots=True)
class History:
    """How far back a determinant's metered peaks are kept.

    Args:
        name: The determinant.
        months: Number of months before the bill's own.
        missing: `ignore` takes a month without a peak as none; `hold` holds the bill.
    """

    name: str
    months: int
    missing: Literal["ignore", "hold"] = "ignore"


@dataclass(frozen=True, slots=True)
class TariffDocument:
    """A tariff version as its document says it.

    Args:
        tariff: Name of the tariff; all versions share it.
        effective: First local date of this version.
        zone: IANA zone of the local dates.
        clock: `wall` reads the clock on the wall, `standard` ignores daylight saving.
        currency: Currency and rounding.
        title: As the invoice prints it.
        quantities: Unit to the decimals a determinant is rounded to; absent is exact.
        cycle: When a month is whole.
        on_change: What a boundary inside a bill does.
        inputs: Name to unit of the input series beyond the built-in ones.
        needs: Agreement fact to its kind: `bool`, `text`, or the unit of a number.
        history: What `prior` reads of earlier bills.
        calendar: Seasons, day types, schedules.
        series: Computed series.
        prices: Price series.
        determinants: In order of the file.
        charges: In order of evaluation and print.
        riders: Charges and percents after the charges.
        energy_banks: Act on determinants.
        money_banks: Act on charges and riders.
        minimums: Top-ups.
        taxes: Percents after everything.
    """

    tariff: str
    effective: date
    zone: str
    clock: Clock
    currency: Currency
    title: str | None = None
    quantities: tuple[tuple[str, int], ...] = ()
    cycle: CycleRules = field(default_factory=CycleRules)
    on_change: ChangeRules = field(default_factory=ChangeRules)
    inputs: tuple[tuple[str, str], ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    history: tuple[History, ...] = ()
    calendar: CalendarRules = field(default_factory=CalendarRules)
    series: tuple[Series, ...] = ()
    prices: tuple[PriceRule, ...] = ()
    determinants: tuple[Determinant, ...] = ()
    charges: tuple[Charge, ...] = ()
    riders: tuple[Charge | Percent, ...] = ()
    energy_banks: tuple[EnergyBank, ...] = ()
    money_banks: tuple[MoneyBank, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    taxes: tuple[Percent, ...] = ()

    def digits_of(self, unit: str) -> int | None:
        """Decimals that determinants of a unit are rounded to, None for exact ones."""
        return dict(self.quantities).get(unit)
