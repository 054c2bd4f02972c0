"""Lines of many meters at once: the charges of a tariff on columns of determinants.

Each function here says what the pricer of the same name in `charges/` says, for every meter of a
batch. What depends on more than a meter's own determinants and shared facts is refused with
`NotColumnarError`, and rated one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce
from math import lcm

import numpy as np

from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.charges.dynamic import note_of
from central.domain.rating.charges.fixed import price_fixed
from central.domain.rating.charges.hand_over import printed_name
from central.domain.rating.charges.minimum import month_need
from central.domain.rating.charges.once import price_once
from central.domain.rating.charges.tiers import OF_THE_BILL, TierBlock, effective
from central.domain.rating.charges.units_of_time import time_share
from central.domain.rating.columnar.determinant_columns import Measured, NotColumnarError
from central.domain.rating.columnar.exact_column import Column, Ints, Mask, added, plus, times
from central.domain.rating.columnar.line_column import LineColumn
from central.domain.rating.columnar.tier_columns import begun, parts_of, share_of
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.price_lines import kind_of, line_key
from central.domain.rating.rounding import printed
from central.domain.tariff.credit_rules import ROUND_TOTAL, RoundTotal
from central.domain.tariff.determinant_rules import (
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import BY_DAY, Charge, Minimum, Percent
from central.domain.tariff.price_rules import Step

_OF_METERS = SumDeterminant | MaxDeterminant | FormulaDeterminant
"""Determinants that differ between meters."""


class ColumnPricer:
    """Prices one tariff version for all meters of a batch.

    Args:
        span: Segments, document and shared facts; its context holds models of determinants.
        measured: Determinants of the bill.
        lines: Takes the lines.
        sha256: Of the tariff version.
        digits: Decimals of an amount.
        several: Whether the bill has several segments.
        count: How many meters.
    """

    def __init__(  # noqa: PLR0913 - what a version's lines depend on
        self,
        span: VersionSpan,
        measured: Sequence[Measured],
        lines: list[LineColumn],
        *,
        sha256: str,
        digits: int,
        several: bool,
        count: int,
    ) -> None:
        self._span = span
        self._measured = measured
        self._lines = lines
        self._own = len(lines)
        self._sha256 = sha256
        self._digits = digits
        self._several = several
        self._count = count
        document = span.document
        currency = document.currency
        self._decimals = {**dict(document.quantities), currency.code: currency.digits}

    def price(self) -> None:
        """All lines, in the order of evaluation.

        Raises:
            NotColumnarError: Something depends on more than columns hold.
            HeldError: A price or fact is missing for all meters.
        """
        document = self._span.document
        for charge in document.charges:
            self._charge(charge, None)
        for rider in document.riders:
            if isinstance(rider, Percent):
                self._percent(rider, "rider")
            else:
                self._charge(rider, "rider")
        for minimum in document.minimums:
            self._minimum(minimum)
        # Those of each day first, as `price_lines.price_taxes` has it for one.
        for tax in sorted(document.taxes, key=lambda tax: tax.point not in BY_DAY):
            self._percent(tax, "tax")
        for rule in document.settlement if self._span.is_last else ():
            if isinstance(rule, RoundTotal):
                self._round_total(rule)

    def _add(  # noqa: PLR0913, PLR0917 - what a line is
        self,
        identifier: str,
        kind: str,
        name: str,
        draft: Draft,
        quantity: Column | None,
        exact: Column,
        present: Mask | None = None,
        determinants: tuple[int, ...] = (),
        of: tuple[int, ...] = (),
    ) -> None:
        if present is not None and not present.any():
            return
        self._lines.append(
            LineColumn(
                identifier,
                line_key(identifier, draft, several=self._several),
                kind,
                name,
                draft,
                quantity,
                exact,
                exact.rounded(self._digits),
                self._digits,
                self._decimals.get(draft.unit, 0),
                None if draft.price is None else printed(draft.price),
                self._sha256,
                None if present is None or present.all() else present,
                determinants,
                of,
            )
        )

    def _charge(self, charge: Charge, kind: str | None) -> None:
        span = self._span
        if not span.applies(charge.unless, charge.only):
            return
        if charge.times is not None:
            self._dynamic(charge, kind)
            return
        base = (charge.qty or "").partition(".")[0]
        if not charge.steps and not any(r.name == base for r in span.document.determinants):
            for draft in price_once(charge, span) if charge.on else price_fixed(charge, span):
                quantity = Column.same(draft.quantity or Fraction(0), self._count)
                exact = Column.same(draft.exact, self._count)
                own = kind or kind_of(charge, draft.unit, span.document)
                self._add(charge.id, own, charge.name or charge.id, draft, quantity, exact)
            return
        for segment in span.segments:
            found = self._of(charge.qty or "", segment)
            if found and charge.steps:
                self._tiers(charge, segment, found, kind)
            elif found:
                self._usage(charge, segment, found, kind)

    def _dynamic(self, charge: Charge, kind: str | None) -> None:
        note = note_of(charge, self._span.document)
        mine = {segment.number for segment in self._span.segments}
        for number, behind in enumerate(self._measured):
            model = behind.model
            if behind.priced == charge.id and model.segment in mine and behind.worth is not None:
                unit = model.unit
                draft = Draft(behind.days, model.segment, None, unit, None, Fraction(0), note=note)
                line_kind = kind or kind_of(charge, unit, self._span.document)
                name = charge.name or charge.id
                exact, numbers = behind.worth, (number,)
                self._add(charge.id, line_kind, name, draft, behind.value, exact, None, numbers)

    def _of(self, name: str, segment: Segment) -> list[int]:
        base, _, label = name.partition(".")
        return [
            number
            for number, one in enumerate(self._measured)
            if one.model.name == base
            and not one.priced
            and one.model.segment == segment.number
            and label in {"", "total", one.model.label}
        ]

    def _usage(self, charge: Charge, segment: Segment, found: list[int], kind: str | None) -> None:
        groups = [("", found)]
        if charge.price is not None and charge.price.by_period:
            groups = [(self._measured[number].model.label, [number]) for number in found]
        elif len(found) == 1:
            groups = [(self._measured[found[0]].model.label, found)]
        for label, numbers in groups:
            price = priced_at(charge, segment.season, label)
            share, note = time_share(charge, self._span, segment)
            quantity = added([self._measured[number].value for number in numbers])
            self._measured_line(
                charge, segment, kind, label, 0, numbers, quantity, price, price * share, note
            )

    def _measured_line(  # noqa: PLR0913, PLR0917 - what a measured line is
        self,
        charge: Charge,
        segment: Segment,
        kind: str | None,
        label: str,
        tier: int,
        numbers: Sequence[int],
        quantity: Column,
        price: Fraction,
        factor: Fraction,
        note: str,
        exact: Column | None = None,
        present: Mask | None = None,
        unit: str = "",
    ) -> None:
        unit = unit or self._measured[numbers[0]].model.unit
        draft = Draft(
            segment.days,
            segment.number,
            None,
            unit,
            price,
            Fraction(0),
            label=label,
            tier=tier,
            note=note,
        )
        self._add(
            charge.id,
            kind or kind_of(charge, unit, self._span.document),
            charge.name or charge.id,
            draft,
            quantity,
            quantity.scaled(factor) if exact is None else exact,
            present,
            tuple(numbers),
        )

    def _tiers(self, charge: Charge, segment: Segment, found: list[int], kind: str | None) -> None:
        span = self._span
        steps = charge.steps_in(segment.season)
        if any(self._varies(step) for step in steps):
            message = f"The bounds of {charge.id!r} differ between meters."
            raise NotColumnarError(message)
        blocks = effective(steps, charge, segment, span)
        alone = charge.tiers.style == "per_period" or span.is_demand(charge)
        for numbers in [[number] for number in found] if alone else [found]:
            self._blocks(charge, segment, blocks, numbers, kind, split=alone)

    def _varies(self, step: Step) -> bool:
        base = (step.of or "").partition(".")[0]
        measured = any(
            rule.name == base and isinstance(rule, _OF_METERS)
            for rule in self._span.document.determinants
        )
        return measured or any(self._varies(inner) for inner in step.steps)

    def _blocks(  # noqa: PLR0913 - the context of tiers
        self,
        charge: Charge,
        segment: Segment,
        blocks: Sequence[TierBlock],
        numbers: list[int],
        kind: str | None,
        *,
        split: bool,
    ) -> None:
        """Add the lines of a charge with tiers, one for each block and each part of it.

        Args:
            charge: The charge whose tiers are priced.
            segment: The days it is priced for.
            blocks: Its tiers, ascending.
            numbers: The places of its quantities among what was measured.
            kind: The kind of the lines; None where the charge's unit decides it.
            split: Whether each quantity gets a line of its own.

        Raises:
            NotColumnarError: A block has no price in this season and period.
        """
        quantity = added([self._measured[number].value for number in numbers])
        if not isinstance(quantity.bottom, int):
            message = f"The quantities of {charge.id!r} have no one denominator."
            raise NotColumnarError(message)
        if charge.tiers.kind in {"graduated", "package"} and self._below_zero(numbers):
            message = f"The quantity of {charge.id!r} is below zero for some meter."
            raise NotColumnarError(message)
        share, note = time_share(charge, self._span, segment)
        packed = quantity
        if charge.tiers.size and self._span.counts_begun(charge, segment):
            note, packed = OF_THE_BILL, begun(charge, self._span, segment, self._measured, numbers)
        split = split or any(block.price.by_period for block in blocks)
        for block, part, present in parts_of(charge, blocks, packed):
            shares: list[tuple[str, Column, list[int]]] = [("", part, numbers)]
            if split:
                shares = [
                    (
                        self._measured[n].model.label,
                        part if len(numbers) == 1 else share_of(part, self._measured[n], quantity),
                        [n],
                    )
                    for n in numbers
                ]
            for label, amount, behind in shares:
                price = block.price.at(segment.season, label)
                if price is None:
                    message = f"{charge.id!r} has no price in {segment.season} {label}."
                    raise NotColumnarError(message)
                each = Fraction(price)
                size, stair = charge.tiers.size, charge.tiers.kind == "stair"
                packages = amount if size is None else amount.scaled(1 / Fraction(size))
                self._measured_line(
                    charge,
                    segment,
                    kind,
                    label,
                    block.number,
                    behind,
                    quantity if stair else packages,
                    each,
                    each * share,
                    note,
                    Column.same(each * share, self._count) if stair else None,
                    present,
                    "" if size is None else "packages",
                )

    def _below_zero(self, numbers: Sequence[int]) -> bool:
        """Whether a quantity is below zero for some meter."""
        return any(bool((self._measured[number].value.top < 0).any()) for number in numbers)

    def _based_on(self, names: Sequence[str]) -> list[int]:
        wanted = set(names)
        return [
            number
            for number in range(self._own, len(self._lines))
            if self._lines[number].id in wanted
            or ("all" in wanted and self._lines[number].kind != "tax")
        ]

    def _sum(self, numbers: Iterable[int]) -> Ints:
        zero: Ints = np.zeros(self._count, dtype=np.int64)
        return reduce(plus, (self._lines[number].counted for number in numbers), zero)

    def _percent(self, percent: Percent, kind: str) -> None:
        if not self._span.applies(percent.unless, percent.only):
            return
        base = self._based_on(percent.of)
        if not base:
            return
        present = None
        if all(self._lines[number].present is not None for number in base):
            masks = [self._lines[number].present for number in base]
            present = np.logical_or.reduce([mask for mask in masks if mask is not None])
        total = Column(self._sum(base), 10**self._digits)
        share, span = Fraction(percent.percent), self._span
        number, code = span.segments[0].number, span.document.currency.code
        draft = Draft(span.days, number, None, code, share, Fraction(0), note="percent")
        exact = total.scaled(share / 100)
        name = percent.name or percent.id
        self._add(percent.id, kind, name, draft, total, exact, present, of=tuple(base))

    def _minimum(self, minimum: Minimum) -> None:
        span = self._span
        if minimum.per == "year":
            # It goes on: see `year_columns`.
            return
        if self._measured_qty(minimum):
            message = f"{minimum.id!r} depends on the meter."
            raise NotColumnarError(message)
        need = month_need(minimum, span, self._based_on(minimum.of))
        if need is None:
            return
        scale = 10**self._digits
        bottom = lcm(need.needed.denominator, scale)
        total = times(np.maximum(self._sum(need.of), 0), bottom // scale)
        gap = plus(-total, need.needed.numerator * (bottom // need.needed.denominator))
        number = span.segments[0].number
        draft = Draft(need.days, number, None, "", None, Fraction(0), note=need.note)
        present: Mask = np.asarray(gap > 0, dtype=np.bool_)
        name = minimum.name or minimum.id
        exact = Column(gap, bottom)
        self._add(minimum.id, "minimum", name, draft, None, exact, present, of=need.of)

    def _round_total(self, rule: RoundTotal) -> None:
        """What is missing to the nearest multiple of an amount, as `round_total` has it for one."""
        span, step, scale = self._span, Fraction(rule.to), 10**self._digits
        due = self._sum(range(len(self._lines)))
        multiples = Column(times(due, step.denominator), scale * step.numerator).rounded(0)
        bottom = lcm(step.denominator, scale)
        nearest = times(multiples, step.numerator * (bottom // step.denominator))
        gap = plus(nearest, times(due, -(bottom // scale)))
        note, number = f"rounded to a multiple of {rule.to}", span.segments[0].number
        draft = Draft(span.days, number, None, "", None, Fraction(0), note=note)
        present: Mask = np.asarray(gap != 0, dtype=np.bool_)
        name = printed_name(ROUND_TOTAL)
        self._add(ROUND_TOTAL, "settlement", name, draft, None, Column(gap, bottom), present)

    def _measured_qty(self, minimum: Minimum) -> bool:
        base = (minimum.qty or "").partition(".")[0]
        return any(one.model.name == base and one.varies for one in self._measured)
