"""What policies of validation and storms need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policies_in_force import Storm
from central.service.ports.class_policies import ClassPolicyStore
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import PointChannelId


class PolicyStore(ClassPolicyStore, Protocol):
    """Where the policies of channels and storms are kept."""

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
