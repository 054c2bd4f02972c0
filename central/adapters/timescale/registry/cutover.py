"""Openings of claim chains on PostgreSQL; the statements are in `cutover.sql`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.queries import load_queries
from central.domain.billing.cutover_opening import CutoverOpening
from central.service.ports.cutover import ShownRegister
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Kind

_SQL = load_queries(Path(__file__).with_name("cutover.sql"))


class CutoverRows:
    """`CutoverTransaction` on one connection."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    async def _cutover_row(self, statement: str, /, **values: object) -> Any:  # noqa: ANN401 - one column
        cursor = await self._connection.execute(_SQL[statement], values)
        row = await cursor.fetchone()
        return None if row is None else row[0]

    async def opening(self, occupancy: int) -> CutoverOpening | None:
        """See `CutoverTransaction`."""
        document = await self._cutover_row("opening", occupancy=occupancy)
        return None if document is None else CutoverOpening.from_json(document)

    async def save_opening(self, occupancy: int, opening: CutoverOpening | None) -> None:
        """See `CutoverTransaction`."""
        # A claim is never changed; the root of a chain without any is made anew.
        end_day = await self._cutover_row("drop_root", occupancy=occupancy)
        values = {
            "occupancy": occupancy,
            "end_day": end_day,
            "opening": None if opening is None else Jsonb(opening.to_json()),
        }
        await self._connection.execute(_SQL["add_root"], values)

    async def first_register(self, meter: str, obis: Obis, since: datetime) -> ShownRegister | None:
        """See `CutoverTransaction`."""
        values = {"meter": meter, "obis": obis.code, "since": since, "kind": Kind.REGISTER.value}
        cursor = await self._connection.execute(_SQL["first_register"], values)
        row = await cursor.fetchone()
        return None if row is None else ShownRegister(row[0], Decimal(row[1]).scaleb(row[2]))

    async def last_number(self, series: str) -> int:
        """See `CutoverTransaction`."""
        await self._connection.execute(_SQL["add_series"], {"series": series})
        return int(await self._cutover_row("last_number", series=series))

    async def save_number(self, series: str, last: int) -> None:
        """See `CutoverTransaction`."""
        await self._connection.execute(_SQL["save_number"], {"series": series, "last": last})
