"""What the enrolment of gateways needs of a store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import EpochKey, GatewayId, GatewayRecord
from firmware_bridge.contract.messages import Status


class GatewayStore(Protocol):
    """Where gateways are enrolled."""

    async def enrol(self, name: str, note: DecisionNote) -> GatewayRecord:
        """Enrol a gateway, or take a revoked one back; one that is enrolled stays as it is."""

    async def gateway(self, name: str) -> GatewayRecord | None:
        """A gateway by its name."""

    async def revoke(self, name: str, note: DecisionNote) -> GatewayRecord | None:
        """Refuse a gateway from now on; None where there is none of that name."""

    async def revoke_epoch(self, key: EpochKey, note: DecisionNote) -> bool:
        """Refuse an epoch from now on; whether there is such an epoch."""

    async def move_meter(
        self, manufacturer: str, serial: str, home: GatewayId, note: DecisionNote
    ) -> bool:
        """Give a meter another home; whether there is such a meter."""

    async def close_finding(self, key: str, closed_by: Actor, at: datetime) -> bool:
        """Close a finding; whether it was open."""

    async def save_status(self, name: str, status: Status, at: datetime) -> bool:
        """Note a gateway's retained status; whether it is enrolled and not revoked."""

    async def admitted(self) -> list[str]:
        """The names of the gateways that are enrolled and not revoked."""

    async def epochs(self, gateway: GatewayId) -> list[UUID]:
        """A gateway's epochs, oldest first."""
