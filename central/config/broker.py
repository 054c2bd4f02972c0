"""How the centre reaches the broker, from the environment (`METERLINE_BROKER_...`) or by name."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from central.config.secret import PASSWORD_MIN_BYTES, FiledSettings, strong

_FIELDS = ("host", "port", "username", "password", "ca", "certificate", "key")


class BrokerSettings(FiledSettings):
    """How the centre reaches the broker.

    Args:
        broker_host: Name or address of the broker.
        broker_port: Its TCP port.
        broker_username: For brokers that ask.
        broker_password: Likewise; at least 8 bytes.
        broker_ca: PEM of the authority that signed the broker's certificate; turns TLS on.
        broker_certificate: PEM of this process's own certificate.
        broker_key: Its key.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        f"broker_{field}": f"METERLINE_INGEST_BROKER_{field}".upper() for field in _FIELDS
    }

    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65_535)
    broker_username: str | None = None
    broker_password: SecretStr | None = None
    broker_ca: Path | None = None
    broker_certificate: Path | None = None
    broker_key: Path | None = None

    @field_validator("broker_password")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            strong(value.get_secret_value(), "METERLINE_BROKER_PASSWORD", PASSWORD_MIN_BYTES)
        return value

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context that the settings ask for."""
        if self.broker_ca is None:
            return None
        context = ssl.create_default_context(cafile=str(self.broker_ca))
        if self.broker_certificate is not None:
            key = None if self.broker_key is None else str(self.broker_key)
            context.load_cert_chain(str(self.broker_certificate), key)
        return context
