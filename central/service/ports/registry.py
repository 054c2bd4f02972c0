"""What enrolment needs of a store: points, installations, accounts, agreements, tariffs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.billing.occupancy import Occupancy
from central.domain.metering.installation import RegisterFacts
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.cutover import CutoverTransaction
from central.service.ports.cycles import CycleTransaction
from central.service.ports.decisions import DecisionNote
from central.service.ports.erasure import ErasureTransaction
from central.service.ports.groups import GroupTransaction
from central.service.ports.holidays import HolidayTransaction
from central.service.ports.open_bills import OpenBillsTransaction
from central.service.ports.registry_revisions import RegistryRevision
from central.service.ports.registry_services import ServiceTransaction
from central.service.ports.stamps import InputKind
from central.service.ports.withdrawals import WithdrawalTransaction
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


class RegistryConflictError(OperatorError):
    """What is asked contradicts what the registry says: two meters, two payers, another value."""

    code = "REGISTRY_CONFLICT"
    default_remedy = "End what is there first, or correct what is asked."


class SellerDiffersError(OperatorError):
    """Another seller is given than the one who charges, and nobody said to replace it."""

    code = "SELLER_DIFFERS"
    default_remedy = "Leave the seller out, or give `--replace-seller` with the reason."


class NotRegisteredError(OperatorError):
    """A name stands for nothing in the registry."""

    code = "NOT_REGISTERED"
    default_remedy = "Check the name, or put it into the registry first."


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A service point in the registry; its name is its key.

    Args:
        name: As the utility calls it.
        zone: IANA zone; never changes once days were validated.
        address: One line.
        capacity: Per hour, in the base unit (W for Wh); None if not known.
    """

    name: str
    zone: str
    address: str = ""
    capacity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PointChannelRecord:
    """What is counted at a point; a point counts one thing once.

    Args:
        obis: Which quantity and direction.
        period_s: Length of its intervals. [s]
        unit: Of its intervals.
    """

    obis: Obis
    period_s: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class InstallationRecord:
    """A meter at a point; (meter, start) is its key.

    Args:
        point: Name of the service point.
        manufacturer: Of the meter.
        serial: Of the meter.
        start: When it went in. Aware.
        end: When it came out; None while it is there.
        multiplier: Exact.
        registers: What is known of its registers.
        gateway: Behind which gateway the meter will appear, if it has not yet.
    """

    point: str
    manufacturer: str
    serial: str
    start: datetime
    end: datetime | None = None
    multiplier: Fraction = Fraction(1)
    registers: Mapping[Obis, RegisterFacts] = field(default_factory=dict)
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Who pays; the number is the key."""

    number: str
    party: Party


@dataclass(frozen=True, slots=True)
class AgreementRecord:
    """Account x service x tariff; (service, first day) is its key.

    Args:
        account: Number.
        point: Name.
        tariff: Name.
        first: First local day.
        end: The local day after the last; None while open.
        facts: What the tariff needs to know.
        service: Name of the service at the point; None for the one that bills all.
        billing_from: The first day that is billed here, where another system billed before; None
            leaves it as it is.
    """

    account: str
    point: str
    tariff: str
    first: date
    end: date | None = None
    facts: AgreementFacts = field(default_factory=AgreementFacts)
    service: str | None = None
    billing_from: date | None = None


@dataclass(frozen=True, slots=True)
class TariffRecord:
    """One version of a tariff; (name, effective, revision) is its key, and it never changes.

    Args:
        name: Of the tariff.
        effective: First local day.
        document: The text as it was added.
        sha256: Hex digest of what it says.
        currency: ISO 4217 letters.
        revision: Its place among those of the same date, from 1 on; the newest holds.
        withdrawn: That nothing is in force from this date on that began on it.
    """

    name: str
    effective: date
    document: str
    sha256: str
    currency: str
    revision: int = 1
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class TariffRevision:
    """A version of a tariff as it was recorded.

    Args:
        record: What was recorded.
        recorded_at: When.
        recorded_by: Key of who did.
        reason: Why it corrects or withdraws the one before.
    """

    record: TariffRecord
    recorded_at: datetime
    recorded_by: str
    reason: str | None


class RegistryTransaction(
    ServiceTransaction,
    CutoverTransaction,
    CycleTransaction,
    ErasureTransaction,
    GroupTransaction,
    OpenBillsTransaction,
    HolidayTransaction,
    WithdrawalTransaction,
    Protocol,
):
    """One transaction on the registry. Every `add` of something that overlaps is refused."""

    async def hold(
        self,
        points: Collection[str],
        accounts: Collection[str],
        tariffs: Collection[str] = (),
        *,
        settings: bool = False,
    ) -> None:
        """Take what will change, in the one order in which all take it, and before any bill.

        Args:
            points: Names; one that is not there is no matter.
            accounts: Numbers; likewise.
            tariffs: Names; likewise.
            settings: Whether what is the same for all bills will change.
        """

    async def seller(self) -> Party | None:
        """Who charges."""

    async def save_seller(self, seller: Party) -> None:
        """Set who charges."""

    async def point(self, name: str) -> PointRecord | None:
        """A service point."""

    async def save_point(self, point: PointRecord, now: datetime) -> None:
        """Add a point, or correct its address or capacity."""

    async def channels(self, point: str) -> tuple[PointChannelRecord, ...]:
        """What is counted at a point."""

    async def add_channel(self, point: str, channel: PointChannelRecord) -> None:
        """Count something at a point."""

    async def installations(self, point: str) -> tuple[InstallationRecord, ...]:
        """The meters of a point, ascending."""

    async def add_installation(self, installation: InstallationRecord, now: datetime) -> None:
        """Put a meter in; one that never reported is known from now on.

        Raises:
            NotRegisteredError: The meter never reported and no enrolled gateway is named.
            RegistryConflictError: The meter is elsewhere, or the point has one, at that time.
        """

    async def change_installation(self, installation: InstallationRecord) -> None:
        """Set the end and the registers of an installation that is there."""

    async def account(self, number: str) -> AccountRecord | None:
        """An account."""

    async def save_account(self, account: AccountRecord, now: datetime) -> None:
        """Add an account, or correct its party."""

    async def agreements(self, point: str) -> tuple[AgreementRecord, ...]:
        """The agreements of a point, ascending."""

    async def occupancies(self, agreement: AgreementRecord) -> tuple[Occupancy, ...]:
        """Those of the agreement's account at its service, which is named; held until the end."""

    async def save_occupancy(
        self, agreement: AgreementRecord, occupancy: Occupancy, now: datetime
    ) -> int:
        """Add or change one of those, and where its claims begin if nothing is billed.

        Returns:
            Its key.
        """

    async def add_agreement(
        self, agreement: AgreementRecord, occupancy: int, now: datetime
    ) -> None:
        """Conclude an agreement, in an occupancy.

        Raises:
            RegistryConflictError: Somebody pays for the service already at that time.
        """

    async def change_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        """Set the end, the facts, where billing begins and the occupancy of one that is there."""

    async def move_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        """Put an agreement that is there into another occupancy."""

    async def tariff_versions(self, name: str) -> tuple[TariffRecord, ...]:
        """What of a tariff is in force, by date; empty where there is no such tariff."""

    async def tariff_history(self, name: str | None) -> tuple[TariffRevision, ...]:
        """Every revision of every version, by name, date and revision.

        Args:
            name: Of the tariff; None takes all.
        """

    async def add_tariff_version(
        self, version: TariffRecord, actor: Actor, at: datetime, reason: str | None = None
    ) -> None:
        """Add a version, or another revision of one.

        Raises:
            RegistryConflictError: That revision of that date is there.
        """

    async def concerned(
        self, kind: InputKind, name: str, first: date, end: date | None
    ) -> ConcernedBills:
        """Issued bills, not cancelled, of which a part has days that a change reaches into.

        Args:
            kind: Of what is changed: a service point, a tariff or a series.
            name: Which.
            first: The first day of the change.
            end: The day after its last; None where it has no end.
        """

    async def queue_for_validation(self, installation: InstallationRecord, now: datetime) -> None:
        """Queue what the meter's channels said while it was there for validation."""

    async def reopen(self, point: str, since: datetime) -> None:
        """Have a point's days from an instant on closed anew, as far as they were closed.

        Args:
            point: Its name.
            since: An instant of the first such day.
        """

    async def keep_revision(
        self,
        about: tuple[str, str],
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        note: DecisionNote,
    ) -> None:
        """Keep what is said of something from now on, beside all that was said of it before.

        Args:
            about: Its kind, and which.
            old: Every field before, for what was there before revisions were kept.
            new: Every field now.
            note: Who says so, when and why.
        """

    async def revisions(self, kind: str, subject: str | None) -> tuple[RegistryRevision, ...]:
        """Every revision of things of a kind, by subject and revision.

        Args:
            kind: Such as `agreement`.
            subject: Which; None takes all.
        """

    async def audit(
        self, at: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Write a line of the audit log."""


class RegistryStore(Protocol):
    """Where the registry is kept."""

    def transaction(
        self, now: datetime | None = None
    ) -> AbstractAsyncContextManager[RegistryTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Args:
            now: Since when what it writes is known, aware; None only reads.

        Raises:
            StoreUnavailableError: Try again.
        """
