"""Meters and channels appear by themselves; the statements are in `ingest.sql`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.service.ports.gateway_quota import GatewayQuota
from central.service.ports.ingest_records import ChannelId, ChannelRecord, GatewayId, MeterId
from firmware_bridge.contract.reading import Channel

_SQL = load_queries(Path(__file__).with_name("ingest.sql"))

NOWHERE = ChannelId(0)
"""In place of a channel that was not made."""
_NO_METER = MeterId(0)
_Nameplate = tuple[str, str]
_ChannelKey = tuple[MeterId, bytes, int, int, int]
_New = TypeVar("_New")
_Value = TypeVar("_Value")


async def find_channels(
    connection: AsyncConnection[tuple[Any, ...]],
    channels: Collection[tuple[GatewayId, Channel]],
    now: datetime,
    quota: GatewayQuota,
) -> dict[tuple[GatewayId, Channel], ChannelRecord]:
    """Find channels, adding those that are new, each statement a transaction of its own.

    What is new was first seen `now`. It is committed before readings refer to it, so a cached key
    never dangles. Workers that add at the same time may go beyond the quota by what each adds.
    """
    meters = await _meters(connection, channels, now, quota)
    keys = {
        (gateway, channel): _key(found[0], channel)
        for gateway, channel in channels
        if (found := meters.get((channel.manufacturer, channel.serial))) is not None
    }
    records = await _find_records(connection, keys.values())
    homes = dict(meters.values())
    new = {
        key: asked[1]
        for asked, key in keys.items()
        if key not in records and homes[key[0]] == asked[0]
    }
    if new := await _within(
        connection, "channels_of", new, lambda key: homes[key[0]], quota.channels
    ):
        units = [channel.unit.value for channel in new.values()]
        await connection.execute(_SQL["add_channels"], {**_columns(new), "unit": units, "now": now})
        records |= await _find_records(connection, new)
    return {
        asked: records.get(key, ChannelRecord(NOWHERE, key[0], asked[1].unit.value))
        if (key := keys.get(asked)) is not None
        else ChannelRecord(NOWHERE, _NO_METER, asked[1].unit.value)
        for asked in channels
    }


async def _meters(
    connection: AsyncConnection[tuple[Any, ...]],
    channels: Collection[tuple[GatewayId, Channel]],
    now: datetime,
    quota: GatewayQuota,
) -> dict[_Nameplate, tuple[MeterId, GatewayId]]:
    """Find meters with their homes, adding those that are new and within the quota."""
    senders = {(channel.manufacturer, channel.serial): gateway for gateway, channel in channels}
    meters = await _find_meters(connection, senders)
    new = {nameplate: home for nameplate, home in senders.items() if nameplate not in meters}
    new = await _within(connection, "meters_of", new, new.__getitem__, quota.meters)
    if new:
        await connection.execute(
            _SQL["add_meters"], {**_nameplates(new), "gateway_id": list(new.values()), "now": now}
        )
        meters |= await _find_meters(connection, new)
    return meters


async def _within(
    connection: AsyncConnection[tuple[Any, ...]],
    counted: str,
    new: Mapping[_New, _Value],
    home: Callable[[_New], GatewayId],
    most: int,
) -> dict[_New, _Value]:
    """As much of what is new as its gateways may have."""
    if not new:
        return {}
    gateways = list({home(key) for key in new})
    cursor = await connection.execute(_SQL[counted], {"gateways": gateways})
    left = dict.fromkeys(gateways, most)
    left |= {gateway: most - count async for gateway, count in cursor}
    within = {}
    for key, value in new.items():
        if left[home(key)] > 0:
            left[home(key)] -= 1
            within[key] = value
    return within


def _key(meter: MeterId, channel: Channel) -> _ChannelKey:
    return meter, channel.obis.code, channel.kind.value, channel.period_s, channel.source.value


async def _find_meters(
    connection: AsyncConnection[tuple[Any, ...]], nameplates: Collection[_Nameplate]
) -> dict[_Nameplate, tuple[MeterId, GatewayId]]:
    cursor = await connection.execute(_SQL["find_meters"], _nameplates(nameplates))
    return {(row[1], row[2]): (MeterId(row[0]), GatewayId(row[3])) async for row in cursor}


async def _find_records(
    connection: AsyncConnection[tuple[Any, ...]], keys: Iterable[_ChannelKey]
) -> dict[_ChannelKey, ChannelRecord]:
    cursor = await connection.execute(_SQL["find_channels"], _columns(keys))
    return {
        (MeterId(row[1]), bytes(row[2]), row[3], row[4], row[5]): ChannelRecord(
            ChannelId(row[0]), MeterId(row[1]), row[6]
        )
        async for row in cursor
    }


def _nameplates(nameplates: Iterable[_Nameplate]) -> dict[str, list[str]]:
    pairs = list(nameplates)
    return {"manufacturer": [p[0] for p in pairs], "serial": [p[1] for p in pairs]}


def _columns(keys: Iterable[_ChannelKey]) -> dict[str, list[Any]]:
    names = ("meter_id", "obis", "kind", "period_s", "source")
    unique = list(dict.fromkeys(keys))
    return {name: [key[position] for key in unique] for position, name in enumerate(names)}
