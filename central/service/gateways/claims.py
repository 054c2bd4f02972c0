"""A gateway claims its name with a code, and renews its certificate with the one that it has.

The device makes its keys; none of them comes here. A reply that is lost is asked for again: the
same key gets the same certificate. Another key with a code that was used, or with a certificate
that was renewed, is a copy of the device or a thief: it is refused, and the audit log says so.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from central.domain.actor import Actor
from central.service.gateways.enrolment import no_gateway
from central.service.ports.certificates import (
    CertificateAuthority,
    CertificateReader,
    ClaimStore,
    GatewayCertificate,
    StoredCertificate,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateways import GatewayStore
from firmware_bridge.contract.enrolment import (
    CODE_ALPHABET,
    CODE_CHARACTERS,
    canonical_code,
    printed_code,
    renewal_frame,
    signing_key_frame,
)
from firmware_bridge.contract.errors import ConfigurationError, EnvironmentFaultError, OperatorError
from firmware_bridge.contract.topics import check_new_gateway

LONGEST_INVITATION: Final = timedelta(days=30)
# A gateway's clock, or a broker's, may be a little behind.
_BEFORE = timedelta(hours=1)


class NoAuthorityError(ConfigurationError):
    """This process signs no certificates."""

    code = "NO_AUTHORITY"
    default_remedy = "Set METERLINE_AUTHORITY_CERTIFICATE and METERLINE_AUTHORITY_KEY."


class AuthorityUnavailableError(EnvironmentFaultError):
    """The authority does not sign now, or signs something else than was asked for."""

    code = "AUTHORITY_UNAVAILABLE"


class CertificateRequestError(OperatorError):
    """A request for a certificate cannot be used."""

    code = "CERTIFICATE_REQUEST"
    default_remedy = "Send PKCS #10 in PEM with an elliptic-curve key of P-256."


class ClaimRefusedError(OperatorError):
    """A claim code is not one that can be used."""

    code = "CLAIM_REFUSED"
    default_remedy = "Ask for a new one: `meterline-central gateway invite NAME`."


class ClaimUsedError(ClaimRefusedError):
    """A claim code was used by another device."""

    code = "CLAIM_USED"
    default_remedy = "Find out who used it. `gateway invite NAME` gives another code."


class ClaimExpiredError(ClaimRefusedError):
    """A claim code is too old, or a later one took its place."""

    code = "CLAIM_EXPIRED"


class OtherGatewayClaimError(ClaimRefusedError):
    """A claim code is for another gateway than the device is configured for."""

    code = "CLAIM_OTHER_GATEWAY"
    default_remedy = "Use the code of this gateway; this one was not used up."


class CertificateRefusedError(OperatorError):
    """A certificate that is shown does not count."""

    code = "CERTIFICATE_REFUSED"
    default_remedy = "Claim the gateway's name anew: `meterline-central gateway invite NAME`."


class CertificateRevokedError(CertificateRefusedError):
    """The certificate that is shown was revoked, or its gateway was."""

    code = "CERTIFICATE_REVOKED"


class CertificateSupersededError(CertificateRefusedError):
    """The certificate that is shown was renewed by another key: there are two devices."""

    code = "CERTIFICATE_SUPERSEDED"


@dataclass(frozen=True, slots=True)
class GivenCode:
    """A claim code, shown once.

    Args:
        gateway: Whose name it gives.
        code: As it is printed.
        expires_at: Until when it can be used.
    """

    gateway: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """What certificates are given for, and what gateways are told beside them.

    Args:
        lifetime: How long a certificate holds.
        grace: How long after its end it can still be renewed; a gateway may have been off.
        brokers: Addresses of the brokers, such as mqtts://broker.example:8883.
        broker_ca: PEM of those who sign the brokers' certificates.
    """

    lifetime: timedelta
    grace: timedelta
    brokers: tuple[str, ...]
    broker_ca: str


@dataclass(frozen=True, slots=True)
class SigningProof:
    """A key that a device will sign its batches with, and that it has it.

    Args:
        public_key: Ed25519, raw.
        signature: By it, see `signing_key_frame`.
    """

    public_key: bytes
    signature: bytes

    @classmethod
    def of(cls, public_key: str | None, signature: str | None) -> SigningProof | None:
        """From hexadecimal digits; None where there is no key."""
        if public_key is None:
            return None
        return cls(bytes.fromhex(public_key), bytes.fromhex(signature or ""))


async def invite_gateway(  # noqa: PLR0913 - whom, until when, who and why
    store: ClaimStore,
    gateway: str,
    lasts: timedelta,
    actor: Actor,
    clock: Callable[[], datetime],
    *,
    reason: str = "",
) -> GivenCode:
    """Give a code with which a device claims a gateway's name, once.

    Raises:
        InvalidValueError: The name cannot stand in a topic, or is reserved for the centre.
        ClaimRefusedError: The code would last too long.
    """
    check_new_gateway(gateway)
    if not timedelta(0) < lasts <= LONGEST_INVITATION:
        message = f"A claim code lasts up to {LONGEST_INVITATION.days} days."
        raise ClaimRefusedError(message, value=lasts, remedy="Let it end sooner.")
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARACTERS))
    now = clock()
    given = GivenCode(gateway, printed_code(code), now + lasts)
    await store.invite(gateway, _digest(code), given.expires_at, DecisionNote(actor, reason, now))
    return given


class GatewayClaims:
    """The use-cases of devices that ask for certificates.

    Args:
        store: Invitations and certificates.
        gateways: The registry.
        authority: Who signs.
        reader: Reads what comes, and knows whom to trust.
        terms: For how long.
        clock: Now, aware.
    """

    def __init__(  # noqa: PLR0913 - what a claim passes
        self,
        store: ClaimStore,
        gateways: GatewayStore,
        *,
        authority: CertificateAuthority,
        reader: CertificateReader,
        terms: ClaimTerms,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._authority = authority
        self._reader = reader
        self._clock = clock
        self.terms = terms

    async def claim(
        self,
        code: str,
        request_pem: str,
        actor: Actor,
        gateway: str | None = None,
        signing: SigningProof | None = None,
    ) -> GatewayCertificate:
        """Give the holder of a code its gateway's first certificate; every other one is revoked.

        Args:
            code: As it was typed.
            request_pem: PKCS #10.
            actor: Who the audit log says it was.
            gateway: For whom the device is configured already; None where it is not.
            signing: With what it will sign its batches, which then have to be signed; None where it
                does not.

        Raises:
            ClaimRefusedError: The code is unknown, too old, another's, or used by another key.
            CertificateRequestError, AuthorityUnavailableError: As they say; ask again.
        """
        request = self._reader.request(request_pem)
        self._check_signing(request_pem, signing)
        digest, now = _digest(canonical_code(code)), self._clock()
        note = DecisionNote(actor, "", now)
        invitation = await self._store.claim(digest, request.key_sha256, gateway, note)
        if invitation is None:
            message = "There is no such claim code."
            raise ClaimRefusedError(message)
        name = invitation.gateway
        if gateway not in {None, name}:
            message = f"The claim code is for another gateway than {gateway}."
            raise OtherGatewayClaimError(message, value=gateway)
        if invitation.claimed_key is not None and invitation.claimed_key != request.key_sha256:
            message = f"The claim code of {name} was used by another device."
            raise ClaimUsedError(message, value=name)
        if invitation.claimed_key is None and (
            invitation.is_withdrawn or invitation.expires_at <= now
        ):
            message = f"The claim code of {name} is too old, or a later one took its place."
            raise ClaimExpiredError(message, value=name)
        if (present := await self._store.certificate_of_key(request.key_sha256)) is not None:
            return _unrevoked(present)
        certificate = await self._issue(request_pem, name, now)
        key = None if signing is None else signing.public_key
        if await self._store.admit(certificate, key, note):
            return certificate
        # The same request came twice at once.
        present = await self._store.certificate_of_key(request.key_sha256)
        return certificate if present is None else _unrevoked(present)

    async def renew(
        self, certificate_pem: str, request_pem: str, signature: bytes, actor: Actor
    ) -> GatewayCertificate:
        """Give the holder of a certificate's key the next one.

        Args:
            certificate_pem: The present one, which may have ended a while ago.
            request_pem: PKCS #10, with a new key.
            signature: By the present key, see `renewal_frame`.
            actor: Who the audit log says it was.

        Raises:
            CertificateRefusedError: Nobody who is trusted signed it, it ended too long ago, was
                revoked, or was renewed by another key; or the signature is not by its key.
            NoSuchGatewayError: The registry does not have the gateway.
            CertificateRequestError, AuthorityUnavailableError: As they say; ask again with the key.
        """
        now = self._clock()
        shown = self._reader.presented(certificate_pem, now - self.terms.grace)
        if not self._reader.is_signed(certificate_pem, signature, renewal_frame(request_pem)):
            message = "The request is not signed by the key of the certificate that is shown."
            raise CertificateRefusedError(message, value=shown.serial)
        request = self._reader.request(request_pem)
        if request.key_sha256 == shown.key_sha256:
            message = "A renewed certificate needs a new key."
            raise CertificateRequestError(message, remedy="Make another key, and ask again.")
        name = shown.gateway
        record = await self._gateways.gateway(name)
        if record is None:
            raise no_gateway(name)
        stored = await self._store.certificate(shown.serial)
        if record.revoked or (stored is not None and stored.revoked_at is not None):
            message = f"The certificate {shown.serial} of {name} is revoked."
            raise CertificateRevokedError(message, value=shown.serial)
        successor = await self._store.successor(shown.serial)
        if successor is None:
            certificate = await self._issue(request_pem, name, now)
            note = DecisionNote(actor, "", now)
            if await self._store.add(certificate, shown.serial, note):
                return certificate
            successor = await self._store.successor(shown.serial)
        if successor is None or successor.certificate.key_sha256 != request.key_sha256:
            note = DecisionNote(actor, "", now)
            await self._store.note_refusal(name, CertificateSupersededError.code, note)
            message = f"The certificate {shown.serial} of {name} was renewed by another key."
            raise CertificateSupersededError(message, value=shown.serial)
        return _unrevoked(successor)

    def _check_signing(self, request_pem: str, signing: SigningProof | None) -> None:
        frame = signing_key_frame(request_pem)
        if signing is not None and not self._reader.is_signed_by_key(
            signing.public_key, signing.signature, frame
        ):
            message = "The request is not signed by the key that batches will be signed with."
            raise CertificateRequestError(message, remedy="Sign it, or send no such key.")

    async def _issue(self, request_pem: str, gateway: str, now: datetime) -> GatewayCertificate:
        request = self._reader.request(request_pem)
        begin, end = now - _BEFORE, now + self.terms.lifetime
        pem = await asyncio.to_thread(self._authority.issue, request, gateway, begin, end)
        return self._reader.issued(pem, request, gateway)


def _unrevoked(stored: StoredCertificate) -> GatewayCertificate:
    certificate = stored.certificate
    if stored.revoked_at is not None:
        message = f"The certificate {certificate.serial} of {certificate.gateway} is revoked."
        raise CertificateRevokedError(message, value=certificate.serial)
    return certificate


def _digest(canonical: str) -> bytes:
    # It has 100 random bits, so nothing slower keeps it better.
    return sha256(canonical.encode()).digest()
