"""What a rule is: code, severity, text, thresholds, the history it asks for, and how it judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Generic, TypeVar, cast

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import FindingKind, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from firmware_bridge.contract.obis import Obis

Names = tuple[str, ...]
"""Names, ascending; empty for none."""
Amounts = tuple[tuple[str, Fraction], ...]
"""An amount of money for each of some currencies, by their letters; empty for none."""
ThresholdValue = int | Fraction | timedelta | Names | Amounts
_T = TypeVar("_T", int, Fraction, timedelta, Names, Amounts)


class ThresholdKind(StrEnum):
    """What a threshold's number is."""

    COUNT = "count"
    RATIO = "ratio"
    QUANTITY = "quantity"
    DURATION = "duration"
    NAMES = "names"
    AMOUNTS = "amounts"


@dataclass(frozen=True, slots=True)
class Threshold(Generic[_T]):
    """Where a rule draws its line.

    Args:
        name: In the policy document; one threshold, one name.
        kind: What its value is: an int of a count, an exact fraction of a ratio or quantity, a
            length of time, names, or amounts of money by currency.
        default: Without a policy.
        unit: Of a quantity or count, for people.
        text: What it separates.
        may_be_zero: Whether a policy may set it to zero.
    """

    name: str
    kind: ThresholdKind
    default: _T
    unit: str
    text: str
    may_be_zero: bool = False


AnyThreshold = (
    Threshold[int]
    | Threshold[Fraction]
    | Threshold[timedelta]
    | Threshold[Names]
    | Threshold[Amounts]
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the rules of a class of channels draw their lines.

    Args:
        values: By name of the threshold, where they differ from its default.
    """

    values: Mapping[str, ThresholdValue] = field(default_factory=dict)

    def __getitem__(self, threshold: Threshold[_T]) -> _T:
        """The value of a threshold."""
        return cast("_T", self.values.get(threshold.name, threshold.default))


Screen = Callable[[JudgedDays, Limits], Chosen]
"""Of many days at once those that may have what the rule finds, and only they are judged."""
Judge = Callable[[JudgedDay, Limits, ChannelHistory], Iterable[VeeFinding]]
"""Findings about a day, in ascending time. It changes nothing and raises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryNeed:
    """What a rule asks about other days than the one it judges.

    History costs a query, so a rule that asks looks at no ordinary day.

    Args:
        days: How many calendar days back, or the threshold that says so.
        beside: Other channels of the point, of which it asks for the same day.
    """

    days: int | Threshold[int] = 0
    beside: tuple[Obis, ...] = ()

    def days_back(self, limits: Limits) -> int:
        """How many calendar days back a class of channels is asked; at most 400."""
        days = self.days if isinstance(self.days, int) else limits[self.days]
        return min(days, MOST_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleKind(FindingKind):
    """What rules of days and checks of bills share.

    Args:
        thresholds: All the numbers it draws lines with.
    """

    thresholds: tuple[AnyThreshold, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VeeRule(RuleKind):
    """A rule; each owns a module in `rules`.

    Args:
        screen: Which days it has to judge. It is asked of many at once, so it works on columns.
        judge: What it finds in one of them.
        history: What it asks of other days; None where the day says it all.
    """

    screen: Screen
    judge: Judge
    history: HistoryNeed | None = None


def irregular(days: JudgedDays, _: Limits) -> Chosen:
    """The screen of rules about meters and readings: where any is not as it should be."""
    return days.irregular
