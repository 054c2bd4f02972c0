"""Tiered charges: graduated, volume, package and stair-step, with or without periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.charges.units_of_time import time_share
from central.domain.rating.determinants.compute import running_total, series_of
from central.domain.rating.determinants.context import HeldError, average_fact
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.rounding import largest_remainder, printed
from central.domain.tariff.document import Charge
from central.domain.tariff.price_rules import PriceTable, Step

OF_THE_BILL = "packages of the whole bill"


@dataclass(frozen=True, slots=True)
class TierBlock:
    """An effective tier: from the bound before it up to its own.

    Args:
        number: From 1, in print order.
        low: Bound below, included. [unit of the quantity]
        high: Bound above, None for no bound.
        price: Price table.
    """

    number: int
    low: Fraction
    high: Fraction | None
    price: PriceTable

    def part(self, quantity: Fraction) -> Fraction:
        """How much of a quantity lies in the block."""
        top = quantity if self.high is None else min(quantity, self.high)
        return max(Fraction(0), top - self.low)


def price_tiers(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price a quantity by steps.

        graduated: sum over steps of (part of the quantity inside the step) x its price
        volume:    the whole quantity x the price of the step it reaches
        package:   graduated over the quantity rounded up to whole packages, price per package;
                   packages are the bill's, and each is priced in the segment that begins it
        stair:     one amount, that of the step it reaches x the segment's days / the bill's

    A quantity below zero is credited at the price of a volume step, and as `below_zero` says where
    each part has its step: the steps are those of what it is above zero, or the bill is held.

    A quantity equal to a bound is inside the step below it. Bounds are cumulative. `kWh/day` bounds
    are times the segment's days, `kWh/kW` times the named determinant, `kWh/kW/day` times both,
    `ratio` times the named allowance; plain and per-kW bounds of a segment are times the months it
    is, or with `whole` times those of the bill. Steps inside a step are clipped at its bound.

    With periods, `prorata` gives each period its share of every step:

        amount = sum over steps and periods of (part x period quantity / quantity) x price

    `per_period` applies the steps to each period alone, as demand always has it, and `in_order`
    fills them as time goes by.

    Steps on the sum of daily peaks are those of each day's peak:

        amount = sum over steps of (sum over days of the part inside the step) x price

    Source: docs/reference/charges.md, "Tiers"; URDB tier units; SSC lib_utility_rate_equations
    """
    for segment in span.segments:
        found = span.context.of(charge.qty or "", segment.number)
        if not found:
            continue
        blocks = effective(charge.steps_in(segment.season), charge, segment, span)
        if span.is_daily(charge):
            for determinant in found:
                yield from _daily(charge, span, segment, blocks, determinant)
        elif charge.tiers.style == "per_period" or span.is_demand(charge):
            for determinant in found:
                yield from _priced(charge, span, segment, blocks, [determinant])
        else:
            yield from _priced(charge, span, segment, blocks, found)


def _daily(
    charge: Charge,
    span: VersionSpan,
    segment: Segment,
    blocks: Sequence[TierBlock],
    determinant: Determinant,
) -> Iterator[Draft]:
    key = (determinant.name, segment.number, determinant.label)
    peaks, scale = span.context.daily.get(key, ((0,), Fraction(1)))
    totals: dict[int, Fraction] = {}
    for peak in peaks:
        for block, part in _parts(charge, blocks, peak * scale):
            totals[block.number] = totals.get(block.number, Fraction(0)) + part
    digits = span.document.digits_of(determinant.unit)
    parts = list(totals.values())
    if digits is not None:
        parts = largest_remainder(parts, digits)
    by_number = {block.number: block for block in blocks}
    share, note = time_share(charge, span, segment)
    for number, part in sorted(zip(totals, parts, strict=True)):
        price = _price(charge, by_number[number], segment, determinant.label)
        yield Draft(
            segment.days,
            segment.number,
            part,
            determinant.unit,
            price,
            part * price * share,
            label=determinant.label,
            tier=number,
            determinants=(determinant,),
            note=note or "of each day's peak",
        )


