"""What a pricer gives: a line before it is rounded, and what it may read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Any, NamedTuple

from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.charges.monthly_need import MonthlyNeed
from central.domain.rating.determinants.context import HeldError, RatingContext, true_fact
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.one_off import ID as ONE_OFF
from central.domain.rating.inputs.one_off import bearing
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.determinant_rules import MaxDeterminant
from central.domain.tariff.document import Charge, CycleRules, Percent, TariffDocument
from central.domain.tariff.levels import is_level
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import TariffVersion


@dataclass(frozen=True, slots=True)
class Draft:
    """A line before rounding.

    Args:
        days: Days it covers.
        segment: Number of the segment.
        quantity: What is charged; None where a line has only an amount.
        unit: Its unit.
        price: Price per unit, None where there is none.
        exact: The amount. [currency]
        label: Period, "" for none.
        tier: Number of the tier from 1, 0 for none.
        determinants: What the quantity rests on.
        of: Keys of lines it rests on.
        note: What a reader needs to follow the arithmetic.
    """

    days: DayRange
    segment: int
    quantity: Fraction | None
    unit: str
    price: Fraction | None
    exact: Fraction
    label: str = ""
    tier: int = 0
    determinants: tuple[Determinant, ...] = ()
    of: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class VersionSpan:
    """The part of a bill under one tariff version.

    Args:
        segments: Its segments, ascending.
        document: What the version says.
        bill: All days billed.
        period: Of the bill; more days than those billed after a move-in.
        context: Determinants, facts and opening state.
        lines: The lines of this span so far.
        add: Rounds a draft and appends it to the bill's lines.
        before: Lines of the bill under earlier versions.
        ending: What ends with the bill.
        after: What later versions of the bill say, ascending.
        earlier: The bill's spans before it, ascending.
        rates: The versions that say the rates of taxes, by the point of the tax.
        needs: What monthly minimums need so far, by id; the bill's spans share it.
        stay: All days that the bill bills of the occupancy; None for those of `bill`. There are
            more where the tariff changes by agreement, and the part is under one of them.
    """

    segments: tuple[Segment, ...]
    document: TariffDocument
    bill: DayRange
    period: BillingPeriod
    context: RatingContext
    lines: list[RatedLine]
    add: Callable[[str, str, str, Draft], RatedLine]
    before: tuple[RatedLine, ...] = ()
    ending: PartEnding = GOES_ON
    after: tuple[TariffDocument, ...] = ()
    earlier: tuple[VersionSpan, ...] = ()
    rates: Mapping[str, TariffVersion] = field(default_factory=dict)
    needs: dict[str, MonthlyNeed[Any]] = field(default_factory=dict)
    stay: DayRange | None = None

    @property
    def occupied(self) -> DayRange:
        """The days among which what is charged once a bill is shared."""
        return self.stay or self.bill

    @property
    def days(self) -> DayRange:
        """The days of the span."""
        return DayRange(self.segments[0].days.first, self.segments[-1].days.end)

    @property
    def segments_so_far(self) -> tuple[Segment, ...]:
        """The bill's segments to the end of the span, ascending."""
        before = (segment for span in self.earlier for segment in span.segments)
        return (*before, *self.segments)

    def applies(self, unless: str | None, only: str | None = None) -> bool:
        """Whether the facts let a charge apply; where they change, another span begins."""
        day = self.segments[-1].days.days()[-1]
        if unless is not None and true_fact(unless, day, self.context.facts):
            return False
        return only is None or true_fact(only, day, self.context.facts)

    def month_share(self, days: DayRange) -> Fraction:
        """How many months some days of the bill are."""
        return month_share(self.document.cycle, days, self.occupied, self.period)

    @property
    def whole_months(self) -> int:
        """How many months the bill is where a part of a period counts as all of it."""
        return self.period.whole_months(self.occupied)

    def based_on(self, names: Iterable[str]) -> list[RatedLine]:
        """The span's lines with these ids; `all` is every line that is not a tax."""
        return named(self.lines, names)

    def base_of(self, percent: Percent) -> list[RatedLine]:
        """The span's lines that a rider or tax is a share of, posted charges that bear it too."""
        return named(self.lines, percent.of, bearing(self.context.one_offs, percent.id))

    def ends(self, name: str) -> bool:
        """Whether a state ends with the span, for nothing after it takes it over."""
        if not self.ending.anything or not self.is_last:
            return False
        owner = self.document.owners.get(name, Owner.OCCUPANCY)
        return self.ending.name_after(name, owner) is None

    @property
    def is_last(self) -> bool:
        """Whether the bill ends with the span."""
        return self.days.end == self.bill.end

    def is_daily(self, charge: Charge) -> bool:
        """Whether the charge prices the sum of daily peaks."""
        base = (charge.qty or "").partition(".")[0]
        return any(
            rule.name == base and isinstance(rule, MaxDeterminant) and rule.daily
            for rule in self.document.determinants
        )

    def is_demand(self, charge: Charge) -> bool:
        """Whether the charge prices demand, or another level: its steps are those of a level."""
        return is_level(charge.qty or "", self.document.determinants) or self.is_daily(charge)

    def counts_begun(self, charge: Charge, segment: Segment) -> bool:
        """Whether a segment charges the packages that it begins, of those of a longer bill."""
        return segment.days != self.bill and not self.is_demand(charge)


