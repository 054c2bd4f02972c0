"""How much one gateway may fill, from the environment (`METERLINE_GATEWAY_...`) or by name."""

from __future__ import annotations

from pydantic import Field

from central.config.secret import FiledSettings


class QuotaSettings(FiledSettings):
    """How much of the store one gateway may fill by what it sends.

    Args:
        gateway_meters: Meters that appear by its readings.
        gateway_channels: Channels of those meters.
        gateway_epochs: Lives of its buffer.
        gateway_quarantined: Batches in quarantine.
        gateway_findings: Open findings.
        gateway_messages_per_minute: Messages that all ingest processes together take of it.
        gateway_kib_per_minute: Their payload. [KiB]
    """

    gateway_meters: int = Field(default=500, ge=1)
    gateway_channels: int = Field(default=10_000, ge=1)
    gateway_epochs: int = Field(default=1_000, ge=1)
    gateway_quarantined: int = Field(default=2_000, ge=1)
    gateway_findings: int = Field(default=1_000, ge=1)
    gateway_messages_per_minute: int = Field(default=6_000, ge=1)
    gateway_kib_per_minute: int = Field(default=65_536, ge=1_024)
