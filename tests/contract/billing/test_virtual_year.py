"""A year of monthly, two-monthly and yearly bills, and of an account that changes its cycle."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from central.domain.billing.bill import Bill, Party
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import months_after
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.registry.cycles import BillingCycles
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import CLERK, noted
from tests.support.books import ZONE, Utility
from tests.support.ingest import Edge

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = 86_400
"""The period of the meters. [s]"""
JANUARY, NEXT = date(2026, 1, 1), date(2027, 1, 1)
TARIFF = """\
tariff: FLAT
effective: 2025-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
determinants: {kwh: {sum: import}}
charges:
  - {id: customer, price: 5, per: month}
  - {id: energy, qty: kwh, price: 0.10}
"""
MONTHS = [f"2026-{month:02}" for month in range(1, 13)]


def _value(at: datetime) -> int:
    """What every meter shows at an instant. [Wh]."""
    number = (at - day_start(JANUARY, ZONE)) // HOUR
    return 5_000 + number * 300 + number // 24 * 7


def _readings(serial: str, first: date, end: date) -> list[Reading]:
    """What it shows at each midnight, which is all that the bills of this year ask for."""
    of = Channel("MTL", serial, ACTIVE_IMPORT, Kind.REGISTER, DAILY, Source.PROFILE, Unit.WATT_HOUR)
    midnights = [day_start(first + number * DAY, ZONE) for number in range((end - first).days + 1)]
    return [Reading(of, at, _value(at), 0) for at in midnights]


async def _begin(utility: Utility) -> Edge:
    utility.now = day_start(JANUARY, ZONE)
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(utility.now))
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Power"))
    await enrol.tariff(TARIFF)
    cycles = BillingCycles(utility.registry, CLERK, lambda: utility.now)
    await cycles.add(BillingCycle("bimonthly", JANUARY, 2))
    await cycles.add(BillingCycle("yearly", JANUARY, 12))
    for number in range(1, 5):
        await enrol.service_point(
            PointRecord(f"SP-{number}", ZONE),
            PointChannelRecord(ACTIVE_IMPORT, DAILY, Unit.WATT_HOUR),
        )
        await enrol.installation(
            InstallationRecord(f"SP-{number}", "MTL", f"S{number}", utility.now, gateway="gw-1")
        )
        await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
        await enrol.agreement(AgreementRecord(f"A-{number}", f"SP-{number}", "FLAT", JANUARY))
    await cycles.assign("A-2", "bimonthly", JANUARY)
    await cycles.assign("A-3", "yearly", JANUARY)
    return edge


async def _live(utility: Utility, edge: Edge) -> dict[str, list[Bill]]:
    """A year, month by month; the bills of each account, by their days."""
    bills: dict[str, list[Bill]] = {}
    for month in range(1, 13):
        first = date(2026, month, 1)
        end = months_after(first, 1)
        utility.now = day_start(end, ZONE) + timedelta(days=2)
        for number in range(1, 5):
            await utility.deliver(edge, _readings(f"S{number}", first, end))
        await utility.validate()
        summary = await RunBills(utility.billing, lambda: utility.now)(Cycle(2026, month), CLERK)
        assert summary.held == ()
        assert summary.kwh == summary.validated_kwh
        for head in await utility.billing.heads(summary.run):
            record = await utility.billing.bill(head.uid)
            assert record is not None
            assert record.bill.state is BillState.DRAFT
            bills.setdefault(head.account, []).append(record.bill)
        if month == 4:
            cycles = BillingCycles(utility.registry, CLERK, lambda: utility.now)
            await cycles.assign("A-4", "@15", date(2026, 5, 15))
    return {account: sorted(made, key=lambda b: b.days) for account, made in bills.items()}


def _charged(bill: Bill, charge: str) -> Decimal:
    return sum((e.line.amount for e in bill.lines if e.line.id == charge), Decimal(0))


async def test_a_year_of_cycles(utility: Utility) -> None:
    edge = await _begin(utility)
    bills = await _live(utility, edge)
    names = {account: [bill.period.name for bill in made] for account, made in bills.items()}
    assert names == {
        "A-1": MONTHS,
        "A-2": [f"2026-{month:02}.bimonthly" for month in range(2, 13, 2)],
        "A-3": ["2026-12.yearly"],
        "A-4": [*MONTHS[:5], *(f"{month}@15" for month in MONTHS[4:11])],
    }
    for account, made in bills.items():
        assert made[0].days.first == JANUARY
        assert all(one.days.end == two.days.first for one, two in pairwise(made)), account
        end = day_start(made[-1].days.end, ZONE)
        kwh = Decimal(_value(end) - _value(day_start(JANUARY, ZONE))) / 1000
        energy = [e.line.quantity for bill in made for e in bill.lines if e.line.id == "energy"]
        assert sum(quantity for quantity in energy if quantity is not None) == kwh
    assert all(made[-1].days.end == NEXT for made in (bills["A-1"], bills["A-2"], bills["A-3"]))
    assert bills["A-4"][-1].days.end == date(2026, 12, 15)
    assert {_charged(bill, "customer") for bill in bills["A-1"]} == {Decimal(5)}
    assert {_charged(bill, "customer") for bill in bills["A-2"]} == {Decimal(10)}
    assert [_charged(bill, "customer") for bill in bills["A-3"]] == [Decimal(60)]
    # 14 days of a month of 30; a period of its own is a month whatever its days.
    short = bills["A-4"][4]
    assert (short.days.end, _charged(short, "customer")) == (date(2026, 5, 15), Decimal("2.33"))
    others = [bill for bill in bills["A-4"] if bill is not short]
    assert {_charged(bill, "customer") for bill in others} == {Decimal(5)}
