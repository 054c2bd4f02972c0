"""What readings that are ordered on site need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey


@dataclass(frozen=True, slots=True)
class OrderedMeter:
    """A meter that somebody is to read.

    Args:
        meter: Manufacturer and serial number.
        last_at: When it was last read; None for never.
    """

    meter: str
    last_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        last = None if self.last_at is None else self.last_at.isoformat()
        return {"meter": self.meter, "last_read_at": last}


@dataclass(frozen=True, slots=True)
class FieldOrder:
    """A reading that is ordered on site.

    Args:
        uid: Its identifier.
        key: The exception for which it is.
        point: Name of the service point.
        due_on: Until when the meters are to be read.
        ordered_by: Key of who ordered it.
        ordered_at: When.
        reason: Why.
        meters: Those at the point.
        read_at: The first reading since it was ordered, which closes it; None while it is open.
    """

    uid: UUID
    key: ExceptionKey
    point: str
    due_on: date
    ordered_by: str
    ordered_at: datetime
    reason: str
    meters: tuple[OrderedMeter, ...] = ()
    read_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object: the document that somebody takes along."""
        return {
            "order": str(self.uid),
            "exception": str(self.key),
            "service_point": self.point,
            "due_on": self.due_on.isoformat(),
            "ordered_by": self.ordered_by,
            "ordered_at": self.ordered_at.isoformat(),
            "reason": self.reason,
            "meters": [meter.to_json() for meter in self.meters],
            "read_at": None if self.read_at is None else self.read_at.isoformat(),
        }


class FieldOrderStore(Protocol):
    """Where field orders are kept. A reading of a meter at the point closes one."""

    async def order(self, key: ExceptionKey, due_on: date, answer: ActionNote) -> UUID | None:
        """Keep an order for the point of an exception, and log it.

        Returns:
            Its identifier; None where the exception is about no service point.
        """

    async def orders(self, key: ExceptionKey | None, *, every: bool) -> Sequence[FieldOrder]:
        """Orders, the earliest due first.

        Args:
            key: Of one exception; None for all.
            every: Those too that a reading has closed.
        """
