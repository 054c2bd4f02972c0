"""Channels of points as rows of the database."""

from __future__ import annotations

from typing import Any

from central.domain.metering.service_point import PointChannel, ServicePoint
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit


def point_channel(row: tuple[Any, ...]) -> PointChannel:
    """A channel: its key, the point's name and zone, OBIS code, period, unit, start of its days.

    Raises:
        InvalidValueError: The zone is unknown, or the period fits no day.
    """
    point = ServicePoint(row[1], row[2])
    return PointChannel(row[0], point, Obis(bytes(row[3])), row[4], Unit(row[5]), row[6])
