"""The identity provider, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from central.adapters.oidc import OidcClient, OidcProvider
from central.config.provider import ProviderSettings
from central.domain.access.policy import Role
from central.service.people.people import People
from central.service.people.provider import ProviderSignIns
from firmware_bridge.contract.errors import ConfigurationError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def provider_sign_ins(
    settings: ProviderSettings, people: People, clock: Callable[[], datetime]
) -> ProviderSignIns | None:
    """The use-cases of the provider; None where none is set.

    Raises:
        ConfigurationError: It is set by halves, or would be talked to in the clear.
    """
    if not settings.oidc_issuer:
        return None
    registered = oidc_client(settings)
    roles = {group: Role(role) for group, role in settings.oidc_roles.items()}
    return ProviderSignIns(OidcProvider(registered), people, roles, clock)


def oidc_client(settings: ProviderSettings) -> OidcClient:
    """How this centre is registered at the provider.

    Raises:
        ConfigurationError: It is set by halves, or would be talked to in the clear.
    """
    issuer = settings.oidc_issuer
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        message = f"The identity provider {issuer} would be asked without TLS."
        remedy = "Set METERLINE_OIDC_ISSUER to its https address."
        raise ConfigurationError(message, value=issuer, remedy=remedy)
    if not settings.oidc_client or not settings.oidc_roles:
        message = "The identity provider is set by halves."
        remedy = "Set METERLINE_OIDC_CLIENT and METERLINE_OIDC_ROLES beside METERLINE_OIDC_ISSUER."
        raise ConfigurationError(message, remedy=remedy)
    try:
        roles = {group: Role(role) for group, role in settings.oidc_roles.items()}
    except ValueError as error:
        message = f"A group of the identity provider has no role that there is: {error}."
        remedy = f"Give one of {', '.join(Role)} in METERLINE_OIDC_ROLES."
        raise ConfigurationError(message, remedy=remedy) from error
    if Role.CUSTOMER in roles.values():
        message = "The identity provider makes customers of a group, but of no account."
        remedy = "Leave `customer` out of METERLINE_OIDC_ROLES; add customers with `user add`."
        raise ConfigurationError(message, remedy=remedy)
    return OidcClient(
        issuer,
        settings.oidc_client,
        settings.oidc_secret.get_secret_value(),
        settings.oidc_label,
        settings.oidc_name_claim,
        settings.oidc_groups_claim,
        settings.oidc_scopes,
    )
