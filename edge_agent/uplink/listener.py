"""Who hears of more than batches, and has something to say in the gateway's status."""

from __future__ import annotations

from typing import Any, Protocol

from firmware_bridge.contract.messages import Status
from firmware_bridge.figures import Figure


class Listener(Protocol):
    """What the uplink tells of messages that the session runner does not know."""

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to beside the acknowledgements."""
        ...

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message came on one of them. Never blocks."""
        ...

    def complete(self, status: Status) -> Status:
        """The status, with what there is to say."""
        ...

    def table(self) -> dict[str, Any] | None:
        """As `meterline-edge status` shows it; None where there is nothing."""
        ...

    def figures(self) -> tuple[Figure, ...]:
        """For Prometheus."""
        ...
