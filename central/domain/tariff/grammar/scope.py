"""What the parts of a document may refer to: filled as it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from central.domain.tariff.calendar_rules import CalendarRules
from central.domain.tariff.determinant_rules import Determinant
from central.domain.tariff.input_units import BUILT_IN_INPUTS


@dataclass(slots=True)
class Scope:
    """The names known so far.

    Args:
        calendar: Seasons and schedules.
        needs: Agreement fact to its kind.
        series: Input or computed series to its unit.
        computed: Series that the document computes.
        prices: Price series.
        given_prices: Those that are given, and not computed.
        determinants: By name.
        units: Determinant to its unit.
        splits: Determinant to the schedule it is split by, "" for none.
        fields: Split of an event determinant to its labels.
        lines: Ids of the lines.
        true_up_month: Month in which all banks are settled, None where there is no one month.
        currency_digits: Decimals of a line.
    """

    calendar: CalendarRules = field(default_factory=CalendarRules)
    needs: dict[str, str] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=BUILT_IN_INPUTS.copy)
    computed: set[str] = field(default_factory=set)
    prices: set[str] = field(default_factory=set)
    given_prices: set[str] = field(default_factory=set)
    determinants: dict[str, Determinant] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    lines: set[str] = field(default_factory=set)
    true_up_month: int | None = None
    currency_digits: int = 2

    def has_period(self, name: str) -> bool:
        """Whether the period named after a dot, if any, is one that the determinant is split by."""
        base, _, label = name.partition(".")
        return label in {"", "total"} or label in self.labels(self.splits.get(base, ""))

    def labels(self, schedule: str) -> frozenset[str]:
        """Period names of a schedule, or values of a field that events are split by."""
        if schedule in self.fields:
            return self.fields[schedule]
        for entry in self.calendar.schedules:
            if entry.name == schedule:
                return frozenset(period.name for period in entry.periods)
        return frozenset()

    @property
    def seasons(self) -> frozenset[str]:
        """Season names."""
        return frozenset(season.name for season in self.calendar.seasons)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What prices and steps apply to.

    Args:
        name: Determinant or fact, "" for none.
        unit: Of the quantity.
        split: Schedule, or split of events, whose labels prices may name; "" for none.
    """

    name: str = ""
    unit: str = ""
    split: str = ""
