"""The queue of exceptions on PostgreSQL; the statements are in `queue.sql`.

A page asks each kind by itself, so that its rows come from its own index in their order. So a page
costs the same however many rows wait and however deep it lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, errors

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.vee.finding import Severity
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import (
    Assignment,
    ExceptionCount,
    ExceptionFilter,
    ExceptionKey,
    ExceptionKind,
    ExceptionRow,
)
from central.service.views.paging import CursorError, Page, decode_cursor, paged
from firmware_bridge.contract.quantity import INT64_MAX

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_CURSOR = (str, str, int)
_AFTER: Final[Mapping[ExceptionKind, LiteralString]] = {
    ExceptionKind.BILL: "(listed.raised_at, listed.number) > (%(after)s, %(bill_no)s)",
    ExceptionKind.CANDIDATE: "(listed.raised_at, listed.number) > (%(after)s, %(candidate_no)s)",
    ExceptionKind.CONFLICT: "(listed.raised_at, listed.number) > (%(after)s, %(conflict_no)s)",
    ExceptionKind.FINDING: "(listed.raised_at, listed.number) > (%(after)s, %(finding_no)s)",
    ExceptionKind.METER: "(listed.raised_at, listed.number) > (%(after)s, %(meter_no)s)",
    ExceptionKind.QUARANTINE: "(listed.raised_at, listed.number) > (%(after)s, %(quarantine_no)s)",
    ExceptionKind.REPORT: "(listed.raised_at, listed.number) > (%(after)s, %(report_no)s)",
    ExceptionKind.SUBJECT: "(listed.raised_at, listed.number) > (%(after)s, %(subject_no)s)",
}


# What somebody has is few, and found by their name.
_OWNED: Final[LiteralString] = """\
given.owner = %(owner)s AND listed.number IN (
    SELECT number FROM exception_owner AS had
    WHERE had.owner = %(owner)s AND had.kind = listed.kind
)"""


class TimescaleExceptions:
    """`ExceptionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, asked: ExceptionFilter, after: str | None, limit: int
    ) -> Page[ExceptionRow]:
        """See `ExceptionStore`."""
        key = decode_cursor(after, _CURSOR)
        conditions, values = _conditions(asked)
        values["limit"] = limit + 1
        if key is not None:
            values |= _numbers_after(str(key[1]), int(key[2]))
            values["after"] = _instant(str(key[0]), after)
        branches: list[LiteralString] = []
        for kind in asked.kinds or tuple(ExceptionKind):
            where = [*conditions, *([] if key is None else [_AFTER[kind]])]
            order: LiteralString = " ORDER BY listed.raised_at, listed.number LIMIT %(limit)s"
            branches.append("(" + _listed(kind, where) + order + ")")
        listed = " UNION ALL ".join(branches)
        whole = ("SELECT * FROM (", listed, ") AS waiting ORDER BY raised_at, kind, number")
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(" ".join((*whole, "LIMIT %(limit)s")), values)
                rows = [_row(row) for row in await cursor.fetchall()]
        return paged(
            rows, limit, lambda row: (row.raised_at.isoformat(), row.key.kind.value, row.key.number)
        )

    async def counts(self) -> Sequence[ExceptionCount]:
        """See `ExceptionStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await rows_of(connection, _SQL, "counts")
        return [
            ExceptionCount(ExceptionKind(kind), code, Severity(severity), waiting, oldest)
            for kind, code, severity, waiting, oldest in rows
        ]

    async def one(self, key: ExceptionKey) -> ExceptionRow | None:
        """See `ExceptionStore`."""
        statement = _listed(key.kind, ["listed.number = %(number)s"])
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(statement, {"number": key.number})
                row = await cursor.fetchone()
        return None if row is None else _row(row)

    async def assign(self, key: ExceptionKey, given: Assignment, answer: ActionNote) -> bool:
        """See `ExceptionStore`."""
        while True:
            try:
                with translated():
                    async with self._pool.connection() as connection, connection.transaction():
                        await record_at(connection, answer.note.at)
                        return await assign(connection, key, given, answer)
            except errors.UniqueViolation:  # somebody assigned it meanwhile
                continue


async def assign(
    connection: AsyncConnection[_Row], key: ExceptionKey, given: Assignment, answer: ActionNote
) -> bool:
    """See `ExceptionStore`; in a transaction that is open."""
    named = {"kind": key.kind.value, "number": key.number}
    if not await rows_of(connection, _SQL, "waits", **named):
        return False
    rows = await rows_of(connection, _SQL, "given", **named)
    *before, revision = rows[0] if rows else (None, None, None, 0)
    values = {**named, **given._asdict(), "revision": revision + 1, **answer.columns}
    await connection.execute(_SQL["assign"], values)
    old = _texts(Assignment(*before)) if rows else None
    new = {**_texts(given), "reason_code": answer.code.value}
    note = answer.note
    detail = change(old, new, note.reason)
    await audit(connection, note.at, note.actor, "exception.assigned", str(key), detail)
    return True


def _texts(given: Assignment) -> dict[str, str | None]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in given._asdict().items()
    }


def _row(row: _Row) -> ExceptionRow:
    kind, number, severity, *rest = row
    key = ExceptionKey(ExceptionKind(kind), number)
    return ExceptionRow(key, Severity(severity), *rest)


def _conditions(asked: ExceptionFilter) -> tuple[list[LiteralString], dict[str, object]]:
    """Only what is asked for stands in the statement, so that indexes are seen to fit."""
    # So written, it is not taken for a rare thing.
    owner: LiteralString = _OWNED if asked.owner else "coalesce(given.owner IS NULL, true)"
    offered: list[tuple[str, LiteralString, object]] = [
        ("severity", "listed.severity = %(severity)s", asked.severity),
        ("code", "listed.code = %(code)s", asked.code),
        ("owner", owner, asked.owner),
        ("raised_before", "listed.raised_at < %(raised_before)s", asked.raised_before),
        ("subject", "listed.subject = %(subject)s", asked.subject),
        (
            "shown_on",
            "coalesce(given.hidden_until <= %(shown_on)s, true)",
            asked.shown_on,
        ),
    ]
    given = [entry for entry in offered if entry[2] is not None]
    return [text for _, text, _ in given], {name: value for name, _, value in given}


def _listed(kind: ExceptionKind, where: Sequence[LiteralString]) -> LiteralString:
    """The exceptions of a kind, with what is said of them."""
    narrowed: LiteralString = " WHERE " + " AND ".join(where) if where else ""
    columns: LiteralString = (
        "SELECT listed.kind, listed.number, listed.severity, listed.raised_at, "
    )
    rest: LiteralString = (
        "listed.subject, listed.code, listed.message, given.owner, given.due_on, given.hidden_until"
    )
    return (
        columns
        + rest
        + " FROM ("
        + _SQL[kind.value]
        + ") AS listed "
        + _SQL["given_last"]
        + narrowed
    )


def _numbers_after(kind: str, number: int) -> dict[str, object]:
    """The number after which each kind goes on, at the instant of the last row."""
    return {
        f"{other.value}_no": number if other == kind else (-1 if other.value > kind else INT64_MAX)
        for other in ExceptionKind
    }


def _instant(text: str, cursor: str | None) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        message = "The cursor does not belong to this list."
        raise CursorError(message, value=cursor)
    return instant
