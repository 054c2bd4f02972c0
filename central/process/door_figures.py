"""Figures of what lets people and gateways in, which the web process says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from central.adapters.oidc import OidcProvider
from central.adapters.revocation_list import RevocationList
from central.config.settings import Settings
from central.process.authority import authorities
from central.service.people.provider import ProviderSignIns
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.figures import Figure


def door_figures(settings: Settings, sign_ins: ProviderSignIns | None) -> list[Figure]:
    """Until when the authority and the brokers' list hold, and how often the provider failed.

    Args:
        settings: What names the files, which are read each time.
        sign_ins: By the provider, if there is one.
    """
    provider = None if sign_ins is None else sign_ins.provider
    failures = provider.failures if isinstance(provider, OidcProvider) else 0
    return [
        Figure(
            "authority_end_timestamp_seconds",
            "When the certificate of the gateways' authority ends.",
            _end(lambda: _authority_end(settings)),
        ),
        Figure(
            "revocation_list_end_timestamp_seconds",
            "When the brokers' list of revoked certificates ends.",
            _end(lambda: _list_end(settings)),
        ),
        Figure(
            "provider_failures_total",
            "Times that the identity provider did not answer as one does.",
            failures,
            counter=True,
        ),
    ]


def _end(read: Callable[[], datetime | None]) -> float | None:
    try:
        at = read()
    except (MeterlineError, OSError):
        return 0.0  # as if it had ended: whoever needs it cannot use it
    return None if at is None else at.timestamp()


def _authority_end(settings: Settings) -> datetime | None:
    return min((each.not_valid_after_utc for each in authorities(settings)[:1]), default=None)


def _list_end(settings: Settings) -> datetime | None:
    file = settings.gateway_revocation_list
    return None if file is None else RevocationList.read(file, authorities(settings)).until
