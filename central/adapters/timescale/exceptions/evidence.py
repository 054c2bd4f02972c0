"""What exceptions rest on, from PostgreSQL; the statements are in `evidence.sql`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.validation.blocks import read_blocks
from central.domain.metering.block import DayBlock
from central.domain.metering.day_summary import DaySummary
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.rounding import half_away
from central.service.ports.evidence import EvidenceRow, ExceptionEvidence
from central.service.ports.exceptions import ExceptionKey, ExceptionKind

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_Tables = dict[str, Sequence[EvidenceRow]]
_WEEKS = tuple(timedelta(days=7 * week) for week in (-4, -3, -2, -1, 0, 1, 2))
_BESIDE = 4
"""How many intervals are shown on both sides."""
_MOST = 48


class TimescaleEvidence:
    """`EvidenceStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def evidence(self, key: ExceptionKey) -> ExceptionEvidence:
        """See `EvidenceStore`."""
        read = _READS.get(key.kind)
        if read is None:
            return ExceptionEvidence()
        with translated():
            async with self._pool.connection() as connection:
                return ExceptionEvidence(await read(connection, key.number))


async def _finding(connection: _Connection, number: int) -> _Tables:
    rows = await rows_of(connection, _SQL, "finding", number=number)
    if not rows:
        return {}
    channel, day, start, end, message, figures, obis, point = rows[0]
    days = [day + weeks for weeks in _WEEKS]
    blocks = await read_blocks(connection, {(channel, each): None for each in days})
    registers = await rows_of(
        connection, _SQL, "registers", point=point, obis=obis, from_at=start, until_at=end
    )
    block = blocks.get((channel, day))
    named = {"from": start.isoformat(), "until": end.isoformat(), "message": message}
    return {
        "Finding": [{**named, **{name: str(value) for name, value in figures.items()}}],
        "Intervals": [] if block is None else _intervals(block, start, end),
        "Register": [
            {
                "meter": meter,
                "at": at.isoformat(),
                "value": _text(Decimal(mantissa).scaleb(exponent)),
                "unit": unit,
                "flags": str(flags),
            }
            for meter, at, mantissa, exponent, unit, flags in registers
        ],
        "Same days of other weeks": [
            _week(other, start, block)
            for each in days
            if (other := blocks.get((channel, each))) is not None
        ],
    }


def _intervals(block: DayBlock, start: datetime, end: datetime) -> list[EvidenceRow]:
    """The intervals of a stretch, and some on both sides of it."""
    step = timedelta(seconds=block.period_s)
    first = max((start - block.start) // step - _BESIDE, 0)
    last = min(-((block.start - end) // step) + _BESIDE, len(block.values), first + _MOST)
    return [
        {
            "at": (block.start + number * step).isoformat(),
            "value": _value(block, number),
            "unit": block.unit.value,
            "quality": IntervalQuality(int(block.quality[number])).name.lower(),
            "within": "yes" if start <= block.start + number * step < end else "",
        }
        for number in range(first, last)
    ]


def _week(other: DayBlock, start: datetime, block: DayBlock | None) -> EvidenceRow:
    """A day of another week: what it came to, and what it has at the same time of day."""
    summary = DaySummary.of(other)
    number = 0
    if block is not None:
        number = (start - block.start) // timedelta(seconds=block.period_s)
    scale = Fraction(10) ** other.exponent
    return {
        "day": other.day.isoformat(),
        "total": _text(half_away(summary.total * scale, max(-other.exponent, 0))),
        "unit": other.unit.value,
        "at_the_time": _value(other, number) if 0 <= number < len(other.values) else None,
        "missing": str(summary.missing),
        "estimated": str(summary.estimated),
    }


def _value(block: DayBlock, number: int) -> str | None:
    value = int(block.values[number])
    return None if value == NULL else _text(Decimal(value).scaleb(block.exponent))


async def _bill(connection: _Connection, number: int) -> _Tables:
    reasons = await rows_of(connection, _SQL, "reasons", number=number)
    parts = await rows_of(connection, _SQL, "parts", number=number)
    tables: _Tables = {
        "Reasons": [dict(hold) for (holds,) in reasons for hold in holds],
        "Parts": [{"point": row[0], **_use(row[1:7])} for row in parts],
    }
    earlier: list[EvidenceRow] = []
    for point, first, *_, occupancy in parts:
        rows = await rows_of(connection, _SQL, "earlier", occupancy=occupancy, first=first)
        earlier += [{"point": point, **_use(row)} for row in rows]
    tables["Earlier periods"] = earlier
    return tables


def _use(row: Sequence[Any]) -> EvidenceRow:
    first, end, used, unit, intervals, estimated = row
    days: int = (end - first).days
    return {
        "first": first.isoformat(),
        "end": end.isoformat(),
        "used": None if used is None else _text(used),
        "per_day": None if used is None else _text(half_away(Fraction(used) / days, 2)),
        "unit": unit,
        "intervals": None if intervals is None else str(intervals),
        "estimated": None if estimated is None else str(estimated),
    }


async def _conflict(connection: _Connection, number: int) -> _Tables:
    rows = await rows_of(connection, _SQL, "conflict", number=number)
    if not rows:
        return {}
    channel, meter, at, mantissa, exponent, unit, found_at = rows[0]
    beside = await rows_of(connection, _SQL, "neighbours", channel=channel, at=at)
    other = _text(Decimal(mantissa).scaleb(exponent))
    return {
        "Other value": [
            {
                "meter": meter,
                "at": at.isoformat(),
                "value": other,
                "unit": unit,
                "found_at": found_at.isoformat(),
            }
        ],
        "Readings": [
            {
                "at": row[0].isoformat(),
                "value": _text(Decimal(row[1]).scaleb(row[2])),
                "unit": unit,
                "flags": str(row[3]),
            }
            for row in beside
        ],
    }


async def _batch(connection: _Connection, number: int) -> _Tables:
    names = ("gateway", "epoch", "sequence", "code", "message")
    return {"Batch": await _named(connection, "batch", number, names)}


async def _candidate(connection: _Connection, number: int) -> _Tables:
    rows = await rows_of(connection, _SQL, "candidate", number=number)
    if not rows:
        return {}
    causes, _, _ = rows[0]
    return {"Causes": [{name: _said(value) for name, value in cause.items()} for cause in causes]}


async def _meter(connection: _Connection, number: int) -> _Tables:
    names = ("gateway", "first_seen_at", "last_read_at")
    return {"Meter": await _named(connection, "meter", number, names)}


async def _subject(connection: _Connection, number: int) -> _Tables:
    names = ("subject", "events", "first_at", "last_at")
    event = ("at", "source", "event", "type", "value")
    return {
        "Subject": await _named(connection, "subject", number, names),
        "Events": await _named(connection, "events", number, event),
        "Belongs to": await _named(connection, "assignments", number, ("from", "point")),
    }


async def _named(
    connection: _Connection, statement: str, number: int, names: Sequence[str]
) -> list[EvidenceRow]:
    rows = await rows_of(connection, _SQL, statement, number=number)
    return [dict(zip(names, map(_said, row), strict=True)) for row in rows]


def _said(value: object) -> str | None:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return None if value is None else str(value)


def _text(value: Decimal) -> str:
    return format(value, "f")


_READS: Mapping[ExceptionKind, Callable[[_Connection, int], Awaitable[_Tables]]] = {
    ExceptionKind.BILL: _bill,
    ExceptionKind.CANDIDATE: _candidate,
    ExceptionKind.CONFLICT: _conflict,
    ExceptionKind.FINDING: _finding,
    ExceptionKind.METER: _meter,
    ExceptionKind.QUARANTINE: _batch,
    ExceptionKind.SUBJECT: _subject,
}
