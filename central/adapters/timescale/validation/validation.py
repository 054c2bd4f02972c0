"""The validation store on PostgreSQL; the statements are in `validation.sql`."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import AuditEntry, audit, audit_all
from central.adapters.timescale.columns import read_columns
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.registry import registers_of
from central.adapters.timescale.validation.blocks import write_blocks
from central.adapters.timescale.validation.estimates import EstimateRows
from central.adapters.timescale.validation.meter_clocks import read_clock_errors
from central.adapters.timescale.validation.past_days import read_past_days
from central.adapters.timescale.validation.policies import read_policies
from central.adapters.timescale.validation.versions import BlockVersions
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.metering.block import DayBlock
from central.domain.metering.installation import Installation, Multiplier
from central.domain.metering.installed_days import has_day_to_close
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.catalogue import NOT_ACCEPTED
from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.history import PastDay
from central.domain.vee.policies_in_force import PoliciesInForce
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import (
    ENDLESS,
    ChangedRange,
    ChannelDay,
    Closing,
    LockedChannel,
    OpenFinding,
    PastDays,
    PointChannelId,
)
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind, Source, from_ms

_SQL = load_queries(Path(__file__).with_name("validation.sql"))
_LAST = 2**63 - 1
_Row = tuple[Any, ...]
_Zones = Callable[[AsyncConnection[_Row]], Awaitable[str]]


class TimescaleValidationStore(BlockVersions):
    """`ValidationStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: str | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_ValidationTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                work = _ValidationTransaction(connection, self._zones)
                yield work
                await work.raise_changed()
                await audit_all(connection, work.notes)

    async def _zones(self, connection: AsyncConnection[_Row]) -> str:
        """The zones that the server knows; it reads a file for each, so it is asked once."""
        if self._known is None:
            cursor = await connection.execute(_SQL["zones"])
            self._known = " ".join(row[0] for row in await cursor.fetchall())
        return self._known

    async def accept_finding(
        self, finding_id: int, actor: Actor, reason: str, at: datetime
    ) -> bool:
        """See `ValidationStore`."""
        never = [*NOT_ACCEPTED]
        values = {"id": finding_id, "actor": actor.key, "reason": reason, "never": never, "at": at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(_SQL["accept_finding"], values)
                row = await cursor.fetchone()
                if row is not None:
                    new = {"accepted_by": actor.key, "code": row[2], "day": row[1]}
                    detail = change({"accepted_by": None}, new, reason)
                    subject = f"finding {finding_id}"
                    await ChangedInputs(channels={row[0]}).raise_in(connection)
                    await audit(connection, at, actor, "finding.accepted", subject, detail)
        return row is not None

    async def open_findings(self, channel_id: PointChannelId) -> list[OpenFinding]:
        """See `ValidationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["findings_of"], {"channel_id": channel_id})
                return [OpenFinding(*row) for row in await cursor.fetchall()]


