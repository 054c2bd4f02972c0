"""How much of the store one gateway may fill by what it sends."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.contract.errors import Fault, MeterlineError


@dataclass(frozen=True, slots=True)
class GatewayQuota:
    """Bounds for one gateway, whatever it sends.

    Args:
        meters: Meters that appear by its readings.
        channels: Channels of those meters.
        epochs: Lives of its buffer.
        quarantined: Batches in quarantine.
        findings: Open findings.
    """

    meters: int = 500
    channels: int = 10_000
    epochs: int = 1_000
    quarantined: int = 2_000
    findings: int = 1_000


class QuotaExceededError(MeterlineError):
    """A message would take its gateway beyond a bound: it is not stored, and not acknowledged.

    The gateway keeps it. `value` is the bound.
    """

    code = "QUOTA_EXCEEDED"
    fault = Fault.PEER


class EpochsFullError(QuotaExceededError):
    """The gateway has begun as many epochs as it may."""

    code = "EPOCHS_FULL"
    default_remedy = "Look at why it begins so many; then raise METERLINE_GATEWAY_EPOCHS."


class QuarantineFullError(QuotaExceededError):
    """The gateway has as many batches in quarantine as it may."""

    code = "QUARANTINE_FULL"
    default_remedy = "Mend the cause and requeue them; or raise METERLINE_GATEWAY_QUARANTINED."
