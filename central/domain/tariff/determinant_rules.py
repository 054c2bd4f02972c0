"""How a tariff makes the numbers that its prices apply to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from central.domain.tariff.expression import Expression
from central.domain.tariff.price_rules import PriceTable
from central.domain.tariff.state_rules import Owner

CARRIED = frozenset({"season", "year"})
"""Netting periods that go on over bills."""


@dataclass(frozen=True, slots=True)
class SumDeterminant:
    """Sum of a series over the segment, by the periods of a schedule.

    Args:
        name: As charges name it.
        series: Input or series.
        by: Schedule, or "" for no split.
        bank: Energy bank that takes the negative part and pays later use.
        side: `use` takes what is above zero of each period's sum, `surplus` what is below.
        each: `interval` asks that of every interval, as tariffs said it before `netting`.
        during: Series whose non-zero steps name the intervals that count; None for all.
        outside: Series whose non-zero steps name intervals that do not count.
        netting: Over what use and surplus meet: an `interval`, a `month` of the bill's period, the
            `bill`, or a `season` or `year`, however many bills it has. "" is each segment, as of
            tariffs that are older than the key.
        begins: First day of any of the years, or the text fact that holds it; None without.
    """

    name: str
    series: str
    by: str = ""
    bank: str | None = None
    side: Literal["both", "use", "surplus"] = "both"
    during: str | None = None
    outside: str | None = None
    each: Literal["bill", "interval"] = "bill"
    netting: Literal["", "interval", "month", "bill", "season", "year"] = ""
    begins: date | str | None = None

    @property
    def by_interval(self) -> bool:
        """Whether every interval is netted by itself."""
        return "interval" in {self.netting, self.each}

    @property
    def is_carried(self) -> bool:
        """Whether the netting period goes on over bills, which carry the net so far."""
        return self.netting in CARRIED


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
        during: Series whose non-zero steps name the system's intervals; only windows wholly inside
            them count. None for every interval.
        meters: `together` adds the meters of an input before the maximum is taken (conjunctive);
            `each` adds the maxima of the meters.
        astride: The period that a window counts for which lies in several: the `first`, the `last`,
            `each` of them or `none`; "" where no window does, or the tariff is older than the key.
        mean_of: Number of days whose peaks are averaged, those of the highest; None for the peak.
    """

    name: str
    series: str
    window_s: int | None = None
    mode: Literal["block", "rolling"] = "block"
    by: str = ""
    estimated: Literal["exclude", "include"] = "exclude"
    daily: bool = False
    during: str | None = None
    meters: Literal["together", "each"] = "together"
    astride: Literal["", "first", "last", "each", "none"] = ""
    mean_of: int | None = None


@dataclass(frozen=True, slots=True)
class ExcessDeterminant:
    """Power beyond what is contracted, over the windows of each period.

    Args:
        name: As charges name it.
        series: Input or series of energy.
        over: Period or "" to the fact that holds the contracted power; it counts on the local day
            that a window begins on. [kW]
        by: Schedule, or "" for no split.
        window_s: Length of a window, a block of the local hour. [s]
        take: `root` of the sum of the squares of every window's excess, or the `highest` of them.
        estimated: Whether estimated intervals count.
    """

    name: str
    series: str
    over: tuple[tuple[str, str], ...]
    by: str = ""
    window_s: int = 900
    take: Literal["root", "highest"] = "root"
    estimated: Literal["exclude", "include"] = "exclude"

    def fact_of(self, label: str) -> str:
        """The fact that holds the contracted power of a period."""
        over = dict(self.over)
        return over.get(label) or over[""]


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


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How a baseline is fitted to the day of the event.

    Args:
        minutes: Length of the time that is compared. [min]
        gap: Between that time and the event. [min]
        cap: The baseline changes by no more than this. [%]
    """

    minutes: int
    gap: int
    cap: Decimal


@dataclass(frozen=True, slots=True)
class Baseline:
    """What use would have been without an event: the average of earlier days.

    Args:
        days: How many of the latest days without an event are looked at.
        pick: How many of those are averaged.
        rank: Which: those of the `highest` or `lowest` use in the event's hours, or the `latest`.
        like: `day_type` looks at days of the event's own day type, `any` at all days.
        reach: How far back days are looked for.
        adjust: How it is fitted to the day; None for not at all.
    """

    days: int
    pick: int
    rank: Literal["highest", "lowest", "latest"] = "highest"
    like: Literal["day_type", "any"] = "day_type"
    reach: int = 60
    adjust: Adjustment | None = None


@dataclass(frozen=True, slots=True)
class RebateDeterminant:
    """Reduction of use against a baseline, over the events of the segment.

    Args:
        name: As charges name it.
        series: Input or series of energy.
        during: Series whose non-zero steps are the events.
        baseline: How it is made.
        floor: What counts as zero where use was higher than the baseline: the `event`, each
            `interval`, or nothing (`none`).
    """

    name: str
    series: str
    during: str
    baseline: Baseline
    floor: Literal["event", "interval", "none"] = "event"


Take = Literal["sum", "count", "max", "unique", "latest", "time_weighted"]


@dataclass(frozen=True, slots=True)
class EventDeterminant:
    """A number made of events, each with an instant, a value and named fields.

    Args:
        name: As charges name it.
        stream: Of events.
        take: `sum` and `max` of values, `count` of events, `unique` values of the key's field,
            `latest` value, `time_weighted` value, which holds until the next event.
        unit: Of the number.
        key: Field whose values are told apart by `unique`, and hold levels of their own for
            `latest` and `time_weighted`, which are then added.
        where: Field to the values of the events that count.
        by: Schedule, or "" for no split.
        field: Field that splits it, "" for none.
        values: Values of that field, each a label.
        other: Label of all other values; None holds the bill.
        per: `average` over the time, or times the `hour`s or `day`s.
    """

    name: str
    stream: str
    take: Take
    unit: str
    key: str | None = None
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    by: str = ""
    field: str = ""
    values: tuple[str, ...] = ()
    other: str | None = None
    per: Literal["average", "hour", "day"] = "average"


Determinant = (
    SumDeterminant
    | MaxDeterminant
    | ExcessDeterminant
    | FormulaDeterminant
    | AllowanceDeterminant
    | CounterDeterminant
    | RebateDeterminant
    | EventDeterminant
)


@dataclass(frozen=True, slots=True)
class History:
    """How far back a determinant's metered peaks, or its months' sums, are kept.

    Args:
        name: The determinant.
        months: Number of months before the bill's own.
        missing: `ignore` takes a month without a peak as none; `hold` holds the bill.
        by: A bill's peak is of the month of its last day (`period`), or there is one of each
            `calendar` month in it; a bill longer than a month always has those.
        owner: Whose the peaks are.
    """

    name: str
    months: int
    missing: Literal["ignore", "hold"] = "ignore"
    by: Literal["period", "calendar"] = "period"
    owner: Owner = Owner.OCCUPANCY
