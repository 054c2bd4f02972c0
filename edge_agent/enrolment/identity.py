"""The folder with a gateway's keys and certificate.

Key and certificate are one file, which is replaced in one step: whatever happens, they fit. The
next key is on the disk before a certificate is asked for, so that a lost answer is asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.enrolment.errors import CentreAnswerError, IdentityError
from edge_agent.uplink.batch_signer import SIGNING_KEY, BatchSigner
from firmware_bridge.contract.enrolment import renewal_frame, signing_key_frame
from firmware_bridge.durable_file import write_durably

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate holds."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long."""
        return self.end - self.begin


class Identity:
    """A gateway's keys and certificate.

    Args:
        folder: Where they are; made with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def certificate_file(self) -> Path:
        """The key and its certificate."""
        return self.folder / "gateway.pem"

    @property
    def broker_ca_file(self) -> Path:
        """Whom to trust at the broker."""
        return self.folder / "broker-ca.pem"

    @property
    def _next_file(self) -> Path:
        return self.folder / "next.key"

    def certificate(self) -> str:
        """The present certificate and its chain, without the key.

        Raises:
            IdentityError: It cannot be read.
        """
        with _explained(self.certificate_file):
            text = self.certificate_file.read_bytes()
            return text[text.index(_BEGIN) :].decode("ascii")

    def validity(self) -> Validity:
        """From when to when the present certificate holds.

        Raises:
            IdentityError: It cannot be read.
        """
        with _explained(self.certificate_file):
            certificate = _certificate(self.certificate())
            return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)

    def request(self) -> str:
        """A request for the next certificate (PKCS #10 in PEM), for a key that is on the disk.

        Raises:
            IdentityError: The folder cannot be used.
        """
        from cryptography import x509  # noqa: PLC0415 - takes 7 MB, needed once in a while
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

        with _explained(self.folder):
            key = self._next_key()
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
            built = x509.CertificateSigningRequestBuilder().subject_name(name)
            return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")

    def sign_renewal(self, request: str) -> bytes:
        """The present key's signature of a request for the next certificate.

        Raises:
            IdentityError: The key cannot be read.
        """
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415

        with _explained(self.certificate_file):
            key = _key(self.certificate_file.read_bytes())
            return key.sign(renewal_frame(request), ECDSA(hashes.SHA256()))

    def signing_key(self) -> str:
        """The public key that batches are signed with, in hexadecimal digits; made if missing.

        Raises:
            IdentityError: The folder cannot be used.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        path = self.folder / SIGNING_KEY
        with _explained(path):
            if not path.exists():
                self._make_folder()
                made = Ed25519PrivateKey.generate()
                self._write(
                    path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                )
            return BatchSigner.load(path).public_key.hex()

    def sign_key(self, request: str) -> bytes:
        """The signing key's signature of a request for a certificate: that it is here.

        Raises:
            IdentityError: The key cannot be read.
        """
        path = self.folder / SIGNING_KEY
        with _explained(path):
            return BatchSigner.load(path).sign(signing_key_frame(request))

    def accept(self, gateway: str, certificate: str, broker_ca: str) -> None:
        """Put the certificate for the next key in force.

        Args:
            gateway: Whose it must be.
            certificate: With its chain, in PEM.
            broker_ca: Whom to trust at the broker from now on, in PEM.

        Raises:
            CentreAnswerError: It is not for that key and name; nothing has changed.
            IdentityError: It cannot be written; ask again.
        """
        with _explained(self.folder):
            key = self._next_file.read_bytes()
            try:
                _check(_certificate(certificate), _key(key), gateway)
                _certificate(broker_ca)
            except ValueError as error:
                message = f"The centre's certificate cannot be used: {error}."
                raise CentreAnswerError(message) from error
            authorities = broker_ca.encode("ascii")
            if not self.broker_ca_file.exists() or self.broker_ca_file.read_bytes() != authorities:
                self._write(self.broker_ca_file, authorities)
            self._write(self.certificate_file, key + certificate.encode("ascii"))
            self._next_file.unlink()

    def _next_key(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        if self._next_file.exists():
            with suppress(ValueError):
                key = _key(self._next_file.read_bytes())
                # One that is in force already was left by a power cut.
                if not self._is_in_force(key):
                    return key
        made = ec.generate_private_key(ec.SECP256R1())
        self._make_folder()
        text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._write(self._next_file, text)
        return made

    def _make_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            _give(self.folder, self.folder.parent)

    def _is_in_force(self, key: EllipticCurvePrivateKey) -> bool:
        if not self.certificate_file.exists():
            return False
        present = _certificate(self.certificate()).public_key()
        return present == key.public_key()

    def _write(self, path: Path, data: bytes) -> None:
        write_durably(path, data, 0o600)
        _give(path, self.folder)


def _give(path: Path, like: Path) -> None:
    """Let whoever has the folder have what root made in it: the agent renews as its own user."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _certificate(pem: str) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415

    return x509.load_pem_x509_certificate(pem.encode("ascii"))


def _key(pem: bytes) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        message = "the key is of another kind"
        raise ValueError(message)  # noqa: TRY004 - as for a file that cannot be read
    return key


def _check(certificate: x509.Certificate, key: EllipticCurvePrivateKey, gateway: str) -> None:
    from cryptography.x509 import NameOID  # noqa: PLC0415

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if certificate.public_key() != key.public_key():
        message = "it is for another key"
        raise ValueError(message)
    if [name.value for name in names] != [gateway]:
        message = f"it is not for {gateway}"
        raise ValueError(message)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        message = f"{path} cannot be used: {error}."
        raise IdentityError(message, value=str(path)) from error
