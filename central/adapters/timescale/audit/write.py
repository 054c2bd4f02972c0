"""Write audit rows, as the last statements of the transaction whose change they tell."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import as_json, set_apart
from central.domain.uuid7 import uuid7
from central.service.audit.origin import origin_now

SQL = load_queries(Path(__file__).with_name("audit.sql"))
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be written.

    Args:
        at: When.
        actor: Who.
        action: What was done.
        subject: To what.
        detail: Old and new values and the reason, see `change`.
    """

    at: datetime
    actor: Actor
    action: str
    subject: str
    detail: Mapping[str, Any]


async def audit(  # noqa: PLR0913, PLR0917 - a row of the log
    connection: AsyncConnection[tuple[Any, ...]],
    at: datetime,
    actor: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
) -> None:
    """Write a row of the audit log in the connection's transaction."""
    await audit_all(connection, [AuditEntry(at, actor, action, subject, detail)])


async def audit_all(
    connection: AsyncConnection[tuple[Any, ...]], entries: Sequence[AuditEntry]
) -> None:
    """Write rows of the audit log in the connection's transaction, in their order."""
    rows, personal, origin = [], [], origin_now()
    for entry in entries:
        uid, salt = str(uuid7(entry.at)), secrets.token_bytes(_SALT_BYTES)
        detail, apart = set_apart(entry.detail, uid, salt)
        named = {"at": entry.at, "subject": entry.subject}
        if apart:
            personal.append({**named, "uid": uid, "salt": salt, "value": apart})
        rows.append(
            {
                **named,
                "actor": entry.actor.key,
                "via": entry.actor.via.value,
                "action": entry.action,
                "detail": as_json(detail),
                "origin": origin,
            }
        )
    if not rows:
        return
    async with connection.cursor() as cursor:
        if personal:
            await cursor.executemany(SQL["keep_personal"], personal)
        await cursor.executemany(SQL["write"], rows)
