"""Services, occupancies and agreements on PostgreSQL; the statements are in `agreements.sql`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors
from psycopg.types.json import Jsonb

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.open_bills import discard_from, discard_settlements
from central.adapters.timescale.queries import load_queries
from central.domain.billing.occupancy import Occupancy
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.uuid7 import uuid7
from central.service.ports.open_bills import DiscardedBill
from central.service.ports.registry import AgreementRecord, RegistryConflictError
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_name("agreements.sql"))


class AgreementRows:
    """That part of `RegistryTransaction`, on one connection."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self.changed = ChangedInputs()

    async def _rows_of(self, statement: str, /, **values: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    async def services(self, point: str) -> tuple[ServiceRecord, ...]:
        """See `RegistryTransaction`."""
        return tuple(
            ServiceRecord(name, tuple(Obis(bytes(code)) for code in channels or ()), at)
            for name, channels, at in await self._rows_of("services", point=point)
        )

    async def add_service(self, point: str, service: ServiceRecord, now: datetime) -> None:
        """See `RegistryTransaction`."""
        codes = [obis.code for obis in service.channels]
        values = {"name": service.name, "channels": codes or None, "point": point}
        await self._connection.execute(_SQL["add_service"], {"uid": uuid7(now), **values})
        await self.set_day_start(point, service.name, service.day_start or MIDNIGHT)

    async def is_billed(self, point: str, service: str) -> bool:
        """See `RegistryTransaction`."""
        held = await self._rows_of("hold_billed", point=point, service=service)
        rows = await self._rows_of("billed", occupancies=[row[0] for row in held])
        return bool(rows[0][0])

    async def set_day_start(self, point: str, service: str, at: time) -> None:
        """See `RegistryTransaction`."""
        values = {"point": point, "service": service, "at": at}
        await self._connection.execute(_SQL["set_day_start"], values)
        await self._connection.execute(_SQL["cut_channels"], values)
        self.changed.points.add(point)

    async def occupancies(self, agreement: AgreementRecord) -> tuple[Occupancy, ...]:
        """See `RegistryTransaction`."""
        # What is billed is read after whoever bills has let go.
        held = await self._rows_of("hold_occupancies", **_place(agreement))
        rows = await self._rows_of("occupancies", occupancies=[row[0] for row in held])
        return tuple(
            Occupancy(
                key,
                billing_from,
                ended_on,
                tuple(firsts or ()),
                billed_to,
                decided_to,
                None if settlement is None else BillState(settlement),
            )
            for key, billing_from, ended_on, firsts, billed_to, decided_to, settlement in rows
        )

    async def discard_open(
        self, occupancies: Collection[int], since: date
    ) -> tuple[DiscardedBill, ...]:
        """See `OpenBillsTransaction`."""
        return await discard_from(self._connection, occupancies, since)

    async def discard_settlements(self, account: str) -> tuple[DiscardedBill, ...]:
        """See `OpenBillsTransaction`."""
        return await discard_settlements(self._connection, account)

    async def save_occupancy(
        self, agreement: AgreementRecord, occupancy: Occupancy, now: datetime
    ) -> int:
        """See `RegistryTransaction`."""
        days = {"billing_from": occupancy.billing_from, "ended_on": occupancy.ended_on}
        key = occupancy.id
        if key is None:
            place = _place(agreement)
            rows = await self._rows_of("add_occupancy", uid=uuid7(now), **place, **days)
            key = int(rows[0][0])
        else:
            await self._connection.execute(_SQL["change_occupancy"], {"occupancy": key, **days})
        if occupancy.billed_to is None:
            await self._connection.execute(_SQL["drop_root"], {"occupancy": key, **days})
            await self._connection.execute(_SQL["add_root"], {"occupancy": key, **days})
        return key

    async def agreements(self, point: str) -> tuple[AgreementRecord, ...]:
        """See `RegistryTransaction`."""
        return tuple(
            AgreementRecord(
                account=row[0],
                point=row[1],
                tariff=row[2],
                first=row[3],
                end=row[4],
                facts=AgreementFacts.from_json(row[5]),
                service=row[6],
                billing_from=row[7],
            )
            for row in await self._rows_of("agreements", point=point)
        )

    async def add_agreement(
        self, agreement: AgreementRecord, occupancy: int, now: datetime
    ) -> None:
        """See `RegistryTransaction`."""
        await self._write("add_agreement", agreement, occupancy, uid=uuid7(now))

    async def change_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        """See `RegistryTransaction`."""
        await self._write("change_agreement", agreement, occupancy)

    async def move_agreement(self, agreement: AgreementRecord, occupancy: int) -> None:
        """See `RegistryTransaction`."""
        await self._write("move_agreement", agreement, occupancy)

    async def _write(
        self, statement: str, agreement: AgreementRecord, occupancy: int, **more: object
    ) -> None:
        values = {
            **_place(agreement),
            "tariff": agreement.tariff,
            "first": agreement.first,
            "end": agreement.end,
            "facts": Jsonb(agreement.facts.to_json()),
            "billing_from": agreement.billing_from,
            "occupancy": occupancy,
            **more,
        }
        try:
            await self._connection.execute(_SQL[statement], values)
        except errors.ExclusionViolation as error:
            message = f"{agreement.point} already has an agreement at that time."
            raise RegistryConflictError(
                message, value=agreement.point, remedy="End the other agreement first."
            ) from error
        self.changed.points.add(agreement.point)
        self.changed.accounts.add(agreement.account)


def _place(agreement: AgreementRecord) -> dict[str, object]:
    return {
        "account": agreement.account,
        "point": agreement.point,
        "service": agreement.service,
    }
