"""What allocations need of a store: who shares in a channel, and the days that this makes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction
from typing import Any, Protocol

from central.domain.metering.allocation import Allocation
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import LockedChannel, PointChannelId
from firmware_bridge.contract.obis import Obis


@dataclass(frozen=True, slots=True)
class SharingPoint:
    """A service point, and its channel of a code, as far as there is one.

    Args:
        zone: Of its days.
        day_start: When the days of the services begin that would bill the channel; None for any.
        channel: Its key; None where there is none yet.
        source: Of what it has a share already.
        has_days: Whether days of it are closed that are no shares.
        shares_out: Whether it is shared out itself.
        floor: The first day that may change; None where all may.
    """

    zone: str
    day_start: time | None
    channel: PointChannelId | None = None
    source: PointChannelId | None = None
    has_days: bool = False
    shares_out: bool = False
    floor: date | None = None


@dataclass(frozen=True, slots=True)
class NewAllocation:
    """An allocation to be entered.

    Args:
        source: What is shared out.
        effective: The first local day.
        obis: What the shares count.
        shares: By service point, in the order of the document.
        remainder: The point that has what the others leave.
        withdrawn: Whether what was entered for that day is taken back.
    """

    source: PointChannelId
    effective: date
    obis: Obis
    shares: Mapping[str, Fraction]
    remainder: str | None = None
    withdrawn: bool = False


class AllocationTransaction(Protocol):
    """One transaction: what is entered shares out the closed days of the source anew."""

    async def lock(
        self, channels: Collection[PointChannelId]
    ) -> dict[PointChannelId, LockedChannel]:
        """See `ValidationTransaction`."""

    async def sharing_points(self, names: Collection[str], obis: Obis) -> dict[str, SharingPoint]:
        """Some service points, by name, with what their channel of a code is."""

    async def allocations_of(
        self, sources: Collection[PointChannelId]
    ) -> dict[PointChannelId, list[Allocation]]:
        """What was entered for some channels, all revisions."""

    async def add_allocation(self, entry: NewAllocation, note: DecisionNote) -> int:
        """Enter an allocation; its points get their channels, and the source's closed days shares.

        Returns:
            Its revision.
        """

    async def share_days(self, note: DecisionNote) -> int:
        """Share out what days of this transaction changed.

        Returns:
            How many days of points that makes anew.
        """

    async def issued_shares(
        self, source: PointChannelId, first: date
    ) -> list[tuple[str, DayRange]]:
        """Issued bills' days from a day on in which a channel's shares are billed, by point."""

    def note(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """See `ValidationTransaction`."""


@dataclass(frozen=True, slots=True)
class EnteredAllocation:
    """An allocation as it was entered.

    Args:
        point: Service point of what is shared out.
        obis: What it counts.
        allocation: From when, and whose share is how much, by the key of the channel.
        names: Service points and codes of the channels.
        remainder: The point that has what the others leave; None where they leave nothing.
        holds: Whether it is the newest of its day, and not withdrawn.
        actor: Key of who entered it.
        at: When.
        reason: Why.
    """

    point: str
    obis: Obis
    allocation: Allocation
    names: Mapping[int, tuple[str, Obis]]
    remainder: str | None
    holds: bool
    actor: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SharedDay:
    """A day of a channel and the days that its shares are, the newest of each.

    Args:
        source: The day.
        shares: By service point and code.
    """

    source: DayBlock
    shares: Mapping[tuple[str, Obis], DayBlock]


class AllocationStore(Protocol):
    """Where allocations are kept."""

    def transaction(self) -> AbstractAsyncContextManager[AllocationTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Raises:
            StoreUnavailableError: Try again.
        """

    async def channels_at(self, point: str) -> dict[Obis, PointChannelId]:
        """See `ValidationStore`."""

    async def entered(self, point: str | None) -> Sequence[EnteredAllocation]:
        """Allocations of a point's channels, or all: by point, code, day and revision."""

    async def shared_days(self, source: PointChannelId, days: DayRange) -> Sequence[SharedDay]:
        """Closed days of a channel with their shares, ascending."""
