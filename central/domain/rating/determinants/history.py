"""What earlier months of a determinant were, and this bill's own: peaks, or sums of energy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.demand import MEAN
from central.domain.rating.determinants.monthly_peaks import MonthPeak, peaks_by_month
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import MaxDeterminant, SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.expression import Prior, Recent

ByMonth = dict[date, Fraction]
"""First day of a calendar month to its peak, or to its energy."""
_PEAKS = frozenset({"max", MEAN})


def is_sum(name: str, document: TariffDocument) -> bool:
    """Whether what is kept of a determinant are sums, which add up, and not peaks."""
    rules = document.determinants
    return any(isinstance(rule, SumDeterminant) and rule.name == name for rule in rules)


def metered(segments: Sequence[Segment], context: RatingContext) -> list[MonthPeak]:
    """What the segments of a bill have of every maximum and sum, in the month of its last day.

    The largest value of a maximum, and all of a sum.
    """
    values: dict[tuple[str, str], Fraction] = {}
    for computed in context.found.values():
        if computed.segment >= len(segments) or computed.how not in _PEAKS | {"sum"}:
            continue
        key = (computed.name, computed.label)
        values[key] = _joined(values.get(key), computed.value, adds=computed.how == "sum")
    return [(name, label, value, context.month) for (name, label), value in sorted(values.items())]


def _joined(before: Fraction | None, value: Fraction, *, adds: bool) -> Fraction:
    if before is None:
        return value
    return before + value if adds else max(before, value)


def months_before(prior: Prior | Recent, segment: Segment, context: RatingContext) -> ByMonth:
    """The months that the opening state keeps of a determinant, as far as its history reaches."""
    document = segment.version.document
    base, _, label = prior.name.partition(".")
    last = _number(context.month)
    earliest = last - _reach(base, document)
    entries = (
        (peak.month, peak.value)
        for peak in context.opening.peaks
        if peak.name == base
        and label in {"", "total", peak.label}
        and earliest <= _number(peak.month) <= last
    )
    return _by_month(entries, adds=is_sum(base, document))


def _by_month(values: Iterable[tuple[date, Fraction]], *, adds: bool) -> ByMonth:
    months: ByMonth = {}
    for month, value in values:
        months[month] = _joined(months.get(month), value, adds=adds)
    return months


def _reach(base: str, document: TariffDocument) -> int:
    return next((entry.months for entry in document.history if entry.name == base), 12)


def months_of_bill(name: str, segment: Segment, context: RatingContext) -> ByMonth:
    """What the bill itself has of a determinant: of its month, or of each where it has several."""
    document = segment.version.document
    base, _, label = name.partition(".")
    apart = any(entry.name == base and entry.by == "calendar" for entry in document.history)
    billed = (
        peaks_by_month(base, context.segments, context)
        if apart or context.begins is not None
        else metered(context.segments, context)
    )
    values = (
        (month, value)
        for other, its_label, value, month in billed
        if other == base and label in {"", "total", its_label}
    )
    return _by_month(values, adds=is_sum(base, document))


def recent(rule: Recent, segment: Segment, context: RatingContext, billed: ByMonth) -> Fraction:
    """The mean or total of the latest months, this bill's last.

    Args:
        rule: Of how many months.
        segment: Whose version says how long a history is kept.
        context: With the opening state.
        billed: What the bill has of the determinant, by month.

    Raises:
        HeldError: Earlier months are missing, and the tariff holds the bill then.
    """
    document = segment.version.document
    base = rule.name.partition(".")[0]
    adds = is_sum(base, document)
    first = _number(context.month) - rule.months + 1
    before = months_before(rule, segment, context)
    both = _by_month((*before.items(), *billed.items()), adds=adds)
    values = [value for month, value in both.items() if _number(month) >= first]
    history = next((entry for entry in document.history if entry.name == base), None)
    if history is not None and history.missing == "hold" and len(values) < rule.months:
        raise missing_months(rule.name, rule.months - len(values))
    if rule.floor is not None:
        values = [max(rule.floor, value) for value in values]
    total = sum(values, Fraction(0))
    return total / max(1, len(values)) if rule.take == "mean" else total


def earlier(prior: Prior, segment: Segment, context: RatingContext) -> Fraction:
    """A share of the highest value of the months before the bill's that count.

    Raises:
        HeldError: Earlier months are missing, and the tariff holds the bill then.
    """
    document = segment.version.document
    base = prior.name.partition(".")[0]
    entry = next((history for history in document.history if history.name == base), None)
    peaks = {
        month: value
        for month, value in months_before(prior, segment, context).items()
        if month < context.month and month.month in prior.months
    }
    begins = context.begins or context.month
    if entry is not None and entry.missing == "hold":
        until = begins.year * 12 + begins.month
        earliest = context.month.year * 12 + context.month.month - entry.months
        wanted = sum(1 for age in range(earliest, until) if (age - 1) % 12 + 1 in prior.months)
        missing = wanted - sum(1 for month in peaks if month < begins)
        if missing > 0:
            raise missing_months(prior.name, missing)
    return max(peaks.values(), default=Fraction(0)) * prior.percent / 100


def missing_months(name: str, count: int) -> HeldError:
    """Why a bill that needs earlier months is held."""
    message = f"{count} earlier months of {name!r} are missing."
    return HeldError(Hold("MISSING_HISTORY", message, name))


def _number(month: date) -> int:
    return month.year * 12 + month.month


def rule_of(name: str, document: TariffDocument) -> MaxDeterminant | SumDeterminant | None:
    """The rule behind a history; None where the version does not have it."""
    for rule in document.determinants:
        if rule.name == name and isinstance(rule, MaxDeterminant | SumDeterminant):
            return rule
    return None
