"""What rules that settle small differences need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.correction_rule import CorrectionRule, RuleTerms
from central.service.ports.decisions import DecisionNote


class CoveredCandidate(NamedTuple):
    """An open candidate that a rule in force covers.

    Args:
        account: Number.
        bill: Identifier of its first bill.
        difference_sha256: Hex digest of what the bills would say.
        rule: `NAME@version`.
    """

    account: str
    bill: UUID
    difference_sha256: str
    rule: str


class CorrectionRuleStore(Protocol):
    """Where rules are kept."""

    async def enter(self, name: str, terms: RuleTerms, note: DecisionNote) -> int:
        """Keep the next version of a rule, and log it; its number."""

    async def approve(self, name: str, version: int, approver: Actor, at: datetime) -> bool:
        """Put a version in force, and log it; whether it waited for that.

        Raises:
            SelfApprovalError: The approver entered it.
        """

    async def withdraw(self, name: str, version: int, note: DecisionNote) -> bool:
        """Withdraw a version that waits or is in force, and log it; whether there was one."""

    async def rules(self) -> Sequence[CorrectionRule]:
        """All versions, by name, the newest first."""

    async def covered(
        self, today: date, since: datetime | None, limit: int
    ) -> Sequence[CoveredCandidate]:
        """Open candidates that a rule covers and about which nobody has decided, the oldest first.

        Args:
            today: The present day.
            since: Only those that were compared then or later; None for all.
            limit: Candidates at most.
        """
