"""A day that is validated anew counts with what its bill read, and the difference is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from central.domain.billing.bill import Party
from central.domain.billing.coverage import Coverage
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.ports.reconciliation import ChannelRange
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from tests.support.books import Utility
from tests.support.daily_books import approve, found, issue, measured, run, sells, settle

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
SECOND = date(2026, 10, 2)


async def reported(utility: Utility) -> Reconciliation:
    asked = ReconciledScope(DayRange(OCTOBER, NOVEMBER))
    return await Reconcile(utility.reconciliation, lambda: utility.now)(asked)


def energy(report: Reconciliation) -> dict[Coverage, Decimal]:
    return {key[2]: total.total for key, total in report.sums.items()}


async def test_what_a_bill_read_is_what_it_covers(utility: Utility) -> None:
    await found(utility, 2, since=OCTOBER)
    for channel in (1, 2):
        await measured(utility, OCTOBER, NOVEMBER, channel)
    summary = await settle(utility, "2026-10")
    assert (await reported(utility)).changed == []
    await measured(utility, OCTOBER, SECOND, wh=12_345, version=2)
    # Validated anew a third time, it is still the first version that was billed.
    await measured(utility, OCTOBER, SECOND, channel=2, wh=9_000, version=2)
    await measured(utility, OCTOBER, SECOND, channel=2, wh=9_999, version=3)
    report = await reported(utility)
    assert report.balanced
    assert energy(report) == {Coverage.BILLED: Decimal(620_000)}
    assert [
        (day.point, day.day, day.billed, day.validated, day.difference) for day in report.changed
    ] == [
        ("SP-1", OCTOBER, Decimal(10_000), Decimal(12_345), Decimal(2_345)),
        ("SP-2", OCTOBER, Decimal(10_000), Decimal(9_999), Decimal(-1)),
    ]
    named = report.to_json()["changed_since_billed"][0]
    assert (named["difference"], named["unit"]) == ("2345", "Wh")
    assert await issue(utility, summary) == []


async def test_a_draft_that_is_rated_again_has_read_the_newest(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, SECOND)
    await measured(utility, OCTOBER, SECOND, wh=11_000, version=2)
    await measured(utility, SECOND, NOVEMBER)
    await run(utility, "2026-10")
    # The second version of a day is what the bill read.
    assert (await reported(utility)).changed == []
    await measured(utility, SECOND, date(2026, 10, 3), wh=0, version=2)
    report = await reported(utility)
    assert energy(report) == {Coverage.DRAFT: Decimal(311_000)}
    assert [day.difference for day in report.changed] == [Decimal(-10_000)]
    await run(utility, "2026-10")
    report = await reported(utility)
    assert (report.changed, energy(report)) == ([], {Coverage.DRAFT: Decimal(301_000)})


async def test_services_that_bill_one_channel_count_what_their_own_bills_read(
    utility: Utility,
) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, "2026-10")
    await measured(utility, OCTOBER, SECOND, wh=12_345, version=2)
    # Another account draws the same channel under its own service, and its bill is made later.
    await utility.enrol.services("SP-1", ServiceRecord("grid", (ACTIVE_IMPORT,)))
    await utility.enrol.account(AccountRecord("A-2", Party("Customer 2")))
    await utility.enrol.agreement(AgreementRecord("A-2", "SP-1", "DEAR", OCTOBER, service="grid"))
    await run(utility, "2026-10")
    await measured(utility, OCTOBER, SECOND, wh=13_000, version=3)
    report = await reported(utility)
    assert report.balanced
    assert {(key[0], key[2]): total.total for key, total in report.sums.items()} == {
        ("electricity", Coverage.BILLED): Decimal(310_000),
        ("grid", Coverage.DRAFT): Decimal(312_345),
    }
    assert {(day.service, day.billed, day.difference) for day in report.changed} == {
        ("electricity", Decimal(10_000), Decimal(3_000)),
        ("grid", Decimal(12_345), Decimal(655)),
    }


async def test_a_channel_that_comes_after_its_bill_is_not_in_it(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, "2026-10")
    await utility.enrol.service_point(PointRecord("SP-1", "UTC"), sells())
    await measured(utility, OCTOBER, NOVEMBER, channel=2, wh=100)
    report = await reported(utility)
    assert not report.balanced
    assert energy(report) == {
        Coverage.BILLED: Decimal(310_000),
        Coverage.NOT_IN_BILL: Decimal(3_100),
    }
    (days,) = report.faults
    assert (days.obis, days.days, days.coverage) == (
        str(ACTIVE_EXPORT),
        DayRange(OCTOBER, NOVEMBER),
        Coverage.NOT_IN_BILL,
    )


async def test_a_draft_has_the_days_that_are_closed_once_it_is_rated_again(
    utility: Utility,
) -> None:
    await found(utility, since=OCTOBER)
    await utility.enrol.service_point(PointRecord("SP-1", "UTC"), sells())
    await measured(utility, OCTOBER, NOVEMBER)
    tenth = date(2026, 10, 10)
    await measured(utility, tenth, NOVEMBER, channel=2, wh=100)
    summary = await run(utility, "2026-10")
    assert energy(await reported(utility)) == {Coverage.DRAFT: Decimal(312_200)}
    # The meter turns out to have been there earlier: its days close behind the draft.
    await measured(utility, SECOND, tenth, channel=2, wh=100)
    assert energy(await reported(utility))[Coverage.NOT_IN_BILL] == Decimal(800)
    # What the tariff does not price changes no bill, and is in it all the same.
    assert await approve(utility, summary) == []
    report = await reported(utility)
    assert energy(report) == {Coverage.APPROVED: Decimal(313_000)}
    assert report.balanced


async def test_a_day_that_is_validated_anew_is_summed_alone_and_named_with_its_neighbours(
    utility: Utility,
) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, date(2026, 10, 20))
    await measured(utility, date(2026, 10, 21), NOVEMBER)
    tenth = DayRange(date(2026, 10, 10), date(2026, 10, 11))
    await measured(utility, tenth.first, tenth.end, wh=12_345, version=2)
    asked = [
        ChannelRange(1, DayRange(SECOND, NOVEMBER)),
        ChannelRange(2, DayRange(SECOND, NOVEMBER)),
    ]
    of_one, of_none = await utility.reconciliation.validated(asked)
    assert list(of_none) == []
    days = [day for each in of_one for day in each.days.days()]
    assert days == sorted(set(asked[0].days.days()) - {date(2026, 10, 20)})
    assert sum(each.total for each in of_one) == Decimal(292_345)
    (again,) = (each for each in of_one if each.version > 1)
    assert (again.days, again.total, again.version) == (tenth, Decimal(12_345), 2)
    report = await reported(utility)
    # The day without a block parts what is due; the one that has two does not.
    assert [(each.days, each.total) for each in report.faults] == [
        (DayRange(OCTOBER, date(2026, 10, 20)), Decimal(192_345)),
        (DayRange(date(2026, 10, 21), NOVEMBER), Decimal(110_000)),
    ]
