"""The utility's billing settings in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from central.domain.actor import Actor
from central.domain.billing.billing_settings import SettingsRevision
from central.service.ports.billing_settings import StaleSettingsError
from tests.support.memory.books import MemoryBooks


class MemorySettingsStore:
    """`SettingsStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def revisions(self) -> tuple[SettingsRevision, ...]:
        """See `SettingsStore`."""
        async with self._books.begin() as state:
            return tuple(state.settings[number] for number in sorted(state.settings))

    async def add(
        self, revision: SettingsRevision, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `SettingsStore`."""
        async with self._books.begin() as state:
            if revision.revision in state.settings:
                raise StaleSettingsError.at(revision.revision)
            state.settings[revision.revision] = revision
            at, subject = revision.recorded_at, f"revision {revision.revision}"
            self._books.audit(at, actor, "billing_settings.changed", subject, detail)
