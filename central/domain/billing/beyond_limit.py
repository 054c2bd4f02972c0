"""What of a correction lies further back than a limit lets through, taken off on lines of its own.

A part is rated in full, so that what it leaves is right; what its days before the limit come to
otherwise than they were settled is taken off again: one line of the net amount, and one for each
tax, at its rate. These lines are the part's, as any other: what is settled later is a difference
against all of them, so nothing that was cut off is charged later, and nothing given back that never
was charged.

    day d of a line: amount x what of its quantity is of d / its quantity
    beyond:          the sum over the days before the limit, as rated less as settled
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from central.domain.billing.correction_limit import LimitTerms, months_back
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import half_away

BEYOND_LIMIT = "beyond-limit"
"""The charge of such a line; no tariff can name one so. Stored: never renamed."""
_NAME = "Beyond the limit"
_NET = "adjustment"

ShareBefore = Callable[[RatedLine, date, Sequence[RatedLine]], Fraction]
"""Which share of a line's amount is of the days before one that lies among its own; with all lines
of its part."""


class SettledLines(NamedTuple):
    """What was settled of days that a part bills.

    Args:
        lines: All of the part that billed them.
        first: The first of its days that count; None for all from its first on.
        end: The day after the last; None for all to its last.
    """

    lines: Sequence[RatedLine]
    first: date | None = None
    end: date | None = None


class PartLimit(NamedTuple):
    """What limits a part.

    Args:
        terms: The limit; None for nothing.
        day: From which the time runs back.
        settled: What was settled of its days; none of those billed for the first time.
    """

    terms: LimitTerms | None
    day: date
    settled: Sequence[SettledLines] = ()


class LimitedDays(NamedTuple):
    """A part that is corrected.

    Args:
        days: Local days that it bills.
        before: What is settled of them.
        after: Its lines as they are rated now; at least one.
    """

    days: DayRange
    before: Sequence[SettledLines]
    after: Sequence[RatedLine]


_Key = tuple[str, str, Decimal | None]


def lines_beyond(
    limited: LimitedDays, terms: LimitTerms, day: date, share: ShareBefore
) -> list[RatedLine]:
    """The lines that take off what a limit does not let through; none where nothing is beyond.

    Args:
        limited: The part.
        terms: The limit.
        day: From which the time runs back.
        share: Of lines that have days on both sides.
    """
    for charged in (True, False):
        months = terms.months(charged=charged)
        first = limited.days.first if months is None else months_back(day, months)
        note = f"days before {first}: {months} months; {terms.source}"
        cut = cut_before(limited.before, charged=charged)
        if cut is not None and cut.until > first:
            first, note = cut
        if first <= limited.days.first:
            continue
        sums = _beyond(limited, first, share)
        total = sum(sums.values(), Decimal(0))
        if total > 0 if charged else total < 0:
            until = min(first, limited.days.end)
            days = DayRange(limited.days.first, until)
            return [
                _line(key, amount, days, limited.after[-1].tariff_sha256, note)
                for key, amount in sums.items()
                if amount
            ]
    return []


class CutBefore(NamedTuple):
    """What was cut off of days before.

    Args:
        until: The day after the last of them.
        note: Why.
    """

    until: date
    note: str


def cut_before(settled: Iterable[SettledLines], *, charged: bool) -> CutBefore | None:
    """What took off that was charged, or given back; None where nothing did.

    What was cut off once stays so, whatever a limit says of it later.
    """
    cuts: list[CutBefore] = []
    for lines, _, end in settled:
        cut = [line for line in lines if line.id == BEYOND_LIMIT]
        total = sum((line.amount for line in cut), Decimal(0))
        if cut and (total < 0 if charged else total > 0):
            until = cut[0].end if end is None else min(cut[0].end, end)
            cuts.append(CutBefore(until, cut[0].note))
    return max(cuts, default=None)


def _beyond(limited: LimitedDays, first: date, share: ShareBefore) -> dict[_Key, Decimal]:
    """What days before one come to otherwise, by what it is."""
    exact: dict[_Key, Fraction] = defaultdict(Fraction)
    for line in limited.after:
        exact[_key(line)] += Fraction(line.amount) * _share(line, first, limited.after, share)
    for lines, since, end in limited.before:
        until = first if end is None else min(first, end)
        for line in lines:
            there = _share(line, until, lines, share)
            if since is not None:
                there -= _share(line, min(since, until), lines, share)
            exact[_key(line)] -= Fraction(line.amount) * there
    digits = max(-int(line.amount.as_tuple().exponent) for line in limited.after)
    return {key: half_away(amount, digits) for key, amount in exact.items()}


def _share(
    line: RatedLine, first: date, lines: Sequence[RatedLine], share: ShareBefore
) -> Fraction:
    if line.end <= first:
        return Fraction(1)
    return Fraction(0) if line.first >= first else share(line, first, lines)


def _key(line: RatedLine) -> _Key:
    if line.kind == "tax":
        return "tax", line.name.removeprefix(f"{_NAME}: "), line.price
    return ("settlement" if line.kind == "settlement" else _NET), "", None


def _line(key: _Key, amount: Decimal, days: DayRange, sha256: str, note: str) -> RatedLine:
    kind, name, rate = key
    parts = [BEYOND_LIMIT, *([] if kind == _NET else [kind]), *([name, f"{rate}"] if name else [])]
    return RatedLine(
        id=BEYOND_LIMIT,
        key="/".join(parts),
        kind=kind,
        name=f"{_NAME}: {name}" if name else _NAME,
        label="",
        tier=0,
        segment=0,
        first=days.first,
        end=days.end,
        quantity=None,
        unit="",
        price=rate,
        exact=Fraction(-amount),
        amount=-amount,
        tariff_sha256=sha256,
        note=note,
    )


def days_beyond(lines: Iterable[RatedLine]) -> DayRange | None:
    """The days of a part of which something was cut off; None where nothing was."""
    cut = [line for line in lines if line.id == BEYOND_LIMIT]
    return DayRange(cut[0].first, cut[0].end) if cut else None
