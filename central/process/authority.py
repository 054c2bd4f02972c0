"""The authority for gateways' certificates, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from central.adapters.authority import (
    CommandAuthority,
    FileAuthority,
    X509Reader,
    certificates_in,
)
from central.adapters.revocation_list import RevocationList
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
    command = settings.authority_command
    if settings.authority_key is None and command is None:
        return None
    if settings.gateway_broker_ca is None or not settings.gateway_brokers:
        message = "The authority is set, but not which brokers gateways are told."
        remedy = "Set METERLINE_GATEWAY_BROKERS and METERLINE_GATEWAY_BROKER_CA."
        raise NoAuthorityError(message, remedy=remedy)
    trusting = authorities(settings)
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


def revoked_before(settings: AuthoritySettings, file: Path) -> dict[str, datetime]:
    """What a list of revoked certificates names, by serial number, and since when.

    Raises:
        RevocationListError: It is not a list of the authority's.
    """
    return RevocationList.read(file, authorities(settings)).revoked


def authorities(settings: AuthoritySettings) -> list[x509.Certificate]:
    """The certificates of all authorities that the settings name.

    Raises:
        AuthorityFileError: A file does not contain any.
    """
    files = (settings.authority_certificate, settings.authority_trusted)
    return [each for file in files if file is not None for each in certificates_in(file)]


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