class _ValidationTransaction(EstimateRows):
    """`ValidationTransaction` on one connection."""

    def __init__(self, connection: AsyncConnection[_Row], zones: _Zones) -> None:
        self._connection = connection
        self._zones = zones
        self._changed = ChangedInputs()
        self._to_share = set()
        self._shared_at = None
        self.notes: list[AuditEntry] = []
        self._fresh = set()
        self._closed = []

    def note(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        self.notes.append(AuditEntry(note.at, note.actor, action, subject, detail))

    async def raise_changed(self) -> None:
        """Raise what has changed. Whoever changes a point takes it before its channels."""
        await self.share_out()
        changed, self._changed = self._changed, ChangedInputs()
        closed, self._closed = self._closed, []
        if closed:
            channels, days = zip(*closed, strict=True)
            rows = await self._rows("billed_before", channels=list(channels), days=list(days))
            changed.channels.update(row[0] for row in rows)
        await changed.raise_in(self._connection)

    async def _rows(self, statement: str, /, **values: object) -> list[_Row]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[statement], values)
            return await cursor.fetchall()

    async def take(self, limit: int) -> tuple[int, list[ChangedRange]]:
        rows = await self._rows("take", limit=limit)
        changes = [
            ChangedRange(PointChannelId(row[1]), Interval(from_ms(row[2]), from_ms(row[3])), row[4])
            for row in rows
            if row[1] is not None
        ]
        return len({row[0] for row in rows}), changes

    async def due(
        self, before: datetime, since: datetime, after: PointChannelId, limit: int
    ) -> list[PointChannelId]:
        zones = await self._zones(self._connection)
        asked = {"before": before, "since": since, "after": after, "limit": limit}
        rows = await self._rows("due", zones=zones, **asked)
        last = rows[-1][0] if len(rows) == limit else _LAST
        strange = await self._rows("strange", zones=zones, after=after, last=last)
        found = {row[0] for row in rows} | set(_due_here(strange, before, since))
        return [PointChannelId(key) for key in sorted(found)[:limit]]

    async def put_back(self, changes: Sequence[ChangedRange]) -> None:
        values = {
            "sources": [one.source for one in changes],
            "from_at": [one.interval.start for one in changes],
            "until_at": [one.interval.end for one in changes],
        }
        await self._connection.execute(_SQL["put_back"], values)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        with translated():
            async with self._connection.transaction():
                yield

    async def reopen(self, channel_id: PointChannelId, day: date) -> None:
        await self.raise_changed()
        values = {"channel_id": channel_id, "day": day}
        await self._connection.execute(_SQL["reopen"], values)

    async def lock(
        self, channels: Collection[PointChannelId]
    ) -> dict[PointChannelId, LockedChannel]:
        ids = sorted(channels)
        if not ids:
            return {}
        await self._rows("lock", ids=ids)
        spans: dict[int, list[_Row]] = {}
        for row in await self._rows("installed", ids=ids):
            spans.setdefault(row[0], []).append(row)
        return {
            PointChannelId(row[0]): _locked(row, spans.get(row[0], []))
            for row in await self._rows("channels", ids=ids)
        }

    async def segments(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[InstallationSegment]]:
        if not windows:
            return {}
        rows = await self._rows("segments", **_places(windows))
        registers = await registers_of(self._connection, [row[1] for row in rows])
        asked = _installed_windows(rows, windows)
        series = await self._series(asked)
        errors = await read_clock_errors(self._connection, asked)
        found: dict[PointChannelId, list[InstallationSegment]] = {}
        for row in rows:
            installation = Installation(
                meter=f"{row[2]}/{row[3]}",
                start=row[4],
                end=row[5],
                multiplier=Multiplier(Fraction(int(row[6]), int(row[7]))),
                registers=registers.get(row[1], {}),
            )
            segment = InstallationSegment(
                installation,
                tuple(series.get((row[0], row[1]), ())),
                tuple(errors.get((row[0], row[1]), ())),
            )
            found.setdefault(PointChannelId(row[0]), []).append(segment)
        return found

    async def _series(
        self, asked: Mapping[str, object]
    ) -> dict[tuple[int, int], list[ReadingSeries]]:
        async with self._connection.cursor(binary=True) as cursor:
            read_columns(cursor)
            await cursor.execute(_SQL["readings"], asked)
            rows = await cursor.fetchall()
        found: dict[tuple[int, int], list[ReadingSeries]] = {}
        for row in rows:
            kind, source, unit = Kind(row[2]), Source(row[3]), Unit(row[5])
            columns = row[6], row[7], row[8], row[9].astype(np.uint8)
            series = ReadingSeries(kind, source, row[4], unit, *columns)
            found.setdefault((row[0], row[1]), []).append(series)
        return found

    async def conflicts(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[datetime]]:
        found: dict[PointChannelId, list[datetime]] = {}
        if windows:
            for channel, at in await self._rows("conflicts", **_places(windows)):
                found.setdefault(PointChannelId(channel), []).append(at)
        return found

    async def policies_in_force(
        self, channels: Collection[PointChannelId], days: DayRange
    ) -> PoliciesInForce:
        return await read_policies(self._connection, channels, days)

    async def past_days(self, asked: Sequence[PastDays]) -> dict[PastDays, list[PastDay]]:
        return await read_past_days(self._connection, asked)

    async def add_blocks(self, blocks: Sequence[DayBlock], actor: Actor, at: datetime) -> None:
        if blocks:
            await write_blocks(self._connection, blocks, actor, at)
        self.note_blocks(blocks, at)

    async def settle_findings(
        self, found: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        wanted = {
            (key.channel_id, key.day, one.code, one.interval.start): one
            for key, findings in found.items()
            for one in findings
        }
        gone = []
        for row in await self._rows("open_findings", **_days(found)):
            one = wanted.get((row[1], row[2], row[3], row[4]))
            if one is None or _finding_row(one) != (row[5], row[6], row[7], row[8]):
                gone.append(row[0])
                self._note_finding(row[1], row[2], row[6])
            else:
                del wanted[row[1], row[2], row[3], row[4]]
        if gone:
            await self._connection.execute(_SQL["close_findings"], {"findings": gone, "at": at})
        for key, finding in wanted.items():
            self._note_finding(key[0], key[1], finding.severity.value)
        if wanted:
            async with self._connection.cursor() as cursor:
                await cursor.executemany(
                    _SQL["raise_finding"], [_raised(key, one, at) for key, one in wanted.items()]
                )
        return len(wanted)

    def _note_finding(self, channel: int, day: date, severity: str) -> None:
        """Note that a finding comes or goes: a critical one holds bills."""
        if severity == Severity.CRITICAL and (channel, day) not in self._fresh:
            self._changed.channels.add(channel)

    async def close_through(self, closings: Sequence[Closing]) -> set[PointChannelId]:
        await self.raise_changed()
        rows = await self._rows(
            "close_through",
            ids=[one.channel_id for one in closings],
            befores=[one.before for one in closings],
            throughs=[one.through for one in closings],
        )
        noted = {PointChannelId(row[0]) for row in rows}
        await self.close_shares(noted)
        return noted


def _installed_windows(
    installations: Sequence[_Row], windows: Mapping[PointChannelId, Interval]
) -> dict[str, object]:
    """The part of each channel's window in which each of its installations was there."""
    bounds = [windows[PointChannelId(row[0])] for row in installations]
    return {
        "ids": [row[0] for row in installations],
        "installations": [row[1] for row in installations],
        "from_at": [
            max(bound.start, row[4]) for row, bound in zip(installations, bounds, strict=True)
        ],
        "until_at": [
            bound.end if row[5] is None else min(bound.end, row[5])
            for row, bound in zip(installations, bounds, strict=True)
        ],
    }


def _due_here(rows: Sequence[_Row], before: datetime, since: datetime) -> Iterator[int]:
    """Those of `strange` with a day to close, and those of which that cannot be told."""
    for (key, zone, at, closed_through), group in groupby(rows, key=itemgetter(slice(0, 4))):
        spans = [Interval(row[4], row[5] or ENDLESS) for row in group]
        if has_day_to_close(spans, zone, closed_through, before, since, at):
            yield key


def _locked(row: _Row, spans: Sequence[_Row]) -> LockedChannel:
    capacity = None if row[7] is None else Fraction(row[7])
    channel = PointChannel(
        row[0],
        ServicePoint(row[5], row[6], capacity),
        Obis(bytes(row[1])),
        row[2],
        Unit(row[3]),
        row[8],
    )
    installed = tuple(Interval(span[1], span[2] or ENDLESS) for span in spans)
    occupied = tuple(map(DayRange, row[9] or (), row[10] or ()))
    return LockedChannel(channel, row[4], installed, occupied, row[11], has_share=row[12])


def _places(windows: Mapping[PointChannelId, Interval]) -> dict[str, list[Any]]:
    return {
        "ids": list(windows),
        "from_at": [window.start for window in windows.values()],
        "until_at": [window.end for window in windows.values()],
    }


def _days(days: Collection[ChannelDay]) -> dict[str, list[Any]]:
    return {"ids": [key.channel_id for key in days], "days": [key.day for key in days]}


def _finding_row(one: VeeFinding) -> _Row:
    return one.interval.end, one.severity.value, one.message, one.evidence


def _raised(key: tuple[int, date, str, datetime], one: VeeFinding, at: datetime) -> dict[str, Any]:
    return {
        "channel_id": key[0],
        "day": key[1],
        "code": key[2],
        "severity": one.severity.value,
        "from_at": key[3],
        "until_at": one.interval.end,
        "message": one.message,
        "evidence": Jsonb(one.evidence),
        "at": at,
    }
