"""What an operator sees of the field: gateways, meters, channels, readings, findings.

Values, as a store gives them; identifiers are those that the outside may know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from firmware_bridge.contract.obis import NAMES, Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Quality, Source, TimeQuality

SILENT_AFTER = timedelta(hours=2)
"""A gateway or meter not heard for longer needs attention."""


class Presence(StrEnum):
    """Whether something that should report does."""

    NEVER = "never"
    REPORTING = "reporting"
    SILENT = "silent"
    REVOKED = "revoked"


def presence(last_seen: datetime | None, now: datetime, *, revoked: bool = False) -> Presence:
    """How a source stands that was last heard at an instant."""
    if revoked:
        return Presence.REVOKED
    if last_seen is None:
        return Presence.NEVER
    return Presence.REPORTING if now - last_seen <= SILENT_AFTER else Presence.SILENT


@dataclass(frozen=True, slots=True)
class GatewayView:
    """A gateway and how far it has reported.

    Args:
        gateway: Its name, as in its topics.
        revoked: Whether its batches are refused.
        enrolled_at: When it was admitted.
        last_seen: When its last message came in.
        epoch: The life of its buffer now in use.
        cum: Last sequence stored without a hole before it.
        backlog: Batches not yet acknowledged, as its last status said; None where it said nothing.
        meters: How many meters are behind it.
        findings: How many of its findings are open.
    """

    gateway: str
    revoked: bool
    enrolled_at: datetime
    last_seen: datetime | None
    epoch: str | None
    cum: int
    backlog: int | None
    meters: int
    findings: int


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter, where it is, and how far its readings go.

    Args:
        meter: Its identifier.
        manufacturer: As the nameplate says.
        serial: As the nameplate says.
        gateway: The gateway it is behind.
        point: Identifier of the service point where it is installed now.
        point_name: That service point's name.
        zone: IANA zone of the service point, UTC where it is not installed.
        last_seen: Instant of its latest reading of any quality.
        last_good: Instant of its latest reading that the device does not doubt.
        missing: Intervals without a value in the validated days of the last 35 days.
        findings: How many of its findings are open.
    """

    meter: str
    manufacturer: str
    serial: str
    gateway: str | None
    point: str | None
    point_name: str | None
    zone: str
    last_seen: datetime | None
    last_good: datetime | None
    missing: int
    findings: int


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One quantity and direction of a meter, and how far it reaches.

    Args:
        channel: Its identifier.
        meter: Its meter's identifier.
        obis: What is counted.
        kind: Counter or interval.
        period_s: Seconds between readings; 0 is irregular.
        source: Read live, or from the meter's own profile.
        unit: Unit of the values.
        first_at: Instant of the earliest reading kept.
        last_at: Instant of the latest.
        last_value: The latest value.
    """

    channel: str
    meter: str
    obis: Obis
    kind: Kind
    period_s: int
    source: Source
    unit: Unit
    first_at: datetime | None
    last_at: datetime | None
    last_value: Quantity | None

    @property
    def name(self) -> str:
        """What is counted, in words where the code is known."""
        return NAMES.get(self.obis, str(self.obis))


class CameBy(StrEnum):
    """How a reading came to be stored."""

    GATEWAY = "gateway"
    FILE = "file"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class ImportView:
    """A file of readings that somebody imported.

    Args:
        gateway: Under whose name.
        file_sha256: Of the file, in hex.
        imported_by: Who imported it.
        imported_at: When.
    """

    gateway: str
    file_sha256: str
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingView:
    """One stored reading.

    Args:
        at: Instant of a register reading, start of an interval reading.
        revision: 0 from the device; higher are corrections.
        quantity: The value.
        quality: What the device says of the value.
        time_quality: Where the time comes from.
        came_by: Whether the gateway sent it, a file brought it, or somebody decided it.
        imported_by: Of a file's, who imported it.
        file_sha256: Of a file's, the hash of the file, in hex.
    """

    at: datetime
    revision: int
    quantity: Quantity
    quality: Quality
    time_quality: TimeQuality
    came_by: CameBy = CameBy.GATEWAY
    imported_by: str | None = None
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FindingView:
    """Something that was noticed and that someone may have to decide.

    Args:
        finding: Its identifier.
        code: What it is; never renamed.
        severity: How much it matters, as its source says.
        gateway: The gateway it is about.
        meter: The meter it is about.
        meter_serial: That meter's number.
        start: First instant it is about.
        end: First instant it is no longer about.
        detail: ExceptionEvidence, in one line.
        found_at: When it was noticed.
        open: Whether it is still open.
    """

    finding: str
    code: str
    severity: str
    gateway: str | None
    meter: str | None
    meter_serial: str | None
    start: datetime | None
    end: datetime | None
    detail: str
    found_at: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class PointView:
    """A place that is served.

    Args:
        point: Its identifier.
        name: What operators call it.
        address: Where it is, in one line.
        zone: IANA zone that its days are cut in.
        meter: Identifier of the meter installed now.
        meter_serial: That meter's number.
        account: Identifier of the account that pays now.
        account_name: That account's name.
        tariff: Name of the tariff agreed now.
    """

    point: str
    name: str
    address: str
    zone: str
    meter: str | None
    meter_serial: str | None
    account: str | None
    account_name: str | None
    tariff: str | None


@dataclass(frozen=True, slots=True)
class PointChannelView:
    """One quantity and direction at a service point, whichever meter was there.

    Args:
        channel: Its identifier; day blocks are its.
        point: Identifier of the service point.
        point_name: The service point's name.
        zone: IANA zone that its days are cut in.
        obis: What is counted.
        period_s: Seconds of an interval.
        unit: Unit of the values.
        last_day: Newest local date with a validated block.
    """

    channel: str
    point: str
    point_name: str
    zone: str
    obis: Obis
    period_s: int
    unit: Unit
    last_day: date | None

    @property
    def name(self) -> str:
        """What is counted, in words where the code is known."""
        return NAMES.get(self.obis, str(self.obis))


@dataclass(frozen=True, slots=True)
class ValidatedMonth:
    """What is validated of a local month of a point's channel, in intervals.

    Args:
        first: First day of the month.
        intervals: Intervals of its validated days.
        estimated: Those of them with an estimate.
        missing: Those of them without a value.
    """

    first: date
    intervals: int
    estimated: int
    missing: int


@dataclass(frozen=True, slots=True)
class FieldTotals:
    """The field in numbers, and how each stands.

    Args:
        gateways: How many are enrolled.
        gateways_silent: How many of them were heard, and are silent.
        gateways_never: How many of them were never heard.
        meters: How many there are.
        meters_silent: How many of them have readings, and no recent one.
        meters_never: How many of them have no reading.
        meters_unassigned: How many are installed nowhere.
        findings: Open findings by code, most frequent first.
        conflicts: Readings that contradict a stored one and wait for a decision.
        quarantined: Batches kept aside.
    """

    gateways: int
    gateways_silent: int
    gateways_never: int
    meters: int
    meters_silent: int
    meters_never: int
    meters_unassigned: int
    findings: tuple[tuple[str, int], ...]
    conflicts: int
    quarantined: int
