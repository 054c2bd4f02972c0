"""A meter's days are shared out to points without one, through corrections, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.validation.allocations import TimescaleAllocations
from central.domain.billing.bill import Party
from central.domain.billing.coverage import Coverage
from central.domain.metering.allocation_document import AllocationDocument, allocation_of
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.domain.vee.decided_day import DayNote
from central.service.billing.find_candidates import FindCandidates
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.allocations import SharedDay
from central.service.ports.billing import RunSummary
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.validation import PointChannelId
from central.service.validation.allocate import (
    Allocate,
    AllocatedElsewhereError,
    AllocationCycleError,
    AllocationEffect,
    CountsItselfError,
    DaysCutOtherwiseError,
    NoSuchPointError,
    NothingAllocatedError,
    TooLongAgoError,
)
from central.service.validation.decide_days import DecideDays, HasShareError, NoSuchChannelError
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from tests.contract.billing.test_bill_window import (
    AUGUST,
    DAY,
    SEPTEMBER,
    bill,
    days,
    estimate,
    found,
    registers,
)
from tests.support.actors import CHIEF, OPERATOR, noted
from tests.support.books import HOURLY, NOVEMBER, OCTOBER, ZONE, Utility, pool_of, timescale_utility
from tests.support.daily_books import approve, issue
from tests.support.ingest import Edge
from tests.support.servers import Database

SOURCE = PointChannelId(1)
SHARED = Obis.parse("1-65:1.8.0")
FLATS = {"FLAT-1": "0.25", "FLAT-2": "0.333333"}
GAP = (date(2026, 10, 14), date(2026, 10, 24))
BILLED = """\
SELECT bill_line.lineage ->> 'quantity' FROM bill
JOIN bill_line ON bill_line.bill_id = bill.id AND bill_line.lineage ->> 'id' = 'energy'
JOIN bill_part ON bill_part.bill_id = bill.id AND bill_part.first_day = %(first)s
JOIN agreement ON agreement.id = bill_part.agreement_id
JOIN service_point ON service_point.id = agreement.service_point_id
WHERE service_point.name = %(point)s AND bill.state <> 'discarded'
"""
WORKED = """\
SELECT account.number, contributor.actor, contributor.what FROM bill_run
JOIN bill ON bill.run_id = bill_run.id
JOIN account ON account.id = bill.account_id
JOIN bill_contributor AS contributor ON contributor.bill_id = bill.id
WHERE bill_run.uid = %(run)s
"""
ENTERED = "entered shares of its days"
CLOSED = date(2026, 11, 20)
"""The day after the last closed one."""
TARIFF = """\
tariff: SHARED
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
determinants: {kwh: {sum: allocated}}
charges: [{id: energy, qty: kwh, price: 0.10}]
"""


def document(first: date = SEPTEMBER, **changes: object) -> AllocationDocument:
    """FLAT-1 has a quarter, FLAT-2 a third, and HOUSE what is left."""
    node = {
        "source": "SP-1",
        "counts": "1-0:1.8.0",
        "from": str(first),
        "shares": FLATS,
        "remainder": "HOUSE",
    }
    return allocation_of({**node, **changes})


class Building:
    """A house with a meter, three points without one, and the use-cases."""

    def __init__(self, utility: Utility, edge: Edge) -> None:
        self.utility = utility
        self.edge = edge
        self.store = TimescaleAllocations(pool_of(utility))
        self.use = Allocate(self.store, lambda: utility.now)
        self.decide = DecideDays(utility.validation, lambda: utility.now)

    async def enter(self, asked: AllocationDocument, *, preview: bool = False) -> AllocationEffect:
        return await self.use.enter(asked, OPERATOR, "agreement", preview=preview)

    async def meter(self, *some: Sequence[date], more: int = 0) -> None:
        readings = [registers(list(one)) for one in some]
        for one in readings:
            await self.utility.deliver(
                self.edge, [replace(each, mantissa=each.mantissa + more) for each in one]
            )
        await self.utility.validate()

    async def shared(self, first: date = OCTOBER, end: date = NOVEMBER) -> list[SharedDay]:
        return list(await self.use.days("SP-1", ACTIVE_IMPORT, DayRange(first, end)))

    async def sums(self, first: date = OCTOBER, end: date = NOVEMBER) -> dict[str, Fraction]:
        """Of each point's share; they sum to the source, interval by interval."""
        sums = dict.fromkeys(("FLAT-1", "FLAT-2", "HOUSE"), Fraction(0))
        for day in await self.shared(first, end):
            assert (
                len({tuple(one.quality.tolist()) for one in (day.source, *day.shares.values())})
                == 1
            )
            for number, value in enumerate(day.source.values.tolist()):
                if day.source.quality[number] != 255:
                    parts = [
                        int(one.values[number]) * Fraction(10) ** one.exponent
                        for one in day.shares.values()
                    ]
                    assert sum(parts) == value * Fraction(10) ** day.source.exponent
            for (point, _), one in day.shares.items():
                total = Fraction(one.total()) if not one.missing else Fraction(0)
                sums[point] += total * Fraction(10) ** one.exponent
        return sums


