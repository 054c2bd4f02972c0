"""Why a bill cannot be priced yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a bill cannot be priced yet.

    Args:
        code: Never renamed.
        message: One sentence.
        evidence: What it rests on, as text.
    """

    code: str
    message: str
    evidence: str = ""

    def to_json(self) -> dict[str, str]:
        """As a JSON object."""
        return {"code": self.code, "message": self.message, "evidence": self.evidence}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> Hold:
        """The hold that `to_json` wrote."""
        return cls(value["code"], value["message"], value["evidence"])
