"""What an operator's decisions need of a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from central.domain.actor import Actor
from central.service.ports.concerned_bills import ConcernedBills
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity


class Choice(StrEnum):
    """Which of two values a reading has. Stored: never renamed."""

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class ReadingConflict:
    """Two values that claim one reading.

    Args:
        id: Its key.
        gateway: Name of the gateway that sent the second value.
        meter: Manufacturer and serial number.
        obis: Which quantity and direction.
        at: The instant of the reading.
        kept: The value that holds the place now.
        other: The value that was kept aside.
        found_at: When it arrived.
    """

    id: int
    gateway: str
    meter: str
    obis: Obis
    at: datetime
    kept: Quantity
    other: Quantity
    found_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionNote:
    """Who answers for a decision, why and since when.

    Args:
        actor: Who.
        reason: Why, in their words.
        at: When.
    """

    actor: Actor
    reason: str
    at: datetime


class DecisionStore(Protocol):
    """Where conflicts and findings wait for somebody."""

    async def conflicts(self, limit: int) -> list[ReadingConflict]:
        """Open conflicts, oldest first."""

    async def settle(
        self, conflict_id: int, choice: Choice, answer: DecisionNote
    ) -> Mapping[str, ConcernedBills] | None:
        """Decide a conflict, note it in the audit log and queue its days for validation.

        The value that replaces another becomes the reading's next revision; nothing is
        overwritten.

        Returns:
            The issued bills whose days another value may change, by what was changed; None where
            there is no such conflict, undecided.
        """

    async def accept_report(self, finding_id: int, answer: DecisionNote) -> bool:
        """Close a finding of ingest because somebody answers for it.

        Returns:
            Whether there was such a finding, open.
        """
