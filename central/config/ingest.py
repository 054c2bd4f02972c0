"""Settings of the ingest process, from the environment (`METERLINE_...`) or by name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from central.config.broker import BrokerSettings
from central.config.connection_limits import ConnectionLimits
from central.config.health import HealthSettings
from central.config.quota import QuotaSettings
from central.config.secret import given_dsn, named_database


class IngestSettings(BrokerSettings, HealthSettings, QuotaSettings):
    """The settings of one ingest process, and those of what it shares with others.

    Args:
        database: DSN of the database, with a role that may become `meterline_app`.
        ingest_database: The same for ingest alone, where it has a role of its own.
        broker_rules: Who keeps the broker's rules: `none` where it lets everybody in, or another
            does; `dynamic-security` where ingest brings mosquitto's plugin to the registry.
        ingest_group: Name under which processes share the work.
        ingest_window_readings: Readings at which a commit is due.
        ingest_window_ms: How long a commit may wait for more. [ms]
        ingest_committers: Commits under way at once.
        ingest_queue_mib: Payload that may wait; beyond it the edge sends again. [MiB]
        ingest_gap_patience_s: How long a hole in a gateway's sequence may stand unreported. [s]
        ingest_statement_timeout_s: How long one statement may take. [s]
        ingest_idle_timeout_s: How long a transaction may stand idle. [s]
        ingest_transaction_timeout_s: How long a transaction may last. [s]
        ingest_tcp_timeout_s: How long what is sent may go unacknowledged; 0 for the system's own.
            [s]
    """

    database: SecretStr | None = None
    ingest_database: SecretStr | None = None
    broker_rules: Literal["none", "dynamic-security"] = "none"
    ingest_group: str = Field(default="meterline-ingest", pattern=r"^[a-z0-9-]+$")
    ingest_window_readings: int = Field(default=10_000, ge=1)
    ingest_window_ms: int = Field(default=20, ge=0)
    ingest_committers: int = Field(default=2, ge=1, le=16)
    ingest_queue_mib: int = Field(default=64, ge=1)
    ingest_gap_patience_s: float = Field(default=3600.0, gt=0)
    ingest_statement_timeout_s: float = Field(default=60.0, ge=0)
    ingest_idle_timeout_s: float = Field(default=60.0, ge=0)
    ingest_transaction_timeout_s: float = Field(default=120.0, ge=0)
    ingest_tcp_timeout_s: float = Field(default=30.0, ge=0)

    _named = field_validator("database", "ingest_database")(named_database)

    @property
    def limits(self) -> ConnectionLimits:
        """Time limits of a database connection.

        Raises:
            LimitsRefusedError: They let a transaction last too long.
        """
        limits = ConnectionLimits(
            self.ingest_statement_timeout_s,
            self.ingest_idle_timeout_s,
            self.ingest_tcp_timeout_s,
            self.ingest_transaction_timeout_s,
        )
        limits.check("METERLINE_INGEST_")
        return limits

    def dsn(self) -> str:
        """The database that readings go into.

        Raises:
            SettingMissingError: It is not set.
        """
        return given_dsn(self.ingest_database or self.database, "METERLINE_DATABASE")
