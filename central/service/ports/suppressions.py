"""What suppressing days needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.suppression import Suppression
from central.service.ports.decisions import DecisionNote


class OccupiedService(NamedTuple):
    """What an account occupies.

    Args:
        account: Number.
        point: Name of the service point.
        service: Name of the service; None for the only one that has days to be billed.
    """

    account: str
    point: str
    service: str | None = None


class SuppressionStore(Protocol):
    """Where suppressed days are kept."""

    async def suppress(self, occupied: OccupiedService, until: date, note: DecisionNote) -> UUID:
        """Propose that the days from the first unclaimed one until another be not billed; log it.

        Raises:
            NotRegisteredError: The account has no days to be billed there, or several services.
            CannotSuppressError: The bill before is not issued, the days are not to be billed, or
                a proposal waits.
        """

    async def approve(self, uid: UUID, approver: Actor, at: datetime) -> bool:
        """Claim proposed days for no bill, and log it; whether it waited for that.

        Raises:
            SelfApprovalError: The approver proposed it.
            CannotSuppressError: The days are billed by now, or not to be billed.
        """

    async def lift(self, uid: UUID, note: DecisionNote) -> bool:
        """Free suppressed days, or withdraw a proposal, and log it; whether it stood.

        Raises:
            CannotLiftError: Days behind it are billed or suppressed.
        """

    async def suppressions(self, account: str | None) -> Sequence[Suppression]:
        """All of them, newest first; of an account by its number, or of all."""
