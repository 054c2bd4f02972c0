"""The document model: what a tariff version says, as frozen values.

Nothing here computes a price. `load` makes these values from text and refuses what does not
hold together; `calendar.py` and the rater read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

from central.domain.tariff.calendar_rules import CalendarRules, Clock
from central.domain.tariff.credit_rules import (
    SETTLED,
    BankOrder,
    Commitment,
    EnergyBank,
    MoneyBank,
    RoundTotal,
    Settlement,
    TrueUpPayout,
)
from central.domain.tariff.determinant_rules import (
    Determinant,
    EventDeterminant,
    History,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.interval_prices import IntervalPrices, PriceRule
from central.domain.tariff.lookup_rules import LookupTable
from central.domain.tariff.parameters import Parameter
from central.domain.tariff.price_rules import IncludedUnits, PriceTable, Step, TierRules
from central.domain.tariff.state_rules import Owner, YearEnds, YearShare
from firmware_bridge.contract.interval import MIDNIGHT

ALL = "all"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and how a line is rounded to it.

    Args:
        code: ISO 4217 letters.
        digits: Decimals of a line; those of ISO 4217 unless the tariff says others, as 0 for COP.
    """

    code: str
    digits: int


@dataclass(frozen=True, slots=True)
class CycleRules:
    """When a per-month price is whole.

    Args:
        full_days: A shortened or lengthened period of so many times this many days, both ends
            included, counts as so many months as it has; None counts none as whole.
        normal_days: Days of a month outside the band; None means those of the cycle's own period.
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
        thresholds: `days_share` scales tier bounds and minimums by the months that a segment is;
            `whole` by those of the bill's period.
        demand: `segment_peak_days_share` bills each segment's own peak for its share of the days;
            `bill_peak` bills the peak of the whole bill, at each segment's price for that share.
    """

    thresholds: Literal["days_share", "whole"] = "days_share"
    demand: Literal["segment_peak_days_share", "bill_peak"] = "segment_peak_days_share"


@dataclass(frozen=True, slots=True)
class Charge:
    """A line, or a group of lines, of the bill.

    Args:
        id: As riders, taxes and lines name it.
        name: As the invoice prints it.
        qty: Determinant (`kwh`, `kwh.total`, `kwh.P1`), fact, or series; None for a fixed charge.
        price: Price per unit of `qty`, or per period of time.
        per: Unit of time of the price, of those that the grammar lists.
        prorate: Whether a part of a month pays a part.
        steps: Season or "" to steps, instead of `price`.
        tiers: How steps apply.
        times: Price series; the line is the sum of the products per interval.
        unless: Fact that, when true, drops the charge.
        only: Fact that must be true for the charge to apply.
        on: Dates on which it is charged once, whole: of one year (2026-05-03), or --04-01 of every.
        in_advance: Whether it is charged for the period to come.
        included: Units of `qty` that the price begins above.
        rate: Fact or table that gives the price, None for its own.
    """

    id: str
    name: str | None = None
    qty: str | None = None
    price: PriceTable | None = None
    per: str | None = None
    prorate: Literal["cycle", "none"] = "cycle"
    steps: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    tiers: TierRules = field(default_factory=TierRules)
    times: str | None = None
    unless: str | None = None
    only: str | None = None
    on: tuple[str, ...] = ()
    in_advance: bool = False
    included: IncludedUnits | None = None
    rate: str | None = None

    @property
    def rolls_over(self) -> bool:
        """Whether units that it includes can be used later."""
        return self.included is not None and self.included.rollover_months is not None

    def steps_in(self, season: str) -> tuple[Step, ...]:
        """The steps of a season."""
        for name, steps in self.steps:
            if name in {"", season}:
                return steps
        return ()