@asynccontextmanager
async def building(database: Database) -> AsyncIterator[Building]:
    async with timescale_utility(database.dsn) as utility:
        edge = await found(utility)
        utility.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
        await utility.enrol.tariff(TARIFF)
        for number, point in enumerate(("FLAT-1", "FLAT-2", "HOUSE"), start=2):
            await utility.enrol.service_point(PointRecord(point, ZONE))
            await utility.enrol.account(AccountRecord(f"A-{number}", Party(point)))
            await utility.enrol.agreement(
                AgreementRecord(f"A-{number}", point, "SHARED", SEPTEMBER)
            )
        yield Building(utility, edge)


async def billed(house: Building, point: str) -> Fraction:
    """What October's bill of a point says. [kWh]"""
    async with pool_of(house.utility).connection() as connection:
        cursor = await connection.execute(BILLED, {"point": point, "first": OCTOBER})
        ((quantity,),) = await cursor.fetchall()
    return Fraction(quantity)


async def contributors(house: Building, summary: RunSummary) -> list[tuple[str, str, str]]:
    """Who worked on the bills of a run, by account."""
    async with pool_of(house.utility).connection() as connection:
        return await (await connection.execute(WORKED, {"run": summary.run.uid})).fetchall()


async def test_days_are_shared_out_as_they_are_closed_and_again_as_they_change(
    migrated: Database,
) -> None:
    async with building(migrated) as house:
        assert (await house.enter(document())).days == 0
        await house.meter(days(AUGUST, NOVEMBER, GAP))
        whole = registers([OCTOBER])[0].mantissa, registers([NOVEMBER - DAY])[-1].mantissa
        # What is missing is missing for all: their bills are held like the house's own.
        assert (await bill(house.utility, 9, 10)).held_count == 4
        assert await house.shared(AUGUST, SEPTEMBER) == [
            SharedDay(day.source, {}) for day in await house.shared(AUGUST, SEPTEMBER)
        ]
        # An estimate of the source is one of all shares.
        assert (await estimate(house.utility)).days == 10
        sums = await house.sums()
        used = whole[1] - whole[0]
        assert sums == {
            "FLAT-1": used * Fraction("0.25"),
            "FLAT-2": used * Fraction("0.333333"),
            "HOUSE": used * Fraction("0.416667"),
        }
        await bill(house.utility, 9)
        assert (await bill(house.utility, 10)).held_count == 0
        assert {point: await billed(house, point) for point in sums} == {
            point: share / 1000 for point, share in sums.items()
        }
        # Late readings replace it.
        await house.meter(days(*GAP))
        assert sum((await house.sums()).values()) == used
        assert (await house.shared(GAP[0], GAP[0] + DAY))[0].shares["FLAT-1", SHARED].version == 3


