"""From intervals to determinants: sums in integers, maxima over windows, formulas in fractions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.energy_bank import net_with_bank
from central.domain.rating.facts import AgreementFacts
from central.domain.rating.line import Determinant, Hold, Selection
from central.domain.rating.period import Segment
from central.domain.rating.plan import Plan, plan_of
from central.domain.rating.prices import PriceSeries
from central.domain.rating.rounding import largest_remainder
from central.domain.rating.series import InputSeries, run_sums
from central.domain.rating.state import Credit, State
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import (
    AllowanceDeterminant,
    CounterDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import Determinant as Rule
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior
from central.domain.tariff.load_determinants import BUILT_IN_INPUTS, POWER

Credits = dict[str, dict[str, list[Credit]]]


class HeldError(Exception):
    """The bill cannot be priced.

    Args:
        hold: Why.
    """

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold.message)
        self.hold = hold


@dataclass(slots=True)
class Book:
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
    """

    series: Mapping[str, InputSeries]
    facts: AgreementFacts
    resolved: ResolvedCalendar
    opening: State
    month: date
    credits: Credits = field(default_factory=dict)
    prices: Mapping[str, PriceSeries] = field(default_factory=dict)
    found: dict[tuple[str, int, str], Determinant] = field(default_factory=dict)

    def of(self, name: str, segment: int) -> list[Determinant]:
        """All labels of a determinant in a segment; a label may be named after a dot."""
        base, _, label = name.partition(".")
        return [
            found
            for (own, number, own_label), found in self.found.items()
            if own == base and number == segment and label in {"", "total", own_label}
        ]


def compute(segments: Sequence[Segment], book: Book) -> None:
    """Fill the book: every determinant of every segment, then round each once.

    Raises:
        HeldError: Something is missing.
        CalendarError: The calendar cannot place an interval.
    """
    for segment in segments:
        for rule in segment.version.document.determinants:
            for made in compute_rule(rule, segment, book):
                book.found[made.name, made.segment, made.label] = made
    round_determinants(segments, book)


def compute_rule(rule: Rule, segment: Segment, book: Book) -> Iterator[Determinant]:
    """One determinant of a segment, by label.

    Raises:
        HeldError: Something is missing.
    """
    match rule:
        case SumDeterminant():
            yield from _sums(rule, segment, book)
        case MaxDeterminant():
            yield from _maxima(rule, segment, book)
        case FormulaDeterminant():
            yield _formula(rule, segment, book)
        case AllowanceDeterminant():
            per_day = rule.per_day.at(segment.season, "")
            if per_day is None:
                message = f"{rule.name!r} has no allowance in {segment.season!r}."
                raise HeldError(Hold("MISSING_PRICE", message))
            value = Fraction(per_day) * segment.days.count
            yield _plain(rule.name, segment, rule.unit, value, "allowance")
        case CounterDeterminant():
            value = average_fact(rule.counter, segment, book.facts)
            unit = dict(segment.version.document.needs)[rule.counter]
            yield _plain(rule.name, segment, unit, value, "counter")


def _plain(name: str, segment: Segment, unit: str, value: Fraction, how: str) -> Determinant:
    return Determinant(name, segment.number, "", unit, value, value, how)


def unit_of(segment: Segment, series: str) -> str:
    """The billing unit of an input."""
    document = segment.version.document
    computed = {found.name: found.unit for found in document.series}
    return (BUILT_IN_INPUTS | dict(document.inputs) | computed)[series]


def raw_sums(
    rule: SumDeterminant, segment: Segment, book: Book
) -> tuple[dict[str, Fraction], dict[str, Selection]]:
    """The sum of a series by label, and the intervals behind each, before any bank."""
    series = book.series[rule.series]
    place = series.slice_of(segment.days)
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, book.resolved)
    totals = [0] * len(plan.labels)
    sums = run_sums(series.values[place], plan.starts)
    for run_label, run_sum in zip(plan.run_labels, sums, strict=True):
        totals[run_label] += run_sum
    start = series.start + timedelta(seconds=series.step_s * place.start)
    used = [(number, label) for number, label in enumerate(plan.labels) if plan.runs[number]]
    return (
        {label: totals[number] * series.scale for number, label in used},
        {label: Selection(start, series.step_s, plan.runs[number]) for number, label in used},
    )