def effective(
    steps: Sequence[Step], charge: Charge, segment: Segment, span: VersionSpan
) -> list[TierBlock]:
    """The steps as ascending cumulative bounds of this bill.

    A step without room is left out, but that volume and stair-step tiers may begin with one that
    ends at zero: it is reached by no use at all.

    Raises:
        HeldError: A bound that depends on a determinant falls below the one before it.
    """
    reached = charge.tiers.kind in {"volume", "stair"}
    flat: list[tuple[Fraction | None, PriceTable]] = []
    _flatten(steps, None, charge, segment, span, flat)
    blocks: list[TierBlock] = []
    low = Fraction(0)
    for number, (high, price) in enumerate(flat, start=1):
        if high is not None and high < low:
            message = f"Step {number} of {charge.id!r} ends at {high}, below the one before it."
            raise HeldError(Hold("BAD_BOUND", message, charge.id))
        if high == low and not (reached and number == 1):
            continue
        blocks.append(TierBlock(number, low, high, price))
        if high is None:
            break
        low = high
    return blocks


def _flatten(  # noqa: PLR0913, PLR0917 - the context of a step
    steps: Sequence[Step],
    limit: Fraction | None,
    charge: Charge,
    segment: Segment,
    span: VersionSpan,
    flat: list[tuple[Fraction | None, PriceTable]],
) -> None:
    for step in steps:
        bound = _bound(step, charge, segment, span)
        if limit is not None and (bound is None or bound > limit):
            bound = limit
        if step.price is None:
            _flatten(step.steps, bound, charge, segment, span, flat)
        else:
            flat.append((bound, step.price))


def _bound(step: Step, charge: Charge, segment: Segment, span: VersionSpan) -> Fraction | None:
    if step.to is None:
        return None
    bound = Fraction(step.to)
    if step.of is not None:
        factor = _factor(step.of, segment, span)
        if factor < 0:
            message = f"The bound of {charge.id!r} per {step.of!r} is negative."
            raise HeldError(Hold("BAD_BOUND", message, str(factor)))
        bound *= factor
    if step.unit.endswith("/day"):
        return bound * segment.days.count
    if step.unit == "ratio" or span.is_demand(charge):
        return bound
    if charge.tiers.scale == "whole" or span.document.on_change.thresholds == "whole":
        return bound * span.whole_months
    return bound * span.month_share(segment.days)


def _factor(name: str, segment: Segment, span: VersionSpan) -> Fraction:
    found = span.context.of(name, segment.number)
    if found:
        return sum((part.value for part in found), Fraction(0))
    return average_fact(name, segment, span.context.facts)


def _priced(
    charge: Charge,
    span: VersionSpan,
    segment: Segment,
    blocks: Sequence[TierBlock],
    found: list[Determinant],
) -> Iterator[Draft]:
    """Price what was found of a segment, a line for each step and period."""
    quantity = sum((part.value for part in found), Fraction(0))
    share, note = time_share(charge, span, segment)
    whole = quantity
    if charge.tiers.size and span.counts_begun(charge, segment):
        whole, note = _begun(charge, span, segment, found), OF_THE_BILL
    by_period = any(block.price.by_period for block in blocks)
    per_period = charge.tiers.style == "per_period" or span.is_demand(charge)
    in_order: InOrder = {}
    if by_period and not per_period:
        _check_shares(charge, found, quantity)
    if by_period and not per_period and charge.tiers.style == "in_order":
        in_order = _in_order(charge, span, segment, blocks, found)
    for block, part in _parts(charge, blocks, whole):
        splits: list[tuple[str, Fraction, tuple[Determinant, ...]]]
        if by_period or per_period:
            splits = _split(block, part, found, in_order)
        else:
            splits = [("", part, tuple(found))]
        for label, amount, behind in splits:
            price = _price(charge, block, segment, label)
            once = charge.tiers.kind == "stair"
            packages = amount / Fraction(charge.tiers.size) if charge.tiers.size else amount
            yield Draft(
                segment.days,
                segment.number,
                quantity if once else packages,
                "packages" if charge.tiers.size else found[0].unit,
                price,
                (price if once else packages * price) * share,
                label=label,
                tier=block.number,
                determinants=behind,
                note=note,
            )


def _begun(
    charge: Charge, span: VersionSpan, segment: Segment, measured: Sequence[Determinant]
) -> Fraction:
    """The packages that a segment begins: the bill's with it, less the bill's before it.

    Packages of another size, and what is counted while the charge does not apply, count apart.
    """
    used = sum((determinant.value for determinant in measured), Fraction(0))
    if used < 0:
        _need_mirror(charge, used)
    size, labels = charge.tiers.size or Decimal(1), {determinant.label for determinant in measured}
    by_label = charge.tiers.style == "per_period"
    before = Fraction(0)
    for other in (*span.earlier, span):
        for same in other.document.charges:
            alike = same.id == charge.id and same.tiers.size == size
            if not alike or not other.applies(same.unless, same.only):
                continue
            before += sum(
                determinant.value
                for earlier in other.segments
                if earlier.number < segment.number
                for determinant in span.context.of(same.qty or "", earlier.number)
                if not by_label or determinant.label in labels
            )
    return _whole(before + used, size) - _whole(before, size)


