"""What policies of validation and storms need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policies_in_force import PolicyVersion, Storm
from central.domain.vee.policy_document import PolicyDocument
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import PointChannelId


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """A version of a policy, and who entered it.

    Args:
        policy: It.
        reason: Why.
        actor: Who.
        at: When.
    """

    policy: PolicyVersion
    reason: str
    actor: str
    at: datetime


class PolicyStore(Protocol):
    """Where policies and storms are kept."""

    async def policies(self, class_name: str | None = None) -> Sequence[RecordedPolicy]:
        """All versions of a class, or of all of them, by name, the newest first."""

    async def has_group(self, name: str) -> bool:
        """Whether there is a group of points of that name."""

    async def add_policy(
        self, class_name: str, effective: date, document: PolicyDocument, note: DecisionNote
    ) -> int:
        """Keep the next version of a class's policy, and log it; its number."""

    async def storms(self) -> Sequence[Storm]:
        """All storms, the newest first."""

    async def add_storm(
        self, group: str, span: tuple[datetime, datetime | None], rules: Sequence[str],
        note: DecisionNote,
    ) -> int | None:  # fmt: skip
        """Keep a storm, have the days of its points validated again, and log it.

        Returns:
            Its key; None where there is no such group of points.
        """

    async def end_storm(self, storm: int, end: datetime, note: DecisionNote) -> bool:
        """Set the end of a storm, have the days between both ends validated again, and log it.

        Returns:
            Whether there is such a storm, which begins before.
        """

    async def channels_of(
        self, group: str | None, days: DayRange, after: PointChannelId, limit: int
    ) -> Sequence[PointChannelId]:
        """Channels of the points of a group, or of all points, ascending by key.

        Args:
            group: Its name; None for all.
            days: A point is in the group on any of its days.
            after: The last that is known.
            limit: How many at most.
        """
