"""The books in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.metering.installed_days import local_date
from central.service.ports.ingest_records import ChannelId, MeterId
from central.service.ports.registry import (
    AccountRecord,
    InstallationRecord,
    NotRegisteredError,
    PointChannelRecord,
    PointRecord,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.ports.stamps import InputKind
from central.service.ports.validation import ENDLESS, PointChannelId
from central.service.ports.withdrawals import NamedInstallation
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.reading import to_ms
from tests.support.memory.agreements import AgreementTables
from tests.support.memory.books import BookState, KeptChannel, MemoryBooks
from tests.support.memory.cutover import CutoverTables
from tests.support.memory.cycles import CycleRows
from tests.support.memory.erasure import ErasureTables
from tests.support.memory.groups import GroupRows
from tests.support.memory.holidays import HolidayTables
from tests.support.memory.ingest import Touched
from tests.support.memory.revisions import RevisionTables
from tests.support.memory.tariffs import TariffTables


class MemoryRegistry:
    """`RegistryStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    @asynccontextmanager
    async def transaction(self, now: datetime | None = None) -> AsyncIterator[RegistryTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
        del now  # what was known is kept by real stores alone
        async with self._books.begin() as state:
            yield _Transaction(self._books, state)


class _Transaction(
    TariffTables,
    RevisionTables,
    AgreementTables,
    CutoverTables,
    CycleRows,
    ErasureTables,
    GroupRows,
    HolidayTables,
):
    """`RegistryTransaction` over dictionaries."""

    def __init__(self, books: MemoryBooks, state: BookState) -> None:
        super().__init__(state)
        self._books = books

    async def hold(
        self,
        points: Collection[str],
        accounts: Collection[str],
        tariffs: Collection[str] = (),
        *,
        settings: bool = False,
    ) -> None:
        """Nobody else has a transaction meanwhile."""

    async def seller(self) -> Party | None:
        return self._state.seller.get(1)

    async def save_seller(self, seller: Party) -> None:
        self._state.seller[1] = seller
        self._state.raise_input(InputKind.SETTINGS)

    async def point(self, name: str) -> PointRecord | None:
        return self._state.points.get(name)

    async def save_point(self, point: PointRecord, now: datetime) -> None:
        del now
        self._state.points[point.name] = point
        self._state.raise_input(InputKind.POINT, point.name)

    async def channels(self, point: str) -> tuple[PointChannelRecord, ...]:
        return tuple(one.record for one in self._state.channels.values() if one.point == point)

    async def add_channel(self, point: str, channel: PointChannelRecord) -> None:
        key = PointChannelId(len(self._state.channels) + 1)
        begins = (
            service.day_start
            for (name, _), service in self._state.services.items()
            if name == point and (not service.channels or channel.obis in service.channels)
        )
        self._state.channels[key] = KeptChannel(
            point, channel, day_start=next(begins, None) or MIDNIGHT
        )
        self._state.raise_input(InputKind.POINT, point)

    async def installations(self, point: str) -> tuple[InstallationRecord, ...]:
        found = [one for one in self._state.installations.values() if one.point == point]
        return tuple(sorted(found, key=lambda one: one.start))

    async def add_installation(self, installation: InstallationRecord, now: datetime) -> None:
        del now
        self._meter(installation)
        self._refuse_overlap(installation, None)
        key = len(self._state.installations) + len(self._state.withdrawn_installations) + 1
        self._state.installations[key] = replace(installation, gateway=None)
        self._state.raise_input(InputKind.POINT, installation.point)

    def _meter(self, installation: InstallationRecord) -> None:
        ingest = self._books.ingest.state
        nameplate = (installation.manufacturer, installation.serial)
        if nameplate in ingest.meters:
            return
        gateway = ingest.gateways.get(installation.gateway or "")
        if gateway is None or gateway.revoked:
            name = "/".join(nameplate)
            message = (
                f"The meter {name} has not reported yet, and no enrolled gateway is given for it."
            )
            remedy = "Enrol its gateway and name it in the request, or wait for the first reading."
            raise NotRegisteredError(message, value=name, remedy=remedy)
        meter = ingest.meters.setdefault(nameplate, MeterId(len(ingest.meters) + 1))
        ingest.homes[meter] = gateway.id

    def _refuse_overlap(self, new: InstallationRecord, but: int | None) -> None:
        for key, one in self._state.installations.items():
            if key == but or not _overlap(one.start, one.end, new.start, new.end):
                continue
            name = f"{new.manufacturer}/{new.serial}"
            remedy = "End the other installation first."
            if (one.manufacturer, one.serial) == (new.manufacturer, new.serial):
                message = f"The meter {name} is installed elsewhere at that time."
                raise RegistryConflictError(message, value=name, remedy=remedy)
            if one.point == new.point:
                message = f"{new.point} has another meter at that time, not {name}."
                raise RegistryConflictError(message, value=name, remedy=remedy)

    def _installation_key(self, installation: InstallationRecord | NamedInstallation) -> int:
        return next(
            key
            for key, meter in self._state.installations.items()
            if (meter.manufacturer, meter.serial, meter.start)
            == (installation.manufacturer, installation.serial, installation.start)
        )

    async def withdraw_installation(self, installation: NamedInstallation) -> None:
        key = self._installation_key(installation)
        self._state.withdrawn_installations[key] = self._state.installations.pop(key)
        self._state.raise_input(InputKind.POINT, installation.point)

    async def change_installation(self, installation: InstallationRecord) -> None:
        key = self._installation_key(installation)
        self._refuse_overlap(installation, key)
        registers = {**self._state.installations[key].registers, **installation.registers}
        self._state.installations[key] = replace(installation, registers=registers, gateway=None)
        self._state.raise_input(InputKind.POINT, installation.point)

    async def account(self, number: str) -> AccountRecord | None:
        found = (one for one in self._state.accounts.values() if one.number == number)
        return next(found, None)

    async def save_account(self, account: AccountRecord, now: datetime) -> None:
        del now
        keys = [key for key, one in self._state.accounts.items() if one.number == account.number]
        key = keys[0] if keys else len(self._state.accounts) + 1
        self._state.accounts[key] = account
        self._state.raise_input(InputKind.ACCOUNT, account.number)

    async def queue_for_validation(self, installation: InstallationRecord, now: datetime) -> None:
        del now
        ingest = self._books.ingest.state
        meter = ingest.meters.get((installation.manufacturer, installation.serial))
        first, last = to_ms(installation.start), to_ms(installation.end or ENDLESS)
        for record in ingest.channels.values():
            at = [ms for channel, ms in ingest.readings if channel == record.id]
            inside = [ms for ms in at if first <= ms <= last]
            if record.meter_id == meter and inside:
                key = max(ingest.touched, default=0) + 1
                ingest.touched[key] = Touched(ChannelId(record.id), min(inside), max(inside) + 1)

    async def reopen(self, point: str, since: datetime) -> None:
        zone = self._state.points[point].zone
        for key, kept in self._state.channels.items():
            if kept.point == point and kept.closed_through is not None:
                last = local_date(since, zone, kept.day_start) - timedelta(days=1)
                through = min(kept.closed_through, last)
                self._state.channels[key] = replace(kept, closed_through=through)

    async def audit(
        self, at: datetime, actor: Actor, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        self._books.audit(at, actor, action, subject, detail)


def _overlap(
    first: datetime, end: datetime | None, other: datetime, other_end: datetime | None
) -> bool:
    return first < (other_end or ENDLESS) and other < (end or ENDLESS)