class VersionGroup(NamedTuple):
    """The segments of a bill that are priced together, under one version.

    Args:
        version: In force.
        segments: Ascending.
        after: What later versions of the bill say, ascending.
    """

    version: TariffVersion
    segments: tuple[Segment, ...]
    after: tuple[TariffDocument, ...]


def by_version(segments: Iterable[Segment], borders: Sequence[date] = ()) -> list[VersionGroup]:
    """The segments of a bill under each of its versions.

    Args:
        segments: Ascending.
        borders: Days on which a year or term ends, or a fact that lets a charge apply changes,
            ascending; a group ends there too.
    """
    groups = [
        (version, tuple(together))
        for (version, _), together in groupby(
            segments, key=lambda cut: (cut.version, bisect_right(borders, cut.days.first))
        )
    ]
    return [
        VersionGroup(version, together, tuple(later.document for later, _ in groups[number:]))
        for number, (version, together) in enumerate(groups, start=1)
    ]


def named(
    lines: Iterable[RatedLine], names: Iterable[str], one_offs: Collection[str] = ()
) -> list[RatedLine]:
    """The lines with these ids; `all` is every line of the tariff that is not a tax.

    Args:
        lines: Of a bill.
        names: Ids.
        one_offs: Keys of the posted charges and credits that count as well.
    """
    wanted = set(names)
    every = "all" in wanted

    def is_named(line: RatedLine) -> bool:
        if line.id == ONE_OFF:
            return line.label in one_offs
        return line.id in wanted or (every and line.kind != "tax")

    return [line for line in lines if is_named(line)]


def month_share(
    rules: CycleRules, days: DayRange, bill: DayRange, period: BillingPeriod
) -> Fraction:
    """How many months `days` of a bill are.

    A bill that is one of its cycle's own periods is that many whole months, and its parts share
    them by days. One that was shortened or lengthened is as many where its days lie in so many
    times the tariff's band of full days; otherwise each day counts 1/normal days, or what it is of
    the own period that it lies in.

    Source: docs/reference/charges.md, "Fixed"
    """
    if period.whole and bill == period.days:
        return period.share(days)
    if rules.full_days is not None:
        shortest, longest = rules.full_days
        if shortest * period.months <= bill.count <= longest * period.months:
            return Fraction(days.count * period.months, bill.count)
    if rules.normal_days is None:
        return period.share(days)
    return Fraction(days.count) / rules.normal_days


def priced_at(charge: Charge, season: str, label: str) -> Fraction:
    """The charge's price.

    Raises:
        HeldError: There is none.
    """
    price = None if charge.price is None else charge.price.at(season, label)
    if price is None:
        message = f"{charge.id!r} has no price in {season or 'any season'} {label}."
        raise HeldError(Hold("MISSING_PRICE", message.strip(), charge.id))
    return Fraction(price)
