"""Meters and channels appear by themselves; the statements are in `ingest.sql`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.service.ports.ingest_records import ChannelId, ChannelRecord, GatewayId, MeterId
from firmware_bridge.contract.reading import Channel

_SQL = load_queries(Path(__file__).with_name("ingest.sql"))

_Nameplate = tuple[str, str]
_ChannelKey = tuple[MeterId, bytes, int, int, int]


async def find_channels(
    connection: AsyncConnection[tuple[Any, ...]],
    channels: Collection[tuple[GatewayId, Channel]],
    now: datetime,
) -> dict[Channel, ChannelRecord]:
    """Find channels, adding those that are new, each statement a transaction of its own.

    What is new was first seen `now`. It is committed before readings refer to it, so a cached key
    never dangles.
    """
    homes = {(channel.manufacturer, channel.serial): home for home, channel in channels}
    meters = await _find_meters(connection, homes)
    if missing := {nameplate: home for nameplate, home in homes.items() if nameplate not in meters}:
        await connection.execute(
            _SQL["add_meters"],
            {**_nameplates(missing), "gateway_id": list(missing.values()), "now": now},
        )
        meters |= await _find_meters(connection, missing)
    keys = {channel: _key(meters, channel) for _, channel in channels}
    found = await _find_records(connection, keys.values())
    if new := {keys[c]: c for c in keys if keys[c] not in found}:
        units = [channel.unit.value for channel in new.values()]
        await connection.execute(_SQL["add_channels"], {**_columns(new), "unit": units, "now": now})
        found |= await _find_records(connection, new)
    return {channel: found[key] for channel, key in keys.items()}


def _key(meters: dict[_Nameplate, MeterId], channel: Channel) -> _ChannelKey:
    meter = meters[channel.manufacturer, channel.serial]
    return meter, channel.obis.code, channel.kind.value, channel.period_s, channel.source.value


async def _find_meters(
    connection: AsyncConnection[tuple[Any, ...]], nameplates: Collection[_Nameplate]
) -> dict[_Nameplate, MeterId]:
    cursor = await connection.execute(_SQL["find_meters"], _nameplates(nameplates))
    return {(row[1], row[2]): MeterId(row[0]) async for row in cursor}


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
