"""What formulas of many meters read of earlier months: each meter's own, as for a single one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from central.domain.rating.columnar.exact_column import Column
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.history import ByMonth, earlier, recent
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import FormulaDeterminant
from central.domain.tariff.expression import Prior, Recent, priors_in

_LARGE = 2**62


def months_of_meters(
    rule: Prior | Recent,
    segment: Segment,
    constants: RatingContext,
    openings: Sequence[CarriedState],
    billed: Column | None,
) -> Column:
    """What a formula reads of earlier months, for every meter.

    Args:
        rule: A share of the highest of earlier months, or the mean or total of the latest.
        segment: Whose version keeps them.
        constants: What all meters share.
        openings: State of each meter.
        billed: What each bill has of the determinant itself; None for nothing.

    Raises:
        HeldError: Months are missing, which `has_months` would have said.
    """
    meter = replace(constants)
    values = []
    for row, opening in enumerate(openings):
        meter.opening = opening
        months: ByMonth = {} if billed is None else {constants.month: billed.at(row)}
        values.append(_value(rule, segment, meter, months))
    return _column(values)


def _value(
    rule: Prior | Recent, segment: Segment, meter: RatingContext, billed: ByMonth
) -> Fraction:
    if isinstance(rule, Recent):
        return recent(rule, segment, meter, billed)
    return earlier(rule, segment, meter)


def _column(values: Sequence[Fraction]) -> Column:
    bottom = lcm(*(value.denominator for value in values))
    tops = [value.numerator * (bottom // value.denominator) for value in values]
    large = max(map(abs, tops), default=0) > _LARGE
    return Column(np.array(tops, dtype=object if large else np.int64), bottom)


def months_asked(
    segments: Sequence[Segment], constants: RatingContext
) -> Callable[[CarriedState], bool]:
    """Says of an opening state whether the months are there without which bills are held.

    Args:
        segments: Of the bill.
        constants: With its month.
    """
    asked = [
        (prior, segment)
        for segment in segments
        for rule in segment.version.document.determinants
        if isinstance(rule, FormulaDeterminant)
        for prior in priors_in(rule.expr)
        if not (isinstance(prior, Prior) and prior.now)
    ]
    holding = [
        (prior, segment)
        for prior, segment in asked
        if any(
            entry.name == prior.name.partition(".")[0] and entry.missing == "hold"
            for entry in segment.version.document.history
        )
    ]
    if not holding:
        return lambda _: True
    meter = replace(constants)
    nothing = {constants.month: Fraction(0)}

    def has_months(opening: CarriedState) -> bool:
        meter.opening = opening
        try:
            for prior, segment in holding:
                _value(prior, segment, meter, nothing)
        except HeldError:
            return False
        return True

    return has_months
