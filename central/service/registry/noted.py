"""What use-cases of the registry share that note who changed what, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from central.domain.actor import Actor
from central.service.ports.registry import RegistryStore, RegistryTransaction


class NotedChanges:
    """Use-cases, each in a transaction of its own or in one that is given.

    Args:
        store: Where the registry is kept.
        actor: Who asks; noted in the audit log.
        clock: Now, aware.
        reason: Why, for the audit log; "" for none.
    """

    def __init__(
        self,
        store: RegistryStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        reason: str = "",
    ) -> None:
        self._store = store
        self._actor = actor
        self._clock = clock
        self._reason = {"reason": reason.strip()} if reason.strip() else {}

    async def _note(
        self, registry: RegistryTransaction, action: str, subject: str, detail: dict[str, Any]
    ) -> None:
        complete = {"old": None, "new": None, "reason": None, **detail, **self._reason}
        await registry.audit(self._clock(), self._actor, action, subject, complete)
