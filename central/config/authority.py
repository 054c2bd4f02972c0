"""Who signs gateways' certificates, from the environment (`METERLINE_AUTHORITY_...`) or by name."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from central.config.secret import FiledSettings


class AuthoritySettings(FiledSettings):
    """Who signs gateways' certificates, and what gateways are told with them.

    Args:
        authority_key: The issuing key, in PEM.
        authority_certificate: Its certificate.
        authority_command: A command that asks another authority, in place of the key.
        authority_trusted: Certificates of all authorities whose gateways may renew; the issuing
            one alone by default.
        gateway_revocation_list: Certificates that it has revoked, as the brokers have the list.
        gateway_certificate_days: How long a certificate holds. [d]
        gateway_renewal_grace_days: How long after its end it can still be renewed. [d]
        gateway_brokers: Addresses of the brokers for gateways, such as mqtts://broker.example:8883.
        gateway_broker_ca: Certificates of those who sign the brokers' own.
    """

    authority_key: Path | None = None
    authority_certificate: Path | None = None
    authority_command: str | None = None
    authority_trusted: Path | None = None
    gateway_revocation_list: Path | None = None
    gateway_certificate_days: float = Field(default=90.0, gt=0, le=825)
    gateway_renewal_grace_days: float = Field(default=30.0, ge=0, le=366)
    gateway_brokers: tuple[str, ...] = ()
    gateway_broker_ca: Path | None = None
