"""What the use-cases need of the utility's billing settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

from central.domain.actor import Actor
from central.domain.billing.billing_settings import SettingsRevision
from firmware_bridge.contract.errors import OperatorError


class StaleSettingsError(OperatorError):
    """Somebody else changed the settings meanwhile."""

    code = "STALE_SETTINGS"
    default_remedy = "Look at them again with `settings show`, then repeat the change."

    @classmethod
    def at(cls, revision: int) -> Self:
        """The error for a revision that is taken."""
        message = f"Somebody else recorded revision {revision} of the settings meanwhile."
        return cls(message, value=revision, remedy="Look at them, and change them again.")


class SettingsStore(Protocol):
    """Where the utility's billing settings are kept."""

    async def revisions(self) -> tuple[SettingsRevision, ...]:
        """Every revision, in order; at least one."""

    async def add(
        self, revision: SettingsRevision, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """Record a revision, with a line in the audit log.

        Args:
            revision: One more than the newest.
            actor: Who records it.
            detail: What changed, for the audit log.

        Raises:
            StaleSettingsError: The revision is taken.
        """
