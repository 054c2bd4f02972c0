"""What telling gateways something under a signature needs of the outside."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from firmware_bridge.contract.messages import Status
from firmware_bridge.contract.signed import Purpose


class SigningKey(Protocol):
    """An Ed25519 private key."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, frame: bytes) -> bytes:
        """The signature over a frame, 64 bytes."""
        ...


class GatewayLine(Protocol):
    """The broker, where what is left for a gateway waits for it."""

    async def leave(self, gateway: str, purpose: Purpose, payload: bytes) -> None:
        """Leave a message for a gateway in place of the one before; an empty one takes it away.

        Raises:
            BrokerUnavailableError: The broker is unavailable, or does not allow it.
        """

    async def statuses(self, gateways: Collection[str]) -> dict[str, Status]:
        """What gateways last said of themselves; of all where none is named.

        Raises:
            BrokerUnavailableError: The broker is unavailable, or does not allow it.
        """
