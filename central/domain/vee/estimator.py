"""What an estimator is: which gaps it may fill, and what it expects of an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.finding import ClerkText
from central.domain.vee.own_days import OwnDays
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

WAITING = Threshold(
    "estimate_after_days",
    ThresholdKind.COUNT,
    0,
    "days",
    "after which a missing day is estimated, whether its bill is held or not due yet; 0: only held"
    " bills are, after their window",
    may_be_zero=True,
)
"""How long a missing day of a class waits for its readings."""


@dataclass(frozen=True, slots=True)
class GapSlot:
    """An interval that is to be estimated.

    Args:
        start: Its first instant. Aware.
        end: Its end. Aware.
        day: The local day to which it belongs; gas days begin at 06:00.
    """

    start: datetime
    end: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Basis:
    """What estimates rest on.

    Args:
        days: Other days of the channel.
        profile: That of its class.
        levels: What the channel uses of what the profile says, by day, as far as it was asked for.
    """

    days: OwnDays
    profile: ClassProfile | None = None
    levels: dict[date, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an interval is expected to be.

    Args:
        value: Never below zero. [unit]
        days: Days of the channel that it rests on, with the versions of their blocks.
        source: What else it rests on, such as a profile with its versions.
    """

    value: Fraction
    days: tuple[tuple[date, int], ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """A way to estimate; each owns a module in `estimators`.

    Args:
        name: Stored in evidence and policies: never renamed.
        quality: What its values are worth.
        text: What it does, for clerks.
        expect: What it expects of an interval; None where it cannot say.
        longest: The longest gap that it may fill, as the class's policy says; None where it is
            no matter of policy.
        daily: Whether it may fill channels that count once a day.
        anchored: Whether it needs registers at both ends.
        chosen: Whether a policy or a person may name it.
    """

    name: str
    quality: IntervalQuality
    text: ClerkText
    expect: Callable[[GapSlot, Basis], Expectation | None]
    longest: Threshold[timedelta] | None = None
    daily: bool = True
    anchored: bool = False
    chosen: bool = True

    def may_fill(self, gap: timedelta, limits: Limits, *, daily: bool, anchored: bool) -> bool:
        """Whether it may fill a gap.

        Args:
            gap: How long the stretch is of which nothing was metered.
            limits: Those of the class.
            daily: Whether the channel counts once a day.
            anchored: Whether registers stand at both ends.
        """
        within = self.longest is None or gap <= limits[self.longest]
        return within and (self.daily or not daily) and (anchored or not self.anchored)


def longest(name: str, days: int, text: str) -> Threshold[timedelta]:
    """The threshold of the longest gap that an estimator may fill."""
    return Threshold(name, ThresholdKind.DURATION, timedelta(days=days), "", text)
