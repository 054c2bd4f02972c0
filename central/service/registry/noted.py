"""What use-cases of the registry share that note who changed what, and why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from central.domain.actor import Actor
from central.service.ports.registry import RegistryStore, RegistryTransaction


class RegistryChanges:
    """Use-cases in somebody's name, each in a transaction of its own or in one that is given.

    Args:
        store: Where the registry is kept.
        actor: Who asks; noted in the audit log.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: RegistryStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.actor = actor
        self.clock = clock

    def _begin(self) -> AbstractAsyncContextManager[RegistryTransaction]:
        """A transaction of what is known from now on."""
        return self.store.transaction(self.clock())


class NotedChanges(RegistryChanges):
    """Use-cases whose changes have one reason.

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
        super().__init__(store, actor, clock)
        self._reason = {"reason": reason.strip()} if reason.strip() else {}

    async def _note(
        self, registry: RegistryTransaction, action: str, subject: str, detail: dict[str, Any]
    ) -> None:
        complete = {"old": None, "new": None, "reason": None, **detail, **self._reason}
        await registry.audit(self.clock(), self.actor, action, subject, complete)
