"""Many meters at once: the same bills as `rate`, from matrices instead of one by one.

Meters that share tariff, days, calendar, facts and the shape of their intervals are measured as a
matrix and priced as columns, in integers. Whatever does not fit that (banks, formulas, prices per
interval, several channels, estimates that demand leaves out, holds) goes through `rate`, meter by
meter; so the result never depends on who is in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import groupby

import numpy as np

from central.domain.rating.book import Book, HeldError
from central.domain.rating.charges.draft import Span
from central.domain.rating.facts import AgreementFacts
from central.domain.rating.inputs import input_hash, shared_inputs
from central.domain.rating.line import Determinant, Line, Rated, Source
from central.domain.rating.measure import Measured, NotColumnarError, measure
from central.domain.rating.overrides import overrides_in
from central.domain.rating.period import DayRange, Segment, cut
from central.domain.rating.price_columns import ColumnPricer, LineColumn
from central.domain.rating.prices import PriceSeries
from central.domain.rating.rate import (
    Blocks,
    Options,
    closing_of,
    credits_of,
    inputs_of,
    month_of,
    rate,
)
from central.domain.rating.rounding import UNROUNDED_DIGITS, printed
from central.domain.rating.stack import Days, Row, Shape, Stack, stack
from central.domain.rating.state import Grant, State
from central.domain.tariff.calendar import CalendarError, ResolvedCalendar
from central.domain.tariff.determinant_rules import FormulaDeterminant, MaxDeterminant
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered

CHUNK = 128
"""Meters of one matrix: enough to hide what a batch costs, few enough for the cache."""
_FEW = 4
_WIDE = Context(prec=400)
_ROUNDED = Options()


@dataclass(frozen=True, slots=True)
class Meter:
    """What differs between the bills of a batch.

    Args:
        blocks: Input to day blocks.
        facts: Of the agreement.
        opening: What earlier bills left.
        grants: Money paid into its banks or prepaid balance.
    """

    blocks: Blocks
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    opening: State = field(default_factory=State)
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the bills of a batch share.

    Args:
        versions: Of the tariff, ascending.
        calendar: Resolved holidays.
        days: Local days billed.
        cycle: The whole cycle.
        prices: Price series.
        options: Rounding and lineage.
    """

    versions: tuple[TariffVersion, ...]
    calendar: ResolvedCalendar
    days: DayRange
    cycle: DayRange
    prices: tuple[PriceSeries, ...] = ()
    options: Options = _ROUNDED


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The bills of many meters as columns.

    Args:
        terms: What they share.
        segments: Of the bill.
        stacks: Input to its matrix.
        measured: Determinants, rounded.
        lines: In print order.
        constants: Facts that all meters share, and what follows from them.
    """

    terms: Terms
    segments: tuple[Segment, ...]
    stacks: Mapping[str, Stack]
    measured: Sequence[Measured]
    lines: Sequence[LineColumn]
    constants: Book

    def rated(self, row: int, meter: Meter, shared: Mapping[str, str]) -> Rated:
        """One meter's bill, as `rate` gives it.

        Args:
            row: Which meter.
            meter: The same.
            shared: Text of the shared inputs, for the hash.
        """
        known: dict[tuple[str, DayRange], tuple[Source, ...]] = {}
        for name in sorted(self.stacks):
            known[name, self.terms.days] = (self.stacks[name].source(row, self.terms.days),)
        sources = [known[name, self.terms.days][0] for name in sorted(self.stacks)]
        found: list[Determinant] = []
        for one in self.measured:
            place = (one.series, one.days)
            if one.series and place not in known:
                known[place] = (self.stacks[one.series].source(row, one.days),)
            found.append(one.at(row, known.get(place, ())))
        hashed = ""
        if self.terms.options.lineage:
            hashed = input_hash(sources, meter.facts, meter.opening, shared)
        return Rated(
            self.segments[-1].version.document.currency.code,
            tuple(self._lines(row, found)),
            tuple(found),
            self._closing(meter, found),
            input_sha256=hashed,
            tzdata=self.terms.calendar.tzdata,
        )

    def _lines(self, row: int, found: Sequence[Determinant]) -> list[Line]:
        lines = []
        for one in self.lines:
            if one.present is not None and not one.present[row]:
                continue
            draft = one.draft
            amount = Decimal(int(one.amount[row])).scaleb(-one.digits, _WIDE)
            quantity = one.quantity
            line = Line(
                one.id,
                one.key,
                one.kind,
                one.name,
                draft.label,
                draft.tier,
                draft.segment,
                draft.days.first,
                draft.days.end,
                None if quantity is None else printed(quantity.at(row), one.decimals),
                draft.unit,
                one.price,
                one.exact.at(row),
                amount,
                one.sha256,
                tuple(found[number] for number in one.determinants),
                tuple(self.lines[n].key for n in one.of if self.lines[n].has(row)),
                draft.note,
            )
            lines.append(line)
        return lines

    def _closing(self, meter: Meter, found: Sequence[Determinant]) -> State:
        own = self.constants
        book = Book(
            {}, meter.facts, own.resolved, meter.opening, own.month, credits_of(meter.opening)
        )
        book.found.update({(one.name, one.segment, one.label): one for one in found})
        return closing_of(self.segments, book, {})


def rate_many(meters: Sequence[Meter], terms: Terms) -> list[Rated]:
    """Rate many meters for the days of one bill.

    Args:
        meters: In any order.
        terms: What they share.

    Returns:
        One result per meter, in their order, each what `rate` gives for it alone.

    Raises:
        TariffVersionOverlapError: Two versions start on the same date.
    """
    versions = ordered(terms.versions)
    found: dict[int, Rated] = {}
    try:
        segments = cut(terms.days, versions)
    except NoTariffVersionError:
        segments = ()
    if segments and _columnar(segments):
        shared = shared_inputs(
            segments, terms.calendar, terms.days, terms.cycle, {p.name: p for p in terms.prices}
        )
        for numbers, rows in _groups(meters, segments, terms):
            found |= _rate_group(meters, numbers, rows, segments, terms, shared)
    return [
        found[number] if number in found else _alone(meter, terms)
        for number, meter in enumerate(meters)
    ]


def _alone(meter: Meter, terms: Terms) -> Rated:
    return rate(
        meter.blocks,
        meter.facts,
        terms.versions,
        terms.calendar,
        terms.days,
        cycle=terms.cycle,
        opening=meter.opening,
        prices=terms.prices,
        grants=meter.grants,
        options=terms.options,
    )


def _columnar(segments: Sequence[Segment]) -> bool:
    """Whether a tariff's bills depend on nothing that columns do not hold."""
    documents = [segment.version.document for segment in segments]
    if len({document.zone for document in documents}) > 1:
        return False
    return not any(
        document.series
        or document.energy_banks
        or document.money_banks
        or document.commitments
        or document.settlement
        or any(minimum.per == "year" for minimum in document.minimums)
        or any(isinstance(rule, FormulaDeterminant) for rule in document.determinants)
        or any(isinstance(r, MaxDeterminant) and r.during for r in document.determinants)
        for document in documents
    )


