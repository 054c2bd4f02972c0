"""What changed since parts of issued bills were rated, in words; the statements: `changes.sql`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.billing.changed_parts import COARSE, MARGIN
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.billing.candidate import CandidateCause, CauseKind
from central.service.ports.stamps import ChangedInput
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_KINDS = {
    "agreement": CauseKind.AGREEMENT,
    "installation": CauseKind.EXCHANGE,
    "account": CauseKind.ACCOUNT,
}
_FIELDS = {"facts": CauseKind.FACT, "multiplier": CauseKind.COEFFICIENT}


async def changes_of(
    connection: AsyncConnection[_Row], parts: Collection[int], changed: Iterable[ChangedInput]
) -> list[CandidateCause]:
    """What of days and registry is another than parts of issued bills, by key, were rated with.

    Args:
        connection: In a transaction.
        parts: Keys.
        changed: The inputs of their bills that are others, by revision.
    """
    asked: dict[str, object] = {"parts": list(parts)}
    # What was stored right before a bill was made is no cause, unless a point or an account changed
    # and nothing else says why: then its transaction began before the bill, and committed after.
    is_coarse = any(each.kind in COARSE for each in changed)
    for margin in (timedelta(0), MARGIN) if is_coarse else (timedelta(0),):
        days = await _rows(connection, "changed_days", **asked, margin=margin)
        events = await _rows(connection, "changed_events", **asked, margin=margin)
        records = await _rows(connection, "changed_records", **asked, margin=margin)
        causes = [
            *map(_changed_days, days),
            *map(_changed_events, events),
            *map(_changed_record, records),
        ]
        if causes:
            return causes
    return []


async def changes_of_bills(
    connection: AsyncConnection[_Row],
    bills: Collection[int],
    changed: Iterable[ChangedInput],
) -> list[CandidateCause]:
    """The same of all parts of issued bills, by key of the bill."""
    rows = await _rows(connection, "parts_of", bills=list(bills))
    return await changes_of(connection, [key for (key,) in rows], changed)


def _changed_days(row: _Row) -> CandidateCause:
    point, obis, first, last, count, edited = row
    days = str(first) if first == last else f"{count} days of {first} to {last}"
    what = "edited or estimated" if edited else "validated anew"
    subject = f"{Obis(bytes(obis))} at {point}"
    return CandidateCause(CauseKind.READINGS, subject, f"{days} {what}")


def _changed_events(row: _Row) -> CandidateCause:
    point, subject, first, last, count = row
    detail = f"{count} of {first.date()} to {last.date()} came or were replaced"
    return CandidateCause(CauseKind.EVENTS, f"{subject} at {point}", detail)


def _changed_record(row: _Row) -> CandidateCause:
    kind, subject, _, after, before, actor = row
    changed = change(before, after)
    names = list(changed["new"]) if before is not None else []
    cause = _KINDS.get(kind, CauseKind.SERVICE_POINT)
    if len(names) == 1:
        cause = _FIELDS.get(names[0], cause)
    texts = [f"{name} {changed['old'].get(name)} is {changed['new'][name]}" for name in names]
    return CandidateCause(cause, subject, f"{'; '.join(texts) or 'new'}, by {actor}")


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
