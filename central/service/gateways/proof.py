"""Show what was received of a gateway: a batch's bytes, its place in the chain, and its signature.

Everything is checked from what is stored: the hash is made again from the bytes, the signature is
checked against the key that the device registered, the batch before is the one that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from central.domain.actor import Actor
from central.service.gateways.enrolment import no_gateway
from central.service.ingest.signatures import is_good
from central.service.ports.certificates import ProofStore, SignedRecord
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import Signing
from central.service.views.lookup import NotFoundError
from firmware_bridge.contract.envelope import NO_HASH, digest, header_bytes
from firmware_bridge.contract.signed_batch import BatchSignature


@dataclass(frozen=True, slots=True)
class BatchProof:
    """What can be shown of a batch.

    Args:
        record: What is stored.
        is_signed: Whether there is a signature of it.
        is_signature_good: Whether the key that it names, of this gateway, made it.
        is_content_whole: Whether the bytes have the hash that was signed.
        is_chained: Whether it follows from the batch before it; None where that is not stored.
    """

    record: SignedRecord
    is_signed: bool
    is_signature_good: bool
    is_content_whole: bool
    is_chained: bool | None

    @property
    def holds(self) -> bool:
        """Whether it shows what was received."""
        return self.is_signature_good and self.is_content_whole and self.is_chained is not False

    @property
    def payload(self) -> bytes:
        """The batch as the gateway sealed it; empty where its bytes are not stored."""
        return b"" if self.record.body is None else _header(self.record) + self.record.body


async def prove_batch(store: ProofStore, gateway: str, epoch: UUID, sequence: int) -> BatchProof:
    """Check what is stored of a batch.

    Raises:
        NotFoundError: There is no such batch.
    """
    record = await store.proof(gateway, epoch, sequence)
    if record is None:
        message = f"There is no batch {sequence} of epoch {epoch} of {gateway}."
        raise NotFoundError(message, value=sequence)
    return checked(record)


def checked(record: SignedRecord) -> BatchProof:
    """Check what is stored of a batch, from nothing else than that."""
    signed = record.signature is not None and record.public_key is not None
    version = record.version or 0
    return BatchProof(
        record,
        is_signed=record.signature is not None,
        is_signature_good=signed
        and is_good(
            record.public_key or b"",
            BatchSignature(record.key_id or b"", record.signature or b""),
            _header(record),
        ),
        is_content_whole=record.body is not None
        and digest(record.gateway, version, record.epoch, record.sequence, record.body)
        == record.sha256,
        is_chained=_is_chained(record),
    )


async def set_signing(  # noqa: PLR0913 - what, who, when and why
    store: ProofStore,
    gateway: str,
    signing: Signing,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> None:
    """Say whether a gateway's batches have to be signed, from the next one on.

    Raises:
        NoSuchGatewayError: It was never enrolled.
    """
    if not await store.set_signing(gateway, signing, DecisionNote(actor, reason, clock())):
        raise no_gateway(gateway)


def _header(record: SignedRecord) -> bytes:
    return header_bytes(record.version or 0, record.epoch, record.sequence, record.sha256)


def _is_chained(record: SignedRecord) -> bool | None:
    if record.prev_hash is None:
        return None
    if record.sequence == 1:
        return record.prev_hash == NO_HASH
    if record.before is None:
        return None
    return record.prev_hash in record.before
