"""What policies of classes need of a store, whatever they judge: days of channels, or bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from central.domain.vee.policies_in_force import PolicyVersion
from central.domain.vee.policy_document import PolicyDocument
from central.service.ports.decisions import DecisionNote


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


class ClassPolicyStore(Protocol):
    """Where the policies of classes are kept."""

    async def policies(self, class_name: str | None = None) -> Sequence[RecordedPolicy]:
        """All versions of a class, or of all of them, by name, the newest first."""

    async def has_group(self, name: str) -> bool:
        """Whether there is a group of points of that name."""

    async def add_policy(
        self, class_name: str, effective: date, document: PolicyDocument, note: DecisionNote
    ) -> int:
        """Keep the next version of a class's policy, and log it; its number."""
