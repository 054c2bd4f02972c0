"""What moves need of a store: the registry, what registers showed, and the moves themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from central.service.ports.bill_window import HeldRun
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest import IngestStore
from central.service.ports.registry import RegistryTransaction
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


class MoveKind(StrEnum):
    """What kind of move. Stored: never renamed."""

    MOVE_IN = "move_in"
    MOVE_OUT = "move_out"
    METER_EXCHANGE = "meter_exchange"
    AGREEMENT_CHANGE = "agreement_change"


@dataclass(frozen=True, slots=True)
class NewMove:
    """A move as it is recorded.

    Args:
        kind: Which.
        point: Name of the service point.
        account: Number; None where meters alone were exchanged.
        at: When it takes effect. Aware.
        asked: What was asked for; the same again changes nothing.
        steps: What it did to agreements and meters, and what these were before.
    """

    kind: MoveKind
    point: str
    account: str | None
    at: datetime
    asked: Mapping[str, Any]
    steps: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """A recorded move.

    Args:
        uid: Its identifier.
        place: Its place among all moves.
        move: What it was.
        decided_by: Key of who decided it.
        decided_at: When.
        reason: Why.
        undone_by: Key of who took it back; None while it holds.
        undone_at: When.
        undo_reason: Why.
    """

    uid: UUID
    place: int
    move: NewMove
    decided_by: str
    decided_at: datetime
    reason: str
    undone_by: str | None = None
    undone_at: datetime | None = None
    undo_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "move": str(self.uid),
            "kind": self.move.kind.value,
            "point": self.move.point,
            "account": self.move.account,
            "at": self.move.at.isoformat(),
            "reason": self.reason,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(),
            "undone_by": self.undone_by,
            "undone_at": None if self.undone_at is None else self.undone_at.isoformat(),
            "undo_reason": self.undo_reason,
        }


@dataclass(frozen=True, slots=True)
class RegisterAt:
    """A register of the meter that was at a point at an instant, and what it showed then.

    Args:
        manufacturer: Of the meter.
        serial: Of the meter.
        gateway: Behind which gateway the meter is.
        obis: Which register.
        unit: Of the value.
        value: What it showed; None where nothing is stored or written down.
        counted: Whether an interval of the meter's own ends at the instant.
    """

    manufacturer: str
    serial: str
    gateway: str
    obis: Obis
    unit: Unit
    value: Decimal | None
    counted: bool

    @property
    def read(self) -> bool:
        """Whether it is known what was used until the instant."""
        return self.value is not None or self.counted


class MoveTransaction(RegistryTransaction, Protocol):
    """One transaction on the registry that records a move."""

    async def registers_at(
        self, point: str, at: datetime, *, before: bool
    ) -> tuple[RegisterAt, ...]:
        """The registers of a point at an instant.

        Args:
            point: Its name.
            at: Aware; a reading within 10 s of it counts.
            before: Of the meter that was there until the instant; else of the one from then on.
        """

    def ingest(self) -> IngestStore:
        """Where readings are kept, within this transaction."""

    async def add_move(self, move: NewMove, note: DecisionNote) -> UUID:
        """Record a move; its identifier."""

    async def moves(self, point: str) -> tuple[MoveRecord, ...]:
        """The moves of a point that hold, oldest first."""

    async def move(self, uid: UUID) -> MoveRecord | None:
        """A move, whether it holds or not."""

    async def undo_move(self, uid: UUID, note: DecisionNote) -> None:
        """Note that a move is taken back."""


class MoveStore(Protocol):
    """Where moves are kept."""

    def transaction(
        self, now: datetime | None = None
    ) -> AbstractAsyncContextManager[MoveTransaction]:
        """Begin a transaction; see `RegistryStore`."""

    async def left_unbilled(self, now: datetime) -> Sequence[HeldRun]:
        """The runs that make the last bills of accounts that have moved out by now.

        Args:
            now: Aware.

        Returns:
            One for each account and month, ascending; none where all days are claimed.
        """

    async def listed(
        self,
        account: str | None,
        point: str | None,
        limit: int,
        behind: int | None = None,
        since: datetime | None = None,
    ) -> Sequence[MoveRecord]:
        """Moves, newest first; of an account by its number, a point by its name, or all.

        Args:
            account: Its number.
            point: Its name.
            limit: Most of them.
            behind: Only those that come behind this one's `place`.
            since: Only those that were made or undone then or later.
        """
