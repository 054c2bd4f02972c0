"""The registry on PostgreSQL; the statements are in `registry.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.audit.write import AuditEntry, audit_all
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import hold_inputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.agreements import AgreementRows
from central.adapters.timescale.registry.cutover import CutoverRows
from central.adapters.timescale.registry.cycles import CycleRows
from central.adapters.timescale.registry.erasure import ErasureRows
from central.adapters.timescale.registry.groups import GroupRows
from central.adapters.timescale.registry.holidays import HolidayRows
from central.adapters.timescale.registry.revisions import RevisionRows
from central.adapters.timescale.registry.tariffs import TariffRows
from central.adapters.timescale.registry.withdrawals import WithdrawalRows
from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.metering.installation import RegisterFacts
from central.domain.metering.installed_days import local_date
from central.domain.uuid7 import uuid7
from central.service.ports.registry import (
    AccountRecord,
    InstallationRecord,
    NotRegisteredError,
    PointChannelRecord,
    PointRecord,
    RegistryConflictError,
    RegistryTransaction,
)
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

_SQL = load_queries(Path(__file__).with_name("registry.sql"))


class TimescaleRegistry:
    """`RegistryStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self, now: datetime | None = None) -> AsyncIterator[RegistryTransaction]:
        """See `RegistryStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if now is not None:
                    await record_at(connection, now)
                work = TimescaleRegistryTransaction(connection)
                yield work
                await work.finish()


