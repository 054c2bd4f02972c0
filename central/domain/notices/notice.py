"""What is told: that a bill was issued, an exception opened, or a day came that a rule names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from central.domain.notices.date_rule import DATE_FACTS


class NoticeKind(StrEnum):
    """What a notice is about. Stored, and sent: never renamed."""

    BILL_ISSUED = "bill.issued"
    """A bill or credit note has its number."""
    RUN_FINISHED = "run.finished"
    """The last shard of a bill run was saved."""
    EXCEPTION_OPENED = "exception.opened"
    """Something waits for a clerk."""
    ALERT_RAISED = "alert.raised"
    """An alert's threshold was reached."""
    DATE_REACHED = "date.reached"
    """The day of a rule came: so many days before or after a date."""
    ENDPOINT_TEST = "endpoint.test"
    """Somebody tries an endpoint; no rule names it."""


FACTS: Mapping[NoticeKind, tuple[str, ...]] = {
    NoticeKind.BILL_ISSUED: (
        *("bill", "number", "account", "cycle", "run_type", "currency", "total"),
        *("issued_on", "due_on", "credit_note"),
    ),
    NoticeKind.RUN_FINISHED: ("run", "cycle", "run_type", "creator"),
    NoticeKind.EXCEPTION_OPENED: ("exception", "kind", "severity", "subject", "code", "message"),
    NoticeKind.ALERT_RAISED: (
        *("alert", "rule", "measure", "subject_kind", "subject", "period", "first"),
        *("threshold", "value", "unit", "account", "set_by"),
    ),
    NoticeKind.DATE_REACHED: tuple(
        dict.fromkeys(fact for facts in DATE_FACTS.values() for fact in facts)
    ),
    NoticeKind.ENDPOINT_TEST: ("endpoint",),
}
"""What notices of each kind say; a rule's conditions name these."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened.

    Args:
        uid: Its identifier, the same wherever and however often it is sent.
        kind: What it is about.
        at: When it happened.
        subject: Bill, account, service point or run, for people.
        facts: What it says, by name.
    """

    uid: UUID
    kind: NoticeKind
    at: datetime
    subject: str
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object: `type`, `timestamp` and `data`, as Standard Webhooks asks for."""
        at = self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"type": self.kind.value, "timestamp": at, "data": dict(self.facts)}
