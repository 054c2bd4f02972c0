"""Unbilled revenue on PostgreSQL; the statements: `unbilled.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.billing.preview import previewing
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.billing.unbilled import Unbilled
from central.service.ports.bill_shard import ShardTransaction
from central.service.ports.registry import NotRegisteredError
from central.service.ports.unbilled import (
    AccountUnbilled,
    ChangedAccounts,
    ChargeUnbilled,
    DayUnbilled,
    KeptRows,
    NewUnbilled,
    OpenAccount,
)
from central.service.views.paging import Page, day_of_cursor, decode_cursor, paged

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_Days = dict[tuple[int, date], dict[str, str]]


class TimescaleUnbilled:
    """`UnbilledStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def changed(
        self, after: int, limit: int, at: datetime, among: str | None = None
    ) -> ChangedAccounts:
        """See `UnbilledStore`."""
        values = {"after": after, "limit": limit, "today": at.date(), "account": among}
        with translated():
            async with self._pool.connection() as connection:
                await _require(connection, among)
                rows = await _rows(connection, "changed", **values)
        last = rows[-1][0] if len(rows) == limit else None
        changed = [
            OpenAccount(key, end, stamp)
            for key, end, stamp, stamped in rows
            if stamp != stamped or among is not None
        ]
        return ChangedAccounts(last, len(rows), changed)

    def previewing(
        self, accounts: Sequence[OpenAccount], at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction]:
        """See `UnbilledStore`."""
        return previewing(self._pool, {account.id: account.end for account in accounts}, at)

    async def keep(self, unbilled: Sequence[NewUnbilled], at: datetime) -> KeptRows:
        """See `UnbilledStore`."""
        accounts = sorted(new.account.id for new in unbilled)
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                await connection.execute(_SQL["hold"], {"accounts": accounts})
                held = await _rows(connection, "held", accounts=accounts, at=at)
                keys = {row[0] for row in held}
                mine = [new for new in unbilled if new.account.id in keys]
                days = await _keep(connection, mine, at)
        return KeptRows(len(mine), days)

    async def accounts(
        self, after: str | None, limit: int, account: str | None = None
    ) -> Page[AccountUnbilled]:
        """See `UnbilledStore`."""
        key = decode_cursor(after, (str, int))
        number, occupancy = (None, None) if key is None else key
        values = {"after": number, "occupancy": occupancy, "account": account, "limit": limit + 1}
        with translated():
            async with self._pool.connection() as connection:
                await _require(connection, account)
                rows = await _rows(connection, "accounts", **values)
        page = paged(rows, limit, lambda row: (row[0], row[9]))
        return page.map(_account)

    async def days(self, account: str, after: str | None, limit: int) -> Page[DayUnbilled]:
        """See `UnbilledStore`."""
        key = decode_cursor(after, (int, str))
        occupancy, day = (None, None) if key is None else (key[0], day_of_cursor(key[1]))
        values = {"account": account, "occupancy": occupancy, "day": day, "limit": limit + 1}
        with translated():
            async with self._pool.connection() as connection:
                await _require(connection, account)
                rows = await _rows(connection, "account_days", **values)
        page = paged(rows, limit, lambda row: (row[6], row[2].isoformat()))
        return page.map(_day)

    async def charges(self) -> Sequence[ChargeUnbilled]:
        """See `UnbilledStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return [ChargeUnbilled(*row) for row in await _rows(connection, "charges")]


def _account(row: _Row) -> AccountUnbilled:
    number, point, service, first, end, currency, amount, holds, at, _ = row
    return AccountUnbilled(number, point, service, first, end, currency, amount, tuple(holds), at)


def _day(row: _Row) -> DayUnbilled:
    point, service, day, currency, amount, charges, _ = row
    by_charge = {charge: Decimal(charges[charge]) for charge in sorted(charges)}
    return DayUnbilled(point, service, day, currency, amount, by_charge)


async def _require(connection: _Connection, account: str | None) -> None:
    if account is None:
        return
    ((exists,),) = await _rows(connection, "account_exists", account=account)
    if not exists:
        message = f"The registry has no account {account!r}."
        raise NotRegisteredError(message, value=account)


async def _keep(connection: _Connection, unbilled: Sequence[NewUnbilled], at: datetime) -> int:
    """Write what is another than what is kept; how many days that are."""
    accounts = [new.account.id for new in unbilled]
    there = {row[0]: row[1:] for row in await _rows(connection, "spans", accounts=accounts)}
    news = [each for new in unbilled for each in new.occupancies]
    first = min((each.days[0] for each in news), default=date.max)
    occupancies = [each.occupancy_id for each in news]
    stored: _Days = {}
    for occupancy, day, charges in await _rows(
        connection, "days", occupancies=occupancies, first=first
    ):
        stored[occupancy, day] = charges
    gone = there.keys() - set(occupancies)
    spans = [
        (each.occupancy_id, at, *each.days, each.currency, each.total, list(each.holds))
        for each in news
        if there.get(each.occupancy_id) != _span(each)
    ]
    # Of what is billed by now nothing is left.
    ended = ((key, at, there[key][1], there[key][1], there[key][2]) for key in sorted(gone))
    spans += [(*columns, Decimal(0), []) for columns in ended]
    await _copy(connection, "add_spans", spans)
    days = [row for each in news for row in _other_days(each, stored, at)]
    await _copy(connection, "add_days", days)
    values = {
        "accounts": accounts,
        "stamps": [new.account.stamp for new in unbilled],
        "series": [_array(new.series) for new in unbilled],
        "at": at,
    }
    await connection.execute(_SQL["stamp"], values)
    return len(days)


def _span(each: Unbilled) -> _Row:
    return (*each.days, each.currency, each.total, list(each.holds))


def _other_days(each: Unbilled, stored: _Days, at: datetime) -> Iterable[_Row]:
    before = {day for occupancy, day in stored if occupancy == each.occupancy_id}
    within = {day for day in before if each.days[0] <= day < each.days[1]}
    for day in sorted(each.charges.keys() | within):
        charges = each.charges_json(day)
        if charges != stored.get((each.occupancy_id, day)):
            amount = sum(map(Decimal, charges.values()), Decimal(0))
            yield each.occupancy_id, day, at, amount, Jsonb(charges)


def _array(names: Iterable[str]) -> str:
    """Names as the text of an array: a list of lists would have to be of one length."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in sorted(names))
    return "{" + ",".join(f'"{name}"' for name in escaped) + "}"


async def _copy(connection: _Connection, statement: str, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    async with connection.cursor() as cursor, cursor.copy(_SQL[statement]) as copy:
        for row in rows:
            await copy.write_row(row)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
