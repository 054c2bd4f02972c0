"""Settings of the central service, from the environment (`METERLINE_...`)."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from central.config.authority import AuthoritySettings
from central.config.connection_limits import ConnectionLimits
from central.config.health import HealthSettings
from central.config.mail import MailSettings
from central.config.provider import ProviderSettings
from central.config.quota import QuotaSettings
from central.config.secret import apart, given_dsn, named_database, strong, variable

_FOR_THE_UTILITY = (
    "Remove it, and say it once for the utility: `meterline-central settings set {} --reason WHY`."
)
_MOST_DAYS = 36_500


class Settings(HealthSettings, QuotaSettings, MailSettings, AuthoritySettings, ProviderSettings):
    """Settings of the commands of the centre.

    Args:
        database: DSN of the database, as any role that may become `meterline_app`.
        owner_database: DSN of the same database as its owner, for migrations alone.
        actor: In whose name things are done; the operating system's user by default.
        web_host: Address to serve pages and API on.
        web_port: Port to serve them on; 0 takes a free one.
        web_token: The operator's secret, at least 32 bytes; without one only the loopback
            interface is served.
        web_secret: Key that signs sessions, at least 32 bytes, the same for processes that share
            the work.
        web_hosts: Host names served besides `web_host`.
        web_requests_per_s: Requests a second that one actor may make of a process; 0 for any
            number.
        web_trusted_proxies: Addresses and networks of proxies that end TLS.
        grace_s: How long after its end a local day is validated. [s]
        poll_s: How long a worker rests when nothing waits. [s]
        shard_size: Accounts billed at a time.
        audit_anchor_file: Where the worker anchors the audit log's head; only ever added to.
        audit_head_folder: Where the worker puts a signed head of the audit log, once a day.
        audit_head_key: Signs them, an Ed25519 key in PEM.
        takeover_s: How long one transaction may keep a shard that another worker waits for. [s]
        rejected_days: How long a refused message is kept after it came for the last time. [d]
        quarantine_days: How long the bytes of a quarantined batch are kept after it was released.
            [d]
        finding_days: How long a finding is kept after it was closed. [d]
        notice_days: How long a notice is kept after it was told, or could not be. [d]
        statement_timeout_s: How long one statement may take. [s]
        idle_timeout_s: How long a transaction may stand idle. [s]
        transaction_timeout_s: How long a transaction may last. [s]
        tcp_timeout_s: How long what is sent may go unacknowledged; 0 for the system's own. [s]
    """

    database: SecretStr | None = None
    owner_database: SecretStr | None = None
    actor: str = Field(default_factory=getpass.getuser, min_length=1)
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=0, le=65_535)
    web_token: SecretStr | None = None
    web_secret: SecretStr | None = None
    web_hosts: tuple[str, ...] = ()
    web_requests_per_s: int = Field(default=1_000, ge=0, le=1_000_000)
    web_trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    grace_s: float = Field(default=900.0, ge=0)
    poll_s: float = Field(default=2.0, gt=0)
    shard_size: int = Field(default=500, ge=1, le=10_000)
    audit_anchor_file: Path | None = None
    audit_head_folder: Path | None = None
    audit_head_key: Path | None = None
    takeover_s: float = Field(default=180.0, gt=0)
    rejected_days: int = Field(default=90, ge=1, le=_MOST_DAYS)
    quarantine_days: int = Field(default=400, ge=1, le=_MOST_DAYS)
    finding_days: int = Field(default=400, ge=1, le=_MOST_DAYS)
    notice_days: int = Field(default=400, ge=1, le=_MOST_DAYS)
    statement_timeout_s: float = Field(default=110.0, ge=0)
    idle_timeout_s: float = Field(default=60.0, ge=0)
    transaction_timeout_s: float = Field(default=120.0, ge=0)
    tcp_timeout_s: float = Field(default=30.0, ge=0)

    retired: ClassVar[Mapping[str, str]] = {
        "METERLINE_SERIES": _FOR_THE_UTILITY.format("--series PREFIX"),
        "METERLINE_WEB_SECURE_COOKIES": (
            "Remove it: wherever TLS is, cookies travel over TLS only. Name the proxy that ends it"
            " in METERLINE_WEB_TRUSTED_PROXIES."
        ),
        "METERLINE_DUE_DAYS": _FOR_THE_UTILITY.format("--due-days DAYS"),
    }

    @field_validator("web_token", "web_secret")
    @classmethod
    def _strong(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            strong(value.get_secret_value(), variable(info))
        return value

    @model_validator(mode="after")
    def _apart(self) -> Self:
        key, token = (
            None if one is None else one.get_secret_value()
            for one in (self.web_secret, self.web_token)
        )
        apart(key, token, "METERLINE_WEB_SECRET", "METERLINE_WEB_TOKEN")
        return self

    _named = field_validator("database", "owner_database")(named_database)

    def dsn(self) -> str:
        """The database, for the application.

        Raises:
            SettingMissingError: It is not set.
        """
        return given_dsn(self.database, "METERLINE_DATABASE")

    def owner_dsn(self) -> str:
        """The database, for its owner; that of the application where only one is set.

        Raises:
            SettingMissingError: Neither is set.
        """
        return given_dsn(self.owner_database or self.database, "METERLINE_OWNER_DATABASE")

    @property
    def limits(self) -> ConnectionLimits:
        """Time limits of a database connection.

        Raises:
            LimitsRefusedError: They let a transaction last too long.
        """
        limits = ConnectionLimits(
            self.statement_timeout_s,
            self.idle_timeout_s,
            self.tcp_timeout_s,
            self.transaction_timeout_s,
        )
        limits.check("METERLINE_")
        return limits

    @property
    def grace(self) -> timedelta:
        """How long after its end a local day is validated."""
        return timedelta(seconds=self.grace_s)