def _whole(quantity: Fraction, size: Decimal) -> Fraction:
    """A quantity in whole packages, away from zero."""
    packages = -(-abs(quantity) // Fraction(size)) * Fraction(size)
    return packages if quantity >= 0 else -packages


def _check_shares(charge: Charge, periods: Sequence[Determinant], quantity: Fraction) -> None:
    """Hold the bill where periods below zero leave no share, or no order, to divide steps by."""
    below = [period for period in periods if period.value < 0]
    in_order = charge.tiers.style == "in_order"
    if below and (in_order or quantity == 0):
        message = (
            f"The quantity of {charge.id!r} is {printed(below[0].value)} in {below[0].label}, and"
            f" its steps are divided {'in order of time' if in_order else 'by shares of nothing'}."
            " Add a version with `tiers: {style: per_period}`."
        )
        raise HeldError(Hold("NEGATIVE_QUANTITY", message, charge.id))


def _parts(
    charge: Charge, blocks: Sequence[TierBlock], quantity: Fraction
) -> Iterator[tuple[TierBlock, Fraction]]:
    if charge.tiers.kind in {"volume", "stair"}:
        reached = [b for b in blocks if b.high is None or quantity <= b.high]
        yield reached[0], quantity
        return
    if quantity < 0:
        _need_mirror(charge, quantity)
        for block, credited in _parts(charge, blocks, -quantity):
            yield block, -credited
        return
    if charge.tiers.size:
        quantity = _whole(quantity, charge.tiers.size)
    for block in blocks:
        part = block.part(quantity)
        if part or block is blocks[0]:
            yield block, part


def _need_mirror(charge: Charge, quantity: Fraction) -> None:
    """Hold the bill where the tariff does not say what a quantity below zero is worth."""
    if charge.tiers.below_zero == "hold":
        message = (
            f"The quantity of {charge.id!r} is {printed(quantity)}, and its tariff does not say"
            f" what steps below zero cost. Add a version with `tiers: {{below_zero: mirror}}`."
        )
        raise HeldError(Hold("NEGATIVE_QUANTITY", message, charge.id))


InOrder = dict[tuple[int, str], Fraction]
"""Step and period to what fills it in order of time; empty where shares do."""


def _in_order(
    charge: Charge,
    span: VersionSpan,
    segment: Segment,
    blocks: Sequence[TierBlock],
    found: Sequence[Determinant],
) -> InOrder:
    """What each period puts into each step as time goes by, in the digits of its rounded sum."""
    series = series_of(charge.qty or "", segment, span.context)
    filled: InOrder = {}
    for determinant in found:
        parts = [
            running_total(determinant, found, block.low, block.high, series) for block in blocks
        ]
        digits = span.document.digits_of(determinant.unit)
        if digits is not None and sum(parts, Fraction(0)) == determinant.exact:
            parts = largest_remainder(parts, digits, determinant.value)
        for block, part in zip(blocks, parts, strict=True):
            filled[block.number, determinant.label] = part
    return filled


def _split(
    block: TierBlock, part: Fraction, found: list[Determinant], in_order: InOrder
) -> list[tuple[str, Fraction, tuple[Determinant, ...]]]:
    """A step's quantity over the periods."""
    if in_order:
        return [
            (determinant.label, in_order[block.number, determinant.label], (determinant,))
            for determinant in found
        ]
    total = sum((determinant.value for determinant in found), Fraction(0))
    return [
        (
            determinant.label,
            part * determinant.value / total if total else Fraction(0),
            (determinant,),
        )
        for determinant in found
    ]


def _price(charge: Charge, block: TierBlock, segment: Segment, label: str) -> Fraction:
    price = block.price.at(segment.season, label)
    if price is None:
        message = f"{charge.id!r} has no price in {segment.season or 'any season'} {label}."
        raise HeldError(Hold("MISSING_PRICE", message, charge.id))
    return Fraction(price)
