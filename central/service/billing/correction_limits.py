"""Enter and show limits of corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.billing.correction_limit import CorrectionLimit, LimitTerms
from central.service.ports.correction_limits import CorrectionLimitStore, LimitScope
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import InvalidValueError


class CorrectionLimits:
    """The use-cases.

    Args:
        store: Where limits are kept.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: CorrectionLimitStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._clock = clock

    async def enter(
        self,
        terms: LimitTerms,
        actor: Actor,
        reason: str,
        effective: date,
        scope: LimitScope = LimitScope(),  # noqa: B008 - frozen
    ) -> int:
        """Enter a limit; one of the same scope and day takes the place of what was there.

        Args:
            terms: What it says.
            actor: Who enters it.
            reason: Why.
            effective: First day that it holds on.
            scope: Of whom, and of which cause.

        Returns:
            Its revision.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: There is no such group.
        """
        if not reason.strip():
            message = "A limit needs a reason, such as 'law of 2026 in force'."
            raise InvalidValueError(message, value=reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        return await self._store.enter(scope, effective, terms, note)

    async def listed(self) -> Sequence[CorrectionLimit]:
        """All revisions: everybody first, of each scope the latest day and newest first."""
        return await self._store.limits()
