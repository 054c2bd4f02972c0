"""Conclude and change agreements: the service they are for, and the occupancy they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from central.domain.billing.occupancy import (
    AgreedDays,
    DayStartFixedError,
    DayStartsDifferError,
    Occupancy,
    OpeningKeptError,
    PeriodBilledError,
    default_service,
    in_the_way,
    occupied,
)
from central.domain.metering.day_start import day_start_text
from central.domain.metering.service_point import PointChannel, ServicePoint
from central.service.ports.open_bills import DiscardedBill
from central.service.ports.registry import (
    AgreementRecord,
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.interval import MIDNIGHT


async def sell(
    registry: RegistryTransaction, point: str, services: Sequence[ServiceRecord], now: datetime
) -> None:
    """Add those of some services that a point does not sell yet; let their days begin as they say.

    Raises:
        NotRegisteredError: The point does not count what a service bills.
        RegistryConflictError: A service of that name bills other channels.
        DayStartFixedError: Its days are to begin at another time, and some are billed.
        DayStartsDifferError: Another service bills one of its channels, with days of its own.
        InvalidValueError: No interval of a channel begins when the days do.
    """
    there = {service.name: service for service in await registry.services(point)}
    counted = {channel.obis for channel in await registry.channels(point)}
    for service in services:
        for obis in service.channels:
            if obis not in counted:
                message = f"{point} does not count {obis}, which {service.name!r} is to bill."
                raise NotRegisteredError(message, value=str(obis))
        sold = there.get(service.name)
        if sold is None:
            await add_service(registry, point, service, now)
        elif sold.channels != service.channels:
            message = f"The service {service.name!r} at {point} bills other channels."
            raise RegistryConflictError(message, value=service.name, remedy="Give it another name.")
        elif service.day_start not in {None, sold.day_start}:
            await _begin_at(registry, point, service)
    if services:
        await check_day_starts(registry, point)


async def add_service(
    registry: RegistryTransaction, point: str, service: ServiceRecord, now: datetime
) -> None:
    """Sell something at a point, with days that begin as those of its channels do."""
    if service.day_start is None:
        others = await registry.services(point)
        begins = next((sold.day_start for sold in others if _share_a_channel(sold, service)), None)
        service = replace(service, day_start=begins)
    await registry.add_service(point, service, now)


async def _begin_at(registry: RegistryTransaction, point: str, service: ServiceRecord) -> None:
    if await registry.is_billed(point, service.name):
        message = f"Days of {service.name!r} at {point} are billed; they begin as they do."
        raise DayStartFixedError(message, value=service.name)
    await registry.set_day_start(point, service.name, service.day_start or MIDNIGHT)


async def check_day_starts(registry: RegistryTransaction, point: str) -> None:
    """See to it that the days of each channel of a point begin at one time, with an interval.

    Raises:
        DayStartsDifferError: Those of two services that bill it do not.
        InvalidValueError: No interval of it begins then.
    """
    services = await registry.services(point)
    for channel in await registry.channels(point):
        billing = [sold for sold in services if not sold.channels or channel.obis in sold.channels]
        begins = {sold.day_start or MIDNIGHT for sold in billing}
        if len(begins) > 1:
            names = ", ".join(
                f"{sold.name} at {day_start_text(sold.day_start or MIDNIGHT)}" for sold in billing
            )
            message = f"The days of {channel.obis} at {point} begin at different times: {names}."
            raise DayStartsDifferError(message, value=str(channel.obis))
        place = ServicePoint(point, "UTC")
        for at in begins:
            PointChannel(0, place, channel.obis, channel.period_s, channel.unit, at)


def _share_a_channel(sold: ServiceRecord, other: ServiceRecord) -> bool:
    return not sold.channels or not other.channels or bool({*sold.channels} & {*other.channels})


async def with_service(
    registry: RegistryTransaction, agreement: AgreementRecord, now: datetime
) -> AgreementRecord:
    """An agreement with the name of its service; the one that bills all is made where needed.

    Raises:
        NotRegisteredError: The point has no service of that name.
    """
    there = await registry.services(agreement.point)
    if agreement.service is not None:
        if agreement.service not in {service.name for service in there}:
            message = f"{agreement.point} has no service {agreement.service!r}."
            raise NotRegisteredError(message, value=agreement.service)
        return agreement
    name = next((service.name for service in there if not service.channels), None)
    if name is None:
        counted = [
            (channel.obis, channel.unit) for channel in await registry.channels(agreement.point)
        ]
        name = default_service(counted)
        taken = {service.name for service in there}
        name = f"{name} (all)" if name in taken else name
        await add_service(registry, agreement.point, ServiceRecord(name), now)
        await check_day_starts(registry, agreement.point)
        await registry.services(agreement.point)
    return replace(agreement, service=name)


async def of_service(
    registry: RegistryTransaction, agreement: AgreementRecord
) -> tuple[AgreementRecord, ...]:
    """The agreements of the same account at the same service, ascending."""
    account_and_service = (agreement.account, agreement.service)
    return tuple(
        other
        for other in await registry.agreements(agreement.point)
        if (other.account, other.service) == account_and_service
    )


async def conclude(
    registry: RegistryTransaction,
    agreement: AgreementRecord,
    others: Sequence[AgreementRecord],
    now: datetime,
) -> tuple[DiscardedBill, ...]:
    """Add or change an agreement, and put all of its account at its service into occupancies.

    Args:
        registry: The registry.
        agreement: With its service.
        others: As `of_service` gave them; where one begins on the same day, it is changed.
        now: Aware.

    Returns:
        Drafts and held bills that claimed days which no longer belong to their occupancy, and
        those that settle the account where it ends on another day now: they are discarded.

    Raises:
        RegistryConflictError: Somebody pays for the service already at that time.
        PeriodBilledError: Days of approved or issued bills would no longer belong to it, or an
            issued bill handed for good to another tariff what it left until the agreement begins.
        OpeningKeptError: Figures of a cut-over would no longer open its first bill.
    """
    before = {agreed.first: agreed for agreed in others}
    after = {**before, agreement.first: agreement}
    spans = [AgreedDays(agreed.first, agreed.end, agreed.billing_from) for agreed in after.values()]
    occupancies = await registry.occupancies(agreement)
    divided = occupied(spans, occupancies)
    discarded: list[DiscardedBill] = []
    for key, since in in_the_way(occupancies, divided):
        discarded += await registry.discard_open([key], since)
    if _another_end(occupancies, divided):
        # What is the account's own is settled with its last occupancy, which is another now.
        discarded += await registry.discard_settlements(agreement.account)
    if discarded:
        occupancies = await registry.occupancies(agreement)
        divided = occupied(spans, occupancies)
    await _keep_openings(registry, agreement, occupancies, divided)
    await _refuse_another(registry, after, divided)
    belonged = {first: occupancy.id for occupancy in occupancies for first in occupancy.agreements}
    for occupancy in divided:
        key = await registry.save_occupancy(agreement, occupancy, now)
        for first in occupancy.agreements:
            if first == agreement.first:
                if first in before:
                    await registry.change_agreement(agreement, key)
                else:
                    await registry.add_agreement(agreement, key, now)
            elif belonged.get(first) != key:
                await registry.move_agreement(after[first], key)
    return tuple(discarded)


async def _refuse_another(
    registry: RegistryTransaction,
    agreed: Mapping[date, AgreementRecord],
    occupancies: Sequence[Occupancy],
) -> None:
    """Refuse to go on under another tariff than that which an issued bill handed over to."""
    for occupancy in occupancies:
        day = occupancy.decided_to
        if occupancy.id is None or day is None or occupancy.settled:
            continue
        going_on = next(
            (
                agreed[first]
                for first in occupancy.agreements
                if first <= day < (agreed[first].end or date.max)
            ),
            None,
        )
        if going_on is None:
            continue
        tariff = await registry.handed_over(occupancy.id, day)
        if tariff not in {None, going_on.tariff}:
            message = (
                f"The issued bill until {day} handed what it left over to {tariff}, so"
                f" {going_on.account} at {going_on.point} cannot go on under {going_on.tariff}."
            )
            remedy = (
                f"Settle it first: `bill run --final`, approve and issue; or conclude {tariff} from"
                f" {day} on, and let the right one follow it."
            )
            raise PeriodBilledError(message, value=day, remedy=remedy)


def _another_end(before: Sequence[Occupancy], after: Sequence[Occupancy]) -> bool:
    """Whether other days of the account are to come than before."""
    return {(mine.id, mine.ended_on) for mine in before} != {
        (mine.id, mine.ended_on) for mine in after
    }


async def _keep_openings(
    registry: RegistryTransaction,
    agreement: AgreementRecord,
    before: Sequence[Occupancy],
    after: Sequence[Occupancy],
) -> None:
    """Refuse what would lose the figures that another system brought for a day."""
    begins = {occupancy.id: occupancy.billing_from for occupancy in after if occupancy.agreements}
    for occupancy in before:
        moved = begins.get(occupancy.id) != occupancy.billing_from
        if occupancy.id is None or not moved or await registry.opening(occupancy.id) is None:
            continue
        message = (
            f"{agreement.account} at {agreement.point} was taken over with figures for"
            f" {occupancy.billing_from}, so its billing begins on that day."
        )
        raise OpeningKeptError(message, value=occupancy.billing_from)
