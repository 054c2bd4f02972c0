"""The books, blocks and bills in memory: the tables that the other memory stores share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.billing.billing_settings import BillingSettings, SettingsRevision
from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.billing.document_template import DocumentTemplate
from central.domain.billing.planned import NotBilled
from central.domain.billing.suppression import Suppression
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.vee.finding import VeeFinding
from central.service.ports.bill_shard import NewPart, RunRecord
from central.service.ports.billing import BillRecord
from central.service.ports.cycles import CycleRecord
from central.service.ports.documents import BillDocument, DocumentJob
from central.service.ports.groups import GroupRecord, Membership
from central.service.ports.holidays import HolidayRevision
from central.service.ports.ledger import PostedEntry
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
    TariffRevision,
)
from central.service.ports.registry_revisions import RegistryRevision
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.series import TableRevision
from central.service.ports.stamps import InputKind, InputStamp
from central.service.ports.validation import ChannelDay, PointChannelId
from firmware_bridge.contract.interval import MIDNIGHT
from tests.support.memory.audit import add_line
from tests.support.memory.ingest import MemoryIngestStore

SEEDED = SettingsRevision(
    1,
    date(2000, 1, 1),
    BillingSettings(),
    datetime(2000, 1, 1, tzinfo=UTC),
    "migration",
    "the defaults of earlier releases",
)


@dataclass(frozen=True, slots=True)
class KeptChannel:
    """A row of `point_channel`."""

    point: str
    record: PointChannelRecord
    closed_through: date | None = None
    day_start: time = MIDNIGHT


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A row of `vee_finding` that is open."""

    id: int
    finding: VeeFinding
    accepted_by: str | None = None


@dataclass(frozen=True, slots=True)
class KeptOccupancy:
    """A row of `occupancy`."""

    account: str
    point: str
    service: str
    billing_from: date
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class KeptClaim:
    """A row of `billed_period`; the root has no first day."""

    first: date | None
    part: int | None = None
    opening: CarriedState | None = None
    settles: bool = False


@dataclass(frozen=True, slots=True)
class KeptShard:
    """A row of `bill_shard`."""

    accounts: tuple[int, ...]
    done: bool = False


class KeptPart(NamedTuple):
    """A row of `bill_part`."""

    id: int
    part: NewPart
    state_from: int | None
    own_from: int | None = None


@dataclass(frozen=True, slots=True)
class KeptBill:
    """A row of `bill` with its parts."""

    record: BillRecord
    run_id: int
    account_id: int
    validated_kwh: Any
    parts: tuple[KeptPart, ...]
    stamps: Mapping[int, InputStamp] = field(default_factory=dict)
    release: str = ""


