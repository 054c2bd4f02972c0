"""Signed heads of the audit log: a file a day in a folder, best on another machine's disk.

A file of anchors can be written anew by whoever has the disk; a head that is signed cannot, without
the key. Who keeps the public key apart can check a folder years later.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.adapters.signing_key import FileKey
from central.domain.audit.chain import ChainHead
from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.durable_file import write_new_durably

_DOMAIN: Final = "meterline audit head"
_HASH_BYTES: Final = 32
_PATTERN: Final = "audit-head-*.json"


class HeadRefusedError(ConfigurationError):
    """A file in the folder of heads is not one, or is not signed by the key."""

    code = "AUDIT_HEAD_REFUSED"
    default_remedy = "Check the public key, and who could write to the folder."


class SignedHeads:
    """`HeadExport` into a folder.

    Args:
        folder: Where to; it is there already.
        key: Signs them.
    """

    def __init__(self, folder: Path, key: FileKey) -> None:
        self._folder = folder
        self._key = key
        self._day: date | None = None

    def export(self, head: ChainHead, at: datetime) -> None:
        """See `HeadExport`."""
        day = at.astimezone(UTC).date()
        if day == self._day or not head.number:
            return
        path = self._folder / f"audit-head-{day.isoformat()}.json"
        text = _text(head.number, head.sha256, at)
        document = {
            "seal": head.number,
            "sha256": head.sha256.hex(),
            "at": at.isoformat(),
            "public_key": self._key.public.hex(),
            "signature": self._key.sign(text).hex(),
        }
        # What is there was exported by another worker, or before this one was started.
        with contextlib.suppress(FileExistsError):
            write_new_durably(path, f"{json.dumps(document)}\n".encode(), 0o444)
        self._day = day


def newest_head_at(folder: Path | None) -> datetime | None:
    """The day of the newest head in a folder, as its name says; None where there is none."""
    if folder is None:
        return None
    days = []
    for path in folder.glob(_PATTERN):
        with contextlib.suppress(ValueError):
            days.append(date.fromisoformat(path.stem.removeprefix("audit-head-")))
    return datetime.combine(max(days), time(), UTC) if days else None


def read_heads(folder: Path, public_key: bytes) -> dict[int, bytes]:
    """The hashes in a folder of heads, by number of their seal; each signature is checked.

    Args:
        folder: With a file a day.
        public_key: Raw, of whoever signs them.

    Raises:
        HeadRefusedError: A file cannot be read, or is not signed by the key.
    """
    heads: dict[int, bytes] = {}
    for path in sorted(folder.glob(_PATTERN)):
        try:
            document = json.loads(path.read_text(encoding="ascii"))
            seal, sha256 = int(document["seal"]), bytes.fromhex(document["sha256"])
            at = datetime.fromisoformat(document["at"])
            signature = bytes.fromhex(document["signature"])
            Ed25519PublicKey.from_public_bytes(public_key).verify(
                signature, _text(seal, sha256, at)
            )
        except (OSError, ValueError, KeyError, TypeError, InvalidSignature) as error:
            message = f"{path.name} is not a head of the audit log that the key has signed."
            raise HeadRefusedError(message, value=str(path)) from error
        if len(sha256) != _HASH_BYTES or heads.setdefault(seal, sha256) != sha256:
            message = f"{path.name} has another hash of seal {seal} than a file before it."
            raise HeadRefusedError(message, value=str(path))
    return heads


def _text(seal: int, sha256: bytes, at: datetime) -> bytes:
    return json.dumps([_DOMAIN, seal, sha256.hex(), at.isoformat()]).encode()
