"""The rater: validated intervals and a tariff in, determinants and bill lines out.

Order of evaluation: segments, series, determinants (rounded once), charges, riders, minimums,
taxes, closing state. Pure: the same input gives the same output and the same hash, whether it is
for a bill, a comparison or a running total.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import groupby

from central.domain.metering.block import DayBlock
from central.domain.rating.book import Book, Credits, HeldError
from central.domain.rating.charges.budget import price_budget
from central.domain.rating.charges.commitment import price_commitment
from central.domain.rating.charges.credits import price_money_bank, settle_bank
from central.domain.rating.charges.draft import Draft, Span
from central.domain.rating.charges.dynamic import price_dynamic
from central.domain.rating.charges.fixed import price_fixed
from central.domain.rating.charges.minimum import price_minimum, year_sum
from central.domain.rating.charges.percents import price_percent
from central.domain.rating.charges.prepaid import price_prepaid
from central.domain.rating.charges.tiers import price_tiers
from central.domain.rating.charges.usage import price_usage
from central.domain.rating.computed import computed_series, series_on
from central.domain.rating.determinants import compute, metered_peaks
from central.domain.rating.event import Events, Levels
from central.domain.rating.event_sums import events_within
from central.domain.rating.facts import AgreementFacts
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs import input_hash, shared_inputs
from central.domain.rating.line import Determinant, Hold, Line, Rated, Source
from central.domain.rating.overrides import overridden
from central.domain.rating.period import DayRange, Segment, cut
from central.domain.rating.prices import PriceSeries
from central.domain.rating.rounding import UNROUNDED_DIGITS, half_away, printed
from central.domain.rating.series import InputSeries, align
from central.domain.rating.state import Grant, Level, Peak, State, YearSum
from central.domain.tariff.calendar import CalendarError, ResolvedCalendar
from central.domain.tariff.credit_rules import (
    BUDGET_BILLING,
    PREPAID,
    BudgetBilling,
    EnergyBank,
    MoneyBank,
    Prepaid,
    TrueUpPayout,
)
from central.domain.tariff.determinant_rules import (
    FormulaDeterminant,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import (
    Charge,
    Minimum,
    Percent,
    TariffDocument,
)
from central.domain.tariff.expression import Call, Expression, Name, calls_in
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered

Blocks = Mapping[str, Sequence[DayBlock]]
_KIND_OF_UNIT = {"kWh": "energy", "kW": "demand", "kVA": "demand", "kvarh": "energy"}


@dataclass(frozen=True, slots=True)
class Options:
    """How to rate, apart from what is rated.

    Args:
        rounded: False leaves lines at 12 decimals, to compare with an unrounded reference.
        lineage: False skips the hash of the inputs, where nothing is kept (a comparison).
    """

    rounded: bool = True
    lineage: bool = True


_ROUNDED = Options()
_NO_EVENTS: Events = {}


def rate(  # noqa: PLR0913 - the design's own list of what a bill depends on
    blocks: Blocks,
    facts: AgreementFacts,
    versions: Sequence[TariffVersion],
    calendar: ResolvedCalendar,
    days: DayRange,
    *,
    cycle: DayRange | None = None,
    opening: State | None = None,
    prices: Sequence[PriceSeries] = (),
    grants: Sequence[Grant] = (),
    events: Events = _NO_EVENTS,
    options: Options = _ROUNDED,
) -> Rated:
    """Rate one agreement for the local days of one bill.

    Args:
        blocks: Input name (`import`, `export`, ...) to validated day blocks, of any number of
            channels (they are summed) and in any order; days outside the bill are ignored, but
            for those before it that a baseline looks at.
        facts: Of the agreement, effective-dated.
        versions: Of the tariff; those in force on the days are used.
        calendar: Holidays as dates, and the tzdata version.
        days: Local days billed: the cycle, less what lies before a move-in or after a move-out.
        cycle: The whole cycle, by default `days`.
        opening: What earlier bills left: peaks, credits, sums of the year.
        prices: Price and factor series that the tariff names.
        grants: Money paid into banks or the prepaid balance; days outside the bill are ignored.
        events: Stream to events; those outside the bill are ignored.
        options: Rounding and lineage.

    Returns:
        Lines and determinants; or `holds`, and no lines, where something is missing.

    Raises:
        TariffVersionOverlapError: Two versions start on the same date.

    Source: rating.md, section 2
    """
    state = opening or State()
    in_force = ordered(versions)
    whole = cycle or days
    known = {found.name: found for found in prices}
    currency = in_force[-1].document.currency.code if in_force else "XXX"
    try:
        segments = cut(days, overridden(in_force, facts, days))
        series = align_inputs(segments, blocks, days, facts, known)
        book = Book(series, facts, calendar, state, month_of(days), credits_of(state), known)
        book.grants = tuple(grant for grant in grants if days.first <= grant.day < days.end)
        zone = segments[0].version.document.zone
        book.events = {name: events_within(events[name], days, zone) for name in sorted(events)}
        book.levels = levels_of(state)
        book.past = lambda segment, name, day: series_on(name, segment, day, blocks, facts, known)
        compute(segments, book)
        lines, sums = price_segments(segments, days, whole, book, options)
    except HeldManyError as held:
        return Rated(currency, (), (), state, held.holds, tzdata=calendar.tzdata)
    except HeldError as held_one:
        return Rated(currency, (), (), state, (held_one.hold,), tzdata=calendar.tzdata)
    except (CalendarError, NoTariffVersionError) as error:
        hold = Hold(error.code, error.message, str(error.value))
        return Rated(currency, (), (), state, (hold,), tzdata=calendar.tzdata)
    hashed = ""
    if options.lineage:
        sources = [
            source for name in sorted(book.series) for source in book.series[name].sources(days)
        ]
        parts = shared_inputs(segments, calendar, days, whole, book.prices)
        if book.grants:
            given = [[one.bank, one.day.isoformat(), str(one.amount)] for one in book.grants]
            parts["grants"] = canonical(sorted(given))
        parts |= _beyond(book, days)
        hashed = input_hash(sources, facts, state, parts)
    return Rated(
        currency,
        tuple(lines),
        every_determinant(book, lines),
        closing_of(segments, book, sums),
        input_sha256=hashed,
        tzdata=calendar.tzdata,
    )


def _beyond(book: Book, days: DayRange) -> dict[str, str]:
    """Canonical text of inputs that only some tariffs read: events, and days before the bill."""
    found = {}
    told = {
        name: sorted(event.to_json() for event in events)
        for name, events in book.events.items()
        if events
    }
    if told:
        found["events"] = canonical(told)
    past = [
        [name, day.isoformat(), *(source.to_json() for source in _of_day(series, day))]
        for (name, day), series in sorted(book.days.items(), key=operator.itemgetter(0))
        if day < days.first
    ]
    if past:
        found["past"] = canonical(past)
    return found


def _of_day(series: InputSeries | None, day: date) -> tuple[Source, ...]:
    return () if series is None else series.sources(DayRange(day, day + timedelta(days=1)))


def levels_of(state: State) -> dict[tuple[str, str], Levels]:
    """The levels of a state, by determinant and label, then key."""
    found: dict[tuple[str, str], Levels] = {}
    for level in state.levels:
        found.setdefault((level.name, level.label), {})[level.key] = level.value
    return found


def every_determinant(book: Book, lines: Sequence[Line]) -> tuple[Determinant, ...]:
    """All that the tariff names, and what lines rest on besides."""
    behind = (determinant for line in lines for determinant in line.determinants)
    return tuple({id(one): one for one in (*book.found.values(), *behind)}.values())


def credits_of(state: State) -> Credits:
    """The banks of a state, by bank and label."""
    found: Credits = {}
    for credit in state.credits:
        found.setdefault(credit.bank, {}).setdefault(credit.label, []).append(credit)
    return found


class HeldManyError(HeldError):
    """Several things are missing at once."""

    def __init__(self, holds: tuple[Hold, ...]) -> None:
        super().__init__(holds[0])
        self.holds = holds


def month_of(days: DayRange) -> date:
    """First day of the month that a bill belongs to: that of its last day."""
    last = days.days()[-1]
    return last.replace(day=1)


def align_inputs(
    segments: Sequence[Segment],
    blocks: Blocks,
    days: DayRange,
    facts: AgreementFacts,
    known: Mapping[str, PriceSeries],
) -> dict[str, InputSeries]:
    """Inputs of some days as arrays, and the series computed from them.

    Args:
        segments: Of the days.
        blocks: By input.
        days: Local days.
        facts: Of the agreement, for factors.
        known: Price and factor series by name.

    Raises:
        HeldError: A block is missing or damaged, the versions differ in zone, or a factor is not
            known.
    """
    zones = {segment.version.document.zone for segment in segments}
    if len(zones) > 1:
        message = "The tariff's versions differ in zone."
        raise HeldError(Hold("ZONE_CHANGE", message, ", ".join(sorted(zones))))
    found: dict[str, InputSeries] = {}
    holds: list[Hold] = []
    names = {name: None for segment in segments for name in inputs_of(segment.version)}
    for name in names:
        aligned = align(name, blocks.get(name, ()), days, segments[0].version.document.zone)
        if isinstance(aligned, InputSeries):
            found[name] = aligned
        else:
            holds.extend(aligned)
    if holds:
        raise HeldManyError(tuple(holds))
    return found | computed_series(segments, found, facts, known)


@lru_cache(maxsize=1024)
def inputs_of(version: TariffVersion) -> tuple[str, ...]:
    """Names of the inputs that a tariff reads."""
    document = version.document
    names: dict[str, None] = {}
    for rule in document.determinants:
        if isinstance(rule, SumDeterminant | MaxDeterminant | RebateDeterminant):
            names[rule.series] = None
        elif isinstance(rule, FormulaDeterminant):
            names.update(dict.fromkeys(_summed(rule.expr)))
    computed = {series.name: series for series in document.series}
    for charge in (*document.charges, *document.riders):
        if isinstance(charge, Charge) and charge.times is not None and charge.qty:
            names[charge.qty] = None
    for series in computed.values():
        names.update(dict.fromkeys(name for name, _ in series.terms))
    return tuple(name for name in names if name not in computed)


def _summed(expression: Expression) -> Iterator[str]:
    for call in calls_in(expression):
        if isinstance(call, Call) and call.function == "sum":
            for argument in call.arguments:
                if isinstance(argument, Name):
                    yield argument.name


def price_segments(
    segments: Sequence[Segment], bill: DayRange, cycle: DayRange, book: Book, options: Options
) -> tuple[list[Line], dict[str, Decimal]]:
    """The lines of a bill from its determinants, and what yearly minimums have to remember.

    Raises:
        HeldError: A price or fact is missing.
    """
    lines: list[Line] = []
    sums: dict[str, Decimal] = {}
    for version, group in groupby(segments, key=lambda segment: segment.version):
        own = tuple(group)
        document = version.document
        mine: list[Line] = []
        digits = document.currency.digits if options.rounded else UNROUNDED_DIGITS
        several = len(segments) > 1
        add = _adder(mine, version, digits, several=several)
        span = Span(own, document, bill, cycle, book, mine, add, tuple(lines))
        _price(span)
        if span.is_last:
            _settle(span)
        for minimum in document.minimums:
            if minimum.per == "year":
                sums[minimum.id] = sums.get(minimum.id, Decimal(0)) + year_sum(minimum, span)
        lines.extend(mine)
    return lines, sums


def _adder(
    lines: list[Line], version: TariffVersion, digits: int, *, several: bool
) -> Callable[[str, str, str, Draft], Line]:
    currency = version.document.currency
    decimals = {**dict(version.document.quantities), currency.code: currency.digits}

    def add(identifier: str, kind: str, name: str, draft: Draft) -> Line:
        line = Line(
            id=identifier,
            key=line_key(identifier, draft, several=several),
            kind=kind,
            name=name,
            label=draft.label,
            tier=draft.tier,
            segment=draft.segment,
            first=draft.days.first,
            end=draft.days.end,
            quantity=None
            if draft.quantity is None
            else printed(draft.quantity, decimals.get(draft.unit, 0)),
            unit=draft.unit,
            price=None if draft.price is None else printed(draft.price),
            exact=draft.exact,
            amount=half_away(draft.exact, digits),
            tariff_sha256=version.sha256,
            determinants=draft.determinants,
            of=draft.of,
            note=draft.note,
        )
        lines.append(line)
        return line

    return add


def line_key(identifier: str, draft: Draft, *, several: bool) -> str:
    """The key of a line, unique in its bill.

    Args:
        identifier: Of the charge.
        draft: The line.
        several: Whether the bill has several segments.
    """
    parts = [identifier]
    if draft.label:
        parts.append(draft.label)
    if draft.tier:
        parts.append(f"tier{draft.tier}")
    if several:
        parts.append(f"segment{draft.segment}")
    return "/".join(parts)


def kind_of(charge: Charge, unit: str, document: TariffDocument) -> str:
    """The kind of a charge's lines, by what it measures."""
    base = (charge.qty or "").partition(".")[0]
    measured = charge.times is not None or any(rule.name == base for rule in document.determinants)
    return _KIND_OF_UNIT.get(unit, "usage") if measured else "fixed"


