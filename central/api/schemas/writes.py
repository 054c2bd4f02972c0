"""What an operator sends, and what came of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.api.plain_requests import far_day, flaw_within
from central.api.schemas.base import Schema
from central.domain.billing.bill import Party
from central.domain.metering.day_start import read_day_start
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.plain_text import plain
from firmware_bridge.contract.quantity import Unit

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_CONTROLS)]
Line = Annotated[str, StringConstraints(max_length=400, pattern=_NO_CONTROLS)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=_NO_CONTROLS)]
NameplateText = Annotated[
    str, StringConstraints(min_length=1, max_length=32, pattern=r"^[\x20-\x7e]+$")
]
Multiplier = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,9}(?:\.[0-9]{1,9}|/[1-9][0-9]{0,8})?$")
]


class Order(BaseModel):
    """What an operator sends; a field that is not known is refused, and text that cannot be kept.

    `LINES` names the fields that are documents, in which tabs and line ends belong.
    """

    model_config = ConfigDict(extra="forbid")
    LINES: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _is_plain(cls, given: object) -> object:
        fields = given if isinstance(given, dict) else {}
        for name, value in fields.items():
            bad = flaw_within(name) or flaw_within(value, lines=name in cls.LINES)
            if bad is not None:
                message = f"{plain(str(name), 40)} holds {bad}"
                raise ValueError(message)
        return given

    @model_validator(mode="after")
    def _is_near(self) -> Self:
        for name in type(self).model_fields:
            far = far_day(getattr(self, name))
            if far is not None:
                message = f"{name}: {far}"
                raise ValueError(message)
        return self


class EffectOut(BaseModel):
    """What became of an order."""

    effect: Effect
    location: Annotated[
        str | None, Field(description="Path of what it created or changed, where it has one.")
    ] = None
    concerned: dict[str, str] = Field(
        default_factory=dict,
        description="Issued bills whose days the change reaches into, by what was changed.",
    )
    discarded: list[str] = Field(
        default_factory=list,
        description="Drafts and held bills that billed days which no longer belong to it.",
    )
    warnings: list[str] = Field(
        default_factory=list,
        description="What was recorded and will hold bills or change none, with what to do.",
    )


class RefusedOut(Schema):
    """A bill that an order passed over, and why."""

    bill: UUID = Field(validation_alias="uid")
    account: str
    code: str
    message: str


class CountOut(Schema):
    """How many bills an order moved, and which it did not."""

    bills: int = Field(validation_alias="count")
    refused: list[RefusedOut]


class PointChannelIn(Order):
    """What is counted at a point."""

    obis: Annotated[str, StringConstraints(max_length=32)]
    period_s: Annotated[int, Field(gt=0, le=86_400)]
    unit: Unit

    def record(self) -> PointChannelRecord:
        """As the registry keeps it."""
        return PointChannelRecord(Obis.parse(self.obis), self.period_s, self.unit)


class ServiceIn(Order):
    """What is sold at a point; without channels, all that it counts."""

    name: Name
    channels: Annotated[
        list[Annotated[str, StringConstraints(max_length=32)]], Field(max_length=32)
    ] = []
    day_start: Annotated[str | None, StringConstraints(max_length=5)] = None
    """When its days begin, such as 06:00 for gas; without, as they do."""

    def record(self) -> ServiceRecord:
        """As the registry keeps it."""
        at = None if self.day_start is None else read_day_start(self.day_start)
        return ServiceRecord(self.name, tuple(map(Obis.parse, self.channels)), at)


class PointIn(Order):
    """A service point; its name is its key."""

    name: Name
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    address: Line = ""
    capacity: Annotated[Decimal | None, Field(gt=0, max_digits=18)] = None
    channels: Annotated[list[PointChannelIn], Field(max_length=32)] = []
    services: Annotated[list[ServiceIn], Field(max_length=16)] = []

    def record(self) -> PointRecord:
        """As the registry keeps it."""
        return PointRecord(self.name, self.zone, self.address, self.capacity)


class InstallationIn(Order):
    """A meter at a point; (meter, start) is its key. Giving an end takes it out."""

    service_point: Name
    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    serial: NameplateText
    start: AwareDatetime
    end: AwareDatetime | None = None
    multiplier: Multiplier = "1"
    gateway: Annotated[str | None, StringConstraints(max_length=63)] = None

    def record(self) -> InstallationRecord:
        """As the registry keeps it."""
        return InstallationRecord(
            self.service_point,
            self.manufacturer,
            self.serial,
            self.start,
            self.end,
            Fraction(self.multiplier),
            gateway=self.gateway,
        )


class AccountIn(Order):
    """Who pays; the number is the key."""

    number: Name
    name: Name
    address: Annotated[list[Line], Field(max_length=8)] = []
    tax_id: Line = ""
    contact: Line = ""

    def record(self) -> AccountRecord:
        """As the registry keeps it."""
        party = Party(self.name, tuple(self.address), self.tax_id, self.contact)
        return AccountRecord(self.number, party)


class AgreementIn(Order):
    """Account x service x tariff; (service, first day) is its key."""

    account: Name
    service_point: Name
    tariff: Name
    first: date
    end: date | None = None
    service: Name | None = None
    billing_from: date | None = None

    def record(self) -> AgreementRecord:
        """As the registry keeps it."""
        return AgreementRecord(
            self.account,
            self.service_point,
            self.tariff,
            self.first,
            self.end,
            service=self.service,
            billing_from=self.billing_from,
        )


class TariffIn(Order):
    """A version of a tariff."""

    LINES = frozenset({"document"})

    document: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    reason: Reason | None = None
    """Why it corrects the version of its date."""


class CancelIn(Order):
    """Why issued bills are cancelled, and which of their service points; none for all."""

    bills: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    points: Annotated[list[Name], Field(max_length=100)] = []
    reason: Reason


class RebillIn(Order):
    """Why an account's issued bills are cancelled and billed anew, and from which bill on."""

    reason: Reason
    from_bill: Annotated[
        Name | None, Field(description="The first, by identifier or number; else by its inputs.")
    ] = None
    only_changed: bool = False


class ProposedOut(BaseModel):
    """Drafts that were proposed together, in the order of the bills."""

    bills: list[UUID]


class WithdrawIn(Order):
    """Why something is withdrawn."""

    reason: Reason


class DiscardIn(Order):
    """Why a bill is discarded."""

    reason: Reason | None = None
