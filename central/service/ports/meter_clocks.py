"""What ingest keeps of meters' clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from central.service.ports.ingest_records import GatewayId


@dataclass(frozen=True, slots=True)
class ClockLook:
    """How a gateway saw the clock of one of its meters.

    Args:
        gateway_id: Whose look it was.
        manufacturer: Of the meter.
        serial: Of the meter.
        at: When, by the gateway's clock. Aware.
        own_at: What the meter's clock showed. Aware; None where no message can say that.
        is_wrong: Whether it was too far off to be used, or else near enough to be used again.
    """

    gateway_id: GatewayId
    manufacturer: str
    serial: str
    at: datetime
    own_at: datetime | None
    is_wrong: bool
