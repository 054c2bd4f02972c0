"""A customer file: a YAML file of points, meters, accounts, agreements and tariffs, as it is read.

    seller: {name: Sierra Power, address: [Plaza 1, Madrid], tax_id: B123}
    tariffs: [home.yaml]                       # files beside this one, or whole documents
    service_points:
      - name: SP-1
        zone: Europe/Madrid
        capacity: 10 kW
        channels: [{obis: 1.8.0, period: 15m, unit: Wh}]
        meters:
          - {meter: MTL/1001, from: 2026-09-01, multiplier: 400/5, gateway: gw-1,
             registers: [{obis: 1.8.0, modulus: 100000000, opening: 5}]}
    accounts:
      - number: A-1
        name: Ada Lovelace
        agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01, facts: {tax_exempt: false}}]
        cycle: bimonthly                       # from the first agreement on, or {name, from}
        groups: [route-7, {name: pilot, from: 2026-10-01, to: 2027-01-01}]

A point may name `services: [{name: grid, channels: [1.8.0]}]`, and an agreement then its `service`;
a service whose days do not begin at midnight says when: `{name: gas, day_start: "06:00"}`.
Where another system billed before, an agreement's `billing_from` is the first day billed here.
Local dates are cut in the zone of the point, when its days begin; an instant may be given instead
(RFC 3339).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from central.domain.billing.bill import Party
from central.domain.metering.day_start import read_day_start
from central.domain.metering.installation import Multiplier, RegisterFacts
from central.domain.metering.installed_days import local_date
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.registry.membership_entries import CycleEntry, GroupEntries
from central.service.registry.yaml_file import read_yaml_file
from firmware_bridge.contract.errors import ConfigurationError, InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT, day_start
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

_CAPACITY = re.compile(r"([0-9.]+)\s*(k?)(?:W|var|VA|L/h)?")
_PERIOD = re.compile(r"(\d+)\s*(s|m|h|d)?")
# Where a text may have lines.
_LINED = re.compile(r"tariffs\.\d+|seller\.address|(accounts|service_points)\.\d+\.address")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class CustomerFileError(ConfigurationError):
    """A customer file cannot be read; nothing of it was imported."""

    code = "BOOK_REFUSED"


def _lines(value: object) -> object:
    return [line.strip() for line in value.split("\n")] if isinstance(value, str) else value


def _fact(value: object) -> object:
    """A scalar of the file, which is text, as the truth or number that it spells."""
    return spelled(value) if isinstance(value, str) else value


FactText = Annotated[bool | Decimal | str, BeforeValidator(_fact)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartyEntry(_Model):
    """A seller or buyer."""

    name: str = Field(min_length=1)
    address: Lines = ()
    tax_id: str = ""
    contact: str = ""

    def party(self) -> Party:
        """As the invoice names it."""
        return Party(self.name, self.address, self.tax_id, self.contact)


class ChannelEntry(_Model):
    """What a point counts."""

    obis: str
    period: str = "15m"
    unit: Unit = Unit.WATT_HOUR

    def record(self) -> PointChannelRecord:
        """As the registry has it.

        Raises:
            InvalidValueError: Code or period cannot be read.
        """
        match = _PERIOD.fullmatch(self.period)
        if match is None:
            message = f"{self.period!r} is not a period such as 15m."
            raise InvalidValueError(message, value=self.period)
        period_s = int(match[1]) * _SECONDS[match[2]]
        return PointChannelRecord(Obis.parse(self.obis), period_s, self.unit)


class RegisterEntry(_Model):
    """What is known of a register."""

    obis: str
    modulus: Decimal | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None


class MeterEntry(_Model):
    """A meter at a point."""

    meter: str = Field(pattern=r"^[^/]+/.+$")
    start: str = Field(alias="from")
    end: str | None = Field(default=None, alias="to")
    multiplier: str = "1"
    gateway: str | None = None
    registers: tuple[RegisterEntry, ...] = ()

    def record(self, point: str, zone: str, at: time = MIDNIGHT) -> InstallationRecord:
        """As the registry has it.

        Args:
            point: Name.
            zone: Where its days are cut.
            at: When they begin.

        Raises:
            InvalidValueError: A date or code cannot be read.
            MultiplierError: The multiplier is not exact.
        """
        manufacturer, _, serial = self.meter.partition("/")
        return InstallationRecord(
            point=point,
            manufacturer=manufacturer,
            serial=serial,
            start=_instant(self.start, zone, at),
            end=None if self.end is None else _instant(self.end, zone, at),
            multiplier=Multiplier.parse(self.multiplier).ratio,
            registers={
                Obis.parse(one.obis): RegisterFacts(one.modulus, one.opening, one.closing)
                for one in self.registers
            },
            gateway=self.gateway,
        )


class ServiceEntry(_Model):
    """What is sold at a point; without channels, all that it counts."""

    name: str = Field(min_length=1)
    channels: tuple[str, ...] = ()
    day_start: str | None = None

    def record(self) -> ServiceRecord:
        """As the registry has it.

        Raises:
            InvalidValueError: A channel or the start of its days cannot be read.
        """
        at = None if self.day_start is None else read_day_start(self.day_start)
        return ServiceRecord(self.name, tuple(map(Obis.parse, self.channels)), at)


class PointEntry(_Model):
    """A service point."""

    name: str = Field(min_length=1)
    zone: str
    address: str = ""
    capacity: str | None = None
    channels: tuple[ChannelEntry, ...] = (ChannelEntry(obis="1-0:1.8.0"),)
    meters: tuple[MeterEntry, ...] = ()
    groups: GroupEntries = ()
    services: tuple[ServiceEntry, ...] = ()

    def record(self) -> PointRecord:
        """As the registry has it.

        Raises:
            InvalidValueError: The capacity cannot be read.
        """
        capacity = None
        if self.capacity is not None:
            match = _CAPACITY.fullmatch(self.capacity)
            if match is None:
                message = f"{self.capacity!r} is not a capacity such as 10 kW."
                raise InvalidValueError(message, value=self.capacity)
            capacity = Decimal(match[1]) * (1000 if match[2] else 1)
        return PointRecord(self.name, self.zone, self.address, capacity)

    @property
    def day_start(self) -> time:
        """When its days begin, for the dates of its meters: midnight unless all services agree."""
        begins = {service.record().day_start for service in self.services}
        return (begins.pop() if len(begins) == 1 else None) or MIDNIGHT

    def installed(self) -> list[date]:
        """The local days on which its meters were installed."""
        at = self.day_start
        return [
            local_date(_instant(meter.start, self.zone, at), self.zone, at) for meter in self.meters
        ]


class AgreementEntry(_Model):
    """An agreement of an account."""

    point: str
    tariff: str
    start: date = Field(alias="from")
    end: date | None = Field(default=None, alias="to")
    facts: dict[str, FactText | dict[date, FactText]] = {}
    service: str | None = Field(default=None, min_length=1)
    billing_from: date | None = None

    def record(self, account: str) -> AgreementRecord:
        """As the registry has it."""
        facts = [
            Fact(name, value) if begins is None else Fact(name, value, begins)
            for name, said in self.facts.items()
            for begins, value in (said.items() if isinstance(said, dict) else [(None, said)])
        ]
        return AgreementRecord(
            account,
            self.point,
            self.tariff,
            self.start,
            self.end,
            AgreementFacts(tuple(facts)),
            self.service,
            self.billing_from,
        )


class AccountEntry(PartyEntry):
    """An account with its agreements."""

    number: str = Field(min_length=1)
    agreements: tuple[AgreementEntry, ...] = ()
    cycle: CycleEntry | None = None
    groups: GroupEntries = ()

    def record(self) -> AccountRecord:
        """As the registry has it."""
        return AccountRecord(self.number, self.party())


class CustomerFile(_Model):
    """A whole file."""

    seller: PartyEntry | None = None
    tariffs: tuple[str, ...] = ()
    service_points: tuple[PointEntry, ...] = ()
    accounts: tuple[AccountEntry, ...] = ()


def read_customer_file(path: Path) -> tuple[CustomerFile, list[tuple[str, str]]]:
    """Read a customer file and the tariff files that it names.

    Args:
        path: The YAML file.

    Returns:
        The file, and per tariff its file name and text.

    Raises:
        CustomerFileError: It is not such a file, or a file it names cannot be read.
        OSError: The customer file itself cannot be read.
    """
    customers = read_yaml_file(path, CustomerFile, CustomerFileError, lined=_LINED)
    return customers, [_tariff(path, entry) for entry in customers.tariffs]


def _tariff(customers: Path, entry: str) -> tuple[str, str]:
    if "\n" in entry:
        return "tariff", entry
    try:
        return entry, (customers.parent / entry).read_text(encoding="utf-8")
    except OSError as error:
        message = f"{customers.name} refers to the tariff {entry!r}, which cannot be read."
        raise CustomerFileError(message, value=entry) from error


def _instant(text: str, zone: str, at: time) -> datetime:
    try:
        if len(text) == len("2026-09-01"):
            return day_start(date.fromisoformat(text), zone, at)
        instant = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is neither a date nor an RFC 3339 time."
        raise InvalidValueError(message, value=text) from None
    if instant.tzinfo is None:
        message = f"{text!r} has no UTC offset."
        raise InvalidValueError(message, value=text)
    return instant
