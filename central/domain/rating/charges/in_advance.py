"""Charges for the period to come, and what becomes of days that were paid for and are not used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.charges.dropped import advance_charge
from central.domain.rating.charges.fixed import price_fixed
from central.domain.rating.charges.units_of_time import UNITS, ByDays, days_alike
from central.domain.rating.determinants.context import average_fact
from central.domain.rating.inputs.carried_state import Origin, PaidAhead
from central.domain.rating.inputs.segments import DayRange, Segment, cut, months_after
from central.domain.rating.rounding import half_away
from central.domain.tariff.document import Charge


def price_advance(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price a charge that is paid for the period to come.

        days that nobody paid for     as any fixed charge: on the first bill
        days that were paid for       nothing, or what they cost now - what was paid for them
        days that will not be used    -(what was paid x days not used / days paid for)
        the next period               price x units of time, where the bill ends its own period

    In a period that was paid for, each day is the same part of it. What was paid counts as it was
    rounded; it is compared with what the same days would cost now, so that a price or count that
    changes afterwards is a line of its own.

    Source: docs/reference/charges.md, "In advance"
    """
    paid = advance_of(charge.id, span)
    applies = span.applies(charge.unless, charge.only)
    covered = None if paid is None else _days_of(paid).within(span.days)
    if applies:
        begins = span.days.first if covered is None else covered.end
        if begins < span.days.end:
            inside = _clipped(span.segments, DayRange(begins, span.days.end))
            yield from price_fixed(charge, replace(span, segments=inside))
        if paid is not None and covered is not None:
            cost = _worth(charge, _clipped(span.segments, covered), paid.days, paid.months, span)
            span.context.used_advances[charge.id] = (
                span.context.used_advances.get(charge.id, Fraction(0)) + cost.amount
            )
    if not span.is_last:
        return
    goes_on = applies and not span.ends(charge.id)
    if paid is not None:
        yield from _used(charge, paid, span)
        if goes_on:
            _keep_rest(paid, span)
        elif charge.prorate != "none":
            yield from _unused(paid, span)
    if goes_on and _ends_its_period(span) and (paid is None or _days_of(paid).end <= span.bill.end):
        yield _coming(charge, span)


def dropped_advances(span: VersionSpan) -> Iterator[tuple[str, Draft]]:
    """What is credited of charges that the bill's last version does not have in advance any more.

    With the id of the charge. All that was paid is credited, but for days of the bill that an
    earlier version priced. Where a period is paid whole, one that has begun is credited nothing,
    unless the charge goes on for days that are over, and so charges them itself.
    """
    if not span.is_last:
        return
    goes_on = {charge.id: charge.in_advance for charge in span.document.charges}
    for paid in span.context.opening.advances:
        if goes_on.get(paid.id) or (paid.id not in goes_on and _is_used_up(paid, span)):
            continue
        used = span.context.used_advances.get(paid.id, Fraction(0))
        note = "paid in advance; the tariff has no such charge in advance any more"
        yield paid.id, _credit(_days_of(paid), used - Fraction(paid.amount), note, span)


def _is_used_up(paid: PaidAhead, span: VersionSpan) -> bool:
    """Whether a period that was dropped is paid whole, and has begun while there was the charge."""
    version = span.context.dropped.get(paid.id)
    charge = None if version is None else advance_charge(version.document, paid.id)
    if charge is None or charge.prorate != "none":
        return False
    days = _days_of(paid)
    return days.count < paid.days or any(
        segment.days.within(days) and advance_charge(segment.version.document, paid.id)
        for segment in span.context.segments
    )


def ended_advances(span: VersionSpan) -> Iterator[tuple[str, Draft]]:
    """What is credited where a tariff or an occupancy ended with an earlier bill.

    Where a period is paid whole, one that has begun is credited nothing.
    """
    whole = {charge.id for charge in span.document.charges if charge.prorate == "none"}
    for paid in span.context.opening.advances:
        has_begun = _days_of(paid).count < paid.days
        if span.ends(paid.id) and not (paid.id in whole and has_begun):
            days, note = _days_of(paid), f"{_days_of(paid).count} days not used"
            yield paid.id, _credit(days, -Fraction(paid.amount), note, span)


def advance_of(identifier: str, span: VersionSpan) -> PaidAhead | None:
    """What the bill opens with of a charge; None where nothing was paid in advance."""
    entries = span.context.opening.advances
    return next((entry for entry in entries if entry.id == identifier), None)


