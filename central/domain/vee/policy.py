"""What judges and estimates the channels of a class: rules, estimators, and their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from central.domain.vee.day import JudgedDay
from central.domain.vee.estimator import WAITING, Estimator
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import JudgedDays
from central.domain.vee.rule import Limits, VeeRule
from central.domain.vee.rules import RULES


@dataclass(frozen=True, slots=True)
class Policy:
    """What judges the days of a class of channels.

    Args:
        limits: Thresholds that differ from their defaults.
        off: Codes of rules that do not judge them.
        estimators: Those that fill their gaps, in the order in which they are tried.
        profile: Name of the series that is their class's profile; empty for none.
        rules: The others, in their order. Made here.
    """

    limits: Limits = field(default_factory=Limits)
    off: frozenset[str] = frozenset()
    estimators: tuple[Estimator, ...] = CHOSEN
    profile: str = ""
    rules: tuple[VeeRule, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rules = tuple(rule for rule in RULES if rule.code not in self.off)
        object.__setattr__(self, "rules", rules)

    @property
    def estimate_after_days(self) -> int:
        """After how many days a missing day is estimated; 0 where only held bills are. [days]."""
        return self.limits[WAITING]

    def screened(self, days: Sequence[JudgedDay]) -> list[tuple[VeeRule, ...]]:
        """The rules that have to judge each of some days, in their order."""
        chosen: list[list[VeeRule]] = [[] for _ in days]
        for numbers, alike in JudgedDays.by_shape(days):
            for rule in self.rules:
                for index in np.flatnonzero(rule.screen(alike, self.limits)).tolist():
                    chosen[numbers[index]].append(rule)
        return [tuple(rules) for rules in chosen]

    def judge(
        self, day: JudgedDay, rules: Sequence[VeeRule], history: ChannelHistory
    ) -> tuple[VeeFinding, ...]:
        """What rules find in a day, by rule and time.

        Args:
            day: The day.
            rules: Those that have to judge it, as `screened` says.
            history: What they ask for.
        """
        return tuple(finding for rule in rules for finding in rule.judge(day, self.limits, history))


DEFAULT_POLICY = Policy()
