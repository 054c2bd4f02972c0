"""The option `--as-of`: what was known at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from central.cli.tariffs import AsOf, instant
from central.service.ports.billing import BillRecord
from central.service.ports.billing_errors import UnknownBillError
from central.service.registry.tariff_revisions import require_settled

__all__ = ["AsOf", "known_time", "require_issued"]


def known_time(text: str | None) -> datetime | None:
    """The time of knowledge that was given, if one was.

    Raises:
        InvalidValueError: It is none, has no UTC offset, or is later than five minutes ago.
    """
    known_at = None if text is None else instant(text)
    require_settled(known_at, datetime.now(UTC))
    return known_at


def require_issued(record: BillRecord, known_at: datetime | None) -> None:
    """Refuse a bill that was not issued at a time of knowledge; None asks for nothing.

    Raises:
        UnknownBillError: It was not.
    """
    if known_at is not None and (record.issued_at is None or record.issued_at > known_at):
        message = f"The bill {record.uid} was not issued at {known_at.isoformat()}."
        remedy = "Ask for a later time; drafts are replaced in place, so that none is kept."
        raise UnknownBillError(message, value=str(record.uid), remedy=remedy)
