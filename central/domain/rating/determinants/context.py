"""The determinants of a bill while they are made, and what they are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.totals import MeterTotals
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    MonthTotal,
    PaidAhead,
    YearSum,
)
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.rating.inputs.usage_event import Events, Levels
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.credit_rules import BUDGET_BILLING
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.input_units import BUILT_IN_INPUTS
from central.domain.tariff.version import TariffVersion

Credits = dict[str, dict[str, list[Credit]]]


class HeldError(Exception):
    """The bill cannot be priced.

    Args:
        hold: Why.
    """

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold.message)
        self.hold = hold


def _no_past(segment: Segment, name: str, day: date) -> InputSeries:
    message = f"The intervals of {name!r} on {day} are not loaded. Rate the whole cycle."
    raise HeldError(Hold("NO_INTERVALS", message, f"{name} {segment.number}"))


def _no_sums(rule: SumDeterminant, segment: Segment) -> Mapping[str, Fraction]:
    message = f"The days of {rule.name!r} are not loaded. Rate the whole cycle."
    raise HeldError(Hold("NO_INTERVALS", message, f"{rule.name} {segment.number}"))


@dataclass(slots=True)
class RatingContext:
    """The determinants of a bill while they are being made.

    Args:
        series: Input to its aligned intervals.
        facts: Of the agreement.
        resolved: Holidays.
        opening: State of earlier bills.
        month: First day of the month that the bill's last day is in.
        credits: What is left in the banks, by bank and then label; oldest first.
        prices: Price series by name.
        found: By (name, segment, label).
        grants: Money paid in on days of the bill.
        one_offs: Charges and credits posted on days of the bill.
        sums: What commitments and settlements leave to later bills, by id. [currency]
        since: First day that those sums count, by id.
        closed: Day on which a year or term ended inside the bill, by id.
        totals: What the months' bills came to, for later averages.
        events: On days of the bill, by stream.
        levels: Values that events left, by determinant and label, then key.
        daily: Peaks of the days behind a sum of daily peaks, and what they are multiplied by; by
            (name, segment, label).
        squares: Sums of squares behind an excess by root; by (name, segment, label).
        past: Gives a series on one local day, before the bill or in it.
        days: What it gave; None for a day without whole data.
        begins: First day of the first month that the bill is of, None for that month alone.
        used_advances: What days of the bill that were paid in advance cost by now, by charge.
        advances: What the bill leaves paid in advance.
        dropped: Banks and charges in advance that the bill's last version does not have, with the
            last one that had them.
        quantities: What amounts of minimums and commitments are multiplied by, by id, where no days
            are billed that it could be counted on.
        lapsed: What an energy bank's map let lapse, by bank. [kWh]
        expired: What lapsed of banks of money, by bank. [currency]
        not_taken: Credits that lapse, for the next tariff takes nothing of their bank over.
        segments: Of the bill.
        months: Of the bill's period.
        raw: Gives the sums of a rule in a segment, or in some days of one, before any netting.
        netted: What is left of netting periods that cross segments, by determinant and segment.
        metered: What was measured together with other meters; None where nothing was.
    """

    series: Mapping[str, InputSeries]
    facts: AgreementFacts
    resolved: ResolvedCalendar
    opening: CarriedState
    month: date
    credits: Credits = field(default_factory=dict)
    prices: Mapping[str, PriceSeries] = field(default_factory=dict)
    found: dict[tuple[str, int, str], Determinant] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    one_offs: tuple[OneOff, ...] = ()
    sums: dict[str, Decimal] = field(default_factory=dict)
    since: dict[str, date | None] = field(default_factory=dict)
    closed: dict[str, date] = field(default_factory=dict)
    totals: tuple[MonthTotal, ...] = ()
    events: Events = field(default_factory=dict)
    levels: dict[tuple[str, str], Levels] = field(default_factory=dict)
    daily: dict[tuple[str, int, str], tuple[Sequence[int | Fraction], Fraction]] = field(
        default_factory=dict
    )
    squares: dict[tuple[str, int, str], Fraction] = field(default_factory=dict)
    past: Callable[[Segment, str, date], InputSeries] = _no_past
    days: dict[tuple[str, date], InputSeries | None] = field(default_factory=dict)
    begins: date | None = None
    used_advances: dict[str, Fraction] = field(default_factory=dict)
    advances: list[PaidAhead] = field(default_factory=list)
    dropped: Mapping[str, TariffVersion] = field(default_factory=dict)
    quantities: Mapping[str, Fraction] = field(default_factory=dict)
    lapsed: dict[str, Fraction] = field(default_factory=dict)
    expired: dict[str, Fraction] = field(default_factory=dict)
    not_taken: list[Credit] = field(default_factory=list)
    segments: tuple[Segment, ...] = ()
    months: tuple[DayRange, ...] = ()
    raw: Callable[[SumDeterminant, Segment], Mapping[str, Fraction]] = _no_sums
    netted: dict[tuple[str, int], dict[str, Fraction]] = field(default_factory=dict)
    metered: MeterTotals | None = None

    def note_expired(self, bank: str, amount: Fraction) -> None:
        """Note what lapsed of a bank of money. [currency]."""
        if amount:
            self.expired[bank] = self.expired.get(bank, Fraction(0)) + amount

    def measured(self, name: str, segment: Segment) -> Sequence[Determinant]:
        """What was measured of a determinant together with other meters; often nothing."""
        return () if self.metered is None else self.metered.of(name, segment)

    def of(self, name: str, segment: int) -> list[Determinant]:
        """All labels of a determinant in a segment; a label may be named after a dot."""
        base, _, label = name.partition(".")
        return [
            found
            for (own, number, own_label), found in self.found.items()
            if own == base and number == segment and label in {"", "total", own_label}
        ]


def credits_of(state: CarriedState) -> Credits:
    """The banks of a state, by bank and label."""
    found: Credits = {}
    for credit in state.credits:
        found.setdefault(credit.bank, {}).setdefault(credit.label, []).append(credit)
    return found


def levels_of(state: CarriedState) -> dict[tuple[str, str], Levels]:
    """The levels of a state, by determinant and label, then key."""
    found: dict[tuple[str, str], Levels] = {}
    for level in state.levels:
        found.setdefault((level.name, level.label), {})[level.key] = level.value
    return found


def unknown_sums(context: RatingContext, document: TariffDocument) -> list[YearSum]:
    """Sums of a year or term that a bill opens with, and that a version has no rule for."""
    has = {*document.owners, BUDGET_BILLING}
    return [entry for entry in context.opening.sums if entry.id not in has]


def unit_of(segment: Segment, series: str) -> str:
    """The billing unit of an input."""
    document = segment.version.document
    computed = {found.name: found.unit for found in document.series}
    return (BUILT_IN_INPUTS | dict(document.inputs) | computed)[series]


def known_series(name: str, context: RatingContext) -> InputSeries:
    """The intervals of an input or series.

    Raises:
        HeldError: They are not at hand, as on a running bill.
    """
    if name not in context.series:
        message = f"The intervals of {name!r} are not loaded. Rate the whole cycle."
        raise HeldError(Hold("NO_INTERVALS", message, name))
    return context.series[name]


def average_fact(name: str, segment: Segment, facts: AgreementFacts) -> Fraction:
    """A numeric fact averaged over the days of a segment.

    Raises:
        HeldError: It is not known on a day, or is not a number.
    """
    total = Fraction(0)
    for value, days in facts.over(name, segment.days):
        if isinstance(value, bool | str) or value is None:
            message = f"The agreement has no {name!r} on {days.first}."
            raise HeldError(Hold("MISSING_FACT", message, name))
        total += Fraction(value) * days.count
    return total / segment.days.count


def true_fact(name: str, day: date, facts: AgreementFacts) -> bool:
    """A yes-or-no fact on a day.

    Raises:
        HeldError: It is not known.
    """
    value = facts.at(name, day)
    if not isinstance(value, bool):
        message = f"The agreement has no {name!r} on {day}."
        raise HeldError(Hold("MISSING_FACT", message, name))
    return value


def date_fact(said: date | str | None, facts: AgreementFacts, day: date) -> date | None:
    """A date that a tariff says itself, or by the name of a text fact.

    Raises:
        HeldError: The fact is no date.
    """
    if not isinstance(said, str):
        return said
    text = facts.at(said, day)
    try:
        return date.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        message = f"The agreement's {said!r} is not a date such as 2026-07-01."
        raise HeldError(Hold("MISSING_FACT", message, said)) from None
