"""What limits of corrections need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Protocol

from central.domain.billing.correction_limit import CorrectionLimit, LimitCause, LimitTerms
from central.service.ports.decisions import DecisionNote


class LimitScope(NamedTuple):
    """What a limit is of.

    Args:
        group: Name of a group of accounts or service points; None for everybody.
        cause: Why bills say something else; None for every cause without a limit of its own.
    """

    group: str | None = None
    cause: LimitCause | None = None


class CorrectionLimitStore(Protocol):
    """Where limits are kept."""

    async def enter(
        self, scope: LimitScope, effective: date, terms: LimitTerms, note: DecisionNote
    ) -> int:
        """Keep the next revision of a scope and day, and log it; its number.

        Bills that are not issued yet are rated again before they are.

        Raises:
            NotRegisteredError: There is no such group.
        """

    async def limits(self) -> Sequence[CorrectionLimit]:
        """All revisions, by group, cause, the latest day and the newest first."""
