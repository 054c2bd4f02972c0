"""Determinants of many meters at once: sums and maxima as operations on matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.columnar.day_matrix import Stack
from central.domain.rating.columnar.exact_column import Column, chained, share_out
from central.domain.rating.determinants.compute import compute_rule
from central.domain.rating.determinants.context import RatingContext, unit_of
from central.domain.rating.determinants.demand import MEAN
from central.domain.rating.determinants.demand_windows import begins_for, reach_of
from central.domain.rating.determinants.netting import crosses
from central.domain.rating.inputs.period_runs import Plan, plan_of
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.determinant_rules import (
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.input_units import POWER

_MAX = 2**63 - 1
# Runs that are this many times longer than they are on average are looked at one by one.
_SPREAD = 2
_NOTHING = Fraction(0)


class NotColumnarError(Exception):
    """These meters cannot be rated as columns; one by one they can."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A determinant of every meter.

    Args:
        model: What all of them share: name, segment, label, unit, how; its values are nobody's.
        exact: Before rounding.
        value: As priced.
        days: Of the intervals behind it.
        series: Input behind it, "" for none.
        begins: Of maxima: a row of window starts per meter, in steps from `model.selection`.
        width: Length of those windows. [steps]
        adjusted: What one side of a sum leaves out of it; None where it is the whole sum.
        formula: Whether it is computed from what other meters have otherwise.
        priced: Charge with a price per interval that it is behind, "" for none.
        worth: What its intervals are worth at those prices; None where it is behind none.
    """

    model: Determinant
    exact: Column
    value: Column
    days: DayRange
    series: str = ""
    begins: NDArray[np.int64] | None = None
    width: int = 1
    adjusted: Column | None = None
    formula: bool = False
    priced: str = ""
    worth: Column | None = None

    @property
    def varies(self) -> bool:
        """Whether each meter has its own."""
        return bool(self.series) or self.formula


def measure(
    segments: Sequence[Segment],
    stacks: Mapping[str, Stack],
    constants: RatingContext,
    count: int,
    bank: Callable[[list[Measured]], list[Measured]] = list,
) -> list[Measured]:
    """All determinants of a bill for many meters but formulas, rounded once.

    Args:
        segments: Of the bill.
        stacks: Input to its matrix.
        constants: Facts that all meters share; takes what depends on nothing else.
        count: How many meters.
        bank: Nets the sums that a bank takes part in.

    Raises:
        NotColumnarError: A value may need more than 64 bits, a window does not fit, or a netting
            period crosses segments.
        HeldError: A fact is missing for all of them.
    """
    found: list[Measured] = []
    for segment in segments:
        for rule in segment.version.document.determinants:
            if isinstance(rule, SumDeterminant):
                if crosses(rule) and len(segments) > 1:
                    message = f"{rule.name!r} is netted over several segments."
                    raise NotColumnarError(message)
                found.extend(_sums(rule, segment, stacks[rule.series], constants.resolved))
            elif isinstance(rule, MaxDeterminant):
                stack, resolved = stacks[rule.series], constants.resolved
                found.extend(maxima_of(rule, segment, segments, stack, resolved))
            elif not isinstance(rule, FormulaDeterminant):
                for made in compute_rule(rule, segment, constants):
                    column = Column.same(made.exact, count)
                    found.append(Measured(made, column, column, segment.days))
    found = _rounded(bank(found), segments)
    for one in found:
        model = one.model
        constants.found[model.name, model.segment, model.label] = model
    return found


def end_to_end(parts: Sequence[Sequence[Measured]]) -> list[Measured]:
    """The determinants of all meters from those of some meters each.

    Args:
        parts: As `measure` gives them for the same segments, at least one.
    """
    return [
        replace(
            columns[0],
            exact=chained([column.exact for column in columns]),
            value=chained([column.value for column in columns]),
            begins=None
            if columns[0].begins is None
            else np.concatenate([column.begins for column in columns if column.begins is not None]),
            adjusted=None
            if columns[0].adjusted is None
            else chained([column.adjusted for column in columns if column.adjusted is not None]),
            worth=None
            if columns[0].worth is None
            else chained([column.worth for column in columns if column.worth is not None]),
        )
        for columns in zip(*parts, strict=True)
    ]


def _sums(
    rule: SumDeterminant, segment: Segment, stack: Stack, resolved: ResolvedCalendar
) -> list[Measured]:
    netted = []
    for raw in raw_sums_of(rule, segment, stack, resolved):
        exact, adjusted = raw.exact, None
        if rule.side != "both":
            whole = exact.top
            side = np.maximum(whole if rule.side == "use" else -whole, 0)
            exact, adjusted = Column(side, exact.bottom), Column(side - whole, exact.bottom)
        netted.append(replace(raw, exact=exact, value=exact, adjusted=adjusted))
    return netted


def raw_sums_of(
    rule: SumDeterminant, segment: Segment, stack: Stack, resolved: ResolvedCalendar
) -> Iterator[Measured]:
    """The sums of every meter by label before any netting, as `raw_sums` has those of one.

    Raises:
        NotColumnarError: A sum may need more than 64 bits.
    """
    span, plan = stack.slice_of(segment.days), _plan(rule.by, segment, stack, resolved)
    values = stack.values[:, span]
    if stack.largest * max(1, values.shape[1]) > _MAX:
        message = "The sums may not fit 64 bits."
        raise NotColumnarError(message)
    runs = np.add.reduceat(values, plan.starts, axis=1)
    run_labels = np.array(plan.run_labels)
    for number, label in enumerate(plan.labels):
        if not plan.runs[number]:
            continue
        total = runs if len(plan.labels) == 1 else runs.compress(run_labels == number, axis=1)
        exact = Column(total.sum(axis=1), 1).scaled(stack.scale)
        selection = Selection(stack.begin_of(span.start), stack.step_s, plan.runs[number])
        unit = unit_of(segment, rule.series)
        model = _model(rule.name, segment, label, unit, "sum", selection)
        yield Measured(model, exact, exact, segment.days, rule.series)


def maxima_of(
    rule: MaxDeterminant,
    segment: Segment,
    segments: Sequence[Segment],
    stack: Stack,
    resolved: ResolvedCalendar,
) -> list[Measured]:
    """The highest windows of every meter by label, as `compute_maxima` finds those of one.

    Raises:
        NotColumnarError: The window does not fit the steps, or none is complete.
    """
    reach = reach_of(rule, segment, segments, stack.step_s, resolved)
    span, plan = stack.slice_of(reach.days), reach.plan
    window_s = rule.window_s or stack.step_s
    width, left = divmod(window_s, stack.step_s)
    values = stack.values[:, span]
    if left or width == 0 or not stack.is_even(span) or stack.largest * values.shape[1] > _MAX:
        message = f"The window of {rule.name!r} does not fit."
        raise NotColumnarError(message)
    begins = begins_for(rule, reach, width)
    sums = values if width == 1 else values.take(begins, axis=1)
    for offset in range(1, width):
        sums += values.take(begins + offset, axis=1)
    peaks = np.maximum.reduceat(values, plan.starts, axis=1)
    labels = plan.numbers[begins]
    per_hour = stack.scale * Fraction(3600, window_s)
    unit = unit_of(segment, rule.series)
    power = POWER.get(unit, f"{unit}/h")
    how = "daily_max" if rule.daily else MEAN if rule.mean_of else "max"
    maxima = []
    for number, label in enumerate(plan.labels):
        if not plan.runs[number]:
            continue
        mine = np.flatnonzero(labels == number)
        if mine.size == 0:
            message = f"No window of {rule.name!r} {label} is complete."
            raise NotColumnarError(message)
        of_days = rule.daily or rule.mean_of is not None
        if width == 1 and not of_days:
            chosen = _peaks(values, peaks, plan, number)[:, None]
        else:
            groups = _by_day(plan, begins, mine) if of_days else [mine]
            chosen = np.stack([_highest(sums, group) for group in groups], axis=1)
        if rule.mean_of is not None:
            chosen = _highest_days(sums, chosen, rule.mean_of)
        total = np.take_along_axis(sums, chosen, axis=1).sum(axis=1)
        days = 1 if rule.mean_of is None else chosen.shape[1]
        exact = Column(total, 1).scaled(per_hour / days)
        selection = Selection(stack.begin_of(span.start), stack.step_s, ())
        model = _model(rule.name, segment, label, power, how, selection)
        maxima.append(Measured(model, exact, exact, reach.days, rule.series, begins[chosen], width))
    return maxima


def _peaks(
    values: NDArray[np.int64], peaks: NDArray[np.int64], plan: Plan, number: int
) -> NDArray[np.int64]:
    """Column of each meter's highest interval of a label, from the peaks of the label's runs."""
    runs = plan.runs[number]
    mine = np.flatnonzero(np.array(plan.run_labels) == number)
    highest = peaks.take(mine, axis=1).argmax(axis=1)
    offsets, lengths = np.array(runs, dtype=np.int64).T
    longest = int(lengths.max())
    if len(runs) * longest > _SPREAD * int(lengths.sum()):
        chosen = np.empty(len(values), dtype=np.int64)
        for run, (offset, length) in enumerate(runs):
            rows = np.flatnonzero(highest == run)
            if rows.size:
                part = values[rows, offset : offset + length]
                chosen[rows] = offset + part.argmax(axis=1)
        return chosen
    # The run of each meter; a shorter one repeats its last interval, which is never the earliest.
    within = np.minimum(np.arange(longest), lengths[highest][:, None] - 1)
    columns = offsets[highest][:, None] + within
    earliest = np.take_along_axis(values, columns, axis=1).argmax(axis=1)
    peaking: NDArray[np.int64] = columns[np.arange(len(values)), earliest]
    return peaking


def _highest(sums: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Column of each meter's highest value among some; the earliest wins a tie."""
    if group.size == sums.shape[1]:
        return np.asarray(sums.argmax(axis=1), dtype=np.int64)
    return np.asarray(group[sums.take(group, axis=1).argmax(axis=1)], dtype=np.int64)


