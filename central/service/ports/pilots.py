"""What pilots need of a store: members, their days, tariffs, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Protocol

from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotDocument, PilotRow, PilotSide, sums_of
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import TariffRecord
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.obis import Obis


class NoSuchPilotError(OperatorError):
    """There is no such pilot."""

    code = "NO_SUCH_PILOT"
    default_remedy = "`meterline-central pilot list` shows which there are."


@dataclass(frozen=True, slots=True)
class PilotMember:
    """An agreement of a member of a pilot.

    Args:
        side: Where the member is.
        account: Number.
        point: Name of the service point.
        service: Name.
        zone: Of its days.
        day_start: Time of day at which they begin.
        tariff: Agreed.
        facts: Agreed.
        days: Those of the pilot on which it is agreed, and on which the member is in the group.
        channels: That the service bills, by key.
    """

    side: PilotSide
    account: str
    point: str
    service: str
    zone: str
    day_start: time
    tariff: str
    facts: AgreementFacts
    days: DayRange
    channels: Mapping[int, Obis]


@dataclass(frozen=True, slots=True)
class PilotScope:
    """Whose use is rated: one of these.

    Args:
        group: Name of a group of accounts or points.
        account: Number of an account.
        tariff: Name of a tariff, for all who have agreed it.
    """

    group: str | None = None
    account: str | None = None
    tariff: str | None = None


@dataclass(frozen=True, slots=True)
class PilotMembers:
    """Agreements of a scope.

    Args:
        members: By account and point; where fewer were asked for than there are, a fixed sample.
        agreements: How many there are.
    """

    members: tuple[PilotMember, ...]
    agreements: int


@dataclass(frozen=True, slots=True)
class RecordedPilot:
    """A version of a pilot's document.

    Args:
        name: Of the pilot.
        version: From 1.
        document: What it compares.
        decided_by: Key of who wrote it.
        decided_at: When.
        reason: Why.
    """

    name: str
    version: int
    document: PilotDocument
    decided_by: str
    decided_at: datetime
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "pilot": self.name,
            "version": self.version,
            **self.document.to_json(),
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.isoformat(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class PilotResult:
    """What came of a pilot when it was computed.

    Args:
        pilot: The version of its document.
        run: From 1, among those of this version; another only where something is another.
        rows: One for each agreement, by side, account and point.
        made_by: Key of who had it computed.
        made_at: When.
    """

    pilot: RecordedPilot
    run: int
    rows: tuple[PilotRow, ...]
    made_by: str
    made_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "pilot": self.pilot.name,
            "version": self.pilot.version,
            "run": self.run,
            "made_by": self.made_by,
            "made_at": self.made_at.isoformat(),
            "sides": [side.to_json() for side in sums_of(self.rows)],
            "rows": [row.to_json() for row in self.rows],
        }


class PilotTransaction(Protocol):
    """One transaction; nothing of it touches bills."""

    async def group_exists(self, name: str) -> bool:
        """Whether there is a group of that name."""

    async def newest(self, name: str) -> RecordedPilot | None:
        """The newest version of a pilot's document; nobody changes it until the end."""

    async def add(self, name: str, document: PilotDocument, note: DecisionNote) -> int:
        """Add a version; which."""

    async def members(
        self, side: PilotSide, scope: PilotScope, days: DayRange, most: int | None = None
    ) -> PilotMembers:
        """The agreements of a scope that hold on some days, by account and point.

        Args:
            side: Where they are.
            scope: Whose.
            days: Local days.
            most: How many are wanted at most; None for all.
        """

    async def blocks(
        self, channels: Collection[int], days: DayRange
    ) -> Mapping[int, Sequence[DayBlock]]:
        """The newest blocks of channels on some days, by channel."""

    async def tariffs(self, names: Collection[str]) -> Mapping[str, Sequence[TariffRecord]]:
        """The versions of some tariffs."""

    async def holidays(self) -> Sequence[HolidayCalendar]:
        """Years of calendars that are kept."""

    async def series(self, names: Collection[str], days: DayRange) -> Sequence[PriceDay]:
        """Days of series."""

    async def tables(self, names: Collection[str]) -> Sequence[TableVersion]:
        """Lookup tables."""

    async def result(self, name: str, version: int | None = None) -> PilotResult | None:
        """The newest result of a pilot; of a version of its document, or of the newest that has."""

    async def add_result(
        self, pilot: RecordedPilot, rows: Sequence[PilotRow], note: DecisionNote
    ) -> int:
        """Keep a result; which run it is."""

    async def pilots(self) -> Sequence[RecordedPilot]:
        """The newest version of each pilot, by name."""


class PilotStore(Protocol):
    """Where pilots are kept."""

    def transaction(
        self, now: datetime | None = None
    ) -> AbstractAsyncContextManager[PilotTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
