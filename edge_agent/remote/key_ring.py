"""The public keys that a gateway trusts for one purpose."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.remote.errors import BadSignatureError, OtherGatewayError, SigningKeyUnknownError
from firmware_bridge.contract.remote import RemoteConfiguration, Update
from firmware_bridge.contract.signed import Purpose, Signed, key_id, open_signed


class KeyRing:
    """Checks signatures.

    Args:
        purpose: What these keys may sign.
        keys: Public keys, 64 hex digits each.
    """

    def __init__(self, purpose: Purpose, keys: Iterable[str]) -> None:
        self.purpose = purpose
        raw = [bytes.fromhex(key) for key in keys]
        self._keys = {key_id(key): key for key in raw}

    def open(self, payload: bytes) -> bytes:
        """The body of a message, once its signature is found good.

        Raises:
            MessageError: It is not a signed message for this purpose.
            SigningKeyUnknownError, BadSignatureError: Nobody that we trust says it.
        """
        signed = open_signed(self.purpose, payload)
        public = self._keys.get(signed.key_id)
        if public is None:
            message = f"The signing key {signed.key_id.hex()} is not trusted by this gateway."
            raise SigningKeyUnknownError(message, value=signed.key_id.hex())
        _verify(public, signed)
        return signed.body


def _verify(public: bytes, signed: Signed) -> None:
    # Takes 5 MB, which a gateway that is told nothing need not spend.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed.signature, signed.frame)
    except InvalidSignature:
        message = f"The signature by key {signed.key_id.hex()} is not valid."
        raise BadSignatureError(message, value=signed.key_id.hex()) from None


def check_gateway(ours: str, message: RemoteConfiguration | Update) -> None:
    """Whether a message is for us.

    Raises:
        OtherGatewayError: It is signed for another gateway.
    """
    if message.gateway != ours:
        text = f"The message is for gateway {message.gateway!r}, not for {ours!r}."
        raise OtherGatewayError(text, value=message.gateway)
