"""What an estimator is: which gaps it may fill, and what it expects of an interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.finding import ClerkText
from central.domain.vee.own_days import OwnDays
from central.domain.vee.rule import AnyThreshold, Limits, Threshold, ThresholdKind

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


LIKE_DAYS = Threshold(
    "like_days",
    ThresholdKind.COUNT,
    4,
    "days",
    "of the days that it is like, the nearest, count",
)
"""How many days are averaged."""

LIKE_DAY_REACH = Threshold(
    "like_day_reach",
    ThresholdKind.DURATION,
    timedelta(days=35),
    "",
    "how far from a day those that it is like may be, before and after it; 2160h (90 days) at most",
)
"""How far like days may be."""

FARTHEST = timedelta(days=90)
"""How far from a day any other is asked about, whatever a policy says."""


def like_day_reach(limits: Limits) -> timedelta:
    """How far from a day those that it is like may be."""
    return min(limits[LIKE_DAY_REACH], FARTHEST)


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
        limits: Those of the class.
    """

    days: OwnDays
    profile: ClassProfile | None = None
    levels: dict[date, Fraction] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def like(
        self, slot: GapSlot, days: Callable[[date, int], Sequence[date]]
    ) -> Expectation | None:
        """What was metered at the time of an interval on the days that its day is like.

        Args:
            slot: The interval.
            days: Gives those days, the nearest first, within a number of days.
        """
        reach = like_day_reach(self.limits).days
        average = self.days.average(slot.start, days(slot.day, reach), self.limits[LIKE_DAYS])
        return None if average is None else Expectation(*average)


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
        thresholds: What else the policy says of it.
        daily: Whether it may fill channels that count once a day.
        anchored: Whether it needs registers at both ends.
        chosen: Whether a policy or a person may name it.
    """

    name: str
    quality: IntervalQuality
    text: ClerkText
    expect: Callable[[GapSlot, Basis], Expectation | None]
    longest: Threshold[timedelta] | None = None
    thresholds: tuple[AnyThreshold, ...] = ()
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
