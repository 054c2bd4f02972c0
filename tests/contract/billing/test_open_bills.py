"""Drafts and held bills do not stand in the way of an earlier end; what is decided does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party, RunType
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.audit import AuditFilter
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.books import Utility
from tests.support.daily_books import approve, at, bill, found, heads, issue, measured, run, settle

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (9, 10, 11, 12))


async def ends(utility: Utility, day: date, first: date = SEPTEMBER) -> list[str]:
    """Move A-1 out; what was discarded."""
    enrol = utility.enrol
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "FLAT", first, day))
    return enrol.discarded


async def occupancies(utility: Utility) -> list[tuple[date, date | None]]:
    """The days of A-1 at SP-1, where it has any."""
    place = AgreementRecord("A-1", "SP-1", "FLAT", SEPTEMBER, service="electricity")
    async with utility.enrol.store.transaction(utility.now) as registry:
        there = await registry.occupancies(place)
    return [(one.billing_from, one.ended_on) for one in there if one.agreements]


async def kwh(utility: Utility, account: str, period: str = "2026-10") -> Decimal | None:
    return (await bill(utility, account, period)).kwh


async def audited(utility: Utility) -> int:
    return len(await utility.audit.rows(AuditFilter(action="bill.discarded"), 100))


async def test_who_moves_out_inside_a_drafted_month_is_billed_to_that_day(
    utility: Utility,
) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await run(utility, "2026-10")
    assert await ends(utility, date(2026, 10, 16), OCTOBER) == ["A-1/2026-10"]
    await run(utility, "2026-10")
    assert await kwh(utility, "A-1") == Decimal(150)
    # The wrong day: once more, and then somebody else moves in.
    assert await ends(utility, date(2026, 10, 11), OCTOBER) == ["A-1/2026-10"]
    assert await ends(utility, date(2026, 10, 11), OCTOBER) == []
    await utility.enrol.account(AccountRecord("A-9", Party("Next")))
    await utility.enrol.agreement(AgreementRecord("A-9", "SP-1", "FLAT", date(2026, 10, 11)))
    summary = await run(utility, "2026-10")
    assert [await kwh(utility, name) for name in ("A-1", "A-9")] == [Decimal(100), Decimal(210)]
    assert summary.bills == {BillState.DRAFT: 2, BillState.DISCARDED: 2}
    assert await audited(utility) == 2
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []
    with pytest.raises(PeriodBilledError):
        await ends(utility, date(2026, 10, 10), OCTOBER)


async def test_bills_behind_the_new_end_go_with_it(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, date(2026, 10, 20))
    summary = await run(utility, "2026-10")
    assert summary.bills == {BillState.DRAFT: 1, BillState.HELD: 1}
    assert await ends(utility, date(2026, 9, 11)) == ["A-1/2026-09", "A-1/2026-10"]
    summary = await run(utility, "2026-10")
    assert await kwh(utility, "A-1", "2026-09") == Decimal(100)
    assert [head.period for head in await heads(utility, summary)] == ["2026-09"]
    # Prolonged again, the days after are billed as well.
    assert await ends(utility, date(2026, 10, 1)) == []
    await run(utility, "2026-10")
    assert await approve(utility, await run(utility, "2026-10")) == []


async def test_a_mistyped_end_that_is_mended_leaves_one_occupancy(utility: Utility) -> None:
    utility.now = at(DECEMBER)
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, DECEMBER)
    await settle(utility, "2026-09")
    await ends(utility, date(2026, 10, 20))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "DEAR", NOVEMBER))
    assert len(await occupancies(utility)) == 2
    assert (await run(utility, "2026-11")).bills[BillState.DRAFT] == 2
    # The tariff changed on 1 November; nobody had moved out.
    assert await ends(utility, NOVEMBER) == ["A-1/2026-11"]
    assert await audited(utility) == 1
    assert await occupancies(utility) == [(SEPTEMBER, None)]
    await settle(utility, "2026-11")
    assert await kwh(utility, "A-1") == Decimal(310)
    assert await kwh(utility, "A-1", "2026-11") == Decimal(300)


async def test_an_end_that_moves_later_makes_the_open_bill_longer(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await ends(utility, date(2026, 10, 11), OCTOBER)
    drafted = await run(utility, "2026-10", RunType.FINAL)
    (draft,) = await heads(utility, drafted)
    assert await ends(utility, date(2026, 10, 21), OCTOBER) == []
    # Nobody approves it as it is: the customer stays longer than it says.
    assert await approve(utility, drafted) == [("A-1", "BILL_STALE")]
    summary = await run(utility, "2026-10", RunType.FINAL)
    (longer,) = await heads(utility, summary)
    record = await bill(utility, "A-1", "2026-10")
    assert longer.uid == draft.uid
    assert [one.days for one in record.bill.supplies] == [
        DayRange(OCTOBER, date(2026, 10, 21)),
    ]
    assert record.kwh == Decimal(200)
    assert [entry.line.id for entry in record.bill.lines] == ["energy"]
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_what_is_approved_stays_and_nothing_else_is_changed(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    await approve(utility, await run(utility, "2026-09"))
    await run(utility, "2026-10")
    before = await bill(utility, "A-1", "2026-10")
    with pytest.raises(PeriodBilledError):
        await ends(utility, date(2026, 9, 11))
    assert await bill(utility, "A-1", "2026-10") == before
    assert await audited(utility) == 0
    assert await ends(utility, date(2026, 10, 11)) == ["A-1/2026-10"]
    summary = await run(utility, "2026-10")
    assert await kwh(utility, "A-1") == Decimal(100)
    assert [head.state.value for head in await heads(utility, summary)][-1] == "draft"


async def test_a_bill_of_two_points_is_made_anew_for_both(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    point = PointRecord("SP-2", "UTC")
    await utility.enrol.service_point(
        point, PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    second = AgreementRecord("A-1", "SP-2", "FLAT", OCTOBER)
    await utility.enrol.agreement(second)
    await measured(utility, OCTOBER, NOVEMBER)
    await measured(utility, OCTOBER, NOVEMBER, channel=2)
    await run(utility, "2026-10")
    assert await kwh(utility, "A-1") == Decimal(620)
    assert await ends(utility, date(2026, 10, 11), OCTOBER) == ["A-1/2026-10"]
    await settle(utility, "2026-10")
    assert await kwh(utility, "A-1") == Decimal(410)
    with pytest.raises(PeriodBilledError):
        await utility.enrol.agreement(replace(second, end=date(2026, 10, 5)))


async def test_billing_may_begin_later_than_a_draft_says(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    await run(utility, "2026-10")
    enrol = utility.enrol
    named = AgreementRecord("A-1", "SP-1", "FLAT", SEPTEMBER, billing_from=OCTOBER)
    await enrol.agreement(named)
    assert enrol.discarded == ["A-1/2026-09", "A-1/2026-10"]
    summary = await settle(utility, "2026-10")
    assert [head.period for head in await heads(utility, summary)] == ["2026-10"]
