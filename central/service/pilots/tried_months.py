"""What an agreement would pay under tried prices, by month and by line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.what_if import Comparison
from central.service.pilots.rate_members import MemberComparison


@dataclass(frozen=True, slots=True)
class TriedMonth:
    """A month under both tariffs.

    Args:
        days: That count.
        before: Under the tariff agreed; None where either of them holds the month. [currency]
        after: Under the prices that are tried; likewise. [currency]
        held: Codes of what holds it.
    """

    days: DayRange
    before: Decimal | None
    after: Decimal | None
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TriedLine:
    """A charge under both tariffs.

    Args:
        id: In the tariffs.
        name: As the later of them prints it.
        before: None where the tariff agreed does not charge it. [currency]
        after: None where the prices that are tried do not. [currency]
    """

    id: str
    name: str
    before: Decimal | None
    after: Decimal | None

    @property
    def difference(self) -> Decimal:
        """What would be paid more. [currency]."""
        return (self.after or Decimal(0)) - (self.before or Decimal(0))


def months_tried(comparison: MemberComparison) -> tuple[TriedMonth, ...]:
    """The months of an agreement; none where nothing could be rated."""
    before, after = comparison.before, comparison.after
    if before is None or after is None:
        return ()
    months = []
    for days, old, new in zip(comparison.months, before.bills, after.bills, strict=True):
        held = tuple(dict.fromkeys(hold.code for bill in (old, new) for hold in bill.holds))
        months.append(
            TriedMonth(days, None, None, held) if held else TriedMonth(days, old.total, new.total)
        )
    return tuple(months)


def lines_of(comparison: MemberComparison) -> tuple[TriedLine, ...]:
    """The charges of all months together; none where one of them is held.

    They sum to what the agreement's row says.
    """
    before, after = comparison.before, comparison.after
    if before is None or after is None or comparison.row.held:
        return ()
    names, old = _sums(before)
    later, new = _sums(after)
    names |= later
    return tuple(
        TriedLine(line, name, old.get(line), new.get(line)) for line, name in names.items()
    )


def _sums(comparison: Comparison) -> tuple[dict[str, str], dict[str, Decimal]]:
    names: dict[str, str] = {}
    sums: dict[str, Decimal] = {}
    for bill in comparison.bills:
        for line in bill.lines:
            names[line.id] = line.name
            sums[line.id] = sums.get(line.id, Decimal(0)) + line.amount
    return names, sums
