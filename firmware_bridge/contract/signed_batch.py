"""A batch with its gateway's signature, as it travels: `MLS`, purpose 3, then the batch as it is.

What is signed is the batch's header: its hash is over the gateway's name, epoch, sequence and body,
so the signature holds for all of them, and can be checked from what is stored of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firmware_bridge.contract.envelope import HEADER_BYTES
from firmware_bridge.contract.errors import TruncatedError
from firmware_bridge.contract.signed import (
    DOMAIN,
    KEY_ID_BYTES,
    MAGIC,
    SIGNATURE_BYTES,
    VERSION,
    key_id,
)

PURPOSE: Final = 3
_HEAD: Final = MAGIC + bytes((VERSION, PURPOSE))
SIGNED_BATCH_AT: Final = len(_HEAD) + KEY_ID_BYTES + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True)
class BatchSignature:
    """A signature of a batch; it is not checked yet.

    Args:
        key_id: Names the key, see `firmware_bridge.contract.signed.key_id`.
        signature: Ed25519, 64 bytes.
    """

    key_id: bytes
    signature: bytes


def is_signed_batch(payload: bytes) -> bool:
    """Whether a message is a batch with a signature."""
    return payload.startswith(_HEAD)


def batch_frame(key: bytes, header: bytes) -> bytes:
    """What the key with that id signs of a batch's header (60 bytes)."""
    return DOMAIN + _HEAD[len(MAGIC) :] + key + header


def sign_batch(batch: bytes, public_key: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A batch with its signature.

    Args:
        batch: As it was sealed.
        public_key: Of the key that signs, raw.
        sign: Makes an Ed25519 signature.
    """
    key = key_id(public_key)
    return _HEAD + key + sign(batch_frame(key, batch[:HEADER_BYTES])) + batch


def open_signed_batch(payload: bytes) -> tuple[BatchSignature, bytes]:
    """Take signature and batch apart; neither is checked.

    Raises:
        TruncatedError: It ends before the batch.
    """
    if len(payload) <= SIGNED_BATCH_AT:
        message = f"The signed batch has {len(payload)} bytes and ends before the batch."
        raise TruncatedError(message, value=len(payload))
    key_end = len(_HEAD) + KEY_ID_BYTES
    signature = BatchSignature(payload[len(_HEAD) : key_end], payload[key_end:SIGNED_BATCH_AT])
    return signature, payload[SIGNED_BATCH_AT:]
