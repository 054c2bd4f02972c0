"""Usage events on PostgreSQL; the statements are in `events.sql`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs, hold_inputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.usage.meters import UsageMeterRows, meter_history
from central.adapters.timescale.usage.subjects import SubjectRows, subject_history
from central.domain.actor import Actor
from central.domain.usage.usage_event import EventKey, UsageEvent
from central.service.knowledge_time import SETTLED_AFTER
from central.service.ports.decisions import DecisionNote
from central.service.ports.usage_events import (
    EventFate,
    EventFilter,
    KeptEvent,
    KeptUsageMeter,
    SubjectAssignment,
    SubjectTransaction,
    UsageMeterTransaction,
    WaitingSubject,
)

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_SEPARATOR = "\x1f"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_KNOWN_MAX = 200_000
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class _Names:
    """Keys of names of one kind; those that are kept never change."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._keys: dict[str, int] = {}

    def remembered(self, names: Collection[str]) -> Mapping[str, int] | None:
        """Keys by name where all of them are known; else None."""
        keys = {name: self._keys[name] for name in names if name in self._keys}
        return keys if len(keys) == len(names) else None

    async def keys(self, connection: _Connection, names: Collection[str]) -> Mapping[str, int]:
        """Keys by name; what is new is added, and committed with its transaction."""
        if len(self._keys) > _KNOWN_MAX:
            self._keys.clear()
        keys = {name: self._keys[name] for name in names if name in self._keys}
        missing = sorted(set(names) - keys.keys())
        if missing:
            rows = await _rows(connection, f"known_{self._kind}", names=missing)
            new = sorted(set(missing) - {name for name, _ in rows})
            if new:
                await connection.execute(_SQL[f"add_{self._kind}"], {"names": new})
                rows = await _rows(connection, f"known_{self._kind}", names=missing)
            keys |= dict(rows)
        return keys

    def remember(self, keys: Mapping[str, int]) -> None:
        """Take keys whose transaction has been committed."""
        self._keys.update(keys)