def _price(span: Span) -> None:
    """The order of evaluation: charges, riders, credits, minimums, commitments, taxes."""
    document = span.document
    for charge in document.charges:
        _price_charge(charge, span, None)
    for rider in document.riders:
        if isinstance(rider, Percent):
            _price_percent(rider, span, "rider")
        else:
            _price_charge(rider, span, "rider")
    for bank in document.money_banks:
        for draft in price_money_bank(bank, span):
            span.add(bank.name, "credit", bank.name.replace("_", " "), draft)
    for minimum in document.minimums:
        _price_minimum(minimum, span)
    for commitment in document.commitments:
        for draft in price_commitment(commitment, span):
            span.add(commitment.id, "commitment", commitment.name or commitment.id, draft)
    for tax in document.taxes:
        _price_percent(tax, span, "tax")


def _settle(span: Span) -> None:
    """What changes the amount due and not the price, in the order of the tariff.

    Raises:
        HeldError: Money was paid into a bank that the tariff does not have.
    """
    document = span.document
    rules = document.settlement
    if not any(isinstance(rule, TrueUpPayout) for rule in rules):
        rules = (TrueUpPayout(), *rules)
    banks = {bank.name for bank in document.money_banks}
    banks |= {PREPAID for rule in rules if isinstance(rule, Prepaid)}
    for grant in span.book.grants:
        if grant.bank not in banks:
            message = f"Money was paid into {grant.bank!r}, which the tariff does not have."
            raise HeldError(Hold("UNKNOWN_BANK", message, grant.bank))
    for rule in rules:
        due = sum((line.amount for line in (*span.before, *span.lines)), Decimal(0))
        match rule:
            case TrueUpPayout():
                _settle_banks(span)
            case BudgetBilling():
                for draft in price_budget(rule, span, due):
                    span.add(BUDGET_BILLING, "settlement", "budget billing", draft)
            case Prepaid() if span.applies(None, rule.only):
                for draft in price_prepaid(rule, span, due):
                    span.add(PREPAID, "settlement", "prepaid balance", draft)


