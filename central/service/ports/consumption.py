"""What figures of use need of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Protocol

from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


class LoadOf(StrEnum):
    """Whose use is asked for."""

    POINT = "point"
    """A service point, whoever was its customer."""
    ACCOUNT = "account"
    """An account, on the days of its agreements."""
    GROUP = "group"
    """The points of a group, or the accounts of one, on the days of their membership."""
    TARIFF = "tariff"
    """The days on which a tariff is agreed."""
    ALL = "all"
    """Every service point."""


class ChannelSpan(NamedTuple):
    """Days of a channel that are asked for.

    Args:
        channel: The channel.
        obis: What it counts.
        point: Name of its service point.
        account: Number of the account whose days they are; "" where no account is asked for.
        zone: IANA zone of the service point.
        first: First local day.
        end: The day after the last.
    """

    channel: PointChannelId
    obis: Obis
    point: str
    account: str
    zone: str
    first: date
    end: date


class DaySum(NamedTuple):
    """Sum of days whose blocks share how they count.

    Args:
        key: The key that was asked with.
        day: Local day; None where all days were asked for as one.
        unit: Of the sum.
        exponent: Of the sum.
        period_s: Length of the intervals. [s]
        total: Sum of the intervals that have a value. [unit x 10 ** exponent]
        channels: How many channels.
        days: How many days they have, of the one that has most.
        missing: Intervals without a value.
        estimated: Intervals whose value is an estimate.
    """

    key: int
    day: date | None
    unit: Unit
    exponent: int
    period_s: int
    total: int
    channels: int
    days: int
    missing: int
    estimated: int


class ConsumptionStore(Protocol):
    """Where validated days are summed."""

    async def spans(
        self, of: LoadOf, subject: str, days: DayRange, obis: Sequence[Obis]
    ) -> Sequence[ChannelSpan]:
        """The channels of what is asked for, with their days, by channel and first day.

        Raises:
            NotRegisteredError: There is none of that name.
        """

    async def day_sums(
        self, spans: Sequence[tuple[int, ChannelSpan]], *, by_day: bool
    ) -> Sequence[DaySum]:
        """The newest blocks of spans, summed by the key before each."""

    async def blocks(self, spans: Sequence[ChannelSpan]) -> Sequence[DayBlock]:
        """The newest blocks of spans."""
