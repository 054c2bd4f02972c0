"""Suppress days of an occupancy: they are not billed, with a reason; and lift that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.suppression import Suppression
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.suppressions import OccupiedService, SuppressionStore
from firmware_bridge.contract.errors import InvalidValueError


class SuppressPeriods:
    """The use-cases.

    Args:
        store: Where suppressed days are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: SuppressionStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def suppress(
        self, occupied: OccupiedService, until: date, actor: Actor, reason: str
    ) -> UUID:
        """Propose that the days from the first unbilled one until another be not billed.

        Another person approves it; until then a run bills them.

        Args:
            occupied: Whose days, and where.
            until: The day after the last of them, local.
            actor: Who decides.
            reason: Why.

        Returns:
            Identifier of the suppression.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: The account has no days to be billed there, or several services.
            CannotSuppressError: The bill before is not issued, the days are not to be billed or
                more than a year ahead, or a proposal waits.
        """
        return await self._store.suppress(occupied, until, self._note(actor, reason))

    async def approve(self, uid: UUID, actor: Actor) -> None:
        """Let proposed days not be billed from now on.

        Raises:
            NotRegisteredError: No suppression of that identifier waits for approval.
            SelfApprovalError: The approver proposed it.
            CannotSuppressError: The days are billed by now, or not to be billed.
        """
        if not await self._store.approve(uid, actor, self._clock()):
            message = f"No suppression {uid} waits for approval."
            raise NotRegisteredError(message, value=str(uid))

    async def lift(self, uid: UUID, actor: Actor, reason: str) -> None:
        """Free suppressed days, so that the next run bills them, or withdraw a proposal.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: No suppression of that identifier holds or waits.
            CannotLiftError: Days behind it are billed or suppressed.
        """
        if not await self._store.lift(uid, self._note(actor, reason)):
            message = f"No suppression {uid} holds or waits."
            raise NotRegisteredError(message, value=str(uid))

    async def listed(self, account: str | None = None) -> Sequence[Suppression]:
        """All of them, newest first; of an account by its number, or of all."""
        return await self._store.suppressions(account)

    def _note(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "A suppression needs a reason, such as 'house under construction'."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason.strip(), self._clock())