def _groups(
    meters: Sequence[Meter], segments: Sequence[Segment], terms: Terms
) -> list[tuple[list[int], list[list[Row]]]]:
    """Numbers of meters that can share a matrix, and their rows per input."""
    of = Days(terms.days, segments[0].version.document.zone)
    names = inputs_for(segments)
    groups: dict[object, tuple[list[int], list[list[Row]]]] = {}
    for number, meter in enumerate(meters):
        if meter.grants or overrides_in(meter.facts):
            continue
        rows = [of.row_of(meter.blocks.get(name, ())) for name in names]
        whole = [row for row in rows if row is not None]
        if len(whole) < len(names):
            continue
        shapes: tuple[Shape, ...] = tuple(shape for shape, _ in whole)
        facts = tuple(
            (fact.name, type(fact.value), fact.value, fact.effective) for fact in meter.facts.facts
        )
        numbers, table = groups.setdefault((shapes, facts), ([], []))
        numbers.append(number)
        table.append([row for _, row in whole])
    return [
        (numbers[begin : begin + CHUNK], table[begin : begin + CHUNK])
        for numbers, table in groups.values()
        for begin in range(0, len(numbers), CHUNK)
        if len(numbers) >= _FEW
    ]


def inputs_for(segments: Sequence[Segment]) -> list[str]:
    """Inputs that any of a bill's versions reads."""
    return list(dict.fromkeys(name for segment in segments for name in inputs_of(segment.version)))


