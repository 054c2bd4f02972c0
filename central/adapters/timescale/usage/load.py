"""Usage events as bills are rated with them; the statements are in `load.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.queries import load_queries
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Event, Events
from central.domain.usage.usage_meter import (
    UsageMeter,
    UsageMeterVersion,
    UsageTime,
    in_force,
    spans_of,
)
from central.service.ports.bill_shard import CountedEvents
from central.service.ports.billing import StreamsRead
from firmware_bridge.contract.interval import day_start

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_DAY = timedelta(days=1)
_LATER_MAX = 50
_AS_OF = """\
SELECT
    set_config('meterline.as_of', %(at)s, true), set_config('search_path', 'as_of', true),
    set_config('timescaledb.enable_chunk_append', 'off', true)
"""
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class PointDays(NamedTuple):
    """Local days of a service point, and the streams of events that are asked for.

    Args:
        point_id: Key of the service point.
        days: Local days.
        zone: Of the days.
        day_start: When they begin.
        streams: Names.
    """

    point_id: int
    days: DayRange
    zone: str
    day_start: time
    streams: frozenset[str]


class _Wanted(NamedTuple):
    """Some time of a subject, for one of the days asked for."""

    number: int
    subject_id: int
    from_at: datetime
    until_at: datetime


async def counted_events(
    connection: _Connection, asked: Sequence[PointDays]
) -> list[CountedEvents]:
    """The events of service points, as they are counted.

    They reach a day further to both sides: the zone of a tariff may be another.

    Args:
        connection: In a transaction.
        asked: Which.

    Returns:
        One for each, with every stream that it asks for; one without events is empty.
    """
    streams_of: list[dict[str, list[Event]]] = [
        {stream: [] for stream in sorted(each.streams)} for each in asked
    ]
    holds: list[list[Hold]] = [[] for _ in asked]
    names = frozenset[str]().union(*(each.streams for each in asked))
    spans = await _spans(connection, asked) if names else {}
    if spans:
        meters = await _meters(connection, names)
        for stream in sorted(names):
            groups = _by_meter(asked, stream, spans, in_force(meters.get(stream, ())))
            for meter, wanted in groups.items():
                if meter is None:
                    await _single(connection, stream, wanted, streams_of)
                else:
                    await _measured(connection, meter, wanted, asked, streams_of, holds)
    for streams in streams_of:
        for events in streams.values():
            events.sort(key=lambda event: (event.at, event.id))
    return [
        CountedEvents({name: tuple(events) for name, events in streams.items()}, tuple(held))
        for streams, held in zip(streams_of, holds, strict=True)
    ]


async def events_as_known(
    connection: _Connection, asked: StreamsRead, since: datetime
) -> AsyncIterator[Events]:
    """Events of a service point as they were known at a time, and then a little later each time.

    Args:
        connection: In a transaction.
        asked: What was read.
        since: When it was begun to be read.
    """
    rows = await _rows(connection, "point_key", point=asked.point)
    if not rows:
        return
    point_days = PointDays(rows[0][0], asked.days, asked.zone, asked.day_start, asked.streams)
    span = DayRange(asked.days.first - _DAY, asked.days.end + _DAY).interval(asked.zone)
    values = {"point": asked.point, "first": span.start, "end": span.end, "since": since}
    later = await _rows(
        connection, "said_later", streams=sorted(asked.streams), limit=_LATER_MAX, **values
    )
    for at in (since, *(row[0] for row in later)):
        await connection.execute(_AS_OF, {"at": at.isoformat()})
        (counted,) = await counted_events(connection, [point_days])
        yield counted.streams


async def _meters(
    connection: _Connection, names: Collection[str]
) -> dict[str, list[UsageMeterVersion]]:
    meters: dict[str, list[UsageMeterVersion]] = {}
    for name, since, revision, document, withdrawn in await _rows(
        connection, "meters", names=sorted(names)
    ):
        meter = UsageMeter.from_json(name, document)
        meters.setdefault(name, []).append(UsageMeterVersion(since, revision, meter, withdrawn))
    return meters


async def _spans(
    connection: _Connection, asked: Sequence[PointDays]
) -> dict[int, list[tuple[int, datetime, datetime]]]:
    """Subjects with their times, by service point."""
    spans: dict[int, list[tuple[int, datetime, datetime]]] = {}
    points = sorted({each.point_id for each in asked})
    last = datetime.max.replace(tzinfo=UTC)
    for subject, point, from_at, until_at in await _rows(connection, "spans", points=points):
        # The driver cannot read what never ends.
        spans.setdefault(point, []).append((subject, from_at, until_at or last))
    return spans


def _by_meter(
    asked: Sequence[PointDays],
    stream: str,
    spans: Mapping[int, Sequence[tuple[int, datetime, datetime]]],
    versions: Sequence[UsageMeterVersion],
) -> dict[UsageMeter | None, list[_Wanted]]:
    """Times of subjects, by the meter that counts them."""
    groups: dict[UsageMeter | None, list[_Wanted]] = {}
    for number, each in enumerate(asked):
        if stream not in each.streams:
            continue
        first, end = each.days.first - _DAY, each.days.end + _DAY
        for meter, begin, after in spans_of(versions, first, end):
            span = DayRange(begin, after).interval(each.zone, each.day_start)
            for subject, from_at, until_at in spans.get(each.point_id, ()):
                lower, upper = max(from_at, span.start), min(until_at, span.end)
                if lower < upper:
                    groups.setdefault(meter, []).append(_Wanted(number, subject, lower, upper))
    return groups


def _columns(wanted: Sequence[_Wanted]) -> dict[str, Any]:
    return {
        "numbers": [each.number for each in wanted],
        "subjects": [each.subject_id for each in wanted],
        "from_ats": [each.from_at for each in wanted],
        "until_ats": [each.until_at for each in wanted],
        # The span lets the planner leave months out.
        "first": min(each.from_at for each in wanted),
        "end": max(each.until_at for each in wanted),
    }


async def _single(
    connection: _Connection,
    stream: str,
    wanted: Sequence[_Wanted],
    streams_of: Sequence[dict[str, list[Event]]],
) -> None:
    rows = await _rows(connection, "single", type=stream, **_columns(wanted))
    for number, source, event_id, version, at, value, attributes in rows:
        fields = tuple(sorted((attributes or {}).items()))
        name = f"{source}/{event_id}" if version == 1 else f"{source}/{event_id}#{version}"
        streams_of[number][stream].append(Event(name, at, value, fields))


async def _measured(  # noqa: PLR0913, PLR0917 - what is counted, and where it goes
    connection: _Connection,
    meter: UsageMeter,
    wanted: Sequence[_Wanted],
    asked: Sequence[PointDays],
    streams_of: Sequence[dict[str, list[Event]]],
    holds: Sequence[list[Hold]],
) -> None:
    """Add what a meter counts to the streams of the days that are asked for, and why it cannot."""
    by_day = meter.time is UsageTime.DAY
    asked_days = [asked[each.number] for each in wanted]
    rows = await _rows(
        connection,
        "measured",
        type=meter.event_type,
        aggregate=meter.aggregate.value,
        value=meter.value,
        groups=list(meter.group_by),
        where=Jsonb({name: list(texts) for name, texts in meter.where}),
        by_day=by_day,
        zones=[point_days.zone for point_days in asked_days],
        day_starts=[point_days.day_start for point_days in asked_days],
        origins=[
            day_start(point_days.days.first, point_days.zone, point_days.day_start)
            for point_days in asked_days
        ],
        **_columns(wanted),
    )
    for number, bucket, groups, text, value, unreadable, sample in rows:
        if unreadable:
            holds[number].append(_unreadable(meter, sample))
            continue
        point_days = asked[number]
        at = _day_begin(bucket.date(), point_days) if by_day else bucket.replace(tzinfo=UTC)
        fields = dict(zip(meter.group_by, groups, strict=True))
        if text is not None:
            fields[meter.value] = text
        streams_of[number][meter.name].append(
            Event(
                "|".join([at.astimezone(UTC).isoformat(), *fields.values()]),
                at,
                Decimal(value) if text is None else Decimal(1),
                tuple(sorted(fields.items())),
            )
        )


def _day_begin(day: date, point_days: PointDays) -> datetime:
    return day_start(day, point_days.zone, point_days.day_start)


def _unreadable(meter: UsageMeter, sample: str) -> Hold:
    message = (
        f"An event that {meter.name!r} counts has no number {meter.value!r}. Replace or cancel it,"
        " or let the meter leave it out."
    )
    return Hold("EVENT_WITHOUT_VALUE", message, sample)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
