"""The running bill: an open cycle up to now, where one more day costs one day's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant, Rated
from central.domain.rating.charges.dropped import dropped_states
from central.domain.rating.charges.flags import borders_inside
from central.domain.rating.closing_state import month_of
from central.domain.rating.determinants.account_overrides import overridden
from central.domain.rating.determinants.align import Blocks, align_inputs
from central.domain.rating.determinants.baseline import WEIGHTED
from central.domain.rating.determinants.compute import (
    compute_rule,
    fill,
    round_determinants,
)
from central.domain.rating.determinants.computed_series import series_on
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    credits_of,
    levels_of,
    unit_of,
)
from central.domain.rating.determinants.demand import MEAN
from central.domain.rating.determinants.events import events_within
from central.domain.rating.determinants.lookup import looked_up
from central.domain.rating.determinants.sums import raw_sums, settle_sums
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment, cut
from central.domain.rating.inputs.usage_event import Event, Events
from central.domain.rating.price_lines import price_segments
from central.domain.rating.rate import RatingOptions, every_determinant
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.determinant_rules import Determinant as Rule
from central.domain.tariff.determinant_rules import (
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.version import TariffVersion, ordered, version_on
from firmware_bridge.contract.errors import OperatorError

Values = dict[tuple[str, str], Fraction]


class DayOutOfOrderError(OperatorError):
    """A running bill takes the days of its cycle one after the other."""

    code = "DAY_OUT_OF_ORDER"
    default_remedy = "Give the days of the cycle in their order."


class RunningBill:
    """The bill of an open cycle so far.

    Sums and peaks of each day are kept; pricing reads those, never the intervals again. It agrees
    with `rate` over the same days, line by line; its determinants carry no lineage, since nothing
    is issued from it. Windows of demand must lie inside a day.

    Args:
        facts: Of the agreement.
        versions: Of the tariff.
        calendar: Resolved holidays.
        period: The open period, one of its cycle's own.
        opening: What earlier bills left.
        prices: Price and factor series that the tariff names.
        grants: Money paid into banks or the prepaid balance.
        options: Rounding.
    """

    def __init__(  # noqa: PLR0913 - what a bill depends on
        self,
        facts: AgreementFacts,
        versions: Sequence[TariffVersion],
        calendar: ResolvedCalendar,
        period: BillingPeriod,
        *,
        opening: CarriedState | None = None,
        prices: Sequence[PriceSeries] = (),
        grants: Sequence[Grant] = (),
        options: RatingOptions | None = None,
    ) -> None:
        self._versions = ordered(versions)
        self._facts = facts
        self._hold: Hold | None = None
        try:
            self._facts = facts = looked_up(facts, self._versions)
            self._versions = overridden(self._versions, facts, period.days)
        except HeldError as held:
            self._hold = held.hold
        self._calendar = calendar
        self._period = period
        self._cycle = period.days
        self._opening = opening or CarriedState()
        self._prices = {found.name: found for found in prices}
        self._options = options or RatingOptions()
        self._grants = tuple(grants)
        self._events: dict[str, list[Event]] = {}
        self._days: list[Values] = []
        self._units: dict[str, str] = {}

    @property
    def next_day(self) -> date:
        """The local day that `add` takes next."""
        return self._cycle.first + timedelta(days=len(self._days))

    def add(self, blocks: Blocks, events: Events | None = None) -> None:
        """Take the next day.

        Args:
            blocks: Input name to the blocks of that one local day, and of the days before it that
                a baseline looks at.
            events: Stream to the events of that day.

        Raises:
            DayOutOfOrderError: The cycle is complete.
            HeldError: A block is missing or damaged.
            CalendarError: The calendar cannot place an interval.
        """
        if self.next_day >= self._cycle.end:
            message = f"The cycle ends before {self.next_day}."
            raise DayOutOfOrderError(message, value=self.next_day)
        day = DayRange(self.next_day, self.next_day + timedelta(days=1))
        segment = cut(day, self._versions)[0]
        document = segment.version.document
        if not day.interval(document.zone, document.day_start).duration:
            self._days.append({})
            return
        series = align_inputs([segment], blocks, day, self._facts, self._prices)
        context = self._context(series, day)
        context.past = lambda own, name, on: series_on(
            name, own, on, blocks, self._facts, self._prices
        )
        for stream, found_events in (events or {}).items():
            self._events.setdefault(stream, []).extend(found_events)
        values: Values = {}
        for rule in document.determinants:
            if isinstance(rule, SumDeterminant):
                self._units[rule.name] = unit_of(segment, rule.series)
                sums, _ = raw_sums(rule, segment, context)
                values |= {(rule.name, label): value for label, value in sums.items()}
            elif isinstance(rule, MaxDeterminant | RebateDeterminant):
                for found in compute_rule(rule, segment, context):
                    self._units[rule.name] = found.unit
                    values[rule.name, found.label] = found.exact
        self._days.append(values)

    def bill(self) -> Rated:
        """The bill of the days so far.

        Raises:
            DayOutOfOrderError: There is no day yet.
        """
        if not self._days:
            message = "No day has been added yet."
            raise DayOutOfOrderError(message)
        days = DayRange(self._cycle.first, self.next_day)
        context = self._context({}, days)
        currency = version_on(self._versions, days.last).document.currency.code
        if self._hold is not None:
            return Rated(currency, (), (), self._opening, (self._hold,))
        try:
            borders = borders_inside(cut(days, self._versions), self._facts, days)
            segments = cut(days, self._versions, borders)
            context.months = self._period.months_of_it
            context.raw = self._sums
            context.dropped = dropped_states(self._opening, segments, self._versions)
            fill(segments, context, lambda rule, segment: self._made(rule, segment, context))
            round_determinants(segments, context)
            lines, _ = price_segments(
                segments,
                days,
                self._period,
                context,
                rounded=self._options.rounded,
                borders=borders,
            )
        except HeldError as held:
            return Rated(currency, (), (), self._opening, (held.hold,))
        determinants = every_determinant(context, lines)
        return Rated(
            currency, tuple(lines), determinants, self._opening, tzdata=self._calendar.tzdata
        )

    def _context(self, series: Mapping[str, object], days: DayRange) -> RatingContext:
        context = RatingContext(
            series,  # type: ignore[arg-type]
            self._facts,
            self._calendar,
            self._opening,
            month_of(days),
            credits_of(self._opening),
            self._prices,
        )
        document = self._versions[0].document
        span = days.interval(document.zone, document.day_start)
        context.levels = levels_of(self._opening)
        context.grants = tuple(one for one in self._grants if days.first <= one.day < days.end)
        context.events = {
            name: events_within(events, span) for name, events in self._events.items()
        }
        return context

    def _made(self, rule: Rule, segment: Segment, context: RatingContext) -> list[Determinant]:
        if not isinstance(rule, SumDeterminant | MaxDeterminant | RebateDeterminant):
            return list(compute_rule(rule, segment, context))
        begin = (segment.days.first - self._cycle.first).days
        merged: dict[str, Fraction] = {}
        days = self._days[begin : begin + segment.days.count]
        for values in days:
            for (name, label), value in values.items():
                if name == rule.name:
                    merged[label] = self._merge(rule, merged.get(label), value)
        merged = _in_order(merged, rule, segment)
        how = "daily_max" if isinstance(rule, MaxDeterminant) and rule.daily else "max"
        for label in merged:
            peaks = [day[rule.name, label] for day in days if (rule.name, label) in day]
            context.daily[rule.name, segment.number, label] = (peaks, Fraction(1))
            if isinstance(rule, MaxDeterminant) and rule.mean_of:
                highest, how = sorted(peaks)[-rule.mean_of :], MEAN
                merged[label] = sum(highest, Fraction(0)) / len(highest)
        if isinstance(rule, SumDeterminant):
            merged, how = settle_sums(rule, merged, segment, context), "sum"
        elif isinstance(rule, RebateDeterminant):
            how = WEIGHTED
        else:
            _check_days(rule)
        unit = self._units[rule.name]
        return [
            Determinant(rule.name, segment.number, label, unit, value, value, how)
            for label, value in merged.items()
        ]

    def _sums(self, rule: Rule, segment: Segment) -> dict[str, Fraction]:
        """The sums of a rule over some days of a segment, before any netting."""
        begin = (segment.days.first - self._cycle.first).days
        merged: dict[str, Fraction] = {}
        for values in self._days[begin : begin + segment.days.count]:
            for (name, label), value in values.items():
                if name == rule.name:
                    merged[label] = merged.get(label, Fraction(0)) + value
        return merged

    @staticmethod
    def _merge(rule: Rule, before: Fraction | None, value: Fraction) -> Fraction:
        if before is None:
            return value
        if isinstance(rule, MaxDeterminant) and not rule.daily:
            return max(before, value)
        return before + value


def _check_days(rule: MaxDeterminant) -> None:
    """Hold what single days do not say.

    Raises:
        HeldError: The peaks are of meters, or of windows that cross days.
    """
    message = ""
    if rule.meters == "each":
        message = f"The peaks of each meter behind {rule.name!r} need the whole cycle."
    elif rule.mode == "rolling" and rule.window_s is not None:
        message = f"Rolling windows of {rule.name!r} cross days. Rate the whole cycle."
    if message:
        raise HeldError(Hold("NOT_RUNNING", message, rule.name))


def _in_order(values: Mapping[str, Fraction], rule: Rule, segment: Segment) -> dict[str, Fraction]:
    """Periods in the order of the tariff, whichever day they came up on first."""
    by = rule.by if isinstance(rule, SumDeterminant | MaxDeterminant) else ""
    if not by:
        return dict(values)
    periods = segment.version.document.calendar.schedule(by).periods
    return {one.name: values[one.name] for one in periods if one.name in values}
