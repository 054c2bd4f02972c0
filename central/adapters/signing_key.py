"""Ed25519 keys in files, as PKCS #8 in PEM."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.durable_file import write_new_durably


class SigningKeyError(ConfigurationError):
    """The file holds no Ed25519 private key, or one with a password."""

    code = "SIGNING_KEY"


class FileKey:
    """A private key out of a file.

    Args:
        key: As read.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def make(cls, path: Path) -> FileKey:
        """Make a key file that only its owner can read.

        Raises:
            OSError: The file is there already, or cannot be made.
        """
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_new_durably(path, text)
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> FileKey:
        """Read a key.

        Raises:
            SigningKeyError: It holds none that can be used.
            OSError: It cannot be read.
        """
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):
            message = f"{path} does not contain an Ed25519 private key without a password."
            raise SigningKeyError(message, value=str(path)) from None
        if not isinstance(key, Ed25519PrivateKey):
            message = f"{path} contains a key that is not Ed25519."
            raise SigningKeyError(message, value=str(path))
        return cls(key)

    @property
    def public(self) -> bytes:
        """See `SigningKey`."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, frame: bytes) -> bytes:
        """See `SigningKey`."""
        return self._key.sign(frame)
