"""What judges and estimates the channels of a class: rules, estimators, and their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from central.domain.vee.day import JudgedDay
from central.domain.vee.estimator import WAITING, Estimator
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import ChannelHistory
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
        plain: The rules that need no history. Made here.
        asking: The rules that do. Made here.
    """

    limits: Limits = field(default_factory=Limits)
    off: frozenset[str] = frozenset()
    estimators: tuple[Estimator, ...] = CHOSEN
    profile: str = ""
    rules: tuple[VeeRule, ...] = field(init=False, repr=False)
    asking: tuple[VeeRule, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rules = tuple(rule for rule in RULES if rule.code not in self.off)
        object.__setattr__(self, "rules", rules)
        asking = tuple(rule for rule in rules if rule.history is not None)
        object.__setattr__(self, "asking", asking)

    @property
    def estimate_after_days(self) -> int:
        """After how many days a missing day is estimated; 0 where only held bills are. [days]."""
        return self.limits[WAITING]

    def rules_asking(self, day: JudgedDay) -> tuple[VeeRule, ...]:
        """Those of the rules with a history that have to look at a day."""
        return tuple(
            rule
            for rule in self.asking
            if rule.history is not None and rule.history.when(day, self.limits)
        )

    def judge(
        self, day: JudgedDay, asking: Sequence[VeeRule], history: ChannelHistory
    ) -> tuple[VeeFinding, ...]:
        """What the rules find in a day, by rule and time.

        Args:
            day: The day.
            asking: As `rules_asking` says.
            history: What they asked for.
        """
        return tuple(
            finding
            for rule in self.rules
            if rule.history is None or rule in asking
            for finding in rule.judge(day, self.limits, history)
        )


DEFAULT_POLICY = Policy()
