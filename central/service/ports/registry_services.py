"""What enrolment needs of a store: what is sold at a point."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Protocol

from firmware_bridge.contract.obis import Obis


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """What is sold at a point under one agreement at a time; (point, name) is its key.

    Args:
        name: As the utility calls it, such as `electricity`, `grid` or `feed-in`.
        channels: What it bills; empty for all that the point counts.
        day_start: Time of day at which its days begin; None leaves it as it is, and has a new
            service begin with the others that bill its channels, or at midnight.
    """

    name: str
    channels: tuple[Obis, ...] = ()
    day_start: time | None = None


class ServiceTransaction(Protocol):
    """That part of `RegistryTransaction`."""

    async def services(self, point: str) -> tuple[ServiceRecord, ...]:
        """What is sold at a point, in the order in which it was added; held until the end."""

    async def add_service(self, point: str, service: ServiceRecord, now: datetime) -> None:
        """Sell something at a point; the days of what it bills begin with its own."""

    async def is_billed(self, point: str, service: str) -> bool:
        """Whether days of a service are claimed; nobody claims any until the end."""

    async def set_day_start(self, point: str, service: str, at: time) -> None:
        """Let the days of a service, and of what it bills, begin at another time of day.

        Days of channels that were cut otherwise are closed anew.
        """
