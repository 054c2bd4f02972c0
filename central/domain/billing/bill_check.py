"""What a check of bills is: code, severity, text, thresholds, history, and how it judges a part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from central.domain.billing.part_use import PartUse
from central.domain.billing.read import MeterRead
from central.domain.rating.hold import Hold
from central.domain.rating.rounding import half_away
from central.domain.vee.rule import Limits, RuleKind

HISTORY_DAYS = 400
"""How far back the earlier parts of an occupancy are looked at: 13 months. [days]"""


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """A part of a bill that is to become a draft.

    Args:
        point: Name of the service point.
        tariff: Name.
        use: What it used, and on which days.
        reads: Of its meters.
        begins: Whether it is the first of its occupancy.
        currency: Of the bill.
        total: Net and taxes of the bill. [currency]
        billed: All its lines: also what it draws from a balance, and pays out. [currency]
        leads: Whether it is the first part of the bill.
        settles: Whether it bills no day, but settles what its occupancy left.
    """

    point: str
    tariff: str
    use: PartUse
    reads: tuple[MeterRead, ...]
    begins: bool
    currency: str
    total: Decimal
    billed: Decimal
    leads: bool
    settles: bool = False


@dataclass(frozen=True, slots=True)
class BillFinding:
    """What a check found in a part of a bill.

    Args:
        code: Of the check.
        point: Name of the service point.
        message: One sentence with its figures, for a clerk.
        evidence: The figures it rests on, as text.
    """

    code: str
    point: str
    message: str
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def hold(self) -> Hold:
        """The reason that holds the bill."""
        figures = (f"{name} {value}" for name, value in self.evidence.items())
        return Hold(self.code, self.message, "; ".join((self.point, *figures)))


CheckJudge = Callable[[JudgedPart, Limits, Sequence[PartUse]], Iterable[BillFinding]]
"""What is found in a part, with the earlier parts of its occupancy, ascending: one finding at most,
since a cause is one reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillCheck(RuleKind):
    """A check; each owns a module in `checks`.

    Args:
        judge: What it finds.
        history_days: How many calendar days back it asks for earlier parts; 0 for none.
    """

    judge: CheckJudge
    history_days: int = 0

    def finding_in(
        self, judged: JudgedPart, message: str, evidence: Mapping[str, str]
    ) -> BillFinding:
        """What it found in a part.

        Args:
            judged: The part.
            message: One sentence.
            evidence: The figures it rests on, as text.
        """
        return BillFinding(self.code, judged.point, message, evidence)


def rounded(value: Fraction) -> str:
    """A figure for people, with two decimals."""
    return format(half_away(value, 2), "f")
