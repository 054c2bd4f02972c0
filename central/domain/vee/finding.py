"""A judgement as a value: a stable code, how bad, which interval, on what evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, NewType

from firmware_bridge.contract.interval import Interval

VeeCode = NewType("VeeCode", str)
"""What can be found. Stored and printed: never renamed. See docs/reference/vee.md."""


class Severity(StrEnum):
    """What a finding does. A critical one holds the bill until somebody decides."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class VeeFinding:
    """What a rule found.

    Args:
        code: Which kind.
        severity: What it does.
        interval: What it concerns.
        message: One sentence.
        evidence: The figures it rests on, as text.
    """

    code: VeeCode
    severity: Severity
    interval: Interval
    message: str
    evidence: dict[str, str] = field(default_factory=dict)


class ClerkText(NamedTuple):
    """When a finding is raised, for the clerk who looks it up."""

    en: str
    es: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingKind:
    """What all findings of a code share.

    Args:
        code: It.
        severity: What they do.
        text: When they are raised.
        accepted: Whether anybody may answer for one. Intervals are filled and conflicts decided;
            bills hold until then.
        filled: Whether an estimate or edit of the day settles it: it says that use is unknown, or
            that readings contradict each other.
    """

    code: VeeCode
    severity: Severity
    text: ClerkText
    accepted: bool = True
    filled: bool = False

    def finding(
        self, interval: Interval, message: str, evidence: Mapping[str, str] | None = None
    ) -> VeeFinding:
        """One of them.

        Args:
            interval: What it concerns.
            message: One sentence.
            evidence: The figures it rests on, as text.
        """
        return VeeFinding(self.code, self.severity, interval, message, dict(evidence or {}))