class TimescaleUsageEvents:
    """`UsageEventStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sources, self._types, self._subjects = map(_Names, ("sources", "types", "subjects"))

    async def add(  # noqa: PLR0913 - as the port says
        self,
        events: Sequence[UsageEvent],
        actor: Actor,
        at: datetime,
        *,
        reason: str = "",
        audited: tuple[str, str, Mapping[str, Any]] | None = None,
        keep: bool = True,
    ) -> Sequence[EventFate]:
        """See `UsageEventStore`."""
        if not events:
            return []
        fates: Sequence[EventFate] = ()
        with translated():
            async with self._pool.connection() as connection:
                named = await self._named(connection, events)
                async with connection.transaction() as transaction:
                    addition = _Addition(connection, named, at)
                    fates = await addition.add(events, actor, reason)
                    if audited is not None and EventFate.STORED in fates:
                        action, subject, detail = audited
                        await audit(connection, at, actor, action, subject, detail)
                    if not keep:
                        raise Rollback(transaction)
        return fates

    async def _named(
        self, connection: _Connection, events: Sequence[UsageEvent]
    ) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
        """Keys of sources, types and subjects; a transaction of its own, which holds nobody up."""
        names = (
            {event.source for event in events},
            {event.type for event in events},
            {event.subject for event in events},
        )
        kinds = (self._sources, self._types, self._subjects)
        remembered = [kind.remembered(each) for kind, each in zip(kinds, names, strict=True)]
        if all(keys is not None for keys in remembered):
            sources, types, subjects = remembered
            return sources or {}, types or {}, subjects or {}
        async with connection.transaction():
            sources = await self._sources.keys(connection, names[0])
            types = await self._types.keys(connection, names[1])
            subjects = await self._subjects.keys(connection, names[2])
        self._sources.remember(sources)
        self._types.remember(types)
        self._subjects.remember(subjects)
        return sources, types, subjects

    async def versions(self, source: str, event_id: str) -> tuple[KeptEvent, ...]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "versions", source=source, event_id=event_id)
        return tuple(map(_kept, rows))

    async def listed(
        self, wanted: EventFilter, after: tuple[datetime, EventKey] | None, limit: int
    ) -> Sequence[KeptEvent]:
        """See `UsageEventStore`."""
        at, key = after or (None, EventKey("", "", 0))
        behind = {
            "after_at": at,
            "after_source": key.source,
            "after_id": key.id,
            "after_version": key.version,
        }
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "listed", **wanted._asdict(), **behind, limit=limit)
        return [_kept(row) for row in rows]

    async def waiting(self, limit: int) -> tuple[int, Sequence[WaitingSubject]]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "waiting")
        return sum(row[1] for row in rows), [WaitingSubject(*row) for row in rows[:limit]]

    @asynccontextmanager
    async def subject(self, name: str, note: DecisionNote) -> AsyncIterator[SubjectTransaction]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection:
                async with connection.transaction():
                    keys = await self._subjects.keys(connection, {name})
                async with connection.transaction():
                    await record_at(connection, note.at)
                    work = SubjectRows(connection, name, keys[name], note)
                    await work.hold()
                    yield work
                    await work.settle()
                    await work.changed.raise_in(connection)

    @asynccontextmanager
    async def meter(self, name: str, note: DecisionNote) -> AsyncIterator[UsageMeterTransaction]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                work = UsageMeterRows(connection, name, note)
                await work.hold()
                yield work
                await work.changed.raise_in(connection)

    async def meters(self, name: str | None) -> Sequence[KeptUsageMeter]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await meter_history(connection, name)

    async def assignments(
        self,
        subject: str | None,
        behind: tuple[str, date, int] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> Sequence[SubjectAssignment]:
        """See `UsageEventStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await subject_history(connection, subject, behind, limit, since)


class _Addition:
    """Events on their way into a transaction."""

    def __init__(
        self,
        connection: _Connection,
        named: tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]],
        at: datetime,
    ) -> None:
        self._connection = connection
        self._sources, self._types, self._subjects = named
        self._at = at

    async def add(
        self, events: Sequence[UsageEvent], actor: Actor, reason: str
    ) -> Sequence[EventFate]:
        if not events:
            return []
        ats = [event.at for event in events]
        ((receipt,),) = await _rows(
            self._connection,
            "begin_taking",
            recorded_at=self._at.isoformat(),
            first=min(ats),
            last=max(ats),
            at=self._at,
            actor=actor.key,
            reason=reason or None,
        )
        # By the store's own order of keys: others add some of the same at the same time.
        ordered = sorted(events, key=lambda e: (self._sources[e.source], e.id, e.version))
        fresh = await self._store(ordered, receipt)
        stored = {event.key for event in fresh}
        same = await self._same([event for event in ordered if event.key not in stored])
        await self._raise(fresh)
        await self._wait(fresh)
        return [
            EventFate.STORED
            if event.key in stored
            else EventFate.DUPLICATE
            if event.key in same
            else EventFate.DIFFERS
            for event in events
        ]

    def _keys(self, events: Sequence[UsageEvent]) -> dict[str, str]:
        return {
            "sources": _joined(str(self._sources[event.source]) for event in events),
            "ids": _joined(event.id for event in events),
            "versions": _joined(str(event.version) for event in events),
        }

    async def _store(self, events: Sequence[UsageEvent], receipt: int) -> list[UsageEvent]:
        """Keep events whose keys are free; those."""
        rows = await _rows(
            self._connection,
            "store",
            **self._keys(events),
            receipt=receipt,
            subjects=_joined(str(self._subjects[event.subject]) for event in events),
            ats=_joined(event.at.isoformat() for event in events),
            hashes=b"".join(event.sha256 for event in events),
            types=_joined(str(self._types[event.type]) for event in events),
            cancelled=_joined("tf"[not event.cancelled] for event in events),
            amounts=_joined(format(event.value, "f") for event in events),
            attributes=_joined(
                _encode(dict(event.attributes)) if event.attributes else "" for event in events
            ),
        )
        return [events[number - 1] for (number,) in rows]

    async def _same(self, events: Sequence[UsageEvent]) -> set[EventKey]:
        """Those of events whose keys are taken that say what is kept."""
        if not events:
            return set()
        rows = await _rows(self._connection, "claimed", **self._keys(events))
        names = {key: name for name, key in self._sources.items()}
        hashes = {EventKey(names[row[0]], row[1], row[2]): bytes(row[3]) for row in rows}
        return {event.key for event in events if hashes.get(event.key) == event.sha256}

    async def _wait(self, events: Sequence[UsageEvent]) -> None:
        """Let subjects wait of which events belong to nobody, and no longer where none does."""
        counted = [event for event in events if not event.cancelled]
        if counted:
            await self._connection.execute(
                _SQL["wait"],
                {
                    "subjects": _joined(str(self._subjects[event.subject]) for event in counted),
                    "ats": _joined(event.at.isoformat() for event in counted),
                    "at": self._at,
                },
            )
        # A version may come behind a higher one, or leave the one before it counting for nothing.
        changed = sorted({self._subjects[event.subject] for event in events if event.version > 1})
        if changed:
            values = {"subjects": changed, "at": self._at}
            await self._connection.execute(_SQL["wait_no_more"], values)

    async def _raise(self, events: Sequence[UsageEvent]) -> None:
        """Raise the revisions of service points of whose billed days something changes.

        Also where a version stood that is replaced. A run holds the occupancies that it rates;
        whoever comes later waits until its claims are there. So an event is either read by a bill,
        or makes it stale.
        """
        if not events:
            return
        keys = self._keys(events)
        touched = {(self._subjects[event.subject], event.at) for event in events}
        late = await _rows(
            self._connection,
            "late",
            sources=keys["sources"],
            ids=keys["ids"],
            subjects=_joined(str(subject) for subject, _ in touched),
            ats=_joined(at.isoformat() for _, at in touched),
            settled=self._at + SETTLED_AFTER,
        )
        if not late:
            return
        names = {row[1] for row in late}
        await hold_inputs(self._connection, names, ())
        occupancies = sorted({row[2] for row in late})
        await self._connection.execute(_SQL["hold_occupancies"], {"keys": occupancies})
        rows = await _rows(
            self._connection,
            "billed",
            numbers=range(len(late)),
            occupancies=[row[2] for row in late],
            days=[row[3] for row in late],
        )
        points = {late[number][1] for (number,) in rows}
        await ChangedInputs(points=points).raise_in(self._connection)


def _kept(row: _Row) -> KeptEvent:
    source, event_id, subject, kind, at, value = row[:6]
    fields = tuple(sorted((row[6] or {}).items()))
    event = UsageEvent(source, event_id, subject, kind, at, value, fields, row[7], row[8])
    return KeptEvent(event, row[9], row[10], row[11], row[12] or "")


def _joined(texts: Iterable[str]) -> str:
    """Texts as one, which the statements split: no text that is kept has the separator in it.

    A tenth of what a list costs, whose every element is looked at and escaped.
    """
    return _SEPARATOR.join(texts)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    listed = {
        name: list(value)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes)
        else value
        for name, value in values.items()
    }
    cursor = await connection.execute(_SQL[statement], listed)
    return await cursor.fetchall()
