"""What pages show of the field, from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID

from central.adapters.timescale.errors import translated
from central.adapters.timescale.fitness import FitCheck
from central.adapters.timescale.named_query import (
    Asker,
    Record,
    as_bigint,
    as_prefix,
    as_text,
    as_uuid,
    shown,
)
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.validation.blocks import blocks_of
from central.adapters.timescale.views.findings import FieldFindings
from central.domain.metering.block import DayBlock
from central.service.views.field import (
    SILENT_AFTER,
    CameBy,
    ChannelView,
    FieldTotals,
    FindingView,
    GatewayView,
    ImportView,
    MeterView,
    PointChannelView,
    PointView,
    ReadingView,
    ValidatedMonth,
)
from central.service.views.paging import CursorError, Page, decode_cursor, encode_cursor, paged
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import AT_MAX_MS, Kind, Source, from_ms, to_ms, unpack_flags

REFRESH_AT_ONCE = 20_000
GAPS_WITHIN = timedelta(days=35)


class TimescaleField:
    """`FieldOverview` on PostgreSQL, with or without TimescaleDB.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))
        self._findings = FieldFindings(self._ask)
        self._fit = FitCheck(pool)

    async def ping(self) -> None:
        """See `FieldOverview`."""
        await self._fit()

    async def totals(self, now: datetime) -> FieldTotals:
        """See `FieldOverview`."""
        row = await self._ask.row("totals", {"silent": now - SILENT_AFTER})
        counts = [int(count) for count in row or ()]
        codes = await self._ask.rows("finding_codes", {})
        return FieldTotals(
            gateways=counts[0],
            gateways_silent=counts[1],
            gateways_never=counts[2],
            meters=counts[3],
            meters_silent=counts[4],
            meters_never=counts[5],
            meters_unassigned=counts[6],
            findings=tuple((str(code), int(times)) for code, times in codes),
            conflicts=counts[7],
            quarantined=counts[8],
        )

    async def refresh(self, now: datetime) -> int:
        """See `FieldOverview`; of several processes one works, the others look on."""
        values = {"now": now, "silent_after": SILENT_AFTER, "limit": REFRESH_AT_ONCE}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(self._ask.text("claim_refresh"))
                if await cursor.fetchone() != (True,):
                    return 0
                done = await connection.execute(self._ask.text("refresh"), values, prepare=False)
                return done.rowcount

    async def gateways(
        self,
        *,
        now: datetime,
        search: str = "",
        attention: bool = False,
        after: str | None = None,
        limit: int,
    ) -> Page[GatewayView]:
        """See `FieldOverview`."""
        key = decode_cursor(after, (str,))
        values = {
            "silent": now - SILENT_AFTER,
            "prefix": as_prefix(search),
            "name": None,
            "attention": attention,
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("gateways", values)
        return paged([_gateway(row) for row in rows], limit, lambda view: (view.gateway,))

    async def gateway(self, gateway: str) -> GatewayView | None:
        """See `FieldOverview`."""
        name = as_text(gateway)
        if name is None:
            return None
        values = {
            "silent": None, "prefix": "%", "name": name, "attention": False, "after": None,
            "limit": 1,
        }  # fmt: skip
        row = await self._ask.row("gateways", values)
        return None if row is None else _gateway(row)

    async def meters(  # noqa: PLR0913 - every filter is one
        self,
        *,
        now: datetime,
        search: str = "",
        gateway: str | None = None,
        attention: bool = False,
        after: str | None = None,
        limit: int,
    ) -> Page[MeterView]:
        """See `FieldOverview`."""
        key = decode_cursor(after, (str, str)) or (None, None)
        values = {
            "now": now,
            "prefix": as_prefix(search),
            "id": None,
            "gateway": None if gateway is None else as_text(gateway) or "",
            "after_manufacturer": key[0],
            "after_serial": key[1],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("meters", values, query=self._meters(attention=attention))
        views = await self._with_counts(rows[:limit], now)
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(views, None if last is None else encode_cursor((last[1], last[2])))

    async def meter(self, meter: str, now: datetime) -> MeterView | None:
        """See `FieldOverview`."""
        identifier = as_bigint(meter)
        if identifier is None:
            return None
        values = {
            "now": now, "prefix": "%", "id": identifier, "gateway": None,
            "after_manufacturer": None, "after_serial": None, "limit": 1,
        }  # fmt: skip
        rows = await self._ask.rows("meters", values, query=self._meters(attention=False))
        return next(iter(await self._with_counts(rows, now)), None)

    def _meters(self, *, attention: bool) -> LiteralString:
        join = self._ask.text("attention") if attention else ""
        return self._ask.text("meters").replace("{attention}", join)

    async def _with_counts(self, rows: Sequence[Record], now: datetime) -> tuple[MeterView, ...]:
        """Meters with what is counted from their service points, in two questions for all."""
        points = [row[9] for row in rows if row[9] is not None]
        missing: Counter[int] = Counter()
        findings: Counter[int] = Counter()
        if points:
            since = (now - GAPS_WITHIN).date()
            asked = {"points": points, "since": since}
            for point, intervals in await self._ask.rows("gaps", asked):
                missing[point] += intervals
            findings.update(dict(await self._ask.rows("point_findings", asked)))
        return tuple(_meter(row, missing[row[9]], findings[row[9]]) for row in rows)

    async def channels(self, meter: str) -> tuple[ChannelView, ...]:
        """See `FieldOverview`."""
        identifier = as_bigint(meter)
        if identifier is None:
            return ()
        rows = await self._ask.rows("channels", {"meter": identifier, "id": None})
        return tuple(map(_channel, rows))

    async def channel(self, channel: str) -> ChannelView | None:
        """See `FieldOverview`."""
        identifier = as_bigint(channel)
        if identifier is None:
            return None
        row = await self._ask.row("channels", {"meter": None, "id": identifier})
        return None if row is None else _channel(row)

    async def readings(
        self, channel: str, within: Interval, *, after: str | None = None, limit: int
    ) -> Page[ReadingView]:
        """See `FieldOverview`."""
        key = decode_cursor(after, (int, int))
        if key is not None and not 0 <= int(key[0]) <= AT_MAX_MS:
            message = "The cursor does not belong to this list."
            raise CursorError(message, value=after)
        values = {
            "channel": as_bigint(channel),
            "start": within.start,
            "end": within.end,
            "after_at": None if key is None else from_ms(int(key[0])),
            "after_revision": None if key is None else key[1],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("readings", values)
        views = [_reading(row) for row in rows]
        return paged(views, limit, lambda view: (to_ms(view.at), view.revision))

    async def imports(self, channels: Collection[int], within: Interval) -> tuple[ImportView, ...]:
        """See `FieldOverview`."""
        values = {"channels": list(channels), "start": within.start, "end": within.end}
        return tuple(
            ImportView(gateway, bytes(sha256).hex(), imported_by, at)
            for gateway, sha256, imported_by, at in await self._ask.rows("imports", values)
        )

    async def point_channels(self, point: str) -> tuple[PointChannelView, ...]:
        """See `FieldOverview`."""
        identifier = as_uuid(point)
        if identifier is None:
            return ()
        rows = await self._ask.rows("point_channels", {"point": identifier, "id": None})
        return tuple(map(_point_channel, rows))

    async def point_channel(self, channel: str) -> PointChannelView | None:
        """See `FieldOverview`."""
        identifier = as_bigint(channel)
        if identifier is None:
            return None
        row = await self._ask.row("point_channels", {"point": None, "id": identifier})
        return None if row is None else _point_channel(row)

    async def blocks(self, channel: str, first: date, until: date) -> tuple[DayBlock, ...]:
        """See `FieldOverview`."""
        values = {"channel": as_bigint(channel), "first": first, "until": until}
        return tuple(blocks_of(await self._ask.rows("blocks", values)))

    async def validated_months(
        self, channel: str, first: date, until: date
    ) -> tuple[ValidatedMonth, ...]:
        """See `FieldOverview`."""
        values = {"channel": as_bigint(channel), "first": first, "until": until}
        rows = await self._ask.rows("validated_months", values)
        return tuple(ValidatedMonth(*row) for row in rows)

    async def block_versions(
        self, channel_id: int, wanted: Sequence[tuple[date, int]]
    ) -> tuple[DayBlock, ...]:
        """See `FieldOverview`."""
        values = {
            "channel": channel_id,
            "days": [day for day, _ in wanted],
            "versions": [version for _, version in wanted],
        }
        return tuple(blocks_of(await self._ask.rows("block_versions", values)))

    async def findings(
        self,
        *,
        gateway: str | None = None,
        meter: str | None = None,
        after: str | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> Page[FindingView]:
        """See `FieldOverview`."""
        return await self._findings.page(gateway, meter, after, limit, since)

    async def finding_count(self, *, gateway: str | None = None, meter: str | None = None) -> int:
        """See `FieldOverview`."""
        return await self._findings.count(gateway, meter)

    async def points(
        self, *, now: datetime, search: str = "", since: datetime | None = None,
        after: str | None = None, limit: int,
    ) -> Page[PointView]:  # fmt: skip
        """See `FieldOverview`."""
        key = decode_cursor(after, (str,))
        values = {
            "now": now,
            "prefix": as_prefix(search),
            "name": None,
            "id": None,
            "since": since,
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("points", values)
        return paged([_point(row) for row in rows], limit, lambda view: (view.name,))

    async def point(self, point: str, now: datetime) -> PointView | None:
        """See `FieldOverview`."""
        identifier = as_uuid(point)
        if identifier is None:
            return None
        return await self._one_point(now, identifier=identifier)

    async def point_named(self, name: str, now: datetime) -> PointView | None:
        """See `FieldOverview`."""
        stored = as_text(name)
        return None if stored is None else await self._one_point(now, name=stored)

    async def _one_point(
        self, now: datetime, *, identifier: UUID | None = None, name: str | None = None
    ) -> PointView | None:
        values = {
            "now": now, "prefix": "%", "name": name, "id": identifier,
            "since": None, "after": None, "limit": 1,
        }  # fmt: skip
        row = await self._ask.row("points", values)
        return None if row is None else _point(row)


def _gateway(row: Record) -> GatewayView:
    name, revoked, enrolled_at, last_seen, epoch, cum, backlog, meters, findings = row
    epoch = None if epoch is None else str(epoch)
    return GatewayView(name, revoked, enrolled_at, last_seen, epoch, cum, backlog, meters, findings)


def _meter(row: Record, missing: int, findings: int) -> MeterView:
    number, manufacturer, serial, gateway, uid, name, zone, last_seen, last_good, _ = row
    meter, point = shown((number, uid))
    return MeterView(
        meter=str(meter),
        manufacturer=manufacturer,
        serial=serial,
        gateway=gateway,
        point=point,
        point_name=name,
        zone=zone,
        last_seen=last_seen,
        last_good=last_good,
        missing=missing,
        findings=findings,
    )


def _channel(row: Record) -> ChannelView:
    number, meter, obis, kind, period_s, source, unit, first, last, mantissa, exponent = row
    latest = None if last is None else Quantity(mantissa, exponent, Unit(unit))
    return ChannelView(
        channel=str(number),
        meter=str(meter),
        obis=Obis(obis),
        kind=Kind(kind),
        period_s=period_s,
        source=Source(source),
        unit=Unit(unit),
        first_at=first,
        last_at=last,
        last_value=latest,
    )


def _reading(row: Record) -> ReadingView:
    at, revision, mantissa, exponent, flags, unit, imported_by, sha256 = row
    quality, time_quality = unpack_flags(flags)
    came_by = (
        CameBy.DECISION if revision else CameBy.GATEWAY if imported_by is None else CameBy.FILE
    )
    return ReadingView(
        at=at,
        revision=revision,
        quantity=Quantity(mantissa, exponent, Unit(unit)),
        quality=quality,
        time_quality=time_quality,
        came_by=came_by,
        imported_by=imported_by,
        file_sha256=None if sha256 is None else bytes(sha256).hex(),
    )


def _point_channel(row: Record) -> PointChannelView:
    number, uid, name, zone, obis, period_s, unit, last_day = row
    return PointChannelView(
        str(number), str(uid), name, zone, Obis(obis), period_s, Unit(unit), last_day
    )


def _point(row: Record) -> PointView:
    uid, name, address, zone, meter, serial, account, account_name, tariff = row
    point, meter, account = shown((uid, meter, account))
    return PointView(str(point), name, address, zone, meter, serial, account, account_name, tariff)
