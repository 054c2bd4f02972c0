"""Prices per interval for many meters at once: a matrix of energy times a column of prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from central.domain.rating.bill_lines.interval_price_text import price_text
from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.charges.draft import by_version
from central.domain.rating.charges.flags import applies_on
from central.domain.rating.columnar.day_matrix import Stack
from central.domain.rating.columnar.determinant_columns import Measured, NotColumnarError
from central.domain.rating.columnar.exact_column import Column
from central.domain.rating.determinants.context import RatingContext, unit_of
from central.domain.rating.determinants.interval_prices import prices_of
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import Charge

_MAX = 2**63 - 1


def price_intervals(
    segments: Sequence[Segment], stacks: Mapping[str, Stack], constants: RatingContext
) -> Iterator[Measured]:
    """The energy behind every line at a price per interval, and what it is worth.

    In the order of those lines. The energy is not rounded; nor is it for a meter alone.

    Args:
        segments: Of the bill.
        stacks: Input to its matrix.
        constants: Price series and facts that all meters share.

    Raises:
        NotColumnarError: A sum may need more than 64 bits.
        HeldError: A price or fact is missing for all of them.
    """
    for version, mine, _ in by_version(segments):
        document = version.document
        for charge in (*document.charges, *document.riders):
            if isinstance(charge, Charge) and charge.times is not None:
                last = mine[-1].days.last
                if applies_on(last, charge.unless, charge.only, constants.facts):
                    for segment in mine:
                        yield _worth(charge, segment, stacks[charge.qty or ""], constants)


def _worth(charge: Charge, segment: Segment, stack: Stack, constants: RatingContext) -> Measured:
    name = charge.qty or ""
    span = stack.slice_of(segment.days)
    prices = prices_of(charge.times or "", segment, stack, span, constants)
    values = stack.values[:, span]
    highest = max((abs(int(price)) for price in prices.tops.tolist()), default=0)
    if stack.largest * max(1, highest) * max(1, values.shape[1]) > _MAX:
        message = f"What {charge.id!r} comes to may not fit 64 bits."
        raise NotColumnarError(message)
    products = values @ prices.tops.astype(np.int64)
    total = Column(values.sum(axis=1), 1).scaled(stack.scale)
    nothing = Fraction(0)
    model = Determinant(
        name,
        segment.number,
        "",
        unit_of(segment, name),
        nothing,
        nothing,
        "sum",
        Selection(stack.begin_of(span.start), stack.step_s, ((0, values.shape[1]),)),
        prices=price_text(prices.tops.tolist(), prices.bottom),
    )
    worth = Column(products, 1).scaled(stack.scale / prices.bottom)
    return Measured(model, total, total, segment.days, name, priced=charge.id, worth=worth)
