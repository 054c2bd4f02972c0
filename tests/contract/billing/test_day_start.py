"""Gas days begin at 06:00, and count once a day: cut, claimed and billed there, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.occupancy import DayStartFixedError, DayStartsDifferError
from central.domain.metering.quality import NULL
from central.domain.metering.service_point import DAY_S
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.lineage import ExplainBill
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.validation import ChannelDay, PointChannelId
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import GAS_VOLUME, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import noted
from tests.support.books import HOURLY, ZONE, Utility
from tests.support.daily_books import approve, bill, heads, run
from tests.support.ingest import Edge, channel

OTHER_GAS = Obis.parse("7-0:3.0.1")
SIX = datetime(2026, 1, 1, 6, tzinfo=UTC).time()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = PointChannelId(1)
TARIFF = """\
tariff: GAS
effective: 2026-01-01
zone: Europe/Madrid
day_start: 06:00
currency: {code: EUR, digits: 2}
determinants: {used: {sum: m3}}
charges:
  - {id: daily, price: 0.10, per: day}
  - {id: energy, qty: used, price: 0.50}
"""


def since(day: date) -> datetime:
    """When a gas day begins."""
    return day_start(day, ZONE, SIX)


def shown(at: datetime, zero: datetime) -> int:
    """The register: each hour uses one litre more than the one before."""
    hours = (at - zero) // HOUR
    return hours * (hours + 1) // 2


async def supplied(utility: Utility, first: date, end: date, period_s: int = HOURLY) -> datetime:
    """A gas customer; the register's zero.

    It is read each hour, some hours beyond both ends, or where each gas day begins.
    """
    zero, until = since(first) - 12 * HOUR, since(end) + 12 * HOUR
    edge = Edge("gw-1")
    utility.now = until
    await utility.gateways.enrol(edge.name, noted(utility.now))
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Gas"))
    await enrol.tariff(TARIFF)
    await enrol.service_point(
        PointRecord("SP-1", ZONE),
        PointChannelRecord(GAS_VOLUME, period_s, Unit.LITRE),
        services=[ServiceRecord("gas", day_start=SIX)],
    )
    await enrol.installation(InstallationRecord("SP-1", "MTL", "S1", zero, gateway="gw-1"))
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "GAS", first))
    of = replace(channel("S1"), obis=GAS_VOLUME, unit=Unit.LITRE)
    hours = [zero + place * HOUR for place in range((until - zero) // HOUR + 1)]
    if period_s == DAY_S:
        hours = [since(first + place * DAY) for place in range((end - first).days + 1)]
    await utility.deliver(edge, [Reading(of, at, shown(at, zero), 0) for at in hours])
    await utility.validate()
    return zero


@pytest.mark.parametrize("period_s", [HOURLY, DAY_S], ids=["hourly", "daily"])
@pytest.mark.parametrize(
    ("first", "end", "hours"),
    [(date(2026, 10, 1), date(2026, 11, 1), 745), (date(2027, 3, 1), date(2027, 4, 1), 743)],
    ids=["autumn", "spring"],
)
async def test_a_month_of_gas_runs_from_six_to_six(
    utility: Utility, first: date, end: date, hours: int, period_s: int
) -> None:
    zero = await supplied(utility, first, end, period_s)
    cycle = f"{first:%Y-%m}"
    utility.now = since(end) - timedelta(minutes=1)
    summary = await run(utility, cycle)
    assert await heads(utility, summary) == []
    assert [entry.days.code for entry in summary.left_out] == ["NOT_DUE"]
    utility.now = since(end)
    await utility.validate()
    utility.now += HOUR
    await utility.validate()
    await run(utility, cycle)
    made = await bill(utility, "A-1", cycle)
    litres = shown(since(end), zero) - shown(since(first), zero)
    assert (since(end) - since(first)) // HOUR == hours
    daily, energy = (line.line for line in made.bill.lines)
    assert energy.quantity == Decimal(litres) / 1000
    assert daily.quantity == (end - first).days
    supply = made.bill.supplies[0]
    assert (supply.day_start, supply.days.first, supply.days.end) == (SIX, first, end)
    assert [(read.opened, read.closed) for read in supply.reads] == [(since(first), since(end))]
    assert supply.reads[0].usage == energy.quantity
    proofs = (await ExplainBill(utility.billing).line(str(made.uid), 2)).proofs
    used = [interval for proof in proofs for interval in proof.intervals]
    assert len(used) == (hours if period_s == HOURLY else (end - first).days)
    assert all(one.end == other.start for one, other in pairwise(used))
    assert (used[0].start, used[-1].end) == (since(first), since(end))
    asked = ReconciledScope(DayRange(first, end))
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(asked)
    assert report.balanced


async def test_a_day_start_changes_until_something_is_billed(utility: Utility) -> None:
    first, end = date(2026, 10, 1), date(2026, 10, 4)
    await supplied(utility, first, end)
    midnight = ServiceRecord("gas", day_start=day_start(first, "UTC").time())
    await utility.enrol.services("SP-1", midnight)
    await utility.validate()
    days = {ChannelDay(FIRST, first): None}
    assert (await utility.validation.blocks(days))[ChannelDay(FIRST, first)].start == day_start(
        first, ZONE
    )
    await utility.enrol.services("SP-1", ServiceRecord("gas", day_start=SIX))
    await utility.validate()
    assert (await utility.validation.blocks(days))[ChannelDay(FIRST, first)].start == since(first)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "GAS", first, end))
    utility.now = since(date(2026, 11, 1))
    await utility.validate()
    summary = await run(utility, "2026-10")
    assert await approve(utility, summary) == []
    with pytest.raises(DayStartFixedError):
        await utility.enrol.services("SP-1", midnight)
    await utility.enrol.services("SP-1", ServiceRecord("gas"), ServiceRecord("gas", day_start=SIX))


async def test_services_of_one_channel_begin_their_days_together(utility: Utility) -> None:
    await supplied(utility, date(2026, 10, 1), date(2026, 10, 3))
    enrol = utility.enrol
    with pytest.raises(DayStartsDifferError):
        await enrol.services(
            "SP-1", ServiceRecord("grid", (GAS_VOLUME,), day_start(date(2026, 10, 1), "UTC").time())
        )
    await enrol.services("SP-1", ServiceRecord("grid", (GAS_VOLUME,)))
    async with utility.registry.transaction(utility.now) as registry:
        assert {one.name: one.day_start for one in await registry.services("SP-1")} == {
            "gas": SIX,
            "grid": SIX,
        }
    with pytest.raises(InvalidValueError):
        await enrol.service_point(
            PointRecord("SP-1", ZONE),
            PointChannelRecord(OTHER_GAS, 14_400, Unit.LITRE),
        )


async def test_a_tariff_that_cuts_days_otherwise_is_held(utility: Utility) -> None:
    first, end = date(2026, 10, 1), date(2026, 11, 1)
    await supplied(utility, first, end)
    other = TARIFF.replace("day_start: 06:00\n", "").replace("GAS", "OTHER")
    await utility.enrol.tariff(other)
    await utility.enrol.account(AccountRecord("A-2", Party("Other")))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "GAS", first, end))
    await utility.enrol.agreement(AgreementRecord("A-2", "SP-1", "OTHER", end))
    utility.now = since(date(2026, 12, 1)) + HOUR
    await utility.validate()
    summary = await run(utility, "2026-11")
    assert "DAY_MISMATCH" in {hold.code for head in summary.held for hold in head.holds}


async def test_a_daily_reading_says_anew_what_the_one_before_it_meant(utility: Utility) -> None:
    since = date(2026, 10, 23)
    edge = await utility.found(capacity=Decimal(10_000), period_s=DAY_S)
    # The leap of the third day shows as one only when the fourth is read; clocks change meanwhile.
    shown = (1_000, 9_000, 9_000_000, 30_000, 41_000)
    nights = [since + place * DAY for place in range(len(shown))]
    of = channel("S1", period_s=DAY_S)
    for day, value in zip(nights, shown, strict=True):
        at = day_start(day, ZONE)
        utility.now = at + HOUR
        await utility.deliver(edge, [Reading(of, at, value, 0)])
        await utility.validate()
    keys = {ChannelDay(FIRST, day): None for day in nights[:-1]}
    found = await utility.validation.blocks(keys)
    values = [found[key].values.tolist() for key in keys]
    assert values == [[8_000], [NULL], [NULL], [11_000]]
    async with utility.validation.transaction() as work:
        await work.reopen(FIRST, since)
    assert (await utility.validate()).versions == 0
