"""Signatures of webhooks, symmetric (`v1`), and their secrets.

Source: https://www.standardwebhooks.com, version 1.0.0, on signatures
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from firmware_bridge.contract.errors import InvalidValueError

_PREFIX = "whsec_"
SECRET_BYTES = 32
_BYTES_MIN, _BYTES_MAX = 24, 64


def secret_text(key: bytes) -> str:
    """A secret as receivers are given it.

    Args:
        key: 24 to 64 random bytes.
    """
    return _PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret says.

    Raises:
        InvalidValueError: It says none of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _BYTES_MIN <= len(key) <= _BYTES_MAX:
        message = "The secret of a webhook is whsec_ and 24 to 64 bytes in base64."
        raise InvalidValueError(message, value=len(key))
    return key


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message under one secret.

    Args:
        secret: As `secret_text` gives it.
        message_id: Header `webhook-id`.
        timestamp: Header `webhook-timestamp`. [s since 1970, UTC]
        body: As it is sent.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(
    secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers of a message; one signature for each secret, so that they can be exchanged."""
    signatures = (signature(secret, message_id, timestamp, body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
