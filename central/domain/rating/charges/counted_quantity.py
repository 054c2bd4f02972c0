"""What an amount that is charged once is multiplied by: a quantity over all of a bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from central.domain.rating.determinants.context import RatingContext, average_fact
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.document import Minimum, TariffDocument
from central.domain.tariff.levels import is_level

Rule = Minimum | Commitment


def rules_of(document: TariffDocument) -> tuple[Rule, ...]:
    """The minimums and commitments of a version."""
    return (*document.minimums, *document.commitments)


def counted_over(
    rule: Rule, segments: Sequence[Segment], context: RatingContext
) -> Fraction | None:
    """A rule's quantity over the days of a bill under the versions that have the rule.

    Args:
        rule: With a quantity.
        segments: Of the bill, ascending.
        context: Determinants, facts, and where a year or term ended inside the bill.

    Returns:
        The quantity; None where none of the segments has that determinant.

    Raises:
        HeldError: A fact is not known.

    Source: docs/reference/charges.md, "Minimums"
    """
    since = context.closed.get(rule.id, segments[0].days.first)
    counted = [s for s in _with_rule(rule, segments) if s.days.first >= since]
    return quantity_over(rule.qty or "", counted, context)


def quantity_over(
    name: str, segments: Sequence[Segment], context: RatingContext
) -> Fraction | None:
    """A quantity over some segments of a bill, whatever cuts them.

        what is summed over time: sum over segments
        a level, or a fact:       sum over segments of (value x days) / days

    Args:
        name: Of a determinant or fact.
        segments: Ascending.
        context: Determinants and facts.

    Returns:
        The quantity; None where none of the segments has that determinant.

    Raises:
        HeldError: A fact is not known.
    """
    days, levels, total = 0, Fraction(0), Fraction(0)
    is_counted = False
    for segment in segments:
        count, document = segment.days.count, segment.version.document
        counted = context.of(name, segment.number)
        days += count
        if not counted and _is_determinant(name, document):
            continue
        is_counted = True
        if not counted:
            levels += average_fact(name, segment, context.facts) * count
            continue
        value = sum((each.value for each in counted), Fraction(0))
        if is_level(name, document.determinants):
            levels += value * count
        else:
            total += value
    return total + levels / days if is_counted else None


def _with_rule(rule: Rule, segments: Sequence[Segment]) -> Iterator[Segment]:
    for segment in segments:
        if rule.id in {other.id for other in rules_of(segment.version.document)}:
            yield segment


def _is_determinant(name: str, document: TariffDocument) -> bool:
    return name.partition(".")[0] in {rule.name for rule in document.determinants}