def _rate_group(  # noqa: PLR0913, PLR0917 - a group and what it shares
    meters: Sequence[Meter],
    numbers: Sequence[int],
    table: Sequence[Sequence[Row]],
    segments: tuple[Segment, ...],
    terms: Terms,
    shared: Mapping[str, str],
) -> dict[int, Rated]:
    of = Days(terms.days, segments[0].version.document.zone)
    stacks: dict[str, Stack] = {}
    good = np.ones(len(numbers), dtype=np.bool_)
    for place, name in enumerate(inputs_for(segments)):
        stacks[name], missing = stack(name, [row[place] for row in table], of)
        good &= ~missing
        if _leaves_out_estimates(segments):
            good &= ~stacks[name].estimated
    if not good.all():
        kept = np.flatnonzero(good)
        numbers = [numbers[row] for row in kept.tolist()]
        stacks = {name: one.only(kept) for name, one in stacks.items()}
    if not numbers:
        return {}
    try:
        batch = make_batch(stacks, len(numbers), segments, terms, meters[numbers[0]].facts)
    except (NotColumnarError, HeldError, CalendarError):
        return {}
    return {number: batch.rated(row, meters[number], shared) for row, number in enumerate(numbers)}


def _leaves_out_estimates(segments: Sequence[Segment]) -> bool:
    return any(
        isinstance(rule, MaxDeterminant) and rule.estimated == "exclude"
        for segment in segments
        for rule in segment.version.document.determinants
    )


def make_batch(
    stacks: Mapping[str, Stack],
    count: int,
    segments: tuple[Segment, ...],
    terms: Terms,
    facts: AgreementFacts,
) -> Batch:
    """Measure and price the meters of matrices.

    Args:
        stacks: Input to its matrix, all with the same meters.
        count: How many meters.
        segments: Of the bill.
        terms: What the bills share.
        facts: That all meters share.

    Raises:
        NotColumnarError: These meters need to be rated one by one.
        HeldError: A price or fact is missing.
        CalendarError: The calendar cannot place an interval.
    """
    constants = Book({}, facts, terms.calendar, State(), month_of(terms.days))
    measured = measure(segments, stacks, constants, count)
    lines = price_batch(measured, count, segments, terms, constants)
    return Batch(terms, segments, stacks, measured, lines, constants)


def price_batch(
    measured: Sequence[Measured],
    count: int,
    segments: tuple[Segment, ...],
    terms: Terms,
    constants: Book,
) -> list[LineColumn]:
    """The lines of many bills from their determinants.

    Args:
        measured: As `measure` gives them.
        count: How many bills.
        segments: Of the bill.
        terms: What the bills share.
        constants: As `measure` left it.

    Raises:
        NotColumnarError: These meters need to be rated one by one.
        HeldError: A price or fact is missing.
    """
    lines: list[LineColumn] = []
    for version, group in groupby(segments, key=lambda segment: segment.version):
        document = version.document
        span = Span(
            tuple(group), document, terms.days, terms.cycle, constants, [], _no_single_lines
        )
        digits = document.currency.digits if terms.options.rounded else UNROUNDED_DIGITS
        ColumnPricer(
            span,
            measured,
            lines,
            sha256=version.sha256,
            digits=digits,
            several=len(segments) > 1,
            count=count,
        ).price()
    return lines


def _no_single_lines(identifier: str, kind: str, name: str, draft: object) -> Line:
    raise AssertionError(identifier, kind, name, draft)