async def test_an_edit_reaches_the_shares_their_bills_and_their_approvers(
    migrated: Database,
) -> None:
    async with building(migrated) as house:
        await house.enter(document())
        await house.meter(days(AUGUST, NOVEMBER))
        for month in (9, 10):
            summary = await bill(house.utility, month)
            assert await approve(house.utility, summary) == []
            assert await issue(house.utility, summary) == []
        noon = day_start(GAP[0], ZONE) + timedelta(hours=12)
        before = await house.sums()
        note = DayNote(OPERATOR, ReasonCode.METER_FAULT, "the meter leapt")
        await house.decide.edit(SOURCE, {noon: Fraction(4)}, note)
        after = await house.sums()
        changed = sum(after.values()) - sum(before.values())
        assert changed != 0
        assert after["FLAT-1"] - before["FLAT-1"] == changed / 4
        (day,) = await house.shared(GAP[0], GAP[0] + DAY)
        share = day.shares["FLAT-1", SHARED]
        newest, _ = await house.utility.validation.versions(
            PointChannelId(share.channel_id), DayRange(GAP[0], GAP[0] + DAY)
        )
        assert newest.actor == OPERATOR.key
        assert f'"version": {day.source.version}' in newest.evidence
        assert day.source.sha256.hex() in newest.evidence
        # A share is decided where it is counted.
        with pytest.raises(HasShareError):
            await house.decide.edit(PointChannelId(share.channel_id), {noon: Fraction(1)}, note)
        # Whose bill was issued with other days is a candidate, like whose meter it is.
        store = TimescaleCandidates(pool_of(house.utility))
        await FindCandidates(store, lambda: house.utility.now).changed()
        accounts = sorted(each.account for each in await store.candidates(None, 10))
        assert accounts == ["A-1", "A-2", "A-3", "A-4"]


async def test_who_worked_on_what_is_shared_out_does_not_approve_the_shares(
    migrated: Database,
) -> None:
    async with building(migrated) as house:
        await house.use.enter(document(OCTOBER), CHIEF, "agreement")
        await house.meter(days(AUGUST, NOVEMBER))
        noon = day_start(GAP[0], ZONE) + timedelta(hours=12)
        await bill(house.utility, 9)
        note = DayNote(OPERATOR, ReasonCode.METER_FAULT, "the meter leapt")
        await house.decide.edit(SOURCE, {noon: Fraction(4)}, note)
        summary = await bill(house.utility, 10)
        worked = await contributors(house, summary)
        shared = {"A-2", "A-3", "A-4"}
        edited = {account for account, actor, what in worked if "edited" in what}
        entered = {
            account for account, actor, what in worked if (actor, what) == (CHIEF.key, ENTERED)
        }
        assert (edited, entered) == ({"A-1", *shared}, shared)


async def test_what_waits_or_is_in_doubt_at_the_source_holds_the_shares(
    migrated: Database,
) -> None:
    async with building(migrated) as house:
        await house.enter(document())
        await house.meter(days(AUGUST, NOVEMBER))
        assert await approve(house.utility, await bill(house.utility, 9)) == []
        summary = await bill(house.utility, 10)
        assert summary.held_count == 0
        # Another value of a reading waits for validation, and then for somebody to decide.
        readings = registers([GAP[0]])[12:13]
        await house.utility.deliver(
            house.edge, [replace(each, mantissa=each.mantissa + 1) for each in readings]
        )
        everybody = {"A-1", "A-2", "A-3", "A-4"}
        assert {account for account, _ in await approve(house.utility, summary)} == everybody
        await house.utility.validate()
        held = (await bill(house.utility, 10)).held
        assert {entry.account for entry in held} == everybody


async def test_what_no_service_bills_is_reconciled_as_shared_out(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        edge = Edge("gw-1")
        utility.now = datetime(2026, 11, 1, 9, tzinfo=UTC)
        await utility.gateways.enrol(edge.name, noted(utility.now))
        counted = PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR)
        await utility.enrol.service_point(PointRecord("SP-1", ZONE), counted)
        start = day_start(OCTOBER, ZONE)
        meter = InstallationRecord("SP-1", "MTL", "S1", start, gateway=edge.name)
        await utility.enrol.installation(meter)
        for point in ("FLAT-1", "FLAT-2", "HOUSE"):
            await utility.enrol.service_point(PointRecord(point, ZONE))
        house = Building(utility, edge)
        await house.meter(days(OCTOBER, NOVEMBER))
        await house.enter(document(GAP[0]))
        report = await Reconcile(utility.reconciliation, lambda: utility.now)(
            ReconciledScope(DayRange(OCTOBER, NOVEMBER))
        )
        shared = sum((await house.sums(GAP[0])).values())
        whole = registers([NOVEMBER - DAY])[-1].mantissa - registers([OCTOBER])[0].mantissa
        sums = {key[2]: value.total for key, value in report.sums.items() if key[1] == "Wh"}
        # The shares themselves have no service here: they are vacant beside what came before.
        assert sums[Coverage.ALLOCATED] == shared
        assert sums[Coverage.VACANT] == whole


