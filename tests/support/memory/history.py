"""What validation knows of other days, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import count

from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.history import PastDay
from central.service.ports.validation import ChannelDay, PastDays, PointChannelId
from tests.support.memory.books import BookState


def channel_of(state: BookState, key: PointChannelId) -> PointChannel:
    """A channel of a point, as validation sees it."""
    channel = state.channels[key]
    point = state.points[channel.point]
    capacity = None if point.capacity is None else Fraction(point.capacity)
    return PointChannel(
        key,
        ServicePoint(point.name, point.zone, capacity),
        channel.record.obis,
        channel.record.period_s,
        channel.record.unit,
        channel.day_start,
    )


def block_of(state: BookState, key: ChannelDay, version: int | None) -> DayBlock | None:
    """A block of a version, or the newest."""
    if version is not None:
        return state.blocks.get((key, version))
    # They are numbered from one on, without a gap.
    newest = None
    for number in count(1):
        block = state.blocks.get((key, number))
        if block is None:
            return newest
        newest = block
    return None


def occupied(state: BookState, key: PointChannelId) -> tuple[DayRange, ...]:
    """When somebody was a customer of a service that bills a channel."""
    channel = state.channels[key]
    billing = {
        name
        for (point, name), service in state.services.items()
        if point == channel.point
        and (not service.channels or channel.record.obis in service.channels)
    }
    return tuple(
        DayRange(occupancy.billing_from, occupancy.ended_on or date.max)
        for occupancy in state.occupancies.values()
        if occupancy.point == channel.point
        and occupancy.service in billing
        and (occupancy.ended_on is None or occupancy.billing_from < occupancy.ended_on)
    )


def past_days(state: BookState, asked: PastDays) -> Iterator[PastDay]:
    """The newest figures of days that rules ask for."""
    point = state.channels[asked.channel_id].point
    for key, channel in state.channels.items():
        if channel.point == point and channel.record.obis == asked.obis:
            for day in asked.days.days():
                block = block_of(state, ChannelDay(key, day), None)
                if block is not None:
                    yield PastDay.of(block)
