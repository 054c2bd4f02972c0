"""One exception with what it rests on, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from central.service.ports.evidence import EvidenceStore, ExceptionEvidence
from central.service.ports.exceptions import (
    ExceptionKey,
    ExceptionKind,
    ExceptionRow,
    ExceptionStore,
    NoSuchExceptionError,
)

_ALWAYS = ("assign", "suppress")
_ACTIONS = {
    ExceptionKind.FINDING: ("accept", "edit", "estimate", "rerun", "field-order"),
    ExceptionKind.REPORT: ("accept",),
    ExceptionKind.BILL: ("release", "rerun", "field-order"),
    ExceptionKind.CONFLICT: ("decide", "field-order"),
    ExceptionKind.SUBJECT: ("assign-point", "dismiss"),
}


@dataclass(frozen=True, slots=True)
class ExceptionDocument:
    """An exception with what it rests on.

    Args:
        row: As the queue lists it.
        evidence: What it rests on.
        actions: What can be done about it.
    """

    row: ExceptionRow
    evidence: ExceptionEvidence
    actions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        row = self.row
        return {
            "exception": str(row.key),
            "kind": row.key.kind.value,
            "severity": row.severity.value,
            "raised_at": row.raised_at.isoformat(),
            "subject": row.subject,
            "code": row.code,
            "message": row.message,
            "owner": row.owner,
            "due_on": None if row.due_on is None else row.due_on.isoformat(),
            "hidden_until": None if row.hidden_until is None else row.hidden_until.isoformat(),
            "evidence": self.evidence.to_json(),
            "actions": list(self.actions),
        }


async def show_exception(
    queue: ExceptionStore, store: EvidenceStore, key: ExceptionKey
) -> ExceptionDocument:
    """An exception that waits, with what it rests on.

    Raises:
        NoSuchExceptionError: It does not wait.
    """
    row = await queue.one(key)
    if row is None:
        message = f"The exception {key} does not wait, or no longer."
        raise NoSuchExceptionError(message, value=str(key))
    actions = (*_ACTIONS.get(key.kind, ()), *_ALWAYS)
    return ExceptionDocument(row, await store.evidence(key), actions)
