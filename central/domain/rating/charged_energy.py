"""How much of the metered energy the lines of a bill charge for, each interval counted once."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from central.domain.metering.service_point import DAY_S
from central.domain.rating.bill_lines.line import Determinant, RatedLine, Selection
from firmware_bridge.contract.reading import to_ms

Span = tuple[int, int]
"""Whole seconds since the Unix epoch: the first, and the one after the last."""


def charged_energy(lines: Iterable[RatedLine], series: str) -> Fraction:
    """Energy of an input that lines charge for. [kWh].

    A tariff may charge the same intervals by period, as a total and at the market's price; none of
    these adds to the other. It may also charge some hours under one name and the others under
    another, which do add. So names are taken from the largest sum down, each only where none of
    its intervals is counted yet.

    Args:
        lines: Of a rated bill.
        series: The input.
    """
    parts: dict[str, dict[str, Determinant]] = {}
    for line in lines:
        for one in line.determinants:
            of_input = any(source.series == series for source in one.sources)
            if one.how == "sum" and one.unit == "kWh" and of_input:
                parts.setdefault(one.name, {})[one.key] = one
    sums = [
        (sum((one.exact for one in own.values()), Fraction(0)), name) for name, own in parts.items()
    ]
    if len(sums) < 2:  # noqa: PLR2004 - nothing to compare
        return sums[0][0] if sums else Fraction(0)
    taken: list[Span] = []
    total = Fraction(0)
    for value, name in sorted(sums, key=lambda entry: (-entry[0], entry[1])):
        own = sorted(_spans(parts[name].values()))
        if value > 0 and not _overlap(own, taken):
            total += value
            taken = sorted([*taken, *own])
    return total


def _spans(determinants: Iterable[Determinant]) -> Iterable[Span]:
    """First second, and the second after the last, of every run of intervals."""
    for one in determinants:
        if one.selection is not None:
            begin, step = _begin(one, one.selection), one.selection.step_s
            for offset, length in one.selection.runs:
                yield begin + offset * step, begin + (offset + length) * step


def _begin(determinant: Determinant, selection: Selection) -> int:
    """The first second; of local days as if each had 24 hours, so that they lie end to end."""
    if selection.step_s == DAY_S:
        return determinant.sources[0].first.toordinal() * DAY_S
    return to_ms(selection.start) // 1000


def _overlap(one: list[Span], two: list[Span]) -> bool:
    place = 0
    for begin, end in one:
        while place < len(two) and two[place][1] <= begin:
            place += 1
        if place < len(two) and two[place][0] < end:
            return True
    return False
