"""Excess demand: what every window has beyond the contracted power, by root or the highest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import groupby
from math import lcm

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.demand import no_window
from central.domain.rating.determinants.demand_windows import Windows, windows_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.rounding import root
from central.domain.tariff.determinant_rules import ExcessDeterminant, MaxDeterminant

ROOT, HIGHEST = "excess_root", "excess"
"""How such a determinant is made."""
_MAX = 2**63 - 1


def compute_excess(
    rule: ExcessDeterminant, segment: Segment, context: RatingContext
) -> Iterator[Determinant]:
    """The excess of each period over its contracted power.

        root:    sqrt(sum over windows of (P - contracted)^2, where P is higher)
        highest: the largest P - contracted, or zero; the earliest window wins a tie

    A root that is no fraction is cut off after 12 decimals.

    Raises:
        HeldError: A contracted power is not known, or no window is complete.

    Source: docs/reference/charges.md, "Demand"
    """
    peaks = MaxDeterminant(
        rule.name, rule.series, rule.window_s, by=rule.by, estimated=rule.estimated
    )
    windows = windows_of(peaks, segment, context)
    for number, label in enumerate(windows.plan.labels):
        if not windows.plan.runs[number]:
            continue
        mine = (windows.plan.numbers[windows.begins] == number).nonzero()[0]
        if not mine.size:
            raise no_window(rule.name, label)
        beyond = list(_beyond(rule, label, mine, windows, segment, context))
        if rule.take == "highest":
            beyond = [max(beyond, key=lambda window: window[1])] if beyond else []
        over = tuple(
            (contracted, len(list(same)))
            for contracted, same in groupby(window[2] for window in beyond)
        )
        value = excess_of([excess for _, excess, _ in beyond], rule.take)
        if rule.take == "root":
            squares = _squares(excess for _, excess, _ in beyond)
            context.squares[rule.name, segment.number, label] = squares
        selection = windows.selection(int(windows.begins[at]) for at, _, _ in beyond)
        yield Determinant(
            rule.name,
            segment.number,
            label,
            windows.unit,
            value,
            value,
            ROOT if rule.take == "root" else HIGHEST,
            selection,
            windows.sources,
            over=over,
        )


def excess_of(beyond: Iterable[Fraction], take: str) -> Fraction:
    """One number of the excess of all windows that have any.

    Args:
        beyond: Excess of each window.
        take: `root` or `highest`.
    """
    return max(beyond, default=Fraction(0)) if take == "highest" else root(_squares(beyond))


def _squares(beyond: Iterable[Fraction]) -> Fraction:
    excesses = list(beyond)
    bottom = lcm(*(excess.denominator for excess in excesses))
    tops = (excess.numerator * (bottom // excess.denominator) for excess in excesses)
    return Fraction(sum(top * top for top in tops), bottom * bottom)


def _beyond(  # noqa: PLR0913, PLR0917 - windows, and what they are compared with
    rule: ExcessDeterminant,
    label: str,
    mine: NDArray[np.int64],
    windows: Windows,
    segment: Segment,
    context: RatingContext,
) -> Iterator[tuple[int, Fraction, Fraction]]:
    """Each window above its contracted power: its number, its excess and that power."""
    contracted = _contracted(rule.fact_of(label), segment, context)
    # Counts are whole, so one beyond what is contracted is one beyond the whole part of it.
    most = [max(-_MAX, min(power // windows.per_hour, _MAX)) for power in contracted]
    day_of = windows.plan.day_numbers[windows.begins[mine]]
    for at in mine[windows.sums[mine] > np.array(most, dtype=np.int64)[day_of]].tolist():
        allowed = contracted[int(windows.plan.day_numbers[windows.begins[at]])]
        yield at, int(windows.sums[at]) * windows.per_hour - allowed, allowed


def _contracted(name: str, segment: Segment, context: RatingContext) -> list[Fraction]:
    """The contracted power on each day of a segment."""
    powers: list[Fraction] = []
    for value, days in context.facts.over(name, segment.days):
        if isinstance(value, bool | str) or value is None:
            message = f"The agreement has no {name!r} on {days.first}."
            raise HeldError(Hold("MISSING_FACT", message, name))
        powers += [Fraction(value)] * days.count
    return powers


def share_by_squares(context: RatingContext) -> None:
    """Make the roots of a bill's segments shares of the root of the whole bill, by their squares.

    So a season or a version that changes inside a bill changes no root by itself.

    Args:
        context: Of the bill, with the determinants of all segments.
    """
    wholes: dict[tuple[str, str], Fraction] = {}
    parts: dict[tuple[str, str], int] = {}
    for (name, _, label), square in context.squares.items():
        wholes[name, label] = wholes.get((name, label), Fraction(0)) + square
        parts[name, label] = parts.get((name, label), 0) + 1
    for (name, number, label), square in context.squares.items():
        whole = wholes[name, label]
        if parts[name, label] > 1 and whole:
            excess = context.found[name, number, label]
            value = root(whole) * square / whole
            context.found[name, number, label] = excess._replace(
                exact=value, value=value, adjusted=value - excess.exact
            )


def proven(determinant: Determinant, energy: Iterable[tuple[int, Fraction]]) -> Fraction:
    """The value again, of the energy of single intervals.

    Args:
        determinant: As the bill has it.
        energy: Number of an interval from the selection's start on, and what it counts.
    """
    selection = determinant.selection
    if selection is None or not selection.runs:
        return determinant.adjusted
    begins = [begin for begin, _ in selection.runs]
    sums = [Fraction(0)] * len(begins)
    for number, counted in energy:
        sums[bisect_right(begins, number) - 1] += counted
    allowed = [power for power, count in determinant.over for _ in range(count)]
    per_hour = Fraction(3600, selection.runs[0][1] * selection.step_s)
    beyond = [used * per_hour - contracted for used, contracted in zip(sums, allowed, strict=True)]
    take = "root" if determinant.how == ROOT else "highest"
    return excess_of(beyond, take) + determinant.adjusted
