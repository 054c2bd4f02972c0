"""Withdraw agreements and installations on PostgreSQL; the statements: `withdrawals.sql`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.queries import load_queries
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.ports.withdrawals import NamedAgreement, NamedInstallation

_SQL = load_queries(Path(__file__).with_name("withdrawals.sql"))


class WithdrawalRows:
    """`WithdrawalTransaction` on one connection."""

    _connection: AsyncConnection[tuple[Any, ...]]
    changed: ChangedInputs

    async def withdraw_agreement(self, agreement: NamedAgreement) -> None:
        """See `WithdrawalTransaction`."""
        values = {
            "account": agreement.account,
            "point": agreement.point,
            "service": agreement.service,
            "first": agreement.first,
        }
        await self._connection.execute(_SQL["withdraw_agreement"], values)
        self.changed.points.add(agreement.point)
        self.changed.accounts.add(agreement.account)

    async def handed_over(self, occupancy: int, day: date) -> str | None:
        """See `WithdrawalTransaction`."""
        values = {"occupancy": occupancy, "day": day}
        cursor = await self._connection.execute(_SQL["handed_over"], values)
        row = await cursor.fetchone()
        return None if row is None else str(row[0])

    async def left_to_nobody(self, occupancy: int) -> CarriedState:
        """See `WithdrawalTransaction`."""
        cursor = await self._connection.execute(_SQL["left_to_nobody"], {"occupancy": occupancy})
        row = await cursor.fetchone()
        return CarriedState() if row is None else CarriedState.from_json(row[0])

    async def withdraw_installation(self, installation: NamedInstallation) -> None:
        """See `WithdrawalTransaction`."""
        values = {
            "manufacturer": installation.manufacturer,
            "serial": installation.serial,
            "start": installation.start,
        }
        await self._connection.execute(_SQL["withdraw_installation"], values)
        self.changed.points.add(installation.point)

    async def not_issued(
        self, point: str, first: date, end: date | None
    ) -> tuple[date, date] | None:
        """See `WithdrawalTransaction`."""
        values = {"point": point, "first": first, "end": end}
        cursor = await self._connection.execute(_SQL["not_issued"], values)
        row = await cursor.fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])