@dataclass(slots=True)
class BookState:
    """The tables; values are immutable, so that a copy of the dictionaries is a backup."""

    seller: dict[int, Party] = field(default_factory=dict)
    points: dict[str, PointRecord] = field(default_factory=dict)
    channels: dict[PointChannelId, KeptChannel] = field(default_factory=dict)
    installations: dict[int, InstallationRecord] = field(default_factory=dict)
    accounts: dict[int, AccountRecord] = field(default_factory=dict)
    erased: dict[int, datetime] = field(default_factory=dict)
    agreements: dict[int, AgreementRecord] = field(default_factory=dict)
    withdrawn_agreements: dict[int, AgreementRecord] = field(default_factory=dict)
    withdrawn_installations: dict[int, InstallationRecord] = field(default_factory=dict)
    cycles: dict[str, CycleRecord] = field(default_factory=dict)
    account_cycles: dict[tuple[str, date], str] = field(default_factory=dict)
    groups: dict[str, GroupRecord] = field(default_factory=dict)
    members: dict[tuple[str, str, date], Membership] = field(default_factory=dict)
    services: dict[tuple[str, str], ServiceRecord] = field(default_factory=dict)
    occupancies: dict[int, KeptOccupancy] = field(default_factory=dict)
    occupants: dict[int, int] = field(default_factory=dict)  # occupancy of each agreement
    claims: dict[tuple[int, date], KeptClaim] = field(default_factory=dict)
    suppressed: dict[UUID, tuple[int, Suppression]] = field(default_factory=dict)
    finished: dict[int, Hashable] = field(default_factory=dict)  # as `what_is_left` said
    openings: dict[int, CutoverOpening] = field(default_factory=dict)
    tariffs: dict[tuple[str, date, int], TariffRevision] = field(default_factory=dict)
    holidays: dict[tuple[str, int, int], HolidayRevision] = field(default_factory=dict)
    series: dict[tuple[str, date, int], PriceDay] = field(default_factory=dict)
    tables: dict[tuple[str, date, int], TableRevision] = field(default_factory=dict)
    blocks: dict[tuple[ChannelDay, int], DayBlock] = field(default_factory=dict)
    estimates: dict[tuple[ChannelDay, int], str] = field(default_factory=dict)
    findings: dict[tuple[ChannelDay, str, datetime], KeptFinding] = field(default_factory=dict)
    runs: dict[int, RunRecord] = field(default_factory=dict)
    starters: dict[int, tuple[str, ...]] = field(default_factory=dict)
    shards: dict[tuple[int, int], KeptShard] = field(default_factory=dict)
    bills: dict[int, KeptBill] = field(default_factory=dict)
    notes: dict[tuple[int, int], tuple[NotBilled, ...]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    printed_heads: dict[str, date] = field(default_factory=dict)
    templates: dict[str, DocumentTemplate] = field(default_factory=dict)
    documents: dict[UUID, BillDocument] = field(default_factory=dict)
    jobs: dict[UUID, DocumentJob] = field(default_factory=dict)
    settings: dict[int, SettingsRevision] = field(default_factory=lambda: {1: SEEDED})
    # Who worked on the days of a point, and what they did.
    worked: dict[tuple[str, date, str], str] = field(default_factory=dict)
    # Who answered for what the gateway of a point never sent, and when the last time.
    answered: dict[tuple[str, str], datetime] = field(default_factory=dict)
    ledger: dict[str, PostedEntry] = field(default_factory=dict)
    registry_revisions: dict[tuple[str, str, int], RegistryRevision] = field(default_factory=dict)
    revisions: dict[tuple[InputKind, str], int] = field(default_factory=dict)

    def raise_input(self, kind: InputKind, name: str = "") -> None:
        """Raise the revision of an input of bills."""
        self.revisions[kind, name] = self.revisions.get((kind, name), 0) + 1

    def copy(self) -> dict[str, dict[Any, Any]]:
        """A backup."""
        return {f.name: dict(getattr(self, f.name)) for f in fields(self)}

    def restore(self, backup: Mapping[str, dict[Any, Any]]) -> None:
        """Go back to a backup."""
        for name, table in backup.items():
            setattr(self, name, table)


class MemoryBooks:
    """One utility in memory, under one lock.

    Args:
        ingest: Where its readings are.
    """

    def __init__(self, ingest: MemoryIngestStore) -> None:
        self.ingest = ingest
        self.state = BookState()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[BookState]:
        """A transaction: leaving keeps the changes, an exception takes them back."""
        async with self._turn:
            ingest = self.ingest.state
            backup, touched, audit = self.state.copy(), dict(ingest.touched), dict(ingest.audit)
            try:
                yield self.state
            except BaseException:
                self.state.restore(backup)
                self.ingest.state.touched = touched
                self.ingest.state.audit = audit
                raise

    def audit(
        self, at: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Write a row of the audit log."""
        add_line(self.ingest.state, at, actor, action, subject, detail)

    def bill_of(self, uid: UUID) -> tuple[int, KeptBill] | None:
        """A bill and its key."""
        found = (item for item in self.state.bills.items() if item[1].record.uid == uid)
        return next(found, None)

    def part_of(self, key: int | None) -> tuple[KeptBill, KeptPart] | None:
        """A part with its bill."""
        both = ((bill, part) for bill in self.state.bills.values() for part in bill.parts)
        return next((found for found in both if found[1].id == key), None)

    def before(
        self, occupancy: int, day: date
    ) -> tuple[KeptClaim, tuple[KeptBill, KeptPart] | None] | None:
        """What ends in an occupancy where some days begin."""
        claim = self.state.claims.get((occupancy, day))
        return None if claim is None else (claim, self.part_of(claim.part))
