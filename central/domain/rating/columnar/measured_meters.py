"""Measure meters together that are priced one by one.

Banks, yearly sums, money paid in and the like are priced by `rate` alone. Its sums and maxima over
intervals, which most of its time goes into, can come from a matrix of many meters all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.charges.flags import flag_changes
from central.domain.rating.columnar.alike_meters import CHUNK, alike_meters
from central.domain.rating.columnar.computed_columns import computed_stacks, fits_matrix
from central.domain.rating.columnar.day_matrix import Days, InputRow, Shape, Stack
from central.domain.rating.columnar.determinant_columns import (
    Measured,
    NotColumnarError,
    maxima_of,
    raw_sums_of,
)
from central.domain.rating.columnar.eligibility import has_matrix_peaks, is_whole_sum
from central.domain.rating.columnar.results import Results, rows_of
from central.domain.rating.columnar.stacked_inputs import inputs_for, stacked
from central.domain.rating.columnar.tax_rates import by_point
from central.domain.rating.columnar.terms import Meter, Terms, alike_in_prices
from central.domain.rating.determinants.account_overrides import overridden
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.lookup import looked_up
from central.domain.rating.determinants.totals import MeterTotals
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.input_hash import shared_inputs
from central.domain.rating.inputs.segments import DayRange, Segment, cut
from central.domain.tariff.calendar import CalendarError, ResolvedCalendar
from central.domain.tariff.determinant_rules import Determinant as Rule
from central.domain.tariff.determinant_rules import MaxDeterminant, SumDeterminant
from central.domain.tariff.version import NoTariffVersionError, ordered


def is_measured(rule: Rule) -> bool:
    """Whether a matrix can measure what a rule asks of the intervals."""
    if isinstance(rule, SumDeterminant):
        return is_whole_sum(rule)
    return isinstance(rule, MaxDeterminant) and has_matrix_peaks(rule) and not rule.daily


def totals_of_meters(
    meters: Sequence[Meter], among: Sequence[int], terms: Terms
) -> dict[int, MeterTotals]:
    """What can be measured together of meters that are priced one by one, by their numbers.

    Args:
        meters: In any order.
        among: Numbers of those to look at.
        terms: What they share.
    """
    versions, totals = ordered(terms.versions), dict[int, MeterTotals]()
    for agreed in alike_in_prices([meters[number] for number in among], versions):
        numbers = [among[place] for place in agreed]
        with suppress(HeldError, NoTariffVersionError):
            facts = looked_up(meters[numbers[0]].facts, versions)
            segments = cut(terms.days, overridden(versions, facts, terms.days, by_point(terms)))
            if _may_be_measured(segments):
                totals |= _of_alike(meters, numbers, segments, terms)
    return totals


def _may_be_measured(segments: Sequence[Segment]) -> bool:
    documents = [segment.version.document for segment in segments]
    cuts = {(document.zone, document.day_start) for document in documents}
    rules = (rule for document in documents for rule in document.determinants)
    return len(cuts) == 1 and all(map(fits_matrix, documents)) and any(map(is_measured, rules))


def _of_alike(
    meters: Sequence[Meter], numbers: Sequence[int], segments: tuple[Segment, ...], terms: Terms
) -> dict[int, MeterTotals]:
    """What is measured of meters that share their prices."""
    totals: dict[int, MeterTotals] = {}
    of = Days.of(terms.days, segments[0].version.document)
    prices = {series.name: series for series in terms.prices}
    inputs = shared_inputs(segments, terms.calendar, terms.days, terms.period, prices, terms.stay)
    for alike in alike_meters(meters, numbers, segments, terms.days):
        facts = looked_up(meters[alike.numbers[0]].facts, ordered(terms.versions))
        if flag_changes(segments, facts):
            continue
        constants = RatingContext({}, facts, terms.calendar, CarriedState(), terms.days.first)
        constants.prices = prices
        for begin in range(0, len(alike.table), CHUNK):
            table = alike.table[begin : begin + CHUNK]
            with suppress(NotColumnarError, HeldError, CalendarError):
                for row, measured in _totals(alike.shapes, table, segments, of, constants, inputs):
                    totals[alike.numbers[begin + row]] = measured
    return totals


def _totals(  # noqa: PLR0913, PLR0917 - meters, and what they share
    shapes: Sequence[Shape],
    table: Sequence[Sequence[InputRow]],
    segments: Sequence[Segment],
    of: Days,
    constants: RatingContext,
    inputs: Mapping[str, str],
) -> Iterator[tuple[int, MeterTotals]]:
    """What is measured of meters that share a matrix, by their place in its table.

    Raises:
        NotColumnarError: They cannot be measured together.
        HeldError: A factor is not known.
        CalendarError: The calendar cannot place an interval.
    """
    stacks, good = stacked(shapes, table, segments, of)
    if not good.size:
        return
    computed = computed_stacks(segments, stacks, constants)
    series = stacks | {name: matrix for name, (matrix, _) in computed.items()}
    measured = list(_measured(segments, series, constants.resolved))
    if not measured:
        return
    rows = rows_of([table[row] for row in good.tolist()], inputs_for(segments), computed)
    results = Results(rows, of.days, measured, (), good.size)
    columns = {name: [c.values for c in results.sources(name, of.days)] for name in sorted(rows)}
    behind = {name: list(zip(*parts, strict=True)) for name, parts in columns.items()}
    for number, determinants in enumerate(results.determinants()):
        by_rule: dict[tuple[str, int], tuple[DayRange, list[Determinant]]] = {}
        for each in determinants:
            days = segments[each.segment].days
            by_rule.setdefault((each.name, each.segment), (days, []))[1].append(each)
        sources = {name: every[number] for name, every in behind.items()}
        yield int(good[number]), MeterTotals(by_rule, sources, inputs)


def _measured(
    segments: Sequence[Segment], stacks: Mapping[str, Stack], resolved: ResolvedCalendar
) -> Iterator[Measured]:
    for segment in segments:
        for rule in segment.version.document.determinants:
            if not is_measured(rule):
                continue
            if isinstance(rule, SumDeterminant):
                yield from raw_sums_of(rule, segment, stacks[rule.series], resolved)
            elif isinstance(rule, MaxDeterminant):
                yield from maxima_of(rule, segment, segments, stacks[rule.series], resolved)
