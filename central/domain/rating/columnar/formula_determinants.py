"""Formulas as determinants of many meters: what they read, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.columnar.determinant_columns import Measured, NotColumnarError
from central.domain.rating.columnar.exact_column import Column
from central.domain.rating.columnar.formula_columns import (
    DividedByZeroError,
    evaluate,
    highest_of,
    read_now,
    sum_of,
)
from central.domain.rating.columnar.history_columns import months_of_meters
from central.domain.rating.determinants.context import RatingContext
from central.domain.rating.determinants.demand import MEAN
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import FormulaDeterminant
from central.domain.tariff.expression import Prior, Recent

_NOTHING = Fraction(0)


def with_formulas(
    measured: Sequence[Measured],
    segments: Sequence[Segment],
    constants: RatingContext,
    openings: Sequence[CarriedState],
) -> list[Measured]:
    """The determinants with those that formulas make of them, in the order of the single path.

    Args:
        measured: As `end_to_end` gives them.
        segments: Of the bill.
        constants: As `measure` left it.
        openings: State that each meter's bill opens with.

    Raises:
        NotColumnarError: A divisor is zero for some meter.
        HeldError: A fact is missing for all of them.
    """
    computed: list[Measured] = []
    for segment in segments:
        mine = [
            column
            for column in measured
            if column.model.segment == segment.number and not column.priced
        ]
        for rule in segment.version.document.determinants:
            if isinstance(rule, FormulaDeterminant):
                read = _Read(constants, openings, computed, mine, measured)
                computed.append(_formula(rule, segment, read))
            else:
                computed.extend(column for column in mine if column.model.name == rule.name)
    return [*computed, *(column for column in measured if column.priced)]


class _Read(NamedTuple):
    """What a formula may read.

    Args:
        constants: Facts that all meters share; takes the model.
        openings: State of each meter.
        computed: Formulas before it, of any segment.
        measured: What is measured in the segment.
        bill: What is measured in all segments.
    """

    constants: RatingContext
    openings: Sequence[CarriedState]
    computed: Sequence[Measured]
    measured: Sequence[Measured]
    bill: Sequence[Measured]

    def billed(self, name: str) -> Column | None:
        """What the bill has of a maximum or sum: the highest value, or all of it."""
        base, _, label = name.partition(".")
        columns = [
            column
            for column in self.bill
            if column.model.name == base
            and column.model.how in {"max", MEAN, "sum"}
            and not column.priced
            and label in {"", "total", column.model.label}
        ]
        if not columns:
            return None
        join = sum_of if columns[0].model.how == "sum" else highest_of
        return reduce(join, (column.exact for column in columns))


def _formula(rule: FormulaDeterminant, segment: Segment, read: _Read) -> Measured:
    """A formula of every meter, as `formula.compute_formula` makes it of one.

    Args:
        rule: The formula.
        segment: The days it is computed for.
        read: What it may read.

    Raises:
        NotColumnarError: A divisor is zero for some meter.
    """
    constants, count = read.constants, len(read.openings)
    formulas = [c for c in read.computed if c.formula and c.model.segment == segment.number]

    def behind(name: str) -> list[Measured]:
        base, _, label = name.partition(".")
        return [
            column
            for column in (*read.measured, *formulas)
            if column.model.name == base and label in {"", "total", column.model.label}
        ]

    def columns(name: str) -> list[Column]:
        return [column.exact for column in behind(name)]

    def earlier(months: Prior | Recent) -> Column:
        billed = read.billed(months.name) if isinstance(months, Recent) else None
        return months_of_meters(months, segment, constants, read.openings, billed)

    try:
        exact = evaluate(rule.expr, segment, constants, columns, earlier, count)
    except DividedByZeroError:
        message = f"A divisor in {rule.name!r} is zero for some meter."
        raise NotColumnarError(message) from None
    digits = segment.version.document.digits_of(rule.unit)
    value = exact if digits is None else Column(exact.rounded(digits), 10**digits)
    names = read_now(rule.expr, constants)
    keys = (column.model.key for name in names for column in behind(name))
    model = Determinant(
        rule.name,
        segment.number,
        "",
        rule.unit,
        _NOTHING,
        _NOTHING,
        "formula",
        of=tuple(dict.fromkeys(keys)),
    )
    constants.found[model.name, model.segment, model.label] = model
    return Measured(model, exact, value, segment.days, formula=True)
