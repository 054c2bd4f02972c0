"""A judgement as a value: a stable code, how bad, which interval, on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.contract.interval import Interval


class Severity(StrEnum):
    """What a finding does. A critical one holds the bill until somebody decides."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class VeeCode(StrEnum):
    """What can be found. Stored and printed: never renamed. See docs/reference/vee.md."""

    MISSING_INTERVALS = "MISSING_INTERVALS"
    ESTIMATED_LINEAR = "ESTIMATED_LINEAR"
    ESTIMATED_GAP = "ESTIMATED_GAP"
    FIELD_ORDER = "FIELD_ORDER"
    REGISTER_ROLLOVER = "REGISTER_ROLLOVER"
    REGISTER_GLITCH = "REGISTER_GLITCH"
    REGISTER_RESET = "REGISTER_RESET"
    REGISTER_BACKWARD = "REGISTER_BACKWARD"
    METER_EXCHANGE = "METER_EXCHANGE"
    EXCHANGE_READS_MISSING = "EXCHANGE_READS_MISSING"
    NO_METER = "NO_METER"
    UNSYNCHRONISED_READING = "UNSYNCHRONISED_READING"
    SUSPECT_READING = "SUSPECT_READING"
    EXTRA_INTERVALS = "EXTRA_INTERVALS"
    UNIT_MISMATCH = "UNIT_MISMATCH"
    CONFLICTING_READINGS = "CONFLICTING_READINGS"
    SERVICE_CAPACITY = "SERVICE_CAPACITY"
    NEGATIVE_USE = "NEGATIVE_USE"
    UNREADABLE_DAY = "UNREADABLE_DAY"
    VALIDATION_FAILED = "VALIDATION_FAILED"


NOT_ACCEPTED = frozenset({VeeCode.MISSING_INTERVALS, VeeCode.CONFLICTING_READINGS})
"""What nobody can answer for: intervals are filled, conflicts decided. Bills hold until then."""


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
