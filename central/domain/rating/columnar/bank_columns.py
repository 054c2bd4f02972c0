"""Energy banks of many meters: each has credits of its own, and is netted by itself.

What its bank leaves a meter to be charged is a column again, so that prices know nothing of banks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.charges.years import month_ends
from central.domain.rating.columnar.column_format import Ratios
from central.domain.rating.columnar.determinant_columns import Measured, NotColumnarError
from central.domain.rating.columnar.exact_column import Column
from central.domain.rating.determinants.context import Credits, RatingContext
from central.domain.rating.inputs.energy_bank import net_with_bank
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.credit_rules import EnergyBank
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument

_MAX = 2**63 - 1
_NOTHING = Fraction(0)


def with_banks(
    measured: Sequence[Measured],
    segments: Sequence[Segment],
    constants: RatingContext,
    credits_of_meters: Sequence[Credits],
) -> list[Measured]:
    """The sums with what the banks of a tariff leave of them, as `sums.settle_sums` has it for one.

    Args:
        measured: Sums before any netting, and all else.
        segments: Of the bill.
        constants: With its month.
        credits_of_meters: What each meter's bill opens with; changed to what it leaves.

    Raises:
        NotColumnarError: The bill has several segments, or a map lets credits lapse.
    """
    banked = {
        rule.name: bank_of(rule, segment.version.document)
        for segment in segments
        for rule in segment.version.document.determinants
        if isinstance(rule, SumDeterminant) and rule.bank
    }
    if not banked:
        return list(measured)
    if len(segments) > 1:
        message = "The banks of several segments are netted one by one."
        raise NotColumnarError(message)
    found = list(measured)
    for name, bank in banked.items():
        places = [place for place, one in enumerate(found) if one.model.name == name]
        sums = [found[place] for place in places]
        columns = _netted(bank, sums, segments[0], constants, credits_of_meters)
        for place, column, one in zip(places, columns, sums, strict=True):
            adjusted = _column(
                [
                    after - before
                    for after, before in zip(column, _fractions(one.exact), strict=True)
                ]
            )
            exact = _column(column)
            model = one.model._replace(bank=bank.name)
            found[place] = replace(one, model=model, exact=exact, value=exact, adjusted=adjusted)
    return found


def bank_of(rule: SumDeterminant, document: TariffDocument) -> EnergyBank:
    """The bank that takes what a sum has below zero."""
    return next(bank for bank in document.energy_banks if bank.name == rule.bank)


def refuse_true_ups(span: VersionSpan) -> None:
    """Leave bills that settle a bank to be priced one by one.

    Raises:
        NotColumnarError: A bank is settled on these.
    """
    for bank in span.document.energy_banks if span.is_last else ():
        if bank.true_up is not None and month_ends(bank.true_up.month, span):
            message = f"The bill settles {bank.name!r}."
            raise NotColumnarError(message)


def _netted(
    bank: EnergyBank,
    sums: Sequence[Measured],
    segment: Segment,
    constants: RatingContext,
    credits_of_meters: Sequence[Credits],
) -> Iterator[tuple[Fraction, ...]]:
    """What each period charges of every meter."""
    labels = [one.model.label for one in sums]
    rows = zip(*(_fractions(one.exact) for one in sums), strict=True)
    charged = []
    for row, own in zip(rows, credits_of_meters, strict=True):
        credits_of_bank = own.setdefault(bank.name, {})
        given = dict(zip(labels, row, strict=True))
        after, lapsed = net_with_bank(bank, given, segment, constants.month, credits_of_bank)
        if lapsed:
            message = f"Credits of {bank.name!r} lapse by its map."
            raise NotColumnarError(message)
        charged.append([after[label] for label in labels])
    yield from zip(*charged, strict=True)


def _fractions(column: Column) -> list[Fraction]:
    return Ratios.of(column).fractions()


def _column(values: Sequence[Fraction]) -> Column:
    bottom = lcm(*(value.denominator for value in values))
    tops = [value.numerator * (bottom // value.denominator) for value in values]
    large = max(map(abs, tops), default=0) > _MAX
    return Column(np.array(tops, dtype=object if large else np.int64), bottom)
