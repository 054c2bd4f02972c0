"""The price of every interval: as it is given, by period, or computed within a cap and a floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import reduce
from math import lcm

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.period_runs import plan_of
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.inputs.steps import Steps, numbers_of
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number
from central.domain.tariff.interval_prices import (
    IntervalPrices,
    PeriodPrices,
    PriceFormula,
    PriceRule,
)
from firmware_bridge.contract.interval import Interval

Ints = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Prices:
    """A price for each of some intervals, exact.

    Args:
        tops: Python's integers.
        bottom: What they are divided by, above zero. [1 / (currency per unit)]
    """

    tops: Ints
    bottom: int

    def over(self, bottom: int) -> Ints:
        """The integers over another number, a multiple of the own one."""
        scaled: Ints = self.tops * (bottom // self.bottom)
        return scaled

    @classmethod
    def same(cls, value: Fraction, count: int) -> Prices:
        """One price for all."""
        return cls(np.full(count, value.numerator, dtype=object), value.denominator)


def prices_of(
    name: str, segment: Segment, series: Steps, span: slice, context: RatingContext
) -> Prices:
    """The price of each of some intervals.

    Args:
        name: Of the price series, in the segment's version.
        segment: Days of one version and season.
        series: Whose intervals.
        span: Which of them: those of the segment.
        context: With the series given, facts and holidays.

    Raises:
        HeldError: A price or fact is not known, or the steps have another length.

    Source: docs/reference/charges.md, "Prices per interval"
    """
    rules = {rule.name: rule for rule in segment.version.document.prices}
    return _of_rule(rules[name], _Stretch(rules, segment, series, span, context))


def last_price(name: str, segment: Segment, context: RatingContext) -> Fraction:
    """The price of a given series at the end of a segment's days.

    Raises:
        HeldError: It is not known.
    """
    document = segment.version.document
    rule = next(rule for rule in document.prices if rule.name == name)
    given = context.prices.get(rule.price) if isinstance(rule, PriceRule) else None
    prices = None
    if given is not None:
        end = segment.days.interval(document.zone, document.day_start).end
        prices = given.over([Interval(end - timedelta(seconds=given.step_s), end)])
    if given is None or prices is None:
        message = f"The price of {name!r} at the end of {segment.days.last} is not known."
        raise HeldError(Hold("MISSING_PRICE", message, name))
    return Fraction(int(prices[0])) * Fraction(10) ** given.exponent


@dataclass(frozen=True, slots=True)
class _Stretch:
    rules: dict[str, IntervalPrices]
    segment: Segment
    series: Steps
    span: slice
    context: RatingContext

    @property
    def count(self) -> int:
        return int(self.span.stop - self.span.start)


def _of_rule(rule: IntervalPrices, stretch: _Stretch) -> Prices:
    match rule:
        case PriceRule():
            return _given(rule, stretch)
        case PeriodPrices():
            return _by_period(rule, stretch)
        case PriceFormula():
            return _computed(rule.expr, stretch)


def _given(rule: PriceRule, stretch: _Stretch) -> Prices:
    prices = stretch.context.prices.get(rule.price)
    if prices is None:
        message = f"The price series {rule.price!r} has no prices."
        raise HeldError(Hold("MISSING_PRICE", message, rule.price))
    mantissas = numbers_of(stretch.series, prices, stretch.span)
    if rule.step_s is not None and prices.step_s != rule.step_s:
        message = f"The prices {rule.price!r} have steps of {prices.step_s} s, not {rule.step_s} s."
        raise HeldError(Hold("PRICE_STEP", message, rule.price))
    if mantissas is None:
        message = f"The prices {rule.price!r} do not cover {stretch.segment.days.first}."
        raise HeldError(Hold("MISSING_PRICE", message, rule.price))
    if prices.exponent >= 0:
        return Prices(mantissas * 10**prices.exponent, 1)
    return Prices(mantissas, 10**-prices.exponent)


def _by_period(rule: PeriodPrices, stretch: _Stretch) -> Prices:
    segment, series = stretch.segment, stretch.series
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, stretch.context.resolved)
    values = []
    for label in plan.labels:
        price = rule.table.at(segment.season, label)
        if price is None:
            message = f"{rule.name!r} has no price in {segment.season} {label}."
            raise HeldError(Hold("MISSING_PRICE", message, rule.name))
        values.append(Fraction(price))
    bottom = lcm(*(value.denominator for value in values))
    tops = np.array([int(value * bottom) for value in values], dtype=object)
    return Prices(tops[plan.numbers], bottom)


def _of_fact(name: str, stretch: _Stretch) -> Prices:
    """A numeric fact, which counts from its local day."""
    segment, series = stretch.segment, stretch.series
    values, starts = [], [at - stretch.span.start for at in series.day_starts]
    first = (segment.days.first - series.days.first) // timedelta(days=1)
    for day in segment.days.days():
        value = stretch.context.facts.at(name, day)
        if isinstance(value, bool | str) or value is None:
            message = f"The agreement has no {name!r} on {day}."
            raise HeldError(Hold("MISSING_FACT", message, name))
        values.append(Fraction(value))
    bottom = lcm(*(value.denominator for value in values))
    tops = np.empty(stretch.count, dtype=object)
    for number, factor in enumerate(values, start=first):
        tops[starts[number] : starts[number + 1]] = int(factor * bottom)
    return Prices(tops, bottom)


def _computed(expression: Expression, stretch: _Stretch) -> Prices:
    match expression:
        case Number(value):
            return Prices.same(value, stretch.count)
        case Name(name):
            rule = stretch.rules.get(name)
            return _of_fact(name, stretch) if rule is None else _of_rule(rule, stretch)
        case Binary(operator, left, right):
            return _OPERATORS[operator](_computed(left, stretch), _computed(right, stretch))
        case Call(function, arguments):
            values = [_computed(argument, stretch) for argument in arguments]
            return reduce(_MAXIMA[function], values)
        case _:
            raise AssertionError


def _joined(combine: Callable[[Ints, Ints], Ints]) -> Callable[[Prices, Prices], Prices]:
    def join(left: Prices, right: Prices) -> Prices:
        bottom = lcm(left.bottom, right.bottom)
        return Prices(combine(left.over(bottom), right.over(bottom)), bottom)

    return join


def _times(left: Prices, right: Prices) -> Prices:
    return Prices(left.tops * right.tops, left.bottom * right.bottom)


def _over(left: Prices, right: Prices) -> Prices:
    """Divided by a number, the same for all intervals; the grammar knows no other divisor."""
    divisor = Fraction(int(right.tops[0]), right.bottom) if len(right.tops) else Fraction(1)
    return _times(left, Prices.same(1 / divisor, len(left.tops)))


def _added(left: Ints, right: Ints) -> Ints:
    total: Ints = left + right
    return total


def _subtracted(left: Ints, right: Ints) -> Ints:
    rest: Ints = left - right
    return rest


_OPERATORS: dict[str, Callable[[Prices, Prices], Prices]] = {
    "+": _joined(_added),
    "-": _joined(_subtracted),
    "*": _times,
    "/": _over,
}
_MAXIMA: dict[str, Callable[[Prices, Prices], Prices]] = {
    "max": _joined(np.maximum),
    "min": _joined(np.minimum),
}
