"""Settings of the ingest process, from the environment (`METERLINE_INGEST_...`) or by name."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from central.adapters.timescale.pool import Limits
from central.config.secret import PASSWORD_MIN_BYTES, FiledSettings, not_blank, strong


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

    model_config = SettingsConfigDict(env_prefix="METERLINE_INGEST_", frozen=True)

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
            name = "METERLINE_INGEST_BROKER_PASSWORD"
            strong(value.get_secret_value(), name, PASSWORD_MIN_BYTES)
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


class IngestSettings(BrokerSettings):
    """What one ingest process needs to know beside the broker.

    Args:
        database: DSN of the database, as any role that may become `meterline_app`.
        group: Name under which processes share the work.
        window_readings: Readings at which a commit is due.
        window_ms: How long a commit may wait for more. [ms]
        committers: Commits under way at once.
        queue_mib: Payload that may wait; beyond it the edge sends again. [MiB]
        gap_patience_s: How long a hole in a gateway's sequence may stand unreported. [s]
        statement_timeout_s: How long one statement may take; 0 for ever. [s]
        idle_timeout_s: How long a transaction may stand idle; 0 for ever. [s]
        tcp_timeout_s: How long what is sent may go unacknowledged; 0 for the system's own. [s]
    """

    database: SecretStr
    group: str = Field(default="meterline-ingest", pattern=r"^[a-z0-9-]+$")
    window_readings: int = Field(default=10_000, ge=1)
    window_ms: int = Field(default=20, ge=0)
    committers: int = Field(default=2, ge=1, le=16)
    queue_mib: int = Field(default=64, ge=1)
    gap_patience_s: float = Field(default=3600.0, gt=0)
    statement_timeout_s: float = Field(default=60.0, ge=0)
    idle_timeout_s: float = Field(default=60.0, ge=0)
    tcp_timeout_s: float = Field(default=30.0, ge=0)

    @property
    def limits(self) -> Limits:
        """How long a connection to the database may stand still."""
        return Limits(self.statement_timeout_s, self.idle_timeout_s, self.tcp_timeout_s)

    @field_validator("database")
    @classmethod
    def _named(cls, value: SecretStr) -> SecretStr:
        # The driver would take a blank one for the database of whoever runs this.
        remedy = "Name a database, such as postgresql://user@host/meterline."
        not_blank(value.get_secret_value(), "The database of ingest", remedy)
        return value