TaxPoint: TypeAlias = Literal["interval", "period_end", "issue", "due"]
"""Which day's rate a tax has: each interval's own, that of the last day that the bill bills, of the
day of issue, or of the day on which it is due."""
BY_DAY = (None, "interval")
"""The points of taxes that have the rate of each day."""


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
        only: Fact that must be true for it to apply.
        rate: Fact or table that gives the percent, None for its own.
        point: Of a tax, which day's rate holds; None of a rider, and of a tax that an earlier
            release accepted without: it has that of each interval.
    """

    id: str
    name: str | None
    percent: Decimal
    of: tuple[str, ...]
    category: str | None = None
    unless: str | None = None
    point: TaxPoint | None = None
    only: str | None = None
    rate: str | None = None


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
        begins: First day of a contract's first year, or the text fact that holds it; None for a
            year that ends with `year_end`.
        ends: Where its year ends.
        share: What a part of a year needs of a yearly amount.
        owner: Whose the sum of the year is.
        unless: Fact that, when true, drops it; it says so on the days that the minimum is for.
        only: Fact that must be true for it to apply.
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
    begins: date | str | None = None
    ends: YearEnds = "period"
    share: YearShare = "days"
    owner: Owner = Owner.OCCUPANCY
    unless: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """What a series is multiplied by, interval by interval.

    Args:
        name: As the formula names it.
        source: Name of the factor series given to the rater, or of the agreement's fact.
        fact: Whether it is a fact, known per local day.
    """

    name: str
    source: str
    fact: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One value per interval: a weighted sum of inputs, exact and so explained by its intervals.

    Args:
        name: As determinants name it.
        terms: Input, or series above, and what it is multiplied by (-1 for export in a net, 1.05
            for losses).
        unit: Of the values.
        factors: What the sum is multiplied by, as well.
    """

    name: str
    terms: tuple[tuple[str, Fraction], ...]
    unit: str
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Where figures of a tariff are published.

    Args:
        of: Ids of lines, names of banks, determinants and other parts that it gives figures for.
        address: Where it can be read.
        date: Of the publication, or on which it was read.
        note: What a reader needs to find the figures there.
    """

    of: tuple[str, ...]
    address: str
    date: date
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TariffDocument:
    """A tariff version as its document says it.

    Args:
        tariff: Name of the tariff; all versions share it.
        effective: First local date of this version.
        zone: IANA zone of the local dates.
        clock: `wall` reads the clock on the wall, `standard` ignores daylight saving.
        currency: Currency and rounding.
        day_start: Time of day at which the local days begin. Versions, seasons and kinds of day
            are those of the date on which a day begins; hours are those of the clock.
        title: As the invoice prints it.
        sources: Where its figures are published.
        illustrative: Whether figures without a source are examples, and nobody's prices.
        quantities: Unit to the decimals a determinant is rounded to; absent is exact.
        cycle: When a month is whole.
        on_change: What a boundary inside a bill does.
        inputs: Name to unit of the input series beyond the built-in ones.
        needs: Agreement fact to its kind: `bool`, `text`, or the unit of a number.
        parameters: Values that variants of the tariff differ in, named like facts.
        tables: Numbers by what facts of the agreement say.
        history: What `prior` reads of earlier bills.
        calendar: Seasons, day types, schedules.
        series: Computed series.
        prices: Price series, in order of the file.
        determinants: In order of the file.
        charges: In order of evaluation and print.
        riders: Charges and percents after the charges.
        energy_banks: Act on determinants.
        money_banks: Act on charges and riders.
        minimums: Top-ups.
        commitments: Amounts per term.
        taxes: Percents after everything.
        settlement: What changes the amount due, in order.
        takes_over: Name of a state of the tariff before to the name it has in this one.
        bank_order: Whether that money bank pays first whose credit lapses first, or as listed.
    """

    tariff: str
    effective: date
    zone: str
    clock: Clock
    currency: Currency
    day_start: time = MIDNIGHT
    title: str | None = None
    sources: tuple[PublishedFigures, ...] = ()
    illustrative: bool = False
    quantities: tuple[tuple[str, int], ...] = ()
    cycle: CycleRules = field(default_factory=CycleRules)
    on_change: ChangeRules = field(default_factory=ChangeRules)
    inputs: tuple[tuple[str, str], ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    tables: tuple[LookupTable, ...] = ()
    history: tuple[History, ...] = ()
    calendar: CalendarRules = field(default_factory=CalendarRules)
    series: tuple[Series, ...] = ()
    prices: tuple[IntervalPrices, ...] = ()
    determinants: tuple[Determinant, ...] = ()
    charges: tuple[Charge, ...] = ()
    riders: tuple[Charge | Percent, ...] = ()
    energy_banks: tuple[EnergyBank, ...] = ()
    money_banks: tuple[MoneyBank, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    taxes: tuple[Percent, ...] = ()
    settlement: tuple[Settlement, ...] = ()
    takes_over: tuple[tuple[str, str], ...] = ()
    bank_order: BankOrder = "lapse"

    def digits_of(self, unit: str) -> int | None:
        """Decimals that determinants of a unit are rounded to, None for exact ones."""
        return dict(self.quantities).get(unit)

    @property
    def fact_units(self) -> dict[str, str]:
        """Agreement facts, and parameters, to their kinds."""
        return dict(self.needs) | {each.name: each.kind for each in self.parameters}

    @property
    def owners(self) -> dict[str, Owner]:
        """Whose each state is that bills carry, by the state's name."""
        counted = [
            rule.name
            for rule in self.determinants
            if isinstance(rule, EventDeterminant)
            or (isinstance(rule, SumDeterminant) and rule.is_carried)
        ]
        return (
            {bank.name: bank.owner for bank in self.energy_banks}
            | {bank.name: bank.owner for bank in self.money_banks}
            | {peaks.name: peaks.owner for peaks in self.history}
            | {minimum.id: minimum.owner for minimum in self.minimums if minimum.per == "year"}
            | {commitment.id: commitment.owner for commitment in self.commitments}
            | dict.fromkeys(counted, Owner.OCCUPANCY)
            | {one.id: Owner.OCCUPANCY for one in self.charges if one.in_advance or one.rolls_over}
            | {
                SETTLED[type(rule)]: rule.owner
                for rule in self.settlement
                if not isinstance(rule, TrueUpPayout | RoundTotal)
            }
        )

    @property
    def looks_back_days(self) -> int:
        """Local days before a bill whose blocks, and named hours, its baselines look at."""
        rules = [rule for rule in self.determinants if isinstance(rule, RebateDeterminant)]
        return max((rule.baseline.reach for rule in rules), default=0)

    @property
    def given_streams(self) -> frozenset[str]:
        """The streams of events that whoever rates by it has to give."""
        rules = [rule for rule in self.determinants if isinstance(rule, EventDeterminant)]
        return frozenset(rule.stream for rule in rules)

    @property
    def given_tables(self) -> frozenset[str]:
        """The tables kept outside that whoever rates by it has to look up."""
        return frozenset(entry.table for entry in self.tables if entry.table is not None)

    @property
    def given_series(self) -> frozenset[str]:
        """The series of prices and factors that whoever rates by it has to give."""
        factors = (factor for series in self.series for factor in series.factors)
        prices = (rule.price for rule in self.prices if isinstance(rule, PriceRule))
        return frozenset([*prices, *(factor.source for factor in factors if not factor.fact)])
