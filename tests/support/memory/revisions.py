"""What the registry said, revision by revision, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from central.domain.audit.change import Personal, as_json
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry_revisions import RegistryRevision
from tests.support.memory.books import BookState


class RevisionTables:
    """That part of `RegistryTransaction`, over dictionaries."""

    _state: BookState

    async def keep_revision(
        self,
        about: tuple[str, str],
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        note: DecisionNote,
    ) -> None:
        table = self._state.registry_revisions
        if old is not None and (*about, 1) not in table:
            table[*about, 1] = RegistryRevision(*about, 1, _plain(old))
        count = sum(key[:2] == about for key in table)
        table[*about, count + 1] = RegistryRevision(
            *about, count + 1, _plain(new), note.at, note.actor.key, note.reason or None
        )

    async def revisions(self, kind: str, subject: str | None) -> tuple[RegistryRevision, ...]:
        return tuple(
            revision
            for key, revision in sorted(self._state.registry_revisions.items())
            if key[0] == kind and subject in {None, key[1]}
        )


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: value.value if isinstance(value, Personal) else value
        for name, value in content.items()
    }
    plain: dict[str, Any] = json.loads(as_json(values))
    return plain
