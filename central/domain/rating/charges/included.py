"""Units that a price includes: what is beyond them is charged, what is not used may roll over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.charges.banked_money import lapse
from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.determinants.context import average_fact
from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.energy_bank import Own, draw
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.rounding import printed
from central.domain.tariff.document import Charge
from central.domain.tariff.price_rules import IncludedUnits


def price_included(charge: Charge, rule: IncludedUnits, span: VersionSpan) -> Iterator[Draft]:
    """Price what is beyond the units included.

        included = units per month x months x times, and what earlier months left
        amount   = max(0, quantity - included) x price, a line per segment

    The oldest units are used first. What is left of a month can be used in as many months after it
    as the tariff says; the oldest beyond `most` lapse at the end of a bill.

    Source: docs/reference/charges.md, "Included units"
    """
    units = span.context.credits.setdefault(charge.id, {})
    months = rule.rollover_months
    lapsed = lapse(units, 1 if months is None else months + 1, span)
    for segment in span.segments:
        behind = span.context.of(charge.qty or "", segment.number)
        if not behind:
            continue
        carried = _left(units)
        fresh = (
            Fraction(rule.per_month) * _months(rule, segment, span) * _times(rule, segment, span)
        )
        origin = Origin(segment.days.first, segment.days.end)
        month = span.context.month
        units.setdefault("", []).append(Credit(charge.id, "", month, fresh, origin))
        quantity = max(Fraction(0), sum((each.value for each in behind), Fraction(0)))
        beyond = quantity - draw(units, "", quantity)
        if segment is span.segments[-1] and span.is_last:
            lapsed += _bound(units, rule)
        price = priced_at(charge, segment.season, "")
        yield Draft(
            segment.days,
            segment.number,
            beyond,
            behind[0].unit,
            price,
            beyond * price,
            determinants=tuple(behind),
            note=_note(behind, quantity, fresh, carried, _left(units), lapsed),
        )


def _left(units: Own) -> Fraction:
    return sum((credit.amount for credit in units.get("", ())), Fraction(0))


def _bound(units: Own, rule: IncludedUnits) -> Fraction:
    """Let lapse what is not carried on, the oldest first; gives how much that is."""
    before = _left(units)
    most = Fraction(0) if rule.rollover_months is None else None
    if rule.most is not None:
        most = Fraction(rule.most)
    if most is not None and before > most:
        draw(units, "", before - most)
    units[""] = [credit for credit in units[""] if credit.amount]
    return before - _left(units)


def _months(rule: IncludedUnits, segment: Segment, span: VersionSpan) -> Fraction:
    if rule.prorate == "cycle":
        return span.month_share(segment.days)
    return Fraction(span.whole_months * segment.days.count, span.bill.count)


def _times(rule: IncludedUnits, segment: Segment, span: VersionSpan) -> Fraction:
    if rule.times is None:
        return Fraction(1)
    counted = span.context.of(rule.times, segment.number)
    if counted:
        return sum((each.value for each in counted), Fraction(0))
    return average_fact(rule.times, segment, span.context.facts)


def _note(  # noqa: PLR0913, PLR0917 - what a reader adds and subtracts
    behind: list[Determinant],
    quantity: Fraction,
    fresh: Fraction,
    carried: Fraction,
    left: Fraction,
    lapsed: Fraction,
) -> str:
    words = {"used": quantity, "included": fresh, "carried": carried, "left": left}
    words |= {"lapsed": lapsed} if lapsed else {}
    unit = behind[0].unit
    return ", ".join(f"{word} {printed(value):f}" for word, value in words.items()) + f" {unit}"


def ended_units(span: VersionSpan) -> Iterator[tuple[str, Draft]]:
    """A line of zero for units that were carried and end with the tariff or the occupancy."""
    for charge in span.document.charges:
        units = span.context.credits.get(charge.id, {})
        left = _left(units)
        if charge.rolls_over and left and span.ends(charge.id):
            units.clear()
            line = Draft(span.days, span.segments[-1].number, left, "", None, Fraction(0))
            yield f"{charge.id}-settlement", replace(line, note="units carried end")