def _highest_days(
    sums: NDArray[np.int64], chosen: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Columns of each meter's highest days, in order of time; the earliest win a tie.

    Args:
        sums: Of windows, a row per meter.
        chosen: Each day's highest window, ascending in time.
        count: How many days, at most.
    """
    peaks = np.take_along_axis(sums, chosen, axis=1)
    ranked = np.argsort(-peaks, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(chosen, np.sort(ranked, axis=1), axis=1)


def _by_day(
    plan: Plan, begins: NDArray[np.int64], mine: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    days = plan.day_numbers[begins[mine]]
    return [mine[days == day] for day in np.unique(days)]


def _plan(by: str, segment: Segment, stack: Stack, resolved: ResolvedCalendar) -> Plan:
    return plan_of(segment.version, by, segment.days, stack.step_s, resolved)


def _model(  # noqa: PLR0913, PLR0917 - what all meters share
    name: str, segment: Segment, label: str, unit: str, how: str, selection: Selection
) -> Determinant:
    number = segment.number
    return Determinant(name, number, label, unit, _NOTHING, _NOTHING, how, selection)


def _rounded(found: list[Measured], segments: Sequence[Segment]) -> list[Measured]:
    """As `determinants.round_determinants`, for every meter at once."""
    groups: dict[tuple[str, int, int], list[int]] = {}
    for number, column in enumerate(found):
        digits = segments[column.model.segment].version.document.digits_of(column.model.unit)
        if digits is not None:
            alone = 0 if column.model.how == "sum" else 1 + len(groups)
            groups.setdefault((column.model.name, digits, alone), []).append(number)
    for (_, digits, _), numbers in groups.items():
        values = share_out([found[number].exact for number in numbers], digits)
        for number, value in zip(numbers, values, strict=True):
            column = found[number]
            model = column.model
            if not column.series:
                model = model._replace(value=value.at(0))
            found[number] = replace(column, value=value, model=model)
    return found
