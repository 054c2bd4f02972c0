"""What the registry said, revision by revision; the statements are in `revisions.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import Personal, as_json
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry_revisions import RegistryRevision

_SQL = load_queries(Path(__file__).with_name("revisions.sql"))


class RevisionRows:
    """That part of `RegistryTransaction`, on one connection."""

    _connection: AsyncConnection[tuple[Any, ...]]

    async def keep_revision(
        self,
        about: tuple[str, str],
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        note: DecisionNote,
    ) -> None:
        """See `RegistryTransaction`."""
        named = {"kind": about[0], "subject": about[1]}
        if old is not None:
            await self._connection.execute(_SQL["add_before"], {**named, **_columns(old)})
        written = {"at": note.at, "actor": note.actor.key, "reason": note.reason or None}
        await self._connection.execute(_SQL["add"], {**named, **_columns(new), **written})

    async def revisions(self, kind: str, subject: str | None) -> tuple[RegistryRevision, ...]:
        """See `RegistryTransaction`."""
        values = {"kind": kind, "subject": subject}
        cursor = await self._connection.execute(_SQL["revisions"], values)
        return tuple(RegistryRevision(*row) for row in await cursor.fetchall())


def _columns(content: Mapping[str, Any]) -> dict[str, str | None]:
    personal = {name: value.value for name, value in content.items() if isinstance(value, Personal)}
    plain = {name: value for name, value in content.items() if name not in personal}
    return {"content": as_json(plain), "personal": as_json(personal) if personal else None}
