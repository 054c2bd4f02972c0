"""Gateways, meters, channels, readings, intervals, findings, service points."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from central.api.schemas.base import Instant, QuantityOut, Schema
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.service.operator.month import ChannelMonth
from central.service.views.field import (
    ChannelView,
    GatewayView,
    MeterView,
    PointChannelView,
    Presence,
    ReadingView,
    presence,
)
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.quantity import Quantity

QUALITY = {quality.value: quality.name.lower() for quality in IntervalQuality}


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
        return cls(
            gateway=view.gateway,
            presence=presence(view.last_seen, now, revoked=view.revoked),
            revoked=view.revoked,
            enrolled_at=view.enrolled_at,
            last_seen=view.last_seen,
            epoch=view.epoch,
            cum=view.cum,
            backlog=view.backlog,
            meters=view.meters,
            findings=view.findings,
        )


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
        return cls(
            meter=view.meter,
            manufacturer=view.manufacturer,
            serial=view.serial,
            presence=presence(view.last_seen, now),
            gateway=view.gateway,
            service_point=view.point,
            service_point_name=view.point_name,
            zone=view.zone,
            last_seen=view.last_seen,
            last_good=view.last_good,
            missing=view.missing,
            findings=view.findings,
        )


class ChannelOut(Schema):
    """One quantity and direction of a meter, and how far it reaches."""

    channel: str
    meter: str
    obis: str
    name: str
    kind: str
    period_s: int
    source: str
    unit: str
    first_at: Instant | None
    last_at: Instant | None
    last_value: QuantityOut | None

    @classmethod
    def of(cls, view: ChannelView) -> Self:
        """The schema of a channel."""
        return cls(
            channel=view.channel,
            meter=view.meter,
            obis=str(view.obis),
            name=view.name,
            kind=view.kind.name.lower(),
            period_s=view.period_s,
            source=view.source.name.lower(),
            unit=view.unit.value,
            first_at=view.first_at,
            last_at=view.last_at,
            last_value=None if view.last_value is None else QuantityOut.of(view.last_value),
        )


class PointChannelOut(Schema):
    """One quantity and direction at a service point, whichever meter was there."""

    channel: str
    service_point: str
    zone: str
    obis: str
    name: str
    period_s: int
    unit: str
    last_day: date | None

    @classmethod
    def of(cls, view: PointChannelView) -> Self:
        """The schema of a point's channel."""
        return cls(
            channel=view.channel,
            service_point=view.point,
            zone=view.zone,
            obis=str(view.obis),
            name=view.name,
            period_s=view.period_s,
            unit=view.unit.value,
            last_day=view.last_day,
        )


class ReadingOut(Schema):
    """One stored reading."""

    at: Instant
    revision: int
    value: QuantityOut
    quality: str
    time_quality: str

    @classmethod
    def of(cls, view: ReadingView) -> Self:
        """The schema of a reading."""
        return cls(
            at=view.at,
            revision=view.revision,
            value=QuantityOut.of(view.quantity),
            quality=view.quality.name.lower(),
            time_quality=view.time_quality.name.lower(),
        )


class IntervalOut(Schema):
    """A half-open interval."""

    start: Instant
    end: Instant

    @classmethod
    def of(cls, interval: Interval) -> Self:
        """The schema of an interval."""
        return cls(start=interval.start, end=interval.end)


class DayOut(Schema):
    """One validated local day as columns: a value and a quality per interval.

    Values are in `unit`; one that is missing is null, never zero.
    """

    day: date
    start: Instant
    end: Instant
    period_s: int
    unit: str
    version: int
    sha256: str
    values: list[str | None]
    quality: list[str]

    @classmethod
    def of(cls, block: DayBlock) -> Self:
        """The schema of a day block."""
        return cls(
            day=block.day,
            start=block.start,
            end=block.end,
            period_s=block.period_s,
            unit=block.unit.value,
            version=block.version,
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
        return cls(
            channel=month.channel.channel,
            zone=month.zone,
            month=f"{month.first:%Y-%m}",
            start=month.interval.start,
            end=month.interval.end,
            total=None if month.total is None else QuantityOut.of(month.total),
            estimated=month.estimated,
            missing=month.missing,
            gaps=[IntervalOut.of(gap) for gap in month.gaps()],
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
