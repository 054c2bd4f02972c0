"""Secrets sealed by AES-GCM under a key that is derived from the one that signs sessions."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class AesSealedBox:
    """`SealedBox` under a key.

    Args:
        secret: At least 32 bytes; where it is another one, nothing opens.
    """

    def __init__(self, secret: bytes) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"meterline second factors")
        self._cipher = AESGCM(derive.derive(secret))

    def seal(self, secret: bytes, about: str) -> bytes:
        """See `SealedBox`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """See `SealedBox`."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, content, about.encode())
        except InvalidTag:
            return None
