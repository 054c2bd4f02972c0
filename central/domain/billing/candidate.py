"""Issued bills that would say something else today: what was found, and what became of it.

    open  --an adjustment is approved-->       adjusted
    open  --a decision to leave is approved--> left
    open  --it is billed anew-->               rebilled
    open  --its bill is cancelled-->           cancelled
    open  --it would say the same again-->     no difference

An account has one that is open. What is closed comes back as another when an input changes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firmware_bridge.contract.errors import OperatorError


class CandidateEnd(StrEnum):
    """What became of a candidate. Stored: never renamed."""

    ADJUSTED = "adjusted"
    LEFT = "left"
    REBILLED = "rebilled"
    CANCELLED = "cancelled"
    NO_DIFFERENCE = "no difference"


class CauseKind(StrEnum):
    """Which input is another. Stored: never renamed."""

    READINGS = "readings"
    EVENTS = "events"
    AGREEMENT = "agreement"
    FACT = "fact"
    EXCHANGE = "exchange"
    COEFFICIENT = "coefficient"
    SERVICE_POINT = "service point"
    ACCOUNT = "account"
    TARIFF = "tariff"
    HOLIDAYS = "holidays"
    SERIES = "series"
    SETTINGS = "settings"
    OPENING = "opening state"


@dataclass(frozen=True, slots=True)
class CandidateCause:
    """An input that is another than issued bills were rated with.

    Args:
        kind: What it is.
        name: Which.
        detail: What of it is another, in words; "" where nobody can say.
    """

    kind: CauseKind
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.name}: {self.detail}" if self.detail else f"{self.kind} {self.name}"
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"kind": self.kind.value, "name": self.name, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class CandidateHold:
    """Why bills cannot be rated again.

    Args:
        code: Of the error.
        message: What is in the way.
    """

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return {"code": self.code, "message": self.message}


class NoSuchCandidateError(OperatorError):
    """There is no candidate of that identifier."""

    code = "NO_SUCH_CANDIDATE"
    default_remedy = "`correction candidates` lists those that are open."
