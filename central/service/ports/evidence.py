"""What an exception rests on, as tables that a clerk reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from central.service.ports.exceptions import ExceptionKey

EvidenceRow = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ExceptionEvidence:
    """What an exception rests on.

    Args:
        tables: Rows by what they are about, in the order in which they are read. Values are text,
            exact; instants are in UTC.
    """

    tables: Mapping[str, Sequence[EvidenceRow]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {title: [dict(row) for row in rows] for title, rows in self.tables.items()}


class EvidenceStore(Protocol):
    """Where evidence is read."""

    async def evidence(self, key: ExceptionKey) -> ExceptionEvidence:
        """What an exception rests on: value, time, neighbours, register, same days of other weeks.

        Args:
            key: Of one that waits.
        """
