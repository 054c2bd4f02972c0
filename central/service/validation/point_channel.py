"""Name a channel of a service point: the point, and what is counted where it has several."""

from __future__ import annotations

from central.service.ports.validation import PointChannelId, ValidationStore
from central.service.validation.decide_days import NoSuchChannelError
from firmware_bridge.contract.obis import Obis


async def channel_at(store: ValidationStore, point: str, obis: str | None) -> PointChannelId:
    """A channel of a service point.

    Args:
        store: Where channels are.
        point: Name of the service point.
        obis: What is counted; None for the only one.

    Raises:
        InvalidValueError: That is no OBIS code.
        NoSuchChannelError: There is none, or there are several.
    """
    channels = await store.channels_at(point)
    if not channels:
        message = f"There is no service point {point!r} with a channel."
        raise NoSuchChannelError(message, value=point)
    chosen = [Obis.parse(obis)] if obis is not None else list(channels)
    if len(chosen) != 1 or chosen[0] not in channels:
        names = ", ".join(map(str, channels))
        message = f"{point} counts {names}."
        raise NoSuchChannelError(message, value=point, remedy="Name one of them by its OBIS code.")
    return channels[chosen[0]]
