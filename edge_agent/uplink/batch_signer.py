"""Signs batches as they are sent, with a key that was made on this device and never leaves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge_agent.errors import SigningKeyUnusableError
from firmware_bridge.contract.envelope import is_batch
from firmware_bridge.contract.signed_batch import sign_batch

SIGNING_KEY: Final = "signing.key"


class BatchSigner:
    """A key that signs batches.

    Args:
        public_key: Raw, 32 bytes.
        sign: Makes a signature.
    """

    def __init__(self, public_key: bytes, sign: Callable[[bytes], bytes]) -> None:
        self.public_key = public_key
        self.sign = sign

    @classmethod
    def load(cls, path: Path) -> BatchSigner:
        """Read a key.

        Raises:
            SigningKeyUnusableError: It cannot be read, or is not of Ed25519.
        """
        # Takes 5 MB, which a gateway that does not sign need not spend.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )

        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            message = f"{path} cannot be used to sign batches: {error}."
            raise SigningKeyUnusableError(message, value=str(path)) from error
        if not isinstance(key, Ed25519PrivateKey):
            message = f"{path} contains a key that is not Ed25519."
            raise SigningKeyUnusableError(message, value=str(path))
        return cls(key.public_key().public_bytes_raw(), key.sign)

    def signed(self, payload: bytes) -> bytes:
        """A batch with its signature; other messages as they are."""
        return sign_batch(payload, self.public_key, self.sign) if is_batch(payload) else payload
