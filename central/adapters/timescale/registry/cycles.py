"""Billing cycles on PostgreSQL; the statements are in `cycles.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.queries import load_queries
from central.domain.billing.account_periods import (
    AccountPeriods,
    CycleAssignment,
    built_in_cycle,
)
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.cycles import CycleRecord, require_cycle
from central.service.ports.registry import RegistryConflictError

_SQL = load_queries(Path(__file__).with_name("cycles.sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class CycleRows:
    """`CycleTransaction` on one connection."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def _cycle_rows(self, statement: str, /, **values: object) -> list[_Row]:
        cursor = await self._connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    async def cycles(self) -> tuple[CycleRecord, ...]:
        """See `CycleTransaction`."""
        rows = await self._cycle_rows("cycles", name=None)
        return tuple((await _records(self._connection, rows)).values())

    async def cycle(self, name: str, *, hold: bool = False) -> CycleRecord | None:
        """See `CycleTransaction`."""
        if hold:
            await self._cycle_rows("hold_cycle", name=name)
        rows = await self._cycle_rows("cycles", name=name)
        records = await _records(self._connection, rows)
        return next(iter(records.values()), None)

    async def add_cycle(self, record: CycleRecord) -> None:
        """See `CycleTransaction`."""
        cycle = record.cycle
        values = {
            "name": cycle.name,
            "months": cycle.months,
            "first": cycle.first,
            "bill_after": cycle.bill_after,
            "by_hand": record.by_hand,
        }
        try:
            await self._connection.execute(_SQL["add_cycle"], values)
        except errors.UniqueViolation as error:
            message = f"There is already a billing cycle {cycle.name}."
            raise RegistryConflictError(message, value=cycle.name) from error
        await self.set_periods(cycle.name, cycle.first, cycle.listed)

    async def set_periods(self, cycle: str, first: date, periods: Sequence[BillingPeriod]) -> None:
        """See `CycleTransaction`."""
        await self._connection.execute(_SQL["drop_periods"], {"cycle": cycle, "first": first})
        values = {
            "cycle": cycle,
            "names": [period.name for period in periods],
            "firsts": [period.days.first for period in periods],
            "ends": [period.days.end for period in periods],
            "bill_days": [period.bill_day for period in periods],
        }
        await self._connection.execute(_SQL["add_periods"], values)

    async def billed_to(self, cycle: str) -> date | None:
        """See `CycleTransaction`."""
        rows = await self._cycle_rows("cycle_billed_to", cycle=cycle)
        return _date(rows)

    async def assignments(self, account: str) -> tuple[CycleAssignment, ...]:
        """See `CycleTransaction`."""
        rows = await self._cycle_rows("assignments", account=account)
        return tuple(CycleAssignment(*row) for row in rows)

    async def members(self, cycle: str) -> tuple[tuple[str, date], ...]:
        """See `CycleTransaction`."""
        return tuple((row[0], row[1]) for row in await self._cycle_rows("members", cycle=cycle))

    async def account_billed_to(self, account: str) -> date | None:
        """See `CycleTransaction`."""
        # What is claimed is read after whoever bills has let go.
        await self._cycle_rows("hold_occupancies", account=account)
        rows = await self._cycle_rows("account_billed_to", account=account)
        return _date(rows)

    async def assign_cycle(self, account: str, assignment: CycleAssignment) -> None:
        """See `CycleTransaction`."""
        name = assignment.cycle
        built_in = name if built_in_cycle(name) is not None else None
        values = {
            "account": account,
            "first": assignment.first,
            "cycle": name,
            "built_in": built_in,
        }
        await self._connection.execute(_SQL["assign"], values)


async def periods_of(
    connection: _Connection, accounts: Collection[int], until: date, *, hold: bool = False
) -> AccountPeriods:
    """The periods of accounts, see `PeriodSource`; held until the commit where bills are made."""
    cursor = await connection.execute(_SQL["assigned"], {"accounts": list(accounts)})
    rows = await cursor.fetchall()
    keys = sorted({row[2] for row in rows if row[2] is not None})
    records: Mapping[int, CycleRecord] = {}
    if keys:
        if hold:
            await connection.execute(_SQL["hold_cycles"], {"cycles": keys})
        cursor = await connection.execute(_SQL["some_cycles"], {"cycles": keys})
        records = await _records(connection, await cursor.fetchall())
    assignments: dict[int, list[CycleAssignment]] = {}
    for account, first, key, built_in in rows:
        name = built_in if key is None else records[key].cycle.name
        assignments.setdefault(account, []).append(CycleAssignment(first, name))
    day_after = until + timedelta(days=1)
    cycles = {record.cycle.name: record.until(day_after) for record in records.values()}
    return AccountPeriods(cycles, assignments)


async def require_known_cycle(connection: _Connection, period: str, cycle: str) -> None:
    """Refuse a period that no account has; see `require_cycle`.

    Raises:
        UnknownCycleError: There is no such cycle or period, or nobody is in it.
    """
    cursor = await connection.execute(_SQL["knows_cycle"], {"cycle": cycle, "period": period})
    exists, listed, assigned = await cursor.fetchone() or (False, False, False)
    require_cycle(period, cycle, exists=exists, listed=listed, assigned=assigned)


async def _records(connection: _Connection, rows: Sequence[_Row]) -> dict[int, CycleRecord]:
    months = {row[0]: row[2] for row in rows}
    cursor = await connection.execute(_SQL["periods"], {"cycles": list(months)})
    lists: dict[int, list[BillingPeriod]] = {key: [] for key in months}
    for key, name, first, end, bill_day in await cursor.fetchall():
        period = BillingPeriod(name, DayRange(first, end), months[key], bill_day)
        lists[key].append(period)
    return {
        key: CycleRecord(
            BillingCycle(name, first, length, bill_after, tuple(lists[key])), by_hand=by_hand
        )
        for key, name, length, first, bill_after, by_hand in rows
    }


def _date(rows: Sequence[_Row]) -> date | None:
    day = rows[0][0] if rows else None
    return day if isinstance(day, date) else None