def _sums(rule: SumDeterminant, segment: Segment, book: Book) -> Iterator[Determinant]:
    raw, selections = raw_sums(rule, segment, book)
    sources = book.series[rule.series].sources(segment.days)
    unit = unit_of(segment, rule.series)
    for label, value in settle_sums(rule, raw, segment, book).items():
        yield Determinant(
            rule.name,
            segment.number,
            label,
            unit,
            value,
            value,
            "sum",
            selections[label],
            sources,
            adjusted=value - raw[label],
        )


def settle_sums(
    rule: SumDeterminant, raw: Mapping[str, Fraction], segment: Segment, book: Book
) -> dict[str, Fraction]:
    """The sums after a bank, or of one side only."""
    if rule.bank is not None:
        banks = segment.version.document.energy_banks
        bank = next(found for found in banks if found.name == rule.bank)
        own = book.credits.setdefault(bank.name, {})
        return net_with_bank(bank, raw, segment.season, book.month, own)
    if rule.side == "use":
        return {label: max(Fraction(0), value) for label, value in raw.items()}
    if rule.side == "surplus":
        return {label: max(Fraction(0), -value) for label, value in raw.items()}
    return dict(raw)


def _maxima(rule: MaxDeterminant, segment: Segment, book: Book) -> Iterator[Determinant]:
    series = book.series[rule.series]
    place = series.slice_of(segment.days)
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, book.resolved)
    window_s = rule.window_s or series.step_s
    width, left = divmod(window_s, series.step_s)
    if left or width == 0:
        message = f"The window of {rule.name!r} is no multiple of {series.step_s} s."
        raise HeldError(Hold("BAD_WINDOW", message, rule.name))
    begins, sums = _windows(rule, plan, series.values[place], series.estimated[place], width)
    start = series.start + timedelta(seconds=series.step_s * place.start)
    unit = POWER.get(unit_of(segment, rule.series), f"{unit_of(segment, rule.series)}/h")
    per_hour = series.scale * Fraction(3600, window_s)
    sources = series.sources(segment.days)
    for number, label in enumerate(plan.labels):
        if not plan.runs[number]:
            continue
        mine = np.flatnonzero(plan.numbers[begins] == number)
        if mine.size == 0:
            message = f"No window of {rule.name!r} {label} is complete and metered."
            raise HeldError(Hold("NO_DEMAND_WINDOW", message, rule.name))
        chosen = [int(sums[mine].argmax())]
        if rule.daily:
            chosen = _daily(plan, begins[mine], sums[mine])
        value = sum(int(sums[mine][index]) for index in chosen) * per_hour
        runs = tuple((int(begins[mine][index]), width) for index in chosen)
        how = "daily_max" if rule.daily else "max"
        selection = Selection(start, series.step_s, runs)
        yield Determinant(
            rule.name, segment.number, label, unit, value, value, how, selection, sources
        )