def _settle_banks(span: Span) -> None:
    document = span.document
    banks: tuple[EnergyBank | MoneyBank, ...] = (*document.energy_banks, *document.money_banks)
    for settled in banks:
        for draft in settle_bank(settled, span):
            identifier = f"{settled.name}_settlement"
            span.add(identifier, "settlement", identifier.replace("_", " "), draft)


def _price_charge(charge: Charge, span: Span, kind: str | None) -> None:
    if not span.applies(charge.unless, charge.only):
        return
    base = (charge.qty or "").partition(".")[0]
    if charge.times is not None:
        drafts = price_dynamic(charge, span)
    elif charge.steps:
        drafts = price_tiers(charge, span)
    elif any(rule.name == base for rule in span.document.determinants):
        drafts = price_usage(charge, span)
    else:
        drafts = price_fixed(charge, span)
    for draft in drafts:
        own = kind or kind_of(charge, draft.unit, span.document)
        span.add(charge.id, own, charge.name or charge.id, draft)


def _price_percent(percent: Percent, span: Span, kind: str) -> None:
    if span.applies(percent.unless):
        for draft in price_percent(percent, span):
            span.add(percent.id, kind, percent.name or percent.id, draft)


def _price_minimum(minimum: Minimum, span: Span) -> None:
    for draft in price_minimum(minimum, span):
        span.add(minimum.id, "minimum", minimum.name or minimum.id, draft)


