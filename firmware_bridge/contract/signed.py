"""The frame of what only the holder of a signing key may say: configurations and updates.

`MLS`, the version, the purpose, the key's id, an Ed25519 signature (RFC 8032), then the body.
What is signed is `DOMAIN`, version, purpose, key id and body, so that no signature made for another
purpose, format or program fits here. The contract knows the bytes; who has keys signs and checks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from firmware_bridge.contract.errors import (
    BadMagicError,
    OversizeError,
    SchemaError,
    TruncatedError,
    UnknownVersionError,
)

MAGIC: Final = b"MLS"
VERSION: Final = 1
DOMAIN: Final = b"meterline signed message\0"
KEY_ID_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64
SIGNED_MAX_BYTES: Final = 64 * 1024
_HEAD: Final = len(MAGIC) + 2
_BODY_AT: Final = _HEAD + KEY_ID_BYTES + SIGNATURE_BYTES


class Purpose(IntEnum):
    """What a signed message is for."""

    CONFIGURATION = 1
    UPDATE = 2


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed message; its signature is not checked yet.

    Args:
        purpose: What it is for.
        key_id: Names the key, see `key_id`.
        signature: Ed25519, 64 bytes.
        body: msgpack, see `firmware_bridge.contract.remote`.
    """

    purpose: Purpose
    key_id: bytes
    signature: bytes
    body: bytes

    @property
    def frame(self) -> bytes:
        """The bytes that the signature is over."""
        return to_sign(self.purpose, self.key_id, self.body)

    def encode(self) -> bytes:
        """As it is published."""
        head = MAGIC + bytes((VERSION, self.purpose))
        return head + self.key_id + self.signature + self.body


def key_id(public_key: bytes) -> bytes:
    """The first eight bytes of the SHA-256 of a raw public key."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def to_sign(purpose: Purpose, key: bytes, body: bytes) -> bytes:
    """What is signed for a body, by the key with that id."""
    return DOMAIN + bytes((VERSION, purpose)) + key + body


def open_signed(purpose: Purpose, payload: bytes) -> Signed:
    """Take a message apart; its signature is still to be checked.

    Raises:
        OversizeError, BadMagicError, UnknownVersionError, TruncatedError: As they say.
        SchemaError: It is for another purpose.
    """
    if len(payload) > SIGNED_MAX_BYTES:
        message = f"The message has {len(payload)} bytes; the limit is {SIGNED_MAX_BYTES}."
        raise OversizeError(message, value=len(payload))
    if not payload.startswith(MAGIC):
        message = f"The message begins with {payload[:4].hex()}, so it is not a signed message."
        raise BadMagicError(message, value=payload[:4])
    if payload[len(MAGIC) : _HEAD - 1] not in {b"", bytes((VERSION,))}:
        message = f"The signed message does not have format version {VERSION}."
        raise UnknownVersionError(message, value=payload[len(MAGIC)])
    if len(payload) <= _BODY_AT:
        message = f"The signed message has {len(payload)} bytes and ends before its body."
        raise TruncatedError(message, value=len(payload))
    if payload[_HEAD - 1] != purpose:
        message = f"The signed message is for purpose {payload[_HEAD - 1]}, not {purpose.value}."
        raise SchemaError(message, value=payload[_HEAD - 1])
    signature_at = _HEAD + KEY_ID_BYTES
    return Signed(
        purpose, payload[_HEAD:signature_at], payload[signature_at:_BODY_AT], payload[_BODY_AT:]
    )
