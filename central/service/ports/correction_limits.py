"""What limits of corrections need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from central.domain.billing.correction_limit import CorrectionLimit, LimitTerms
from central.service.ports.decisions import DecisionNote


class CorrectionLimitStore(Protocol):
    """Where limits are kept."""

    async def enter(
        self, group: str | None, effective: date, terms: LimitTerms, note: DecisionNote
    ) -> int:
        """Keep the next revision of a scope and day, and log it; its number.

        Raises:
            NotRegisteredError: There is no such group.
        """

    async def limits(self) -> Sequence[CorrectionLimit]:
        """All revisions, by scope, the latest day and the newest first."""
