"""The books refuse what contradicts them, on every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.metering.installation import RegisterFacts
from central.service.ports.registry import (
    AgreementRecord,
    InstallationRecord,
    NotRegisteredError,
    PointChannelRecord,
    PointRecord,
    RegistryConflictError,
)
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.registry.record_changes import Effect
from central.service.validation.validate import Validate
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.books import (
    HOURLY,
    NOVEMBER,
    NOW,
    OCTOBER,
    SEPTEMBER,
    TARIFF,
    ZONE,
    Utility,
    month,
)

FIRST = InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, gateway="gw-1")


async def test_enrolling_twice_changes_nothing(utility: Utility) -> None:
    await utility.found()
    enrol = utility.enrol
    assert await enrol.tariff(TARIFF) is Effect.UNCHANGED
    assert await enrol.installation(FIRST) is Effect.UNCHANGED
    point = PointRecord("SP-1", ZONE, "Calle 1", None)
    assert await enrol.service_point(point) is Effect.UNCHANGED
    moved = await enrol.service_point(replace(point, address="Calle 2"))
    assert moved is Effect.CHANGED
    export = PointChannelRecord(ACTIVE_EXPORT, 900, Unit.WATT_HOUR)
    assert await enrol.service_point(replace(point, address="Calle 2"), export) is Effect.CHANGED


async def test_a_zone_or_interval_never_changes(utility: Utility) -> None:
    await utility.found()
    with pytest.raises(RegistryConflictError):
        await utility.enrol.service_point(PointRecord("SP-1", "UTC"))
    with pytest.raises(RegistryConflictError):
        await utility.enrol.service_point(
            PointRecord("SP-1", ZONE), PointChannelRecord(ACTIVE_IMPORT, 3600, Unit.WATT_HOUR)
        )


async def test_a_meter_is_in_one_place_and_a_point_has_one_meter(utility: Utility) -> None:
    await utility.found(customers=2)
    enrol = utility.enrol
    later = SEPTEMBER + timedelta(days=60)
    with pytest.raises(RegistryConflictError):
        await enrol.installation(replace(FIRST, point="SP-2", start=later))
    with pytest.raises(RegistryConflictError):
        await enrol.installation(replace(FIRST, serial="S9", start=later))
    assert await enrol.installation(replace(FIRST, end=later)) is Effect.CHANGED
    assert await enrol.installation(replace(FIRST, serial="S9", start=later)) is Effect.ADDED
    with pytest.raises(RegistryConflictError):
        await enrol.installation(replace(FIRST, end=later, multiplier=Fraction(2)))


async def test_an_unknown_meter_needs_an_enrolled_gateway(utility: Utility) -> None:
    await utility.found()
    other = InstallationRecord("SP-1", "MTL", "new", NOW)
    with pytest.raises(NotRegisteredError):
        await utility.enrol.installation(other)
    with pytest.raises(NotRegisteredError):
        await utility.enrol.installation(replace(other, gateway="nobody"))


async def test_a_point_has_one_payer_at_a_time(utility: Utility) -> None:
    await utility.found(customers=2)
    second = AgreementRecord("A-2", "SP-1", "HOME", date(2026, 10, 15))
    with pytest.raises(RegistryConflictError):
        await utility.enrol.agreement(second)
    first = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), date(2026, 10, 15))
    assert await utility.enrol.agreement(first) is Effect.CHANGED
    assert await utility.enrol.agreement(second) is Effect.ADDED
    with pytest.raises(NotRegisteredError):
        await utility.enrol.agreement(replace(second, tariff="NONE", point="SP-2"))


async def test_a_tariff_version_is_never_changed(utility: Utility) -> None:
    await utility.found()
    with pytest.raises(RegistryConflictError):
        await utility.enrol.tariff(TARIFF.replace("price: 5,", "price: 6,"))
    later = TARIFF.replace("2026-01-01", "2026-10-16")
    assert await utility.enrol.tariff(later) is Effect.ADDED


async def test_what_fails_leaves_nothing_behind(utility: Utility) -> None:
    await utility.found()

    async def contradict() -> None:
        async with utility.registry.transaction(utility.now) as books:
            await utility.enrol.point_in(books, PointRecord("SP-X", ZONE))
            await utility.enrol.point_in(books, PointRecord("SP-1", "UTC"))

    with pytest.raises(RegistryConflictError):
        await contradict()
    async with utility.registry.transaction(utility.now) as books:
        assert await books.point("SP-X") is None


async def test_a_meter_installed_late_is_validated_from_what_it_said_before(
    utility: Utility,
) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month("S7"))
    await utility.validate()
    enrol = utility.enrol
    await enrol.service_point(
        PointRecord("SP-7", ZONE), PointChannelRecord(ACTIVE_IMPORT, 900, Unit.WATT_HOUR)
    )
    await enrol.installation(InstallationRecord("SP-7", "MTL", "S7", SEPTEMBER))
    await utility.validate()
    key = ChannelDay(PointChannelId(2), OCTOBER)
    assert (await utility.validation.blocks({key: None}))[key].total() == 2400


async def test_an_exchange_is_validated_again_when_its_reads_come_in(utility: Utility) -> None:
    edge = await utility.found()
    swap = datetime(2026, 10, 14, 10, 5, tzinfo=UTC)
    before = [one for one in month("S1") if one.at < swap]
    after = [one for one in month("S9") if one.at > swap]
    await utility.deliver(edge, before, after)
    enrol = utility.enrol
    old = replace(FIRST, end=swap)
    new = InstallationRecord("SP-1", "MTL", "S9", swap)
    await enrol.installation(old)
    await enrol.installation(new)
    await utility.validate()
    key = ChannelDay(PointChannelId(1), date(2026, 10, 14))
    assert (await utility.validation.blocks({key: None}))[key].missing == 1
    closing = Decimal(before[-1].mantissa + 10)
    opening = Decimal(after[0].mantissa - 15)
    await enrol.installation(
        replace(old, registers={ACTIVE_IMPORT: RegisterFacts(closing=closing)})
    )
    await enrol.installation(
        replace(new, registers={ACTIVE_IMPORT: RegisterFacts(opening=opening)})
    )
    await utility.validate()
    block = (await utility.validation.blocks({key: None}))[key]
    assert block.total() == 2400
    assert (await utility.validation.blocks({key: 1}))[key].missing == 1


async def test_workers_share_the_queue(utility: Utility) -> None:
    edge = await utility.found(customers=4, period_s=HOURLY)
    await utility.deliver(edge, *(month(f"S{number}", period_s=HOURLY) for number in range(1, 5)))
    workers = [Validate(utility.validation, lambda: NOW) for _ in range(3)]
    tallies = await asyncio.gather(*(worker.until_idle() for worker in workers))
    assert sum(tally.versions for tally in tallies) == 4 * 80
    keys = {ChannelDay(PointChannelId(number), OCTOBER): 2 for number in range(1, 5)}
    assert await utility.validation.blocks(dict(keys)) == {}


async def test_findings_close_when_the_data_comes(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month(gaps={400: 40}))
    await utility.validate()

    async def codes_of_october() -> set[str]:
        found = await utility.validation.open_findings(PointChannelId(1))
        return {one.code for one in found if OCTOBER <= one.day < NOVEMBER}

    assert await codes_of_october() == {"MISSING_INTERVALS"}
    await utility.deliver(edge, month()[400:440])
    await utility.validate()
    assert await codes_of_october() == set()
