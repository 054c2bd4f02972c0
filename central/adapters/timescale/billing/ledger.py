"""The account ledger on PostgreSQL; the statements are in `ledger.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.named_query import as_uuid
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.service.billing.ledger_checks import check_payment, check_same, check_taken_back
from central.service.ports.decisions import DecisionNote
from central.service.ports.ledger import PostedEntry
from central.service.ports.registry import NotRegisteredError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleLedger:
    """`LedgerStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def tariffs_of(self, account: str, point: str) -> Sequence[str] | None:
        """See `LedgerStore`."""
        with translated():
            async with self._pool.connection() as connection:
                if not await _rows(connection, "account", account=account):
                    return None
                rows = await _rows(connection, "tariffs_of", account=account, point=point)
                return [row[0] for row in rows]

    async def post(self, entry: LedgerEntry, note: DecisionNote, *, keep: bool = True) -> bool:
        """See `LedgerStore`."""
        new = False
        with translated():
            async with (
                self._pool.connection() as connection,
                connection.transaction() as transaction,
            ):
                await record_at(connection, note.at)
                new = await _post(connection, entry, note)
                if not keep:
                    raise Rollback(transaction)
        return new

    async def entry(self, key: str) -> PostedEntry | None:
        """See `LedgerStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await _entry(connection, key)

    async def entries(self, account: str | None, after: int, limit: int) -> Sequence[PostedEntry]:
        """See `LedgerStore`."""
        values = {"key": None, "account": account, "after": after, "limit": limit}
        with translated():
            async with self._pool.connection() as connection:
                return [_posted(row) for row in await _rows(connection, "entries", **values)]


async def _post(connection: _Connection, entry: LedgerEntry, note: DecisionNote) -> bool:
    rows = await _rows(connection, "hold_account", account=entry.account)
    if not rows:
        message = f"The registry has no account {entry.account!r}."
        raise NotRegisteredError(message, value=entry.account)
    account = int(rows[0][0])
    there = await _entry(connection, entry.key)
    if there is not None:
        check_same(there, entry)
        return False
    of_id = await _taken_back(connection, entry) if entry.of else None
    bill = await _paid_bill(connection, entry, account) if entry.bill else None
    point = await _point(connection, entry.point) if entry.point else None
    names = {"account": account, "point": point, "of": of_id}
    key = await _add(connection, entry, note, names)
    if key is None:
        # Posted to another account at the same time.
        check_same(await _entry(connection, entry.key), entry)
        return False
    if bill is not None:
        await connection.execute(_SQL["pay"], {"entry": key, "bill": bill})
    await ChangedInputs(accounts={entry.account}).raise_in(connection)
    detail = change(None, entry.to_json(), note.reason)
    await audit(connection, note.at, note.actor, "ledger.posted", entry.key, detail)
    return True


async def _add(
    connection: _Connection, entry: LedgerEntry, note: DecisionNote, names: dict[str, int | None]
) -> int | None:
    values = {
        "key": entry.key,
        "kind": entry.kind.value,
        "day": entry.day,
        "currency": entry.currency,
        "amount": entry.amount,
        "bank": entry.bank,
        "title": entry.name,
        "taxes": list(entry.taxes),
        "expires": entry.expires,
        "at": note.at,
        "actor": note.actor.key,
        "reason": note.reason,
    }
    rows = await _rows(connection, "add", **values, **names)
    return int(rows[0][0]) if rows else None


async def _point(connection: _Connection, name: str) -> int:
    rows = await _rows(connection, "point", point=name)
    if not rows:
        message = f"The registry has no service point {name!r}."
        raise NotRegisteredError(message, value=name)
    return int(rows[0][0])


async def _taken_back(connection: _Connection, entry: LedgerEntry) -> int | None:
    other = await _entry(connection, entry.of)
    check_taken_back(entry, other)
    return None if other is None else other.id


async def _paid_bill(connection: _Connection, entry: LedgerEntry, account: int) -> int:
    rows = await _rows(connection, "bill", bill=as_uuid(entry.bill))
    key, of_account, state, currency = rows[0] if rows else (0, None, None, None)
    check_payment(entry, of_account=of_account == account, state=state, currency=currency)
    return int(key)


async def _entry(connection: _Connection, key: str) -> PostedEntry | None:
    values = {"key": key, "account": None, "after": 0, "limit": 1}
    rows = await _rows(connection, "entries", **values)
    return _posted(rows[0]) if rows else None


def _posted(row: _Row) -> PostedEntry:
    key, account, kind, *columns = row[1:12]
    columns += [tuple(row[12]), row[13]]
    entry = LedgerEntry(key, account, EntryKind(kind), *columns)
    return PostedEntry(row[0], entry, Decimal(row[14]), *row[15:20])


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
