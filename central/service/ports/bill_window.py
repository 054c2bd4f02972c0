"""What the bill window needs of a store: which held bills are over for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Protocol

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.interval import MIDNIGHT


@dataclass(frozen=True, slots=True)
class HeldDays:
    """The days of one service in a bill that is held, or missing days in a row of a channel.

    Args:
        account: Number.
        point: Name of the service point.
        zone: Of its days.
        days: Of the bill, or those that are missing.
        channels: That the service bills, or the one.
        estimated_before: How many bills right before these days have estimates of the job.
        day_start: Time of day at which the service's days begin.
    """

    account: str
    point: str
    zone: str
    days: DayRange
    channels: tuple[PointChannelId, ...]
    estimated_before: int
    day_start: time = MIDNIGHT


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run of which bills are held.

    Args:
        cycle: What it bills.
        run_type: Why.
        scope: Which accounts.
    """

    cycle: Cycle
    run_type: RunType
    scope: RunScope = EVERYONE


class BillWindowStore(Protocol):
    """Which held bills are over for long."""

    async def held_runs(self) -> tuple[HeldRun, ...]:
        """The runs of which bills are held, the earliest first."""

    async def held_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        """The days of held bills, the earliest end first.

        Args:
            ended_by: Latest end of their days.
            most_before: How many bills before each are looked at.
        """

    async def waiting_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        """Missing days in a row of one channel of a service, with a customer, the earliest first.

        Args:
            ended_by: The day after the last that is looked at.
            most_before: How many bills before each are looked at.
        """
