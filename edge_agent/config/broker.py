"""Where the broker is, and how the gateway is admitted to it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import BrokerTlsError, CertificateNameError


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to be admitted.

    Args:
        host: Name or address.
        port: TCP port.
        username: None for none.
        password: None for none.
        ca_file: Whom to trust; None for no TLS, unless `tls` asks for the system's authorities.
        cert_file: The gateway's certificate; its common name is the gateway's name.
        key_file: Its key.
        tls: Whether the connection is encrypted.
        keepalive_s: MQTT keep-alive. [s]
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    tls: bool = False
    keepalive_s: int = 30

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """What the connection is encrypted with, None for plain TCP.

        Raises:
            BrokerTlsError: A certificate or key cannot be read.
        """
        if not self.tls and self.ca_file is None:
            return None
        with self._explained("ca_file", self.ca_file):
            context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            for key, path in (("cert_file", self.cert_file), ("key_file", self.key_file)):
                with self._explained(key, path):
                    _ = None if path is None else path.read_bytes()
            with self._explained("cert_file", self.cert_file, self.key_file):
                context.load_cert_chain(self.cert_file, self.key_file)
        return context

    @contextmanager
    def _explained(self, key: str, path: Path | None, beside: Path | None = None) -> Iterator[None]:
        """Say which file of which broker cannot be used."""
        try:
            yield
        except OSError as error:  # SSLError is one
            # What OpenSSL finds wrong names no file.
            why = error.strerror if not isinstance(error, ssl.SSLError) else str(error)
            what = path or "of the system's authorities"
            pair = f" with the `key_file` {beside}" if beside else ""
            message = f"The `{key}` {what}{pair} of the broker {self} cannot be used: {why}."
            remedy = f"Correct `{key}` of that broker, or the file, and who may read it."
            raise BrokerTlsError(message, value=str(path), remedy=remedy) from error

    def check_name(self, gateway: str) -> None:
        """Compare the certificate's common name with the gateway's.

        Raises:
            CertificateNameError: It is another one's. A broker with the deployed rules lets such a
                client in and drops what it says, in silence where MQTT 3.1.1 is spoken.
        """
        if self.cert_file is None:
            return
        # Takes 7 MB, which a gateway without certificates need not spend.
        from cryptography import x509  # noqa: PLC0415

        subject = x509.load_pem_x509_certificate(self.cert_file.read_bytes()).subject
        names = [name.value for name in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        if gateway not in names:
            message = f"The certificate {self.cert_file} is for {names}, not for {gateway!r}."
            raise CertificateNameError(
                message, value=str(self.cert_file), remedy="Install this gateway's own certificate."
            )
