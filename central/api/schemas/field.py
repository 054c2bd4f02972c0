"""Gateways, meters, channels, readings, intervals, findings, service points."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AliasChoices, Field, StringConstraints

from central.api.schemas.base import Instant, LowerName, ObisCode, QuantityOut, Schema, Symbol
from central.api.schemas.writes import Order, Reason
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.service.operator.month import ChannelMonth
from central.service.ports.registry import InstallationRecord
from central.service.views.billing import spell_fraction
from central.service.views.field import (
    CameBy,
    GatewayView,
    MeterView,
    Presence,
    presence,
)
from firmware_bridge.contract.quantity import Quantity

QUALITY = {quality.value: quality.name.lower() for quality in IntervalQuality}


class GatewayIn(Order):
    """A gateway that may send."""

    gateway: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    reason: Reason | None = None


class GatewayOut(Schema):
    """A gateway and how far it has reported."""

    gateway: str
    presence: Presence
    revoked: bool
    enrolled_at: Instant
    last_seen: Instant | None
    epoch: str | None
    cum: int
    backlog: int | None
    meters: int
    findings: int

    @classmethod
    def of(cls, view: GatewayView, now: datetime) -> Self:
        """The schema of a gateway."""
        return cls.fill(view, presence=presence(view.last_seen, now, revoked=view.revoked))


class MeterOut(Schema):
    """A meter, where it is, and how far its readings go."""

    meter: str
    manufacturer: str
    serial: str
    presence: Presence
    gateway: str | None
    service_point: str | None
    service_point_name: str | None
    zone: str
    last_seen: Instant | None
    last_good: Instant | None
    missing: int
    findings: int

    @classmethod
    def of(cls, view: MeterView, now: datetime) -> Self:
        """The schema of a meter."""
        return cls.fill(
            view,
            presence=presence(view.last_seen, now),
            service_point=view.point,
            service_point_name=view.point_name,
        )


class ChannelOut(Schema):
    """One quantity and direction of a meter, and how far it reaches."""

    channel: str
    meter: str
    obis: ObisCode
    name: str
    kind: LowerName
    period_s: int
    source: LowerName
    unit: Symbol
    first_at: Instant | None
    last_at: Instant | None
    last_value: QuantityOut | None


class PointChannelOut(Schema):
    """One quantity and direction at a service point, whichever meter was there."""

    channel: str
    service_point: Annotated[str, Field(validation_alias=AliasChoices("service_point", "point"))]
    zone: str
    obis: ObisCode
    name: str
    period_s: int
    unit: Symbol
    last_day: date | None


class ReadingOut(Schema):
    """One stored reading."""

    at: Instant
    revision: int
    value: Annotated[QuantityOut, Field(validation_alias=AliasChoices("value", "quantity"))]
    quality: LowerName
    time_quality: LowerName
    came_by: CameBy
    imported_by: str | None
    file_sha256: str | None


class IntervalOut(Schema):
    """A half-open interval."""

    start: Instant
    end: Instant


class DayOut(Schema):
    """One validated local day as columns: a value and a quality per interval.

    Values are in `unit`; one that is missing is null, never zero.
    """

    day: date
    start: Instant
    end: Instant
    period_s: int
    unit: Symbol
    version: int
    sha256: str
    values: list[str | None]
    quality: list[str]

    @classmethod
    def of(cls, block: DayBlock) -> Self:
        """The schema of a day block."""
        return cls.fill(
            block,
            sha256=block.sha256.hex(),
            values=_values(block),
            quality=[QUALITY[mark] for mark in block.quality.tolist()],
        )


def _values(block: DayBlock) -> list[str | None]:
    missing = IntervalQuality.MISSING.value
    pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
    return [
        None if quality == missing else f"{Quantity(value, block.exponent, block.unit).decimal():f}"
        for value, quality in pairs
    ]


class MonthOut(Schema):
    """One channel's local month."""

    channel: str
    zone: str
    month: str
    start: Instant
    end: Instant
    total: QuantityOut | None
    estimated: int
    missing: int
    gaps: list[IntervalOut]
    days: list[DayOut]

    @classmethod
    def of(cls, month: ChannelMonth) -> Self:
        """The schema of a month; days without a block are left out."""
        return cls.fill(
            month,
            channel=month.channel.channel,
            month=f"{month.first:%Y-%m}",
            start=month.interval.start,
            end=month.interval.end,
            gaps=list(month.gaps()),
            days=[DayOut.of(day.block) for day in month.days if day.block is not None],
        )


class FindingOut(Schema):
    """Something that was noticed and that someone may have to decide."""

    finding: str
    code: str
    severity: str
    gateway: str | None
    meter: str | None
    meter_serial: str | None
    start: Instant | None
    end: Instant | None
    detail: str
    found_at: Instant
    open: bool


class PointOut(Schema):
    """A place that is served."""

    point: str
    name: str
    address: str
    zone: str
    meter: str | None
    meter_serial: str | None
    account: str | None
    account_name: str | None
    tariff: str | None


class InstallationOut(Schema):
    """A meter at a service point, from a time to a time."""

    service_point: str
    manufacturer: str
    serial: str
    start: Instant
    end: Instant | None
    multiplier: str

    @classmethod
    def of(cls, record: InstallationRecord) -> Self:
        """As the registry keeps it."""
        return cls.fill(
            record,
            service_point=record.point,
            multiplier=spell_fraction(record.multiplier),
        )
