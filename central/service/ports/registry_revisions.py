"""What the registry said of something, revision by revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RegistryRevision:
    """What the registry said of something from a time on.

    Args:
        kind: Such as `agreement`.
        subject: Which.
        revision: Its place among those of the subject, from 1 on.
        content: Every field, as JSON has it; without those about a person where they were erased.
        recorded_at: When it was recorded; None of what was there before revisions were kept.
        recorded_by: Key of who did.
        reason: Why, where somebody said so.
    """

    kind: str
    subject: str
    revision: int
    content: Mapping[str, Any]
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    reason: str | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether it says that the thing was entered by mistake and holds no more."""
        return self.content.get("withdrawn") is True
