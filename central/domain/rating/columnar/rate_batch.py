"""Many meters at once: the same bills as `rate`, from matrices instead of one by one.

Meters that share tariff, days, calendar, facts and the shape of their intervals are measured as a
matrix and priced as columns, in integers. What columns do not hold (banks, yearly sums, events) is
priced by `rate`, meter by meter, from sums and maxima of the matrix where it has them; what does
not fit a matrix (several channels, estimates that demand leaves out, holds) from the blocks. So the
result never depends on who is in the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import repeat

from central.domain.rating.bill_lines.line import Determinant, Rated
from central.domain.rating.charges.flags import borders_inside
from central.domain.rating.charges.tax_points import rate_inputs
from central.domain.rating.charges.years import yearly_rules
from central.domain.rating.closing_state import closing_of, month_of
from central.domain.rating.columnar.alike_meters import CHUNK, alike_meters
from central.domain.rating.columnar.bank_columns import with_banks
from central.domain.rating.columnar.computed_columns import Multiplied, computed_stacks
from central.domain.rating.columnar.day_matrix import Days, InputRow, Shape, Stack
from central.domain.rating.columnar.determinant_columns import (
    Measured,
    NotColumnarError,
    end_to_end,
    measure,
)
from central.domain.rating.columnar.eligibility import is_alone, obstacles_of
from central.domain.rating.columnar.formula_determinants import with_formulas
from central.domain.rating.columnar.history_columns import months_asked
from central.domain.rating.columnar.interval_columns import price_intervals
from central.domain.rating.columnar.line_column import LineColumn
from central.domain.rating.columnar.measured_meters import totals_of_meters
from central.domain.rating.columnar.price_columns import ColumnPricer
from central.domain.rating.columnar.result_texts import ResultTexts
from central.domain.rating.columnar.results import CanonicalColumn, Results, Rows, rows_of
from central.domain.rating.columnar.stacked_inputs import inputs_for, stacked
from central.domain.rating.columnar.tax_rates import by_point, rates_of, taxed_alike
from central.domain.rating.columnar.terms import Meter, Terms, alike_in_prices
from central.domain.rating.columnar.year_columns import YearTotals, refuse_ends, spans_of
from central.domain.rating.determinants.account_overrides import overridden
from central.domain.rating.determinants.context import Credits, HeldError, RatingContext, credits_of
from central.domain.rating.determinants.lookup import looked_up
from central.domain.rating.determinants.totals import MeterTotals
from central.domain.rating.hashing import Piece, canonical, canonical_objects
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.input_hash import shared_inputs
from central.domain.rating.inputs.segments import Segment, cut
from central.domain.rating.rate import rate
from central.domain.rating.rounding import UNROUNDED_DIGITS
from central.domain.slotted import slotted
from central.domain.tariff.calendar import CalendarError
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered

_NEW = CarriedState()
_NEW_TEXT = canonical(_NEW.to_json())


@dataclass(frozen=True, slots=True, eq=False)
class BillBatch:
    """The bills of many meters as columns.

    Args:
        terms: What they share.
        segments: Of the bill.
        rows: Input or series to what it is made of, and of each of those the blocks of each meter.
        measured: Determinants, rounded.
        lines: In print order.
        constants: Facts that all meters share, and what follows from them.
        credits: What the bills of each meter leave in its banks; none where the tariff has none.
        years: What they add to sums of years and terms; None where it has none.
    """

    terms: Terms
    segments: tuple[Segment, ...]
    rows: Rows
    measured: Sequence[Measured]
    lines: Sequence[LineColumn]
    constants: RatingContext
    credits: Sequence[Credits] = ()
    years: YearTotals | None = None

    def results(self, count: int) -> Results:
        """The determinants as objects with their lineage; lines follow when they are asked for.

        Args:
            count: How many meters.
        """
        return Results(self.rows, self.terms.days, self.measured, self.lines, count)

    def bills(self, meters: Sequence[Meter], made: Results | None = None) -> list[Rated]:
        """The bills, each as `rate` gives it.

        Args:
            meters: One per row.
            made: As `results` gave it, where that was called before.
        """
        count = len(meters)
        made = made or self.results(count)
        determinants = made.determinants()
        openings = _texts(meter.opening for meter in meters)
        closing = self._closing(meters, openings, determinants)
        hashes = [""] * count
        if self.terms.options.lineage:
            hashes = self._input_hashes(made, meters[0].facts, openings)
        currency = self.segments[-1].version.document.currency.code
        tzdata = self.terms.calendar.tzdata
        slots: dict[str, Iterable[object]] = {
            "currency": repeat(currency),
            "lines": made.lines(),
            "determinants": determinants,
            "closing": closing.values,
            "holds": repeat(()),
            "input_sha256": hashes,
            "tzdata": repeat(tzdata),
            "texts": repeat(ResultTexts(made, currency, tzdata, closing, hashes)),
            "number": range(count),
        }
        return slotted(Rated, slots, count)

    def _priced(self, facts: AgreementFacts) -> tuple[TariffVersion, ...]:
        versions = ordered(self.terms.versions)
        looked = looked_up(facts, versions)
        return overridden(versions, looked, self.terms.days, by_point(self.terms))

    def _input_hashes(self, made: Results, facts: AgreementFacts, openings: list[str]) -> list[str]:
        """As `input_hash`, for bills that share their facts."""
        terms = self.terms
        prices = {one.name: one for one in terms.prices}
        shared = shared_inputs(
            self.segments, terms.calendar, terms.days, terms.period, prices, terms.stay
        )
        rates = rate_inputs(rates_of(terms, self.segments, self._priced(facts)))
        every = (made.sources(name, self.terms.days) for name in sorted(self.rows))
        sources = [source.texts for behind in every for source in behind]
        # A tariff of fixed charges alone reads none.
        joined = list(map(",".join, zip(*sources, strict=True))) or [""] * len(openings)
        members: dict[str, Sequence[Piece]] = {
            **{name: (text,) for name, text in (shared | terms.ending.inputs | rates).items()},
            "facts": (canonical(facts.to_json()),),
            "opening": (openings,),
            "sources": ("[", joined, "]"),
        }
        return [
            sha256(text.encode()).hexdigest() for text in canonical_objects(members, len(openings))
        ]

    def _closing(
        self,
        meters: Sequence[Meter],
        openings: Sequence[str],
        determinants: Sequence[Sequence[Determinant]],
    ) -> CanonicalColumn[CarriedState]:
        shared, states = self.constants, []
        keeps = any(segment.version.document.history for segment in self.segments)
        keeps = keeps or bool(self.credits) or self.years is not None
        if not keeps and openings.count(_NEW_TEXT) == len(openings):
            return CanonicalColumn([_NEW] * len(openings), lambda: list(openings))
        rows = zip(meters, openings, determinants, strict=True)
        for number, (meter, opening, behind) in enumerate(rows):
            if not keeps and opening is _NEW_TEXT:
                states.append(_NEW)
                continue
            context = RatingContext(
                {},
                shared.facts,
                shared.resolved,
                meter.opening,
                shared.month,
                self.credits[number] if self.credits else credits_of(meter.opening),
            )
            context.found.update({(one.name, one.segment, one.label): one for one in behind})
            sums = () if self.years is None else self.years.carried(context, number)
            states.append(closing_of(self.segments, context, self.terms.period, sums))
        return CanonicalColumn(states, partial(_texts, states))


def _texts(states: Iterable[CarriedState]) -> list[str]:
    return [
        _NEW_TEXT if state is _NEW or state == _NEW else canonical(state.to_json())
        for state in states
    ]


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
    bills_by_number: dict[int, Rated] = {}
    for numbers, batch in batches(meters, terms):
        bills = batch.bills([meters[number] for number in numbers])
        bills_by_number.update(zip(numbers, bills, strict=True))
    alone = [number for number in range(len(meters)) if number not in bills_by_number]
    totals = totals_of_meters(meters, alone, terms)
    for number in alone:
        bills_by_number[number] = _alone(meters[number], terms, totals.get(number))
    return [bills_by_number[number] for number in range(len(meters))]


def batches(meters: Sequence[Meter], terms: Terms) -> Iterator[tuple[list[int], BillBatch]]:
    """The meters that can be rated together, as batches: their numbers, and their bills as columns.

    Args:
        meters: In any order.
        terms: What they share.

    Raises:
        TariffVersionOverlapError: Two versions start on the same date.
    """
    versions = ordered(terms.versions)
    if terms.predecessor is not None:
        return
    for agreed in alike_in_prices(meters, versions):
        try:
            facts = looked_up(meters[agreed[0]].facts, versions)
            priced = overridden(versions, facts, terms.days, by_point(terms))
            segments = cut(terms.days, priced)
        except (HeldError, NoTariffVersionError):
            continue
        if not taxed_alike(segments, rates_of(terms, segments, priced)):
            continue
        documents = [segment.version.document for segment in segments]
        if obstacles_of(documents, terms.period, terms.ending):
            continue
        among = _with_others(meters, agreed, segments, terms)
        for numbers, shapes, table in alike_meters(meters, among, segments, terms.days):
            facts = looked_up(meters[numbers[0]].facts, versions)
            openings = [meters[number].opening for number in numbers]
            made = _batch(facts, openings, shapes, table, segments, terms)
            if made is not None:
                kept, batch = made
                yield [numbers[row] for row in kept], batch


def _with_others(
    meters: Sequence[Meter], among: Sequence[int], segments: Sequence[Segment], terms: Terms
) -> list[int]:
    """Numbers of the meters that have nothing of their own but facts and peaks."""
    document = segments[0].version.document
    banks = {bank.name for bank in document.energy_banks}
    sums = {rule.id for rule in yearly_rules(segments[-1].version.document)}
    unknown = RatingContext({}, AgreementFacts(), terms.calendar, _NEW, month_of(terms.days))
    has_months = months_asked(segments, unknown)
    return [
        number
        for number in among
        if not meters[number].one_offs
        and not is_alone(
            meters[number].opening, meters[number].grants, document.tariff, banks, sums
        )
        and has_months(meters[number].opening)
    ]


def _alone(meter: Meter, terms: Terms, totals: MeterTotals | None) -> Rated:
    return rate(
        meter.blocks,
        meter.facts,
        terms.versions,
        terms.calendar,
        terms.days,
        period=terms.period,
        opening=meter.opening,
        ending=terms.ending,
        predecessor=terms.predecessor,
        period_end=terms.period_end,
        document_days=terms.document_days,
        stay=terms.stay,
        prices=terms.prices,
        grants=meter.grants,
        one_offs=meter.one_offs,
        events=meter.events,
        totals=totals,
        options=terms.options,
    )


def _batch(  # noqa: PLR0913, PLR0917 - meters, and what they share
    facts: AgreementFacts,
    openings: Sequence[CarriedState],
    shapes: Sequence[Shape],
    table: Sequence[Sequence[InputRow]],
    segments: tuple[Segment, ...],
    terms: Terms,
) -> tuple[list[int], BillBatch] | None:
    """The batch of the meters that can be rated together, and their places in the table."""
    constants = RatingContext({}, facts, terms.calendar, CarriedState(), month_of(terms.days))
    try:
        if borders_inside(segments, facts, terms.days):
            return None
        refuse_ends([span for _, span in spans_of(segments, terms, constants)])
    except (NotColumnarError, HeldError):
        return None
    of = Days.of(terms.days, segments[0].version.document)
    constants.prices = {series.name: series for series in terms.prices}
    parts: list[list[Measured]] = []
    kept: list[int] = []
    has_banks = any(segment.version.document.energy_banks for segment in segments)
    credits_left: list[Credits] = []
    computed: dict[str, tuple[Stack, tuple[Multiplied, ...]]] = {}
    try:
        for begin in range(0, len(table), CHUNK):
            stacks, good = stacked(shapes, table[begin : begin + CHUNK], segments, of)
            if good.size:
                with suppress(NotColumnarError):
                    computed = computed_stacks(segments, stacks, constants)
                    stacks |= {name: matrix for name, (matrix, _) in computed.items()}
                    own = [credits_of(openings[begin + row]) for row in good] if has_banks else []
                    bank = partial(
                        with_banks,
                        segments=segments,
                        constants=constants,
                        credits_of_meters=own,
                    )
                    chunk = measure(segments, stacks, constants, good.size, bank)
                    chunk += price_intervals(segments, stacks, constants)
                    parts.append(chunk)
                    kept += (begin + good).tolist()
                    credits_left += own
        if not kept:
            return None
        opened = [openings[row] for row in kept]
        measured = with_formulas(end_to_end(parts), segments, constants, opened)
        years = YearTotals(len(kept)) if yearly_rules(segments[-1].version.document) else None
        lines = price_batch(measured, len(kept), segments, terms, constants, years)
    except (NotColumnarError, HeldError, CalendarError):
        return None
    rows = rows_of([table[row] for row in kept], inputs_for(segments), computed)
    return kept, BillBatch(terms, segments, rows, measured, lines, constants, credits_left, years)


def price_batch(  # noqa: PLR0913, PLR0917 - determinants, and what the bills share
    measured: Sequence[Measured],
    count: int,
    segments: tuple[Segment, ...],
    terms: Terms,
    constants: RatingContext,
    years: YearTotals | None = None,
) -> list[LineColumn]:
    """The lines of many bills from their determinants.

    Args:
        measured: As `measure` gives them.
        count: How many bills.
        segments: Of the bill.
        terms: What the bills share.
        constants: As `measure` left it.
        years: Takes what they add to sums of years and terms.

    Raises:
        NotColumnarError: These meters need to be rated one by one.
        HeldError: A price or fact is missing.
    """
    lines: list[LineColumn] = []
    for version, span in spans_of(segments, terms, constants):
        document, first = version.document, len(lines)
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
        if years is not None:
            years.add(span, lines, first)
    return lines
