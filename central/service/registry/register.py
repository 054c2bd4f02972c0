"""Put service points, meters, accounts and agreements into the registry.

Every use-case is idempotent: what is there already, and says the same, stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from central.domain.actor import Actor
from central.domain.audit.change import bills_moved
from central.domain.billing.bill import Party
from central.domain.billing.state import BillState
from central.domain.metering.installation import Multiplier
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.service.ports.erasure import ERASED, AccountErasedError
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
    RegistryConflictError,
    RegistryStore,
    RegistryTransaction,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.stamps import InputKind
from central.service.registry.agreement_checks import check_agreement
from central.service.registry.audited import (
    account_said,
    agreement_said,
    installation_said,
    point_said,
    seller_said,
    services_said,
)
from central.service.registry.concerned import days_of_agreement, days_of_installation
from central.service.registry.occupancies import (
    check_day_starts,
    conclude,
    of_service,
    sell,
    with_service,
)
from central.service.registry.record_changes import Effect
from central.service.registry.refusals import need, other_seller, require_days
from central.service.registry.tariff_changes import TariffChanges


class Enrol(TariffChanges):
    """The use-cases, each in a transaction of its own or in one that is given."""

    def __init__(
        self,
        store: RegistryStore,
        actor: Actor,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        reason: str | None = None,
    ) -> None:
        super().__init__(store, actor, clock, reason)
        # Drafts and held bills that a change of agreements discarded.
        self.discarded: list[str] = []

    async def seller(self, seller: Party, replacing: str | None = None) -> Effect:
        """Say who charges.

        Args:
            seller: Who.
            replacing: Why another seller, if one is known, is replaced; None refuses it.

        Raises:
            SellerDiffersError: Another one is known.
        """
        async with self._begin() as registry:
            return await self.seller_in(registry, seller, replacing)

    async def service_point(
        self,
        point: PointRecord,
        *channels: PointChannelRecord,
        services: Sequence[ServiceRecord] = (),
    ) -> Effect:
        """Open a service point, or correct its address or capacity; count and sell things there.

        Raises:
            InvalidValueError: Name, zone, capacity, period or start of days cannot be.
            RegistryConflictError: Zone, or length or unit of intervals, would change.
            OperatorError: Likewise, see `services_in`.
        """
        async with self._begin() as registry:
            effect = await self.point_in(registry, point, channels)
            sold = await self.services_in(registry, point.name, services)
            return sold if effect is Effect.UNCHANGED else effect

    async def installation(self, installation: InstallationRecord) -> Effect:
        """Put a meter in, or take it out by giving an end; what it said is validated anew.

        Raises:
            MultiplierError: The multiplier is not exact.
            NotRegisteredError: There is no such point, or no such meter.
            RegistryConflictError: It overlaps another, or contradicts what is there.
        """
        async with self._begin() as registry:
            return await self.installation_in(registry, installation)

    async def services(self, point: str, *services: ServiceRecord) -> None:
        """Sell something at a service point; see `services_in`."""
        async with self._begin() as registry:
            await registry.hold([point], [])  # before its services, as all do
            await self.services_in(registry, point, services)

    async def account(self, account: AccountRecord) -> Effect:
        """Create an account, or correct its name and address."""
        async with self._begin() as registry:
            return await self.account_in(registry, account)

    async def agreement(self, agreement: AgreementRecord) -> Effect:
        """Conclude an agreement, or end it by giving an end.

        Raises:
            NotRegisteredError: There is no such account, point, service or tariff.
            RegistryConflictError: It overlaps another, or contradicts what is there.
            PeriodBilledError: Days of approved or issued bills would no longer belong to it.
        """
        async with self._begin() as registry:
            await registry.hold([agreement.point], [agreement.account])
            return await self.agreement_in(registry, agreement)

    async def seller_in(
        self, registry: RegistryTransaction, seller: Party, replacing: str | None = None
    ) -> Effect:
        """See `seller`."""
        before = await registry.seller()
        if before == seller:
            return Effect.UNCHANGED
        old, new = seller_said(before), seller_said(seller)
        if before is not None and not replacing:
            raise other_seller(before, seller)
        await registry.save_seller(seller)
        return await self._note(registry, ("seller", seller.name), old, new, replacing)

    async def point_in(
        self,
        registry: RegistryTransaction,
        point: PointRecord,
        channels: tuple[PointChannelRecord, ...] = (),
    ) -> Effect:
        """See `service_point`."""
        place = ServicePoint(point.name, point.zone)
        known = await registry.point(point.name)
        if known is not None and known.zone != point.zone:
            message = f"{point.name} has the time zone {known.zone}, which cannot change."
            raise RegistryConflictError(message, value=point.zone)
        there = {channel.obis: channel for channel in await registry.channels(point.name)}
        old = point_said(known, there.values())
        if known != point:
            await registry.save_point(point, self.clock())
        for channel in channels:
            PointChannel(0, place, channel.obis, channel.period_s, channel.unit)
            if channel.obis not in there:
                await registry.add_channel(point.name, channel)
                there[channel.obis] = channel
            elif there[channel.obis] != channel:
                message = f"{point.name} already has {channel.obis} with other settings."
                raise RegistryConflictError(message, value=str(channel.obis))
        await check_day_starts(registry, point.name)
        new = point_said(point, there.values())
        return await self._note(registry, ("service_point", point.name), old, new)

    async def installation_in(
        self, registry: RegistryTransaction, installation: InstallationRecord
    ) -> Effect:
        """See `installation`."""
        Multiplier(installation.multiplier)
        require_days(installation)
        point = need(await registry.point(installation.point), "service point", installation.point)
        same = [
            one
            for one in await registry.installations(installation.point)
            if (one.manufacturer, one.serial, one.start) == _key(installation)
        ]
        name = f"{installation.manufacturer}/{installation.serial}"
        if not same:
            await registry.add_installation(installation, self.clock())
            # Also where the meter never spoke: what it was silent on is missing.
            await registry.reopen(installation.point, installation.start)
            await registry.queue_for_validation(installation, self.clock())
            days = days_of_installation(None, installation, point.zone)
            await self._concern(registry, InputKind.POINT, point.name, days)
            new = installation_said(installation)
            return await self._note(registry, ("installation", name), None, new)
        known = same[0]
        if replace(installation, gateway=None) == replace(known, gateway=None):
            return Effect.UNCHANGED
        if known.multiplier != installation.multiplier:
            message = f"{name} has the multiplier {known.multiplier} since {known.start}."
            raise RegistryConflictError(
                message,
                value=str(installation.multiplier),
                remedy="End the installation and begin another.",
            )
        await registry.change_installation(installation)
        if known.end is not None and (installation.end is None or known.end < installation.end):
            await registry.reopen(known.point, known.end)
        await registry.queue_for_validation(known, self.clock())
        days = days_of_installation(known, installation, point.zone)
        await self._concern(registry, InputKind.POINT, point.name, days)
        after = replace(installation, registers={**known.registers, **installation.registers})
        old, new = installation_said(known), installation_said(after)
        return await self._note(registry, ("installation", name), old, new)

    async def account_in(self, registry: RegistryTransaction, account: AccountRecord) -> Effect:
        """See `account`."""
        before = await registry.account(account.number)
        if before == account:
            return Effect.UNCHANGED
        if before is not None and before.party == ERASED:
            message = f"The account {account.number} was erased."
            raise AccountErasedError(message, value=account.number)
        await registry.save_account(account, self.clock())
        old, new = account_said(before), account_said(account)
        return await self._note(registry, ("account", account.number), old, new)

    async def services_in(
        self, registry: RegistryTransaction, point: str, services: Sequence[ServiceRecord]
    ) -> Effect:
        """Sell something at a service point, or let the days of what is sold begin elsewhere.

        Raises:
            NotRegisteredError: There is no such point, or it does not count that.
            RegistryConflictError: The service bills other channels.
            DayStartFixedError: Its days are to begin at another time, and some are billed.
            DayStartsDifferError: Another service bills one of its channels, with days of its own.
            InvalidValueError: No interval of a channel begins when the days do.
        """
        if not services:
            return Effect.UNCHANGED
        need(await registry.point(point), "service point", point)
        old = services_said(await registry.services(point))
        await sell(registry, point, services, self.clock())
        new = services_said(await registry.services(point))
        effect = await self._note(registry, ("service", point), old, new)
        return Effect.UNCHANGED if effect is Effect.UNCHANGED else Effect.CHANGED

    async def agreement_in(
        self, registry: RegistryTransaction, agreement: AgreementRecord
    ) -> Effect:
        """See `agreement`."""
        need(await registry.account(agreement.account), "account", agreement.account)
        need(await registry.point(agreement.point), "service point", agreement.point)
        need(await registry.tariff_versions(agreement.tariff) or None, "tariff", agreement.tariff)
        name = f"{agreement.account} at {agreement.point}"
        agreement = await with_service(registry, agreement, self.clock())
        others = await of_service(registry, agreement)
        earlier = next((other for other in others if other.first == agreement.first), None)
        if earlier is None:
            await self._conclude(registry, agreement, others)
            days = days_of_agreement(None, agreement)
            await self._concern(registry, InputKind.POINT, agreement.point, days)
            self.warnings += await check_agreement(registry, agreement)
            return await self._note(registry, ("agreement", name), None, agreement_said(agreement))
        # What is not named stays: a fact set from a later date, or all where none is named.
        agreement = replace(agreement, facts=earlier.facts.merged(agreement.facts))
        if agreement.billing_from is None and earlier.billing_from is not None:
            # One that ends before was billed elsewhere to its end.
            begins = min(earlier.billing_from, agreement.end or date.max)
            agreement = replace(agreement, billing_from=begins)
        if earlier == agreement:
            return Effect.UNCHANGED
        if earlier.tariff != agreement.tariff:
            message = f"{name} has the tariff {earlier.tariff} since {agreement.first}."
            raise RegistryConflictError(
                message, value=agreement.tariff, remedy="End the agreement and begin another."
            )
        await self._conclude(registry, agreement, others)
        self.warnings += await check_agreement(registry, agreement)
        days = days_of_agreement(earlier, agreement)
        await self._concern(registry, InputKind.POINT, agreement.point, days)
        old, new = agreement_said(earlier), agreement_said(agreement)
        return await self._note(registry, ("agreement", name), old, new)

    async def _conclude(
        self,
        registry: RegistryTransaction,
        agreement: AgreementRecord,
        others: Sequence[AgreementRecord],
    ) -> None:
        discarded = await conclude(registry, agreement, others, self.clock())
        if discarded:
            self.discarded += [bill.name for bill in discarded]
            uids = [bill.uid for bill in discarded]
            subject, detail = bills_moved(uids, "open", BillState.DISCARDED)
            await registry.audit(self.clock(), self.actor, "bill.discarded", subject, detail)


def _key(installation: InstallationRecord) -> tuple[str, str, datetime]:
    return installation.manufacturer, installation.serial, installation.start