def closing_of(segments: Sequence[Segment], book: Book, sums: Mapping[str, Decimal]) -> State:
    """What the bill leaves to later ones."""
    kept = {entry.name for s in segments for entry in s.version.document.history}
    reach = max((entry.months for s in segments for entry in s.version.document.history), default=0)
    now = book.month.year * 12 + book.month.month
    peaks = {
        (peak.name, peak.label, peak.month): peak
        for peak in book.opening.peaks
        if now - (peak.month.year * 12 + peak.month.month) < reach
    }
    for name, label, value in metered_peaks(segments, book):
        if name in kept:
            before = peaks.get((name, label, book.month))
            highest = value if before is None else max(value, before.value)
            peaks[name, label, book.month] = Peak(name, label, book.month, highest)
    year_sums = []
    for minimum in segments[-1].version.document.minimums:
        if minimum.per == "year":
            total = book.opening.sum_of(minimum.id) + sums.get(minimum.id, Decimal(0))
            ends = book.month.month == minimum.year_end
            year_sums.append(YearSum(minimum.id, Decimal(0) if ends else total))
    year_sums += [YearSum(identifier, amount) for identifier, amount in book.sums.items()]
    credits_left = sorted(
        credit
        for labels in book.credits.values()
        for found in labels.values()
        for credit in found
        if credit.amount
    )
    levels = [
        Level(name, label, key, value)
        for (name, label), kept_levels in book.levels.items()
        for key, value in kept_levels.items()
    ]
    return State(
        tuple(sorted(peaks.values())),
        tuple(credits_left),
        tuple(sorted(year_sums)),
        book.totals,
        tuple(sorted(levels)),
    )
