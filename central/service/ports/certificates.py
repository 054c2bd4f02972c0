"""What claims of gateways need of a store, an authority, and whoever reads certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import Signing


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request for a certificate (PKCS #10), whose own signature is good.

    Args:
        pem: As it came.
        key_sha256: SHA-256 of its public key, in DER.
    """

    pem: str
    key_sha256: bytes


@dataclass(frozen=True, slots=True)
class GatewayCertificate:
    """A certificate of a gateway.

    Args:
        serial: Its number among the issuer's, in hexadecimal digits.
        gateway: The gateway's name.
        key_sha256: SHA-256 of its public key, in DER.
        pem: The certificate, its chain behind it.
        not_after: Its end.
    """

    serial: str
    gateway: str
    key_sha256: bytes
    pem: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate as the store has it.

    Args:
        certificate: The certificate.
        issued_at: When it was given.
        renews: The serial of the one that was shown for it; None after a claim.
        revoked_at: When it was revoked.
    """

    certificate: GatewayCertificate
    issued_at: datetime
    renews: str | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A claim code, without the code.

    Args:
        gateway: The name that it gives.
        expires_at: Until when it can be used.
        is_withdrawn: Whether a later one took its place.
        claimed_key: SHA-256 of the public key that used it; None where it is unused.
    """

    gateway: str
    expires_at: datetime
    is_withdrawn: bool = False
    claimed_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """What is stored of a batch and its signature.

    Args:
        gateway: The gateway's name.
        epoch: The life of its buffer.
        sequence: The position in it.
        sha256: The batch's hash.
        prev_hash: What it says of the batch before; None where it could not be read.
        received_at: When it came.
        version: Of its format; this and what follows is None where it is not signed.
        key_id: Names the key.
        signature: Ed25519, over the batch's header.
        body: The batch behind its header.
        public_key: The key of that name that the gateway registered.
        registered_at: When it did.
        retired_at: When another key took its place; None where none did.
        before: The hashes by which the batch before is stored; None where it is not.
    """

    gateway: str
    epoch: UUID
    sequence: int
    sha256: bytes
    prev_hash: bytes | None
    received_at: datetime
    version: int | None
    key_id: bytes | None
    signature: bytes | None
    body: bytes | None
    public_key: bytes | None
    registered_at: datetime | None
    retired_at: datetime | None
    before: tuple[bytes | None, ...] | None = None


class ProofStore(Protocol):
    """Where signatures of batches are kept."""

    async def proof(self, gateway: str, epoch: UUID, sequence: int) -> SignedRecord | None:
        """What is stored of a batch; None where there is none."""

    async def set_signing(self, gateway: str, signing: Signing, note: DecisionNote) -> bool:
        """Say whether a gateway has to sign; whether there is such a gateway."""


class CertificateAuthority(Protocol):
    """Signs certificates for gateways: the centre's own, or another."""

    def issue(
        self, request: CertificateRequest, gateway: str, begin: datetime, end: datetime
    ) -> str:
        """A certificate in PEM, its chain behind it.

        Args:
            request: What is asked for; the name in it does not count.
            gateway: The name to certify.
            begin: From when it holds.
            end: Until when.

        Raises:
            AuthorityUnavailableError: It does not sign now.
        """


class CertificateReader(Protocol):
    """Reads what gateways and authorities send, and trusts some authorities."""

    def request(self, pem: str) -> CertificateRequest:
        """Read a request and check its signature.

        Raises:
            CertificateRequestError: It cannot be read, its signature is wrong, or its key is weak.
        """

    def issued(self, pem: str, request: CertificateRequest, gateway: str) -> GatewayCertificate:
        """Check what an authority gave for a request.

        Raises:
            AuthorityUnavailableError: It is not for that key and name, or not by who is trusted.
        """

    def presented(self, pem: str, at: datetime) -> GatewayCertificate:
        """Read a certificate that somebody shows.

        Args:
            pem: As it came.
            at: When it must not have ended.

        Raises:
            CertificateRefusedError: Nobody who is trusted signed it, or it has ended.
        """

    def is_signed(self, certificate_pem: str, signature: bytes, frame: bytes) -> bool:
        """Whether the key of a certificate made a signature."""

    def is_signed_by_key(self, public_key: bytes, signature: bytes, frame: bytes) -> bool:
        """Whether an Ed25519 key made a signature."""


class ClaimStore(Protocol):
    """Where invitations and certificates are kept."""

    async def invite(
        self, gateway: str, code_sha256: bytes, expires_at: datetime, note: DecisionNote
    ) -> None:
        """Keep a code for a name; one that is open for it is withdrawn."""

    async def claim(
        self, code_sha256: bytes, key_sha256: bytes, gateway: str | None, note: DecisionNote
    ) -> Invitation | None:
        """Use a code with a key, where it is unused and open and for the gateway that is asked for.

        A code that another key used stays as it was, and the audit log says that somebody tried.

        Returns:
            The code as it was before; None where there is none.
        """

    async def certificate_of_key(self, key_sha256: bytes) -> StoredCertificate | None:
        """The certificate of a key."""

    async def certificate(self, serial: str) -> StoredCertificate | None:
        """A certificate by its serial; None also of one that a restored database does not know."""

    async def successor(self, serial: str) -> StoredCertificate | None:
        """The certificate that was given for this one."""

    async def admit(
        self, certificate: GatewayCertificate, signing_key: bytes | None, note: DecisionNote
    ) -> bool:
        """Enrol a gateway with its first certificate; every other of its name is revoked.

        With a key that signs batches, they have to be signed by it and by no other from now on.

        Returns:
            Whether it was done; False where the key has a certificate already.
        """

    async def add(self, certificate: GatewayCertificate, renews: str, note: DecisionNote) -> bool:
        """Keep a renewed certificate; False where the one before was renewed meanwhile."""

    async def note_refusal(self, gateway: str, code: str, note: DecisionNote) -> None:
        """Write to the audit log that a renewal was refused."""

    async def certificates(self, gateway: str) -> list[StoredCertificate]:
        """The certificates of a gateway, newest first."""

    async def revoked(self, at: datetime) -> list[StoredCertificate]:
        """Revoked certificates that have not ended."""
