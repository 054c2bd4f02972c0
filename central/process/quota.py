"""The bounds of a gateway, as the settings say."""

from __future__ import annotations

from central.config.quota import QuotaSettings
from central.service.ports.gateway_quota import GatewayQuota
from central.service.ports.gateway_rate import RateQuota


def quota_of(settings: QuotaSettings) -> GatewayQuota:
    """The bounds that the settings name."""
    return GatewayQuota(
        settings.gateway_meters,
        settings.gateway_channels,
        settings.gateway_epochs,
        settings.gateway_quarantined,
        settings.gateway_findings,
    )


def rate_quota_of(settings: QuotaSettings) -> RateQuota:
    """What one gateway may send in a minute, as the settings say."""
    return RateQuota(settings.gateway_messages_per_minute, settings.gateway_kib_per_minute * 1024)
