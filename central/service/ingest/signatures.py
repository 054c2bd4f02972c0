"""Whether a batch is signed as its gateway has to sign, and what stays of a signature."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.service.ingest.classify import Arrival
from central.service.ports.ingest_records import (
    BatchId,
    GatewayRecord,
    Signing,
    StoredSignature,
)
from firmware_bridge.contract.envelope import HEADER_BYTES, MAGIC
from firmware_bridge.contract.signed_batch import BatchSignature, batch_frame


class SignatureCode(StrEnum):
    """Why a batch is quarantined for its signature. Never renamed."""

    MISSING = "SIGNATURE_MISSING"
    UNKNOWN_KEY = "SIGNING_KEY_UNKNOWN"
    BAD = "BAD_SIGNATURE"


SIGNATURE_CODES: Final = frozenset(SignatureCode)
MESSAGES: Final = {
    SignatureCode.MISSING: "The batch is not signed, but the gateway has to sign.",
    SignatureCode.UNKNOWN_KEY: "The batch is signed by a key that is not the gateway's.",
    SignatureCode.BAD: "The signature is not of this batch.",
}


def signature_fault(
    record: GatewayRecord, signature: BatchSignature | None, batch: bytes
) -> SignatureCode | None:
    """What is wrong with a batch's signature; None where it is as the gateway has to sign.

    Args:
        record: The gateway, with its keys.
        signature: As it came; None where the batch is not signed.
        batch: As it was sealed.
    """
    if record.signing is Signing.OFF:
        return None
    if signature is None:
        return SignatureCode.MISSING if record.signing is Signing.REQUIRED else None
    public = record.signing_keys.get(signature.key_id)
    if public is None:
        return SignatureCode.UNKNOWN_KEY
    return None if is_good(public, signature, batch[:HEADER_BYTES]) else SignatureCode.BAD


def fault_of(record: GatewayRecord, arrival: Arrival) -> SignatureCode | None:
    """What is wrong with the signature of what arrived; None also of what is imported."""
    if arrival.is_imported:
        return None
    return signature_fault(record, arrival.signature, arrival.bare)


def stored_signature(
    batch_id: BatchId, arrival: Arrival, signing: Signing = Signing.ACCEPTED
) -> StoredSignature | None:
    """What is kept of a batch whose signature was found good; None where it has none."""
    signature, batch = arrival.signature, arrival.bare
    if signature is None or signing is Signing.OFF:
        return None
    version = batch[len(MAGIC)]
    return StoredSignature(
        batch_id, version, signature.key_id, signature.signature, batch[HEADER_BYTES:]
    )


def is_good(public_key: bytes, signature: BatchSignature, header: bytes) -> bool:
    """Whether a key made a signature of a batch's header (60 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            signature.signature, batch_frame(signature.key_id, header)
        )
    except (InvalidSignature, ValueError):
        return False
    return True
