"""Keys of the test's own, and messages signed with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_bridge.contract.remote import (
    RemoteConfiguration,
    Update,
    encode_configuration,
    encode_update,
)
from firmware_bridge.contract.signed import Purpose, Signed, key_id, to_sign

MADE_AT = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True)
class Signer:
    """Who may sign; `seed` tells them apart."""

    seed: int = 1

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, purpose: Purpose, body: bytes) -> bytes:
        name = key_id(self.public)
        return Signed(purpose, name, self._key.sign(to_sign(purpose, name, body)), body).encode()

    def configuration(self, version: int, toml: str, gateway: str = "gw-1") -> bytes:
        message = RemoteConfiguration(gateway, version, MADE_AT, toml)
        return self.sign(Purpose.CONFIGURATION, encode_configuration(message))

    def update(self, message: Update) -> bytes:
        return self.sign(Purpose.UPDATE, encode_update(message))
