"""The authority for gateways' certificates, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from central.adapters.authority import (
    CommandAuthority,
    FileAuthority,
    X509Reader,
    certificates_in,
)
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.registry.certificates import TimescaleClaimStore
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.config.authority import AuthoritySettings
from central.service.gateways.claims import ClaimTerms, GatewayClaims, NoAuthorityError


def gateway_claims(
    settings: AuthoritySettings, pool: Pool, clock: Callable[[], datetime]
) -> GatewayClaims | None:
    """The use-cases of claims; None where this process signs nothing.

    Raises:
        NoAuthorityError: Settings are missing beside one that is there.
        AuthorityFileError: A file does not hold what it should.
    """
    key, certificate = settings.authority_key, settings.authority_certificate
    command, trusted = settings.authority_command, settings.authority_trusted
    if key is None and command is None:
        return None
    if settings.gateway_broker_ca is None or not settings.gateway_brokers:
        message = "The authority is set, but not which brokers gateways are told."
        remedy = "Set METERLINE_GATEWAY_BROKERS and METERLINE_GATEWAY_BROKER_CA."
        raise NoAuthorityError(message, remedy=remedy)
    issuing = [] if certificate is None else certificates_in(certificate)
    trusting = [*issuing, *([] if trusted is None else certificates_in(trusted))]
    if not trusting:
        message = "The authority is set, but none that is trusted."
        remedy = "Set METERLINE_AUTHORITY_TRUSTED to the certificates of the authority."
        raise NoAuthorityError(message, remedy=remedy)
    return GatewayClaims(
        TimescaleClaimStore(pool),
        TimescaleGatewayStore(pool),
        authority=file_authority(settings) if command is None else CommandAuthority(command),
        reader=X509Reader(trusting),
        terms=ClaimTerms(
            timedelta(days=settings.gateway_certificate_days),
            timedelta(days=settings.gateway_renewal_grace_days),
            settings.gateway_brokers,
            settings.gateway_broker_ca.read_text(encoding="ascii"),
        ),
        clock=clock,
    )


def file_authority(settings: AuthoritySettings) -> FileAuthority:
    """The authority whose key lies in a file.

    Raises:
        NoAuthorityError: It is not set.
        AuthorityFileError: A file does not hold what it should.
    """
    if settings.authority_key is None or settings.authority_certificate is None:
        message = "The issuing key of the authority is not set."
        raise NoAuthorityError(message)
    return FileAuthority.load(settings.authority_key, settings.authority_certificate)