class TimescaleRegistryTransaction(
    TariffRows,
    RevisionRows,
    AgreementRows,
    CutoverRows,
    CycleRows,
    ErasureRows,
    GroupRows,
    HolidayRows,
    WithdrawalRows,
):
    """`RegistryTransaction` on one connection."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        super().__init__(connection)
        self._notes: list[AuditEntry] = []

    async def finish(self) -> None:
        """Raise what has changed, then write the log: whoever reads the inputs does so too."""
        await self.changed.raise_in(self._connection)
        await audit_all(self._connection, self._notes)

    async def hold(
        self,
        points: Collection[str],
        accounts: Collection[str],
        tariffs: Collection[str] = (),
        *,
        settings: bool = False,
    ) -> None:
        """See `RegistryTransaction`."""
        await hold_inputs(self._connection, points, accounts, tariffs, settings=settings)

    async def _rows(self, statement: str, /, **values: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    async def _run(self, statement: str, /, **values: object) -> int:
        cursor = await self._connection.execute(_SQL[statement], values)
        return cursor.rowcount

    async def seller(self) -> Party | None:
        """See `RegistryTransaction`."""
        rows = await self._rows("seller")
        return _party(rows[0]) if rows else None

    async def save_seller(self, seller: Party) -> None:
        """See `RegistryTransaction`."""
        await self._run("save_seller", **_party_columns(seller))
        self.changed.settings = True

    async def point(self, name: str) -> PointRecord | None:
        """See `RegistryTransaction`."""
        rows = await self._rows("point", name=name)
        return PointRecord(*rows[0]) if rows else None

    async def save_point(self, point: PointRecord, now: datetime) -> None:
        """See `RegistryTransaction`."""
        await self._run(
            "save_point",
            uid=uuid7(now),
            now=now,
            name=point.name,
            zone=point.zone,
            address=point.address,
            capacity=point.capacity,
        )
        self.changed.points.add(point.name)

    async def channels(self, point: str) -> tuple[PointChannelRecord, ...]:
        """See `RegistryTransaction`."""
        rows = await self._rows("channels", point=point)
        return tuple(PointChannelRecord(Obis(bytes(row[0])), row[1], Unit(row[2])) for row in rows)

    async def add_channel(self, point: str, channel: PointChannelRecord) -> None:
        """See `RegistryTransaction`."""
        await self._run(
            "add_channel",
            point=point,
            obis=channel.obis.code,
            period_s=channel.period_s,
            unit=channel.unit.value,
        )
        self.changed.points.add(point)

    async def installations(self, point: str) -> tuple[InstallationRecord, ...]:
        """See `RegistryTransaction`."""
        rows = await self._rows("installations", point=point)
        registers = await registers_of(self._connection, [row[0] for row in rows])
        return tuple(
            InstallationRecord(
                point=point,
                manufacturer=row[1],
                serial=row[2],
                start=row[3],
                end=row[4],
                multiplier=Fraction(int(row[5]), int(row[6])),
                registers=registers.get(row[0], {}),
            )
            for row in rows
        )

    async def add_installation(self, installation: InstallationRecord, now: datetime) -> None:
        """See `RegistryTransaction`."""
        meter_id = await self._meter(installation, now)
        try:
            rows = await self._rows(
                "add_installation",
                uid=uuid7(now),
                point=installation.point,
                meter_id=meter_id,
                start=installation.start,
                end=installation.end,
                numerator=installation.multiplier.numerator,
                denominator=installation.multiplier.denominator,
            )
        except errors.ExclusionViolation as error:
            raise _overlap(installation, error) from error
        await self._save_registers(rows[0][0], installation)
        self.changed.points.add(installation.point)

    async def _meter(self, installation: InstallationRecord, now: datetime) -> int:
        nameplate = {"manufacturer": installation.manufacturer, "serial": installation.serial}
        rows = await self._rows("find_meter", **nameplate)
        if not rows and installation.gateway is not None:
            await self._run("expect_meter", gateway=installation.gateway, now=now, **nameplate)
            rows = await self._rows("find_meter", **nameplate)
        if not rows:
            name = f"{installation.manufacturer}/{installation.serial}"
            message = (
                f"The meter {name} has not reported yet, and no enrolled gateway is given for it."
            )
            remedy = "Enrol its gateway and name it in the request, or wait for the first reading."
            raise NotRegisteredError(message, value=name, remedy=remedy)
        return int(rows[0][0])

    async def change_installation(self, installation: InstallationRecord) -> None:
        """See `RegistryTransaction`."""
        try:
            rows = await self._rows(
                "end_installation",
                manufacturer=installation.manufacturer,
                serial=installation.serial,
                start=installation.start,
                end=installation.end,
            )
        except errors.ExclusionViolation as error:
            raise _overlap(installation, error) from error
        await self._save_registers(rows[0][0], installation)
        self.changed.points.add(installation.point)

    async def _save_registers(self, key: int, installation: InstallationRecord) -> None:
        for obis, facts in installation.registers.items():
            await self._run(
                "save_register",
                installation_id=key,
                obis=obis.code,
                modulus=facts.modulus,
                opening=facts.opening,
                closing=facts.closing,
            )

    async def account(self, number: str) -> AccountRecord | None:
        """See `RegistryTransaction`."""
        rows = await self._rows("account", number=number)
        return AccountRecord(number, _party(rows[0])) if rows else None

    async def save_account(self, account: AccountRecord, now: datetime) -> None:
        """See `RegistryTransaction`."""
        columns = _party_columns(account.party)
        values = {"uid": uuid7(now), "number": account.number, "now": now}
        await self._run("save_account", **values, **columns)
        self.changed.accounts.add(account.number)

    async def queue_for_validation(self, installation: InstallationRecord, now: datetime) -> None:
        """See `RegistryTransaction`."""
        await self._run(
            "queue_for_validation",
            manufacturer=installation.manufacturer,
            serial=installation.serial,
            start=installation.start,
            end=installation.end or now + timedelta(days=1),
        )

    async def reopen(self, point: str, since: datetime) -> None:
        """See `RegistryTransaction`."""
        known = await self.point(point)
        if known is not None:
            await self.hold([point], [])
            # The server may know fewer zones.
            await self._run("reopen", point=point, day=local_date(since, known.zone))

    async def audit(
        self, at: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """See `RegistryTransaction`."""
        self._notes.append(AuditEntry(at, actor, action, subject, detail))


async def registers_of(
    connection: AsyncConnection[tuple[Any, ...]], installations: list[int]
) -> dict[int, dict[Obis, RegisterFacts]]:
    """What is known of the registers of installations."""
    cursor = await connection.execute(_SQL["registers"], {"installations": installations})
    found: dict[int, dict[Obis, RegisterFacts]] = {}
    for key, obis, modulus, opening, closing in await cursor.fetchall():
        facts = RegisterFacts(modulus, opening, closing)
        found.setdefault(key, {})[Obis(bytes(obis))] = facts
    return found


def _party(row: tuple[Any, ...]) -> Party:
    return Party(row[0], tuple(row[1]), row[2], row[3])


def _party_columns(party: Party) -> dict[str, object]:
    return {
        "name": party.name,
        "address": list(party.address),
        "tax_id": party.tax_id,
        "contact": party.contact,
    }


def _overlap(installation: InstallationRecord, error: errors.Error) -> RegistryConflictError:
    name = f"{installation.manufacturer}/{installation.serial}"
    if error.diag.constraint_name == "installation_meter_is_in_one_place":
        message = f"The meter {name} is installed elsewhere at that time."
    else:
        message = f"{installation.point} has another meter at that time, not {name}."
    return RegistryConflictError(message, value=name, remedy="End the other installation first.")
