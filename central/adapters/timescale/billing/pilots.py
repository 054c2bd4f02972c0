"""Pilots on PostgreSQL; the statements: `pilots.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.channel_months import months_of
from central.adapters.timescale.billing.load import SQL as LOAD
from central.adapters.timescale.billing.load import tariff_records
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.holidays import newest_holidays
from central.adapters.timescale.registry.series import newest_days, newest_tables
from central.domain.audit.change import change
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotDocument, PilotRow, PilotSide
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.decisions import DecisionNote
from central.service.ports.pilots import (
    PilotMember,
    PilotMembers,
    PilotResult,
    PilotScope,
    PilotTransaction,
    RecordedPilot,
)
from central.service.ports.registry import TariffRecord
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescalePilots:
    """`PilotStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self, now: datetime | None = None) -> AsyncIterator[PilotTransaction]:
        """See `PilotStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if now is not None:
                    await record_at(connection, now)
                yield _PilotTransaction(connection)


class _PilotTransaction:
    """`PilotTransaction` on one connection."""

    def __init__(self, connection: AsyncConnection[_Row]) -> None:
        self._connection = connection

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        return await (await self._connection.execute(_SQL[statement], values)).fetchall()

    async def group_exists(self, name: str) -> bool:
        """See `PilotTransaction`."""
        return bool((await self._rows("group_exists", name=name))[0][0])

    async def newest(self, name: str) -> RecordedPilot | None:
        """See `PilotTransaction`."""
        await self._rows("hold", name=name)
        rows = await self._rows("newest", name=name)
        return _recorded(rows[0][1:]) if rows else None

    async def pilots(self) -> Sequence[RecordedPilot]:
        """See `PilotTransaction`."""
        return [_recorded(row[1:]) for row in await self._rows("newest", name=None)]

    async def add(self, name: str, document: PilotDocument, note: DecisionNote) -> int:
        """See `PilotTransaction`."""
        before = await self.newest(name)
        version = 1 if before is None else before.version + 1
        values = {"name": name, "version": version, "document": Jsonb(document.to_json())}
        await self._connection.execute(_SQL["add"], {**values, **_noted(note)})
        old = None if before is None else before.document.to_json()
        detail = change(old, document.to_json(), note.reason)
        await audit(self._connection, note.at, note.actor, "pilot.set", name, detail)
        return version

    async def members(
        self, side: PilotSide, scope: PilotScope, days: DayRange, most: int | None = None
    ) -> PilotMembers:
        """See `PilotTransaction`."""
        rows = await self._rows(
            "members",
            group=scope.group,
            account=scope.account,
            tariff=scope.tariff,
            first=days.first,
            end=days.end,
            most=most,
        )
        members = [
            PilotMember(
                side=side,
                account=row[0],
                point=row[1],
                service=row[2],
                zone=row[3],
                day_start=row[4],
                tariff=row[5],
                facts=AgreementFacts.from_json(row[6]),
                days=DayRange(row[7], row[8]),
                channels=_channels(row[9] or (), row[10] or ()),
            )
            for row in rows
        ]
        members.sort(key=lambda row: (row.account, row.point, row.service, row.days.first))
        return PilotMembers(tuple(members), rows[0][11] if rows else 0)

    async def blocks(
        self, channels: Collection[int], days: DayRange
    ) -> Mapping[int, Sequence[DayBlock]]:
        """See `PilotTransaction`."""
        values = {"channels": sorted(channels), "first": days.first, "end": days.end}
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(LOAD["month"], values)
            return months_of(await cursor.fetchall())

    async def tariffs(self, names: Collection[str]) -> Mapping[str, Sequence[TariffRecord]]:
        """See `PilotTransaction`."""
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(LOAD["tariffs"], {"names": sorted(names)})
            return tariff_records(await cursor.fetchall())

    async def holidays(self) -> Sequence[HolidayCalendar]:
        """See `PilotTransaction`."""
        return await newest_holidays(self._connection)

    async def series(self, names: Collection[str], days: DayRange) -> Sequence[PriceDay]:
        """See `PilotTransaction`."""
        return await newest_days(self._connection, names, days.first, days.end)

    async def tables(self, names: Collection[str]) -> Sequence[TableVersion]:
        """See `PilotTransaction`."""
        return await newest_tables(self._connection, names)

    async def result(self, name: str, version: int | None = None) -> PilotResult | None:
        """See `PilotTransaction`."""
        rows = await self._rows("result", name=name, version=version)
        if not rows:
            return None
        row = rows[0]
        kept = tuple(map(PilotRow.from_json, row[7]))
        return PilotResult(_recorded(row[:6]), row[6], kept, row[8], row[9])

    async def add_result(
        self, pilot: RecordedPilot, rows: Sequence[PilotRow], note: DecisionNote
    ) -> int:
        """See `PilotTransaction`."""
        before = await self.result(pilot.name, pilot.version)
        run = 1 if before is None else before.run + 1
        values = {
            "name": pilot.name,
            "version": pilot.version,
            "run": run,
            "rows": Jsonb([row.to_json() for row in rows]),
        }
        await self._connection.execute(_SQL["add_result"], {**values, **_noted(note)})
        detail = change(None, {"version": pilot.version, "run": run, "rows": len(rows)})
        await audit(self._connection, note.at, note.actor, "pilot.computed", pilot.name, detail)
        return run


def _channels(keys: Sequence[int], codes: Sequence[bytes]) -> dict[int, Obis]:
    return {key: Obis(bytes(code)) for key, code in zip(keys, codes, strict=True)}


def _recorded(row: _Row) -> RecordedPilot:
    return RecordedPilot(row[0], row[1], PilotDocument.from_json(row[2]), *row[3:])


def _noted(note: DecisionNote) -> dict[str, Any]:
    return {"actor": note.actor.key, "at": note.at, "reason": note.reason}
