"""The rater: validated intervals and a tariff in, determinants and bill lines out.

Order of evaluation: segments, series, determinants (rounded once), charges, riders, credits,
minimums and commitments, taxes, settlement, closing state. Pure: the same input gives the same
output and the same hash, whether it is for a bill, a comparison or a running total.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from central.domain.rating.bill_lines.line import Determinant, Rated, RatedLine
from central.domain.rating.charges.dropped import dropped_states, older_than_bill
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.charges.flags import borders_inside
from central.domain.rating.charges.hand_over import NOTHING_HANDED, hand_over
from central.domain.rating.charges.tax_points import rate_inputs, rate_versions
from central.domain.rating.closing_state import closing_of, month_of
from central.domain.rating.determinants.account_overrides import overridden
from central.domain.rating.determinants.align import Blocks, HeldManyError, align_inputs
from central.domain.rating.determinants.compute import compute
from central.domain.rating.determinants.computed_series import series_on
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    credits_of,
    levels_of,
)
from central.domain.rating.determinants.events import events_within
from central.domain.rating.determinants.lookup import looked_up
from central.domain.rating.determinants.totals import LazySeries, MeterTotals
from central.domain.rating.hashing import canonical
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays, rate_days
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.input_hash import input_hash, shared_inputs
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.one_off import OneOff
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange, Segment, cut
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.price_lines import price_segments
from central.domain.tariff.calendar import CalendarError, ResolvedCalendar
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered


@dataclass(frozen=True, slots=True)
class RatingOptions:
    """How to rate, apart from what is rated.

    Args:
        rounded: False leaves lines at 12 decimals, to compare with an unrounded reference.
        lineage: False skips the hash of the inputs, where nothing is kept (a comparison).
    """

    rounded: bool = True
    lineage: bool = True


_ROUNDED = RatingOptions()
_NO_EVENTS: Events = {}


def rate(  # noqa: PLR0913, PLR0915 - all that a bill depends on, each by name
    blocks: Blocks,
    facts: AgreementFacts,
    versions: Sequence[TariffVersion],
    calendar: ResolvedCalendar,
    days: DayRange,
    *,
    period: BillingPeriod | None = None,
    ending: PartEnding = GOES_ON,
    predecessor: TariffVersion | None = None,
    stay: DayRange | None = None,
    opening: CarriedState | None = None,
    prices: Sequence[PriceSeries] = (),
    grants: Sequence[Grant] = (),
    one_offs: Sequence[OneOff] = (),
    events: Events = _NO_EVENTS,
    period_end: date | None = None,
    document_days: DocumentDays | None = None,
    totals: MeterTotals | None = None,
    options: RatingOptions = _ROUNDED,
) -> Rated:
    """Rate one agreement for the local days of one bill.

    Args:
        blocks: Input name (`import`, `export`, ...) to validated day blocks, of any number of
            channels (they are summed) and in any order; days outside the bill are ignored, but
            for those before it that a baseline looks at.
        facts: Of the agreement, effective-dated.
        versions: Of the tariff; those in force on the days are used.
        calendar: Holidays as dates, and the tzdata version.
        days: Local days billed: the period, less what lies before a move-in or after a move-out.
        period: Of the bill; by default `days` as one month.
        ending: What ends with the bill: nothing, what its tariff carries, or the occupancy.
        predecessor: The version of another tariff that the opening state comes from, where no bill
            under it has handed that state over.
        stay: All days that the bill bills of the occupancy, where other parts of it have some
            under another tariff; by default `days`.
        opening: What earlier bills left: peaks, credits, sums of the year.
        prices: Price and factor series that the tariff names.
        grants: Money paid into banks or the prepaid balance; days outside the bill are ignored.
        one_offs: Charges and credits posted once; days outside the bill are ignored.
        events: Stream to events; those outside the bill are ignored.
        period_end: The last day that the bill bills, where it has later days than these; it decides
            the rate of taxes of that point.
        document_days: Of the bill, which decide the rates of taxes of their points; by default
            those of one that is issued on the day after the last, and due at once.
        totals: What was measured on these days together with other meters, of the same blocks.
        options: Rounding and lineage.

    Returns:
        Lines and determinants; or `holds`, and no lines, where something is missing.

    Raises:
        TariffVersionOverlapError: Two versions start on the same date.

    Source: docs/reference/charges.md, "Order of evaluation"
    """
    state = given = opening or CarriedState()
    in_force = ordered(versions)
    agreed = facts
    whole = period or BillingPeriod.month(days)
    known = {found.name: found for found in prices}
    last = period_end or days.last
    document_days = document_days or DocumentDays.after(last)
    currency = in_force[-1].document.currency.code if in_force else "XXX"
    try:
        facts = looked_up(agreed, in_force)
        known_versions = overridden(in_force, facts, days, rate_days(last, document_days))
        segments = cut(days, known_versions)
        borders = borders_inside(segments, facts, days)
        if borders:
            segments = cut(days, known_versions, borders)
        handed = NOTHING_HANDED
        tariff = segments[0].version.document.tariff
        if is_of_another(state, tariff, predecessor):
            old = _known_before(state, predecessor, days.first)
            handed = hand_over(state, old, segments, whole, looked_up(agreed, [old]), calendar)
            state = handed.state
        align = partial(align_inputs, segments, blocks, days, facts, known)
        series = align() if totals is None else LazySeries(tuple(totals.sources), align)
        context = RatingContext(
            series, facts, calendar, state, month_of(days), credits_of(state), known
        )
        context.metered = totals
        context.levels = levels_of(state)
        context.grants = tuple(grant for grant in grants if days.first <= grant.day < days.end)
        context.one_offs = tuple(each for each in one_offs if days.first <= each.day < days.end)
        document = segments[0].version.document
        span = days.interval(document.zone, document.day_start)
        context.events = {name: events_within(events[name], span) for name in sorted(events)}
        context.dropped = dropped_states(state, segments, known_versions)
        context.past = lambda segment, name, day: series_on(
            name, segment, day, blocks, facts, known
        )
        context.months = whole.months_of_it
        if whole.is_longer:
            context.begins = days.first.replace(day=1)
        rates = rate_versions(segments, known_versions, last, document_days)
        compute(segments, context)
        lines, sums = price_segments(
            segments,
            days,
            whole,
            context,
            rounded=options.rounded,
            ending=ending,
            handed=handed,
            borders=borders,
            rates=rates,
            stay=stay,
        )
        closing = closing_of(segments, context, whole, sums, ending)
    except HeldManyError as held:
        return Rated(currency, (), (), given, held.holds, tzdata=calendar.tzdata)
    except HeldError as held_one:
        return Rated(currency, (), (), given, (held_one.hold,), tzdata=calendar.tzdata)
    except (CalendarError, NoTariffVersionError) as error:
        hold = Hold(error.code, error.message, str(error.value))
        return Rated(currency, (), (), given, (hold,), tzdata=calendar.tzdata)
    hashed = ""
    if options.lineage:
        sources = [
            source
            for name in sorted(context.series)
            for source in (
                context.series[name].sources(days) if totals is None else totals.sources[name]
            )
        ]
        parts = {} if totals is None else dict(totals.inputs)
        parts = parts or shared_inputs(segments, calendar, days, whole, context.prices, stay)
        parts |= _beyond(context, days, segments) | ending.inputs | rate_inputs(rates)
        if predecessor is not None:
            parts["predecessor"] = canonical(predecessor.sha256)
        hashed = input_hash(sources, agreed, given, parts)
    return Rated(
        currency,
        tuple(lines),
        every_determinant(context, lines),
        closing,
        input_sha256=hashed,
        tzdata=calendar.tzdata,
        expired=context.expired,
    )


def is_of_another(state: CarriedState, tariff: str, predecessor: TariffVersion | None) -> bool:
    """Whether a state has the names of another tariff, which has not handed it over."""
    if state.tariff:
        return state.tariff != tariff
    return predecessor is not None and predecessor.tariff != tariff


def _known_before(
    state: CarriedState, predecessor: TariffVersion | None, first: date
) -> TariffVersion:
    """The version whose rules settle a state.

    Raises:
        HeldError: It was not given.
    """
    if predecessor is None or state.tariff not in {"", predecessor.tariff}:
        message = (
            f"The bill opens with a state of {state.tariff}, which has no version on the day before"
            f" {first}. Add that version; or conclude an agreement under {state.tariff} from"
            f" {first} on, and let the right one follow it."
        )
        raise HeldError(Hold("STATE_OF_ANOTHER_TARIFF", message, state.tariff))
    return predecessor


def _beyond(context: RatingContext, days: DayRange, segments: Sequence[Segment]) -> dict[str, str]:
    """Canonical text of inputs that only some bills read.

    They are money paid in, charges posted, events, days before the bill, and versions before it
    whose banks it settles.
    """
    found = {}
    if context.grants:
        found["grants"] = canonical(sorted(grant.to_json() for grant in context.grants))
    if context.one_offs:
        found["one_offs"] = canonical([each.to_json() for each in sorted(context.one_offs)])
    if older := older_than_bill(context.dropped, segments):
        found["dropped"] = canonical(older)
    events_text = {
        name: sorted(event.to_json() for event in events)
        for name, events in context.events.items()
        if events
    }
    if events_text:
        found["events"] = canonical(events_text)
    past = [
        [name, day.isoformat(), *(source.to_json() for source in _of_day(series, day))]
        for (name, day), series in sorted(context.days.items(), key=operator.itemgetter(0))
        if day < days.first
    ]
    if past:
        found["past"] = canonical(past)
    return found


def _of_day(series: InputSeries | None, day: date) -> tuple[BlockSource, ...]:
    return () if series is None else series.sources(DayRange(day, day + timedelta(days=1)))


def every_determinant(
    context: RatingContext, lines: Sequence[RatedLine]
) -> tuple[Determinant, ...]:
    """All that the tariff names, and what lines rest on besides."""
    behind = (determinant for line in lines for determinant in line.determinants)
    return tuple({id(one): one for one in (*context.found.values(), *behind)}.values())
