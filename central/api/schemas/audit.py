"""The audit log, as it is answered."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from central.api.schemas.base import Instant, Schema
from central.service.audit.last_check import AuditCheck
from central.service.ports.audit import AuditRow


class AuditRowOut(Schema):
    """A row of the log: who did what to what, with old and new values and the reason."""

    row: int
    at: Instant
    actor: str
    via: str | None
    origin: str | None
    action: str
    subject: str
    seal: int | None
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: AuditRow) -> AuditRowOut:
        """As it is kept."""
        return cls.fill(row, row=row.id, detail=dict(row.detail))


class BrokenOut(Schema):
    """The first place where the log does not hold."""

    code: str
    message: str
    seal: int | None
    row: int | None


class AuditCheckOut(BaseModel):
    """The head of the log, and what its last verification found."""

    head: str
    seals: int
    running: bool
    checked_at: Instant | None
    checked_head: str | None
    anchors: int | None
    holds: bool | None
    broken: BrokenOut | None
    failure: str | None

    @classmethod
    def of(cls, head: str, seals: int, check: AuditCheck) -> AuditCheckOut:
        """As it stands."""
        last = check.last
        verified = None if last is None else last.verified
        broken = None if verified is None else verified.broken
        return cls(
            head=head,
            seals=seals,
            running=check.running,
            checked_at=None if last is None else last.at,
            checked_head=None if verified is None else str(verified.head),
            anchors=None if last is None else last.anchors,
            holds=None if verified is None else broken is None,
            broken=None
            if broken is None
            else BrokenOut(
                code=broken.code,
                message=broken.message,
                seal=broken.number,
                row=broken.row_id,
            ),
            failure=None if last is None else last.failure,
        )
