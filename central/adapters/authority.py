"""An authority of the centre's own for gateways' certificates, or a command that asks another.

Source: RFC 5280; PKCS #10 is RFC 2986.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.service.gateways.claims import (
    AuthorityUnavailableError,
    CertificateRefusedError,
    CertificateRequestError,
)
from central.service.ports.certificates import CertificateRequest, GatewayCertificate
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError
from firmware_bridge.contract.topics import check_new_gateway
from firmware_bridge.durable_file import write_new_durably

_COMMAND_S: Final = 30.0
_ANSWER_MAX_BYTES: Final = 64 * 1024
_IssuerKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


class AuthorityFileError(ConfigurationError):
    """A file of the authority is not what its setting names."""

    code = "AUTHORITY_FILE"


class FileAuthority:
    """Signs with a key that lies in a file.

    Args:
        key: Of the authority.
        certificate: Its certificate, of this key.

    Raises:
        AuthorityFileError: The certificate is of another key, or not one of an authority.
    """

    def __init__(self, key: _IssuerKey, certificate: x509.Certificate) -> None:
        if _spki(key.public_key()) != _spki(certificate.public_key()):
            message = "The authority's certificate is not of its key."
            raise AuthorityFileError(message)
        _check_authority(certificate)
        self._key = key
        self._certificate = certificate

    @classmethod
    def load(cls, key: Path, certificate: Path) -> FileAuthority:
        """Read key and certificate.

        Raises:
            AuthorityFileError: A file does not hold what it should.
            OSError: One cannot be read.
        """
        try:
            private = load_pem_private_key(key.read_bytes(), password=None)
        except (ValueError, TypeError):
            message = f"{key} does not contain a private key without a password."
            raise AuthorityFileError(message, value=str(key)) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey | Ed25519PrivateKey):
            message = f"{key} contains neither an elliptic-curve key nor one of Ed25519."
            raise AuthorityFileError(message, value=str(key))
        return cls(private, certificates_in(certificate)[0])

    @classmethod
    def make(cls, folder: Path, name: str, lifetime: timedelta, now: datetime) -> FileAuthority:
        """Make an authority: `authority.key`, for its owner alone, and `authority.crt`.

        Raises:
            OSError: A file is there already, or cannot be made.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        certificate = builder.sign(key, hashes.SHA256())
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_new_durably(folder / "authority.key", text, 0o600)
        write_new_durably(folder / "authority.crt", certificate.public_bytes(Encoding.PEM), 0o644)
        return cls(key, certificate)

    def issue(
        self, request: CertificateRequest, gateway: str, begin: datetime, end: datetime
    ) -> str:
        """See `CertificateAuthority`; a certificate does not outlast its authority's."""
        check_new_gateway(gateway)
        public = x509.load_pem_x509_csr(request.pem.encode()).public_key()
        issuer = self._certificate
        end = min(end, issuer.not_valid_after_utc)
        if end <= begin:
            message = "The authority's own certificate has ended."
            raise AuthorityUnavailableError(message, remedy="Put a new authority in its place.")
        builder = (
            x509.CertificateBuilder(
                issuer.subject,
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)]),
                public,
                x509.random_serial_number(),
            )
            .not_valid_before(max(begin, issuer.not_valid_before_utc))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(gateway)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issuer_key(issuer), critical=False)
        )
        certificate = builder.sign(self._key, self._hash)
        chain = (certificate, issuer)
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in chain)

    def revocation_list(
        self,
        revoked: Sequence[GatewayCertificate],
        at: datetime,
        until: datetime,
        carried: Mapping[str, datetime] | None = None,
    ) -> str:
        """The list of revoked certificates that a broker can be given, in PEM.

        Args:
            revoked: Those that have not ended; of another authority's they do not count.
            at: When it was made.
            until: When a newer one has to be there.
            carried: When others were revoked that the list before names, by serial number.
        """
        issuer = self._certificate
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(at)
            .next_update(until)
            .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
            .add_extension(_issuer_key(issuer), critical=False)
        )
        for each in revoked:
            certificate = x509.load_pem_x509_certificate(each.pem.encode())
            if _is_issued_by(certificate, issuer):
                entry = x509.RevokedCertificateBuilder(certificate.serial_number, at).build()
                builder = builder.add_revoked_certificate(entry)
        for serial, since in (carried or {}).items():
            entry = x509.RevokedCertificateBuilder(int(serial, 16), since).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, self._hash).public_bytes(Encoding.PEM).decode()

    @property
    def _hash(self) -> hashes.SHA256 | None:
        return None if isinstance(self._key, Ed25519PrivateKey) else hashes.SHA256()


