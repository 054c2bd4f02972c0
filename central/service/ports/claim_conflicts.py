"""What is asked of a store about days that no claim can hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from central.domain.billing.claim_conflict import ClaimDecision, ConflictKind
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page


@dataclass(frozen=True, slots=True)
class NamedBill:
    """A bill that a conflict names.

    Args:
        bill: Its identifier.
        cycle: Name of its period.
        number: Legal number as printed; None until issued.
        state: draft, held, approved, issued, discarded.
    """

    bill: str
    cycle: str
    number: str | None
    state: str


@dataclass(frozen=True, slots=True)
class ClaimConflict:
    """Days of an account at a service that no claim can hold.

    Args:
        id: Its key.
        kind: What is wrong.
        account_number: Whose days.
        account_name: The customer's name.
        service_point: Name of the service point.
        service: Such as `electricity`.
        first: First local day.
        end: The local day after the last.
        bill: The bill that says the days and does not claim them; None where no bill does.
        others: Bills that claim them; where no bill says them, those directly before and after.
        decision: What was decided; None while it is open.
        reason: Why.
        decided_by: Who decided.
        decided_at: When.
    """

    id: int
    kind: ConflictKind
    account_number: str
    account_name: str
    service_point: str
    service: str
    first: date
    end: date
    bill: NamedBill | None
    others: tuple[NamedBill, ...]
    decision: ClaimDecision | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None

    @property
    def last(self) -> date:
        """Last local day."""
        return self.end - timedelta(days=1)

    @property
    def meaning(self) -> str:
        """What is wrong, in a sentence."""
        return self.kind.meaning

    @property
    def remedy(self) -> str | None:
        """What to do about it; None once it is decided."""
        return None if self.decision else self.kind.remedy


class ClaimConflictStore(Protocol):
    """Where conflicts of claims are kept."""

    async def count(self) -> tuple[int, int]:
        """How many are open, and how many are decided."""

    async def conflicts(
        self, *, decided: bool = False, after: str | None = None, limit: int
    ) -> Page[ClaimConflict]:
        """Conflicts in the order of their numbers.

        Args:
            decided: Those that are decided, in place of those that are open.
            after: Cursor of the page before.
            limit: Most rows.

        Raises:
            CursorError: The cursor is not one of this list.
        """

    async def decide(self, conflict: int, decision: ClaimDecision, note: DecisionNote) -> bool:
        """Decide a conflict, once, and note it in the audit log.

        Returns:
            Whether there was such a conflict, open.
        """
