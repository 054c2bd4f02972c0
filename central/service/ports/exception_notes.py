"""Who decided about an exception, why, and by which reason code."""

from __future__ import annotations

from dataclasses import dataclass

from central.domain.reason_code import ReasonCode
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class ActionNote:
    """Who answers for an action, since when, and why.

    Args:
        note: Who, when, and why in their words.
        code: Why, for counts.

    Raises:
        InvalidValueError: There is no reason.
    """

    note: DecisionNote
    code: ReasonCode = ReasonCode.OTHER

    def __post_init__(self) -> None:
        if not self.note.reason.strip():
            message = "A decision needs a reason, such as 'read on site'."
            raise InvalidValueError(message, value=self.note.reason)

    @property
    def columns(self) -> dict[str, object]:
        """As rows have it."""
        return {
            "actor": self.note.actor.key,
            "at": self.note.at,
            "reason": self.note.reason.strip(),
            "reason_code": self.code.value,
        }