def _windows(
    rule: MaxDeterminant,
    plan: Plan,
    values: NDArray[np.int64],
    estimated: NDArray[np.bool_],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start index and energy of every window that counts, ascending in time."""
    count = len(values) - width + 1
    if count <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    begins = np.arange(count, dtype=np.int64)
    if width > 1 and rule.mode == "block":
        step = int((plan.minutes[1] - plan.minutes[0]) % 1440)
        aligned = plan.minutes[:count] % (step * width) == 0
        begins = begins[aligned]
    good = np.ones(len(begins), dtype=np.bool_)
    if width > 1:
        run_of = np.zeros(len(values), dtype=np.int64)
        run_of[plan.starts[1:]] = 1
        run_of = np.cumsum(run_of)
        good &= run_of[begins] == run_of[begins + width - 1]
    if rule.estimated == "exclude" and estimated.any():
        marks = np.concatenate(([0], np.cumsum(estimated)))
        good &= marks[begins + width] == marks[begins]
    begins = begins[good]
    sums = values[begins].copy()
    for offset in range(1, width):
        sums += values[begins + offset]
    return begins, sums


def _daily(plan: Plan, begins: NDArray[np.int64], sums: NDArray[np.int64]) -> list[int]:
    """Index of each day's largest window; the earliest wins a tie."""
    days = plan.day_numbers[begins]
    chosen = []
    for day in np.unique(days):
        mine = np.flatnonzero(days == day)
        chosen.append(int(mine[sums[mine].argmax()]))
    return chosen


def _formula(rule: FormulaDeterminant, segment: Segment, book: Book) -> Determinant:
    used: dict[str, None] = {}
    value = _evaluate(rule.expr, segment, book, used)
    return Determinant(
        rule.name, segment.number, "", rule.unit, value, value, "formula", of=tuple(used)
    )


def _evaluate(  # noqa: PLR0911 - one return per kind of node
    expression: Expression, segment: Segment, book: Book, used: dict[str, None]
) -> Fraction:
    match expression:
        case Number(value):
            return value
        case Name(name):
            return _named(name, segment, book, used)
        case Prior(name, months, percent, now=True):
            if book.month.month not in months:
                return Fraction(0)
            return _named(name, segment, book, used) * percent / 100
        case Prior():
            return _prior(expression, segment, book)
        case Call("sum", (Name(name),)):
            series = _known(name, book)
            values = series.values[series.slice_of(segment.days)]
            return run_sums(values, np.zeros(1, dtype=np.int64))[0] * series.scale
        case Call(function, arguments):
            values_of = [_evaluate(argument, segment, book, used) for argument in arguments]
            return max(values_of) if function == "max" else min(values_of)
        case Binary(operator, left, right):
            one = _evaluate(left, segment, book, used)
            two = _evaluate(right, segment, book, used)
            return _apply(operator, one, two)


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        raise HeldError(Hold("DIVISION_BY_ZERO", "A formula divides by zero."))
    return left / right


def _named(name: str, segment: Segment, book: Book, used: dict[str, None]) -> Fraction:
    found = book.of(name, segment.number)
    if found:
        used.update(dict.fromkeys(determinant.key for determinant in found))
        return sum((determinant.exact for determinant in found), Fraction(0))
    if any(rule.name == name for rule in segment.version.document.determinants):
        return Fraction(0)
    return average_fact(name, segment, book.facts)


def _prior(prior: Prior, segment: Segment, book: Book) -> Fraction:
    history = {entry.name: entry for entry in segment.version.document.history}
    base, _, label = prior.name.partition(".")
    entry = history.get(base)
    reach = 12 if entry is None else entry.months
    earliest = book.month.year * 12 + book.month.month - reach
    peaks: dict[date, Fraction] = {}
    for peak in book.opening.peaks:
        age = peak.month.year * 12 + peak.month.month
        in_reach = earliest <= age < book.month.year * 12 + book.month.month
        named = peak.name == base and label in {"", peak.label}
        if named and in_reach and peak.month.month in prior.months:
            peaks[peak.month] = max(peak.value, peaks.get(peak.month, peak.value))
    wanted = sum(
        1 for age in range(earliest, earliest + reach) if (age - 1) % 12 + 1 in prior.months
    )
    if entry is not None and entry.missing == "hold" and len(peaks) < wanted:
        message = f"{wanted - len(peaks)} earlier peaks of {prior.name!r} are not known."
        raise HeldError(Hold("MISSING_HISTORY", message, prior.name))
    return max(peaks.values(), default=Fraction(0)) * prior.percent / 100


def _known(name: str, book: Book) -> InputSeries:
    if name not in book.series:
        message = f"The intervals of {name!r} are not at hand; rate the whole cycle."
        raise HeldError(Hold("NO_INTERVALS", message, name))
    return book.series[name]


def series_of(name: str, segment: Segment, book: Book) -> InputSeries:
    """The series that a summed determinant is made of.

    Raises:
        HeldError: The determinant is no sum of a series.
    """
    base = name.partition(".")[0]
    for rule in segment.version.document.determinants:
        if rule.name == base and isinstance(rule, SumDeterminant):
            return _known(rule.series, book)
    message = f"{name!r} is no sum of intervals, so that tiers cannot be filled in order of time."
    raise HeldError(Hold("NO_INTERVALS", message, name))


def running_total(
    determinant: Determinant,
    together: Sequence[Determinant],
    low: Fraction,
    high: Fraction | None,
    series: InputSeries,
) -> Fraction:
    """How much of a period's sum falls between two bounds of the running total of all periods.

    Args:
        determinant: The period's sum.
        together: Sums of all periods of the segment.
        low: Bound below. [unit of the determinant]
        high: Bound above, None for no bound.
        series: What the determinants are sums of.

    Raises:
        HeldError: The determinant is no sum of a series.
    """
    rule = determinant.selection
    if rule is None:
        message = f"{determinant.name!r} has no intervals to fill tiers in order."
        raise HeldError(Hold("NO_INTERVALS", message, determinant.name))
    offset = (rule.start - series.start) // timedelta(seconds=series.step_s)
    selections = [part.selection for part in together if part.selection is not None]
    count = max(start + length for own in selections for start, length in own.runs)
    bottom = Fraction(0) if low <= 0 else low / series.scale
    top = None if high is None else high / series.scale
    times = lcm(bottom.denominator, 1 if top is None else top.denominator)
    # Python's integers: a bound may be any fraction of a count.
    values = series.values[offset : offset + count].astype(object) * times
    after = np.cumsum(values)
    before = after - values
    floor = int(bottom * times)
    upper, lower = np.maximum(after, floor), np.maximum(before, floor)
    if top is not None:
        ceiling = int(top * times)
        upper, lower = np.minimum(upper, ceiling), np.minimum(lower, ceiling)
    inside = upper - lower
    total = sum(int(inside[start : start + length].sum()) for start, length in rule.runs)
    return Fraction(total, times) * series.scale


def average_fact(name: str, segment: Segment, facts: AgreementFacts) -> Fraction:
    """A numeric fact averaged over the days of a segment.

    Raises:
        HeldError: It is not known on a day, or is no number.
    """
    total = Fraction(0)
    for day in segment.days.days():
        value = facts.at(name, day)
        if isinstance(value, bool | str) or value is None:
            message = f"The agreement's {name!r} is not known on {day}."
            raise HeldError(Hold("MISSING_FACT", message, name))
        total += Fraction(value)
    return total / segment.days.count


def true_fact(name: str, day: date, facts: AgreementFacts) -> bool:
    """A yes-or-no fact on a day.

    Raises:
        HeldError: It is not known.
    """
    value = facts.at(name, day)
    if not isinstance(value, bool):
        message = f"The agreement's {name!r} is not known on {day}."
        raise HeldError(Hold("MISSING_FACT", message, name))
    return value


def round_determinants(segments: Sequence[Segment], book: Book) -> None:
    """Round every determinant once, so that its parts sum to its rounded total.

    Sums are rounded together over segments and labels; maxima and formulas one by one.
    """
    groups: dict[tuple[str, int, int], list[tuple[str, int, str]]] = {}
    for key, found in book.found.items():
        digits = segments[found.segment].version.document.digits_of(found.unit)
        if digits is None:
            continue
        alone = 0 if found.how == "sum" else 1 + len(groups)
        groups.setdefault((found.name, digits, alone), []).append(key)
    for (_, digits, _), keys in groups.items():
        exact = [book.found[key].exact for key in keys]
        for key, value in zip(keys, largest_remainder(exact, digits), strict=True):
            book.found[key] = replace(book.found[key], value=value)


def metered_peaks(segments: Sequence[Segment], book: Book) -> list[tuple[str, str, Fraction]]:
    """Largest metered value of every maximum over the segments of the bill."""
    peaks: dict[tuple[str, str], Fraction] = {}
    for found in book.found.values():
        if found.how == "max" and found.segment < len(segments):
            key = (found.name, found.label)
            peaks[key] = max(found.value, peaks.get(key, found.value))
    return [(name, label, value) for (name, label), value in sorted(peaks.items())]
