"""What a batch is whose sequence is taken, beside what is stored."""

from __future__ import annotations

from central.service.ingest.signatures import SIGNATURE_CODES
from central.service.ports.ingest_records import NewBatch, SequenceClaim
from firmware_bridge.contract.envelope import NO_HASH


def is_same(batch: NewBatch, claim: SequenceClaim) -> bool:
    """Whether a batch is what is stored, itself or by the hash that one of the two stands for."""
    return claim.stored.is_known_as(batch.sha256) or batch.replaces == claim.stored.sha256


def is_proof_of(batch: NewBatch, claim: SequenceClaim) -> bool:
    """Whether what is stored was quarantined for its signature, and this is signed as it has to be.

    Whoever has no key takes no place from who has.
    """
    return not claim.fresh and claim.code in SIGNATURE_CODES and batch.is_proven


def is_original_of(batch: NewBatch, claim: SequenceClaim) -> bool:
    """Whether a void batch is stored and this is what it stands for, come late.

    A void that does not know what it stands for gives way to any batch with readings.
    """
    stands_for = claim.stored.replaces in {batch.sha256, NO_HASH}
    return not claim.fresh and claim.empty and stands_for and batch.received != 0