def _days_of(paid: PaidAhead) -> DayRange:
    first, end = paid.origin.first, paid.origin.end
    if first is None or end is None:
        raise AssertionError(paid)
    return DayRange(first, end)


def _clipped(segments: Sequence[Segment], days: DayRange) -> tuple[Segment, ...]:
    inside = ((segment, segment.days.within(days)) for segment in segments)
    return tuple(replace(segment, days=days) for segment, days in inside if days is not None)


class _Worth(NamedTuple):
    units: Fraction
    unit: str
    price: Fraction | None
    amount: Fraction


def _worth(
    charge: Charge, segments: Sequence[Segment], days: int, months: int, span: VersionSpan
) -> _Worth:
    """What some days of a period cost that is so many days and months."""
    unit = UNITS[charge.per or ""]
    units = amount = Fraction(0)
    prices = set()
    for segment in segments:
        price = priced_at(charge, segment.season, "")
        prices.add(price)
        for alike in days_alike(charge, segment.days):
            if isinstance(unit, ByDays):
                time = unit.count(alike)
            else:
                time = unit.per_month * months * Fraction(alike.count, days)
            if charge.qty is not None:
                alone = replace(segment, days=alike)
                time *= average_fact(charge.qty, alone, span.context.facts)
            units += time
            amount += time * price
    fact_unit = span.document.fact_units.get(charge.qty or "", "")
    name = f"{fact_unit} {unit.name}".strip()
    return _Worth(units, name, prices.pop() if len(prices) == 1 else None, amount)


def _used(charge: Charge, paid: PaidAhead, span: VersionSpan) -> Iterator[Draft]:
    """What the bill's days that were paid for cost more or less by now."""
    days = _days_of(paid).within(span.bill)
    if days is None or charge.prorate == "none":
        return
    share = Fraction(days.count, _days_of(paid).count)
    cost = span.context.used_advances.get(charge.id, Fraction(0))
    digits = span.document.currency.digits
    if half_away(cost / share, digits) == paid.amount:
        return
    before = Fraction(paid.amount) * share
    number = span.segments[-1].number
    note = f"{half_away(cost, digits)} by now, {half_away(before, digits)} paid in advance"
    yield Draft(days, number, None, "", None, cost - before, label="change", note=note)


def _unused(paid: PaidAhead, span: VersionSpan) -> Iterator[Draft]:
    days = _days_of(paid)
    if days.end <= span.bill.end:
        return
    rest = DayRange(max(days.first, span.bill.end), days.end)
    share = Fraction(rest.count, days.count)
    note = f"{rest.count} of {days.count} days not used"
    yield _credit(rest, -Fraction(paid.amount) * share, note, span)


def _credit(days: DayRange, exact: Fraction, note: str, span: VersionSpan) -> Draft:
    number = span.segments[-1].number
    return Draft(days, number, None, "", None, exact, label="unused", note=note)


def _keep_rest(paid: PaidAhead, span: VersionSpan) -> None:
    """Leave to the next bill what was paid for days after this one."""
    days = _days_of(paid)
    if days.end > span.bill.end:
        rest = DayRange(max(days.first, span.bill.end), days.end)
        digits = span.document.currency.digits
        amount = half_away(Fraction(paid.amount) * Fraction(rest.count, days.count), digits)
        origin = replace(paid.origin, first=rest.first)
        span.context.advances.append(replace(paid, amount=amount, origin=origin))


def _period_end(span: VersionSpan) -> date:
    return span.period.measures[-1].days.end


def _ends_its_period(span: VersionSpan) -> bool:
    return span.bill.end == _period_end(span)


def _coming(charge: Charge, span: VersionSpan) -> Draft:
    """The period after the bill's own, at the prices and counts that are known for it."""
    months = span.period.measures[-1].months
    days = DayRange(span.bill.end, months_after(span.bill.end, months))
    last = span.segments[-1]
    cost = _worth(charge, cut(days, [last.version]), days.count, months, span)
    amount = half_away(cost.amount, span.document.currency.digits)
    origin = Origin(days.first, days.end, span.document.owners[charge.id])
    span.context.advances.append(PaidAhead(charge.id, amount, days.count, months, origin))
    return Draft(
        days,
        last.number,
        cost.units,
        cost.unit,
        cost.price,
        cost.amount,
        label="advance",
        note=f"for {days.first} to {days.last}",
    )
