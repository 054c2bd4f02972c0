"""Sums of years and terms that go on: what the bills of many meters add to them.

A bill that ends a year or term asks for what each meter had before, and is priced one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.commitment import carry_on
from central.domain.rating.charges.draft import VersionSpan, by_version
from central.domain.rating.charges.minimum import carried_sum
from central.domain.rating.charges.years import is_over, yearly_rules
from central.domain.rating.columnar.bank_columns import refuse_true_ups
from central.domain.rating.columnar.column_format import decimals
from central.domain.rating.columnar.determinant_columns import NotColumnarError
from central.domain.rating.columnar.line_column import LineColumn
from central.domain.rating.columnar.terms import Terms
from central.domain.rating.determinants.context import RatingContext
from central.domain.rating.inputs.carried_state import YearSum
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.document import Minimum
from central.domain.tariff.version import TariffVersion

_NOTHING = Decimal(0)


def spans_of(
    segments: tuple[Segment, ...], terms: Terms, constants: RatingContext
) -> Iterator[tuple[TariffVersion, VersionSpan]]:
    """The parts of a bill under one version each, of no meter's own."""
    shared = VersionSpan(
        segments,
        segments[0].version.document,
        terms.days,
        terms.period,
        constants,
        [],
        _no_single_lines,
        stay=terms.stay,
    )
    for version, under, after in by_version(segments):
        yield version, replace(shared, segments=under, document=version.document, after=after)


def refuse_ends(spans: Sequence[VersionSpan]) -> None:
    """Leave bills that end a year or term, or settle a bank, to be priced one by one.

    Raises:
        NotColumnarError: They do.
        HeldError: A fact that should say the first day does not.
    """
    for span in spans:
        refuse_true_ups(span)
        for rule in yearly_rules(span.document):
            if is_over(rule, span):
                message = f"The bill ends a year or term of {rule.id!r}."
                raise NotColumnarError(message)


@dataclass(slots=True)
class YearTotals:
    """What bills add to the sums of yearly minimums and commitments.

    Args:
        count: How many bills.
        minimums: By id, an amount for each bill. [currency]
        commitments: The same, of what the whole bill has come to.
        last: The span that the bills end with; None before that is priced.
    """

    count: int
    minimums: dict[str, list[Decimal]] = field(default_factory=dict)
    commitments: dict[str, list[Decimal]] = field(default_factory=dict)
    last: VersionSpan | None = None

    def add(self, span: VersionSpan, lines: Sequence[LineColumn], first: int) -> None:
        """Add what a version's lines come to.

        Args:
            span: Just priced.
            lines: Of the bills so far.
            first: The number of the span's first line.
        """
        self.last = span
        for rule in yearly_rules(span.document):
            if isinstance(rule, Commitment):
                self.commitments[rule.id] = self._summed(
                    rule, [line for line in lines if line.kind != "settlement"]
                )
                continue
            before = self.minimums.get(rule.id, [_NOTHING] * self.count)
            months = (max(_NOTHING, total) for total in self._summed(rule, lines[first:]))
            self.minimums[rule.id] = [a + b for a, b in zip(before, months, strict=True)]

    def carried(self, context: RatingContext, number: int) -> tuple[YearSum, ...]:
        """What one bill leaves of yearly minimums; commitments are noted in its context.

        Args:
            context: Of the meter, with its opening state.
            number: Of the bill.
        """
        if self.last is None:
            return ()
        span = replace(self.last, context=context)
        rules = yearly_rules(span.document)
        for rule in rules:
            if isinstance(rule, Commitment):
                carry_on(rule, span, self.commitments[rule.id][number])
        return tuple(
            carried_sum(rule, span, self.minimums[rule.id][number])
            for rule in rules
            if isinstance(rule, Minimum)
        )

    def _summed(self, rule: Minimum | Commitment, lines: Sequence[LineColumn]) -> list[Decimal]:
        wanted, totals = set(rule.of), [_NOTHING] * self.count
        for line in lines:
            if line.id not in wanted and not ("all" in wanted and line.kind != "tax"):
                continue
            amounts = decimals(line.counted.tolist(), line.digits)
            flags = [True] * self.count if line.present is None else line.present.tolist()
            totals = [
                total + amount if has else total
                for total, amount, has in zip(totals, amounts, flags, strict=True)
            ]
        return totals


def _no_single_lines(identifier: str, kind: str, name: str, draft: object) -> RatedLine:
    raise AssertionError(identifier, kind, name, draft)