async def test_other_coefficients_share_out_closed_days_anew(migrated: Database) -> None:
    async with building(migrated) as house:
        await house.meter(days(AUGUST, NOVEMBER))
        preview = await house.enter(document(OCTOBER), preview=True)
        assert preview.days == 3 * (CLOSED - OCTOBER).days
        assert await house.store.entered("SP-1") == []
        assert await house.enter(document(OCTOBER)) == preview
        used = sum((await house.sums()).values())
        # The same again is another revision, and no other day.
        assert (await house.enter(document(OCTOBER))).days == 0
        other = {"FLAT-1": "0.25", "FLAT-2": "0.75"}
        effect = await house.enter(document(GAP[0], shares=other, remainder=None))
        # FLAT-1 has the same share as before.
        assert effect.days == 2 * (CLOSED - GAP[0]).days
        sums = await house.sums(GAP[0], NOVEMBER)
        assert (sums["HOUSE"], sums["FLAT-2"]) == (Fraction(0), 3 * sums["FLAT-1"])
        assert sum((await house.sums()).values()) == used
        gone = await house.use.withdraw(
            "SP-1", ACTIVE_IMPORT, GAP[0], (OPERATOR, "signed by nobody")
        )
        assert gone.days == effect.days
        assert (await house.sums())["HOUSE"] == used * Fraction("0.416667")
        gone = await house.use.withdraw("SP-1", ACTIVE_IMPORT, OCTOBER, (OPERATOR, "nor that"))
        # No share holds any more: what had one has nothing.
        days_of = await house.shared()
        assert {one.total() for day in days_of for one in day.shares.values()} == {0}
        with pytest.raises(NothingAllocatedError):
            await house.use.withdraw("SP-1", ACTIVE_IMPORT, OCTOBER, (OPERATOR, "again"))
        entries = await house.store.entered("SP-1")
        revisions = [(one.allocation.effective, one.allocation.revision) for one in entries]
        assert not any(one.holds for one in entries)
        assert revisions == [
            (OCTOBER, 1),
            (OCTOBER, 2),
            (OCTOBER, 3),
            (GAP[0], 1),
            (GAP[0], 2),
        ]


async def test_what_cannot_be_shared_out_is_refused_by_name(migrated: Database) -> None:
    async with building(migrated) as house:
        utility = house.utility
        counted = PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR)
        by_itself = PointChannelRecord(SHARED, HOURLY, Unit.WATT_HOUR)
        await utility.enrol.service_point(PointRecord("SP-1", ZONE), by_itself)
        await utility.enrol.service_point(PointRecord("OTHER", ZONE), counted)
        await utility.enrol.service_point(PointRecord("LISBON", "Europe/Lisbon"))
        await house.meter(days(OCTOBER, NOVEMBER))
        await house.enter(document(OCTOBER))
        for node, error in (
            ({"shares": {"NOWHERE": "1"}, "remainder": None}, NoSuchPointError),
            ({"source": "NOWHERE"}, NoSuchChannelError),
            ({"source": "FLAT-1", "counts": str(SHARED)}, AllocationCycleError),
            ({"source": "OTHER"}, AllocatedElsewhereError),
            ({"remainder": "LISBON"}, DaysCutOtherwiseError),
        ):
            with pytest.raises(error):
                await house.enter(document(OCTOBER, **node))
        with pytest.raises(TooLongAgoError):
            await house.enter(document(date(2024, 1, 1)))
        with pytest.raises(InvalidValueError):
            await house.use.enter(document(), OPERATOR, " ")
        # Days that something else counted are its own.
        with pytest.raises(CountsItselfError):
            await house.enter(document(OCTOBER, remainder="SP-1"))