class CommandAuthority:
    """Asks a command, which asks an authority elsewhere.

    It is run as `COMMAND NAME BEGIN END` (times in ISO 8601, UTC) with the request on its standard
    input, and prints the certificate and its chain.

    Args:
        command: The program and its arguments, as a shell would split them.
    """

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def issue(
        self, request: CertificateRequest, gateway: str, begin: datetime, end: datetime
    ) -> str:
        """See `CertificateAuthority`."""
        times = (at.astimezone(UTC).isoformat(timespec="seconds") for at in (begin, end))
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                [*self._command, check_new_gateway(gateway), *times],
                input=request.pem.encode(),
                capture_output=True,
                timeout=_COMMAND_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"The authority's command did not run: {error}."
            raise AuthorityUnavailableError(message) from error
        if done.returncode or len(done.stdout) > _ANSWER_MAX_BYTES:
            message = f"The authority's command ended with {done.returncode}."
            raise AuthorityUnavailableError(message, value=done.returncode)
        return done.stdout.decode("ascii", "replace")


class X509Reader:
    """Reads requests and certificates, and trusts some authorities.

    Args:
        trusted: Certificates of authorities; while one takes another's place, of both.
    """

    def __init__(self, trusted: Sequence[x509.Certificate]) -> None:
        for each in trusted:
            _check_authority(each)
        self._trusted = tuple(trusted)

    def request(self, pem: str) -> CertificateRequest:
        """See `CertificateReader`."""
        try:
            request = x509.load_pem_x509_csr(pem.encode())
            good = request.is_signature_valid
        except (ValueError, TypeError, InvalidSignature):
            message = "The request cannot be read as PKCS #10 in PEM."
            raise CertificateRequestError(message) from None
        if not good:
            message = "The request is not signed by its own key."
            raise CertificateRequestError(message)
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            message = "The request is for another kind of key."
            raise CertificateRequestError(message)
        return CertificateRequest(pem, _digest_of(key))

    def issued(self, pem: str, request: CertificateRequest, gateway: str) -> GatewayCertificate:
        """See `CertificateReader`."""
        try:
            certificate = _gateway_certificate(pem)
            self._check_issuer(pem, certificate.not_after - timedelta(seconds=1))
        except CertificateRefusedError as error:
            raise AuthorityUnavailableError(error.message, remedy=error.remedy) from error
        if (certificate.gateway, certificate.key_sha256) != (gateway, request.key_sha256):
            message = f"The authority signed something else than the request of {gateway}."
            raise AuthorityUnavailableError(message, value=certificate.gateway)
        return certificate

    def presented(self, pem: str, at: datetime) -> GatewayCertificate:
        """See `CertificateReader`."""
        certificate = _gateway_certificate(pem)
        self._check_issuer(pem, at)
        if certificate.not_after < at:
            message = f"The certificate of {certificate.gateway} ended too long ago."
            raise CertificateRefusedError(message, value=certificate.serial)
        return certificate

    def is_signed(self, certificate_pem: str, signature: bytes, frame: bytes) -> bool:
        """See `CertificateReader`."""
        key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, frame, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def is_signed_by_key(self, public_key: bytes, signature: bytes, frame: bytes) -> bool:
        """See `CertificateReader`."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, frame)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _check_issuer(self, pem: str, at: datetime) -> None:
        """Whether one who is trusted, and whose own certificate has not ended, signed it."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        issuers = [each for each in self._trusted if _is_issued_by(certificate, each)]
        if not any(issuer.not_valid_after_utc >= at for issuer in issuers):
            message = "No authority that is trusted here signed the certificate."
            raise CertificateRefusedError(message)


def certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates in a file.

    Raises:
        AuthorityFileError: There is none.
        OSError: It cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        message = f"{path} does not contain certificates in PEM."
        raise AuthorityFileError(message, value=str(path)) from None


def _gateway_certificate(pem: str) -> GatewayCertificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        gateway = check_new_gateway(str(names[0].value) if len(names) == 1 else "")
    except (ValueError, InvalidValueError):
        message = "The certificate cannot be read, or is not one of a gateway."
        raise CertificateRefusedError(message) from None
    return GatewayCertificate(
        f"{certificate.serial_number:x}",
        gateway,
        _digest_of(certificate.public_key()),
        pem,
        certificate.not_valid_after_utc,
    )


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_authority(certificate: x509.Certificate) -> None:
    try:
        is_authority = certificate.extensions.get_extension_for_class(
            x509.BasicConstraints
        ).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        message = (
            f"The certificate of {certificate.subject.rfc4514_string()} is not an authority's."
        )
        raise AuthorityFileError(message)


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        key_id = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _spki(key: object) -> bytes:
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return bytes(encoded)


def _digest_of(key: object) -> bytes:
    return hashlib.sha256(_spki(key)).digest()
