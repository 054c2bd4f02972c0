"""Each day of an occupancy is billed once, oldest first, on every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party, RunType
from central.domain.billing.chain_order import (
    PredecessorNotApprovedError,
    PredecessorNotIssuedError,
)
from central.domain.billing.cycle import Cycle
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.run_scope import RunScope
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import ApproveBills, DiscardBills, IssueBills
from central.service.billing.run_bills import CycleOpenError, RunBills
from central.service.ports.billing import BillHead
from central.service.ports.registry import AccountRecord, AgreementRecord
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility
from tests.support.daily_books import (
    DAY,
    FEED_IN,
    FIRST,
    approve,
    at,
    bill,
    found,
    heads,
    issue,
    measured,
    run,
    sells,
    settle,
)

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))
AGREED = AgreementRecord("A-1", "SP-1", "FLAT", FIRST)


def states(bills: list[BillHead]) -> list[tuple[str, str]]:
    return [(head.period, head.state.value) for head in bills]


async def test_cycles_that_overlap_bill_each_day_once(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    for cycle in ("2026-09", "2026-10", "2026-09@15"):
        summary = await run(utility, cycle)
        await approve(utility, summary)
        await issue(utility, summary)
    kwh = [(await bill(utility, "A-1", period)).kwh for period in ("2026-09", "2026-10")]
    assert kwh == [Decimal(300), Decimal(310)]
    assert await utility.billing.of_period("A-1", "2026-09@15") == ()


async def test_days_that_are_issued_are_not_billed_to_the_next_customer(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, "2026-10")
    agreed = replace(AGREED, first=OCTOBER)
    for end in (date(2026, 10, 10), date(2026, 10, 31)):
        with pytest.raises(PeriodBilledError):
            await utility.enrol.agreement(replace(agreed, end=end))
    await utility.enrol.agreement(replace(agreed, end=NOVEMBER))
    await utility.enrol.account(AccountRecord("A-9", Party("Next")))
    await utility.enrol.agreement(AgreementRecord("A-9", "SP-1", "FLAT", NOVEMBER))
    summary = await run(utility, "2026-10")
    # What its yearly minimum came to is settled, without a day.
    assert [head.account for head in await heads(utility, summary)] == ["A-1", "A-1"]
    assert summary.kwh == 310


async def test_what_is_held_is_billed_before_what_follows(utility: Utility) -> None:
    await found(utility)
    await measured(utility, FIRST, SEPTEMBER)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, "2026-08")
    # Of September nothing came: October waits for it, whatever run is started.
    summary = await run(utility, "2026-10")
    assert states(await heads(utility, summary)) == [("2026-09", "held"), ("2026-10", "held")]
    assert [head.holds[0].code for head in summary.held] == [
        "NO_INTERVALS",
        "EARLIER_NOT_BILLED",
    ]
    assert "billing_from" in summary.held[1].holds[0].message
    await measured(utility, SEPTEMBER, OCTOBER)
    summary = await run(utility, "2026-10")
    assert states(await heads(utility, summary)) == [("2026-09", "draft"), ("2026-10", "draft")]
    # Three months of 0.30 a kWh, each once.
    august, september, october = [
        await bill(utility, "A-1", period) for period in ("2026-08", "2026-09", "2026-10")
    ]
    totals = [one.bill.amounts.billed for one in (august, september, october)]
    assert totals == [Decimal("93.00"), Decimal("90.00"), Decimal("93.00")]
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_run_bills_all_that_is_due_oldest_first(utility: Utility) -> None:
    await found(utility)
    await measured(utility, FIRST, NOVEMBER)
    summary = await run(utility, "2026-10")
    assert [head.period for head in await heads(utility, summary)] == [
        "2026-08",
        "2026-09",
        "2026-10",
    ]
    assert (summary.accounts, summary.bill_count, summary.kwh) == (1, 3, Decimal(920))
    before = {head.period: head.uid for head in await heads(utility, summary)}
    hashes = [(await bill(utility, "A-1", period)).sha256 for period in before]
    again = await run(utility, "2026-10")
    assert {head.period: head.uid for head in await heads(utility, again)} == before
    assert [(await bill(utility, "A-1", period)).sha256 for period in before] == hashes
    assert summary.left_out == again.left_out == ()


async def test_billing_begins_where_it_is_named(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await utility.enrol.agreement(
        AgreementRecord("A-1", "SP-1", "FLAT", FIRST, OCTOBER, billing_from=SEPTEMBER)
    )
    await measured(utility, SEPTEMBER, NOVEMBER)
    summary = await run(utility, "2026-10")
    assert [head.period for head in await heads(utility, summary)] == ["2026-09", "2026-10"]


async def test_a_change_of_tariff_inside_a_period_is_one_bill_in_order(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    await measured(utility, OCTOBER, NOVEMBER)
    middle = date(2026, 10, 11)
    agreed = replace(AGREED, first=OCTOBER)
    await utility.enrol.agreement(replace(agreed, end=middle))
    await utility.enrol.agreement(replace(agreed, tariff="DEAR", first=middle))
    summary = await run(utility, "2026-10")
    assert states(await heads(utility, summary)) == [("2026-10", "draft")]
    made = await bill(utility, "A-1", "2026-10")
    assert [(one.tariff, one.days.count) for one in made.bill.supplies] == [
        ("FLAT", 10),
        ("DEAR", 21),
    ]
    assert made.bill.amounts.billed == Decimal("30.00") + Decimal("105.00")
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []
    # The new tariff goes on with the old one's occupancy: December opens from all of October.
    await measured(utility, NOVEMBER, date(2026, 12, 1))
    utility.now = at(date(2026, 12, 2))
    assert (await run(utility, "2026-11")).bills == {BillState.DRAFT: 1}


async def test_what_is_not_over_at_the_point_is_not_due(utility: Utility) -> None:
    await found(utility, 1, since=OCTOBER, zone="America/Los_Angeles")
    await measured(utility, OCTOBER, NOVEMBER)
    utility.now = at(NOVEMBER, 1)
    summary = await run(utility, "2026-10")
    assert await heads(utility, summary) == []
    (entry,) = summary.left_out
    assert (entry.account, entry.days.code, entry.days.first) == ("A-1", "NOT_DUE", OCTOBER)
    assert summary.left_out_count == 1


async def test_a_month_is_run_where_it_is_over_though_it_is_not_in_greenwich(
    utility: Utility,
) -> None:
    await found(utility, 1, since=OCTOBER, zone="Europe/Madrid")
    await measured(utility, OCTOBER, NOVEMBER)
    last = NOVEMBER - DAY
    utility.now = at(last, 9)  # nowhere
    with pytest.raises(CycleOpenError):
        await run(utility, "2026-10")
    utility.now = at(last, 22)
    waiting = await run(utility, "2026-10")
    assert [entry.days.code for entry in waiting.left_out] == ["NOT_DUE"]
    utility.now = at(last, 23)
    due = await run(utility, "2026-10")
    assert (due.left_out, due.bill_count) == ((), 1)


async def test_a_final_bill_waits_for_no_month(utility: Utility) -> None:
    await found(utility, 2, since=NOVEMBER)
    middle = date(2026, 11, 16)
    await measured(utility, NOVEMBER, middle)
    await utility.enrol.agreement(replace(AGREED, first=NOVEMBER, end=middle))
    utility.now = at(date(2026, 11, 15))
    waits = await run(utility, "2026-11", RunType.FINAL)
    assert [entry.days.code for entry in waits.left_out] == ["NOT_DUE"]
    utility.now = at(middle)
    summary = await run(utility, "2026-11", RunType.FINAL)
    assert [(head.account, head.kwh) for head in await heads(utility, summary)] == [
        ("A-1", Decimal(150))
    ]
    with pytest.raises(CycleOpenError):
        await run(utility, "2026-11")
    utility.now = at(date(2026, 12, 2))
    await measured(utility, NOVEMBER, date(2026, 12, 1), channel=2)
    regular = await run(utility, "2026-11")
    assert [head.account for head in await heads(utility, regular)] == ["A-2"]


async def test_drafts_behind_a_changed_draft_are_rated_again(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    summary = await run(utility, "2026-10")
    before = await bill(utility, "A-1", "2026-10")
    # A correction of September alone changes what October opens from.
    await measured(utility, SEPTEMBER, date(2026, 9, 2), wh=20_000, version=2)
    await run(utility, "2026-09")
    assert (await bill(utility, "A-1", "2026-10")).uid == before.uid
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_bills_are_approved_and_issued_after_the_ones_before(utility: Utility) -> None:
    await found(utility, 2, since=SEPTEMBER)
    for channel in (1, 2):
        await measured(utility, SEPTEMBER, NOVEMBER, channel)
    await run(utility, "2026-09")
    summary = await run(utility, "2026-10")
    october = await bill(utility, "A-1", "2026-10")
    approval = ApproveBills(utility.billing, lambda: utility.now)
    with pytest.raises(PredecessorNotApprovedError, match=r"Approve A-1/2026-09 first\."):
        await approval.one(october.uid, CHIEF)
    # In bulk the others go on.
    await approval.one((await bill(utility, "A-2", "2026-09")).uid, CHIEF)
    assert await approve(utility, summary) == [("A-1", "PREDECESSOR_NOT_APPROVED")]
    await approval.one((await bill(utility, "A-1", "2026-09")).uid, CHIEF)
    assert await approve(utility, summary) == []
    issuing = IssueBills(utility.billing, lambda: utility.now)
    with pytest.raises(PredecessorNotIssuedError, match=r"Issue A-1/2026-09 first\."):
        await issuing.one(october.uid, CHIEF)
    await issuing.one((await bill(utility, "A-1", "2026-09")).uid, CHIEF)
    assert await issue(utility, summary) == [("A-2", "PREDECESSOR_NOT_ISSUED")]


async def test_one_run_approves_and_issues_its_bills_in_order(utility: Utility) -> None:
    await found(utility)
    await measured(utility, FIRST, NOVEMBER)
    summary = await run(utility, "2026-10")
    uids = [head.uid for head in await heads(utility, summary)]
    decided = await utility.billing.approve(uids[::-1], CHIEF, utility.now)
    assert (decided.count, decided.barred) == (3, {})
    decided = await utility.billing.issue(uids[::-1], CHIEF, utility.now)
    assert decided.count == 3
    numbers = [(await utility.billing.bill(uid)) for uid in uids]
    assert [one.legal_number for one in numbers if one is not None] == [1, 2, 3]


async def test_withdrawing_takes_those_behind_along(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    summary = await run(utility, "2026-10")
    assert await approve(utility, summary) == []
    uids = [head.uid for head in await heads(utility, summary)]
    await utility.billing.withdraw(uids[:1], CHIEF, utility.now)
    assert states(await heads(utility, summary)) == [("2026-09", "draft"), ("2026-10", "draft")]


async def test_discarding_the_last_bill_frees_its_days(utility: Utility) -> None:
    await found(utility, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    summary = await run(utility, "2026-10")
    september, october = [head.uid for head in await heads(utility, summary)]
    discard = DiscardBills(utility.billing, lambda: utility.now)
    with pytest.raises(PeriodBilledError):
        await discard([september], CLERK)
    assert await discard([october], CLERK) == 1
    await utility.enrol.agreement(replace(AGREED, first=SEPTEMBER, end=date(2026, 10, 11)))
    again = await run(utility, "2026-10")
    assert (await bill(utility, "A-1", "2026-10")).kwh == Decimal(100)
    assert states(await heads(utility, again)) == [("2026-09", "draft"), ("2026-10", "draft")]
    uids = [head.uid for head in await heads(utility, again)]
    assert await discard(uids, CLERK) == 2
    assert await utility.billing.of_period("A-1", "2026-09") == ()


async def test_two_services_of_a_point_are_billed_by_themselves(utility: Utility) -> None:
    await found(utility, since=OCTOBER)
    enrol = utility.enrol
    async with utility.registry.transaction(utility.now) as registry:
        await registry.add_channel("SP-1", sells())
    await enrol.tariff(FEED_IN)
    await enrol.services("SP-1", ServiceRecord("feed-in", (ACTIVE_EXPORT,)))
    await enrol.services("SP-1", ServiceRecord("grid", (ACTIVE_IMPORT,)))
    await enrol.account(AccountRecord("A-2", Party("Trader")))
    sold = AgreementRecord("A-1", "SP-1", "SOLD", OCTOBER, service="feed-in")
    await enrol.agreement(sold)
    await enrol.agreement(AgreementRecord("A-2", "SP-1", "DEAR", OCTOBER, service="grid"))
    await measured(utility, OCTOBER, NOVEMBER, 1)
    await measured(utility, OCTOBER, NOVEMBER, 2, wh=2_000)
    summary = await run(utility, "2026-10")
    assert [(head.account, head.kwh) for head in await heads(utility, summary)] == [
        ("A-1", Decimal(310)),
        ("A-2", Decimal(310)),
    ]
    first = await bill(utility, "A-1", "2026-10")
    assert [entry.line.amount for entry in first.bill.lines] == [Decimal("93.00"), Decimal("-3.10")]
    # Each ends by itself.
    await enrol.agreement(replace(sold, end=NOVEMBER))


async def test_two_runs_at_once_bill_each_day_once(utility: Utility) -> None:
    await found(utility, 12, since=SEPTEMBER)
    for channel in range(1, 13):
        await measured(utility, SEPTEMBER, NOVEMBER, channel)
    summaries = await asyncio.gather(
        *(run(utility, cycle, shard_size=2) for cycle in ("2026-09", "2026-10", "2026-10"))
    )
    for entry in (entry for summary in summaries for entry in summary.left_out):
        assert entry.days.code == "PERIOD_TAKEN"
    # Whatever one of them took is billed by it, and what is left by the next.
    last = [await run(utility, cycle) for cycle in ("2026-09", "2026-10")]
    billed = [(head.account, head.period) for one in last for head in await heads(utility, one)]
    assert len(billed) == len(set(billed)) == 24
    assert sum((one.kwh for one in last), Decimal(0)) == 12 * 610
    assert [one.left_out for one in last] == [(), ()]


async def test_a_run_may_be_of_one_account(utility: Utility) -> None:
    await found(utility, 2, since=OCTOBER)
    for channel in (1, 2):
        await measured(utility, OCTOBER, NOVEMBER, channel)
    use_case = RunBills(utility.billing, lambda: utility.now)
    cycle = Cycle.parse("2026-10")
    record = await use_case.start(cycle, CLERK, scope=RunScope(account="A-2"))
    await use_case.work(record)
    summary = await utility.billing.summary(record)
    assert [head.account for head in await heads(utility, summary)] == ["A-2"]
    # What is narrowed is a run of its own.
    assert [head.account for head in await heads(utility, await run(utility, "2026-10"))] == ["A-1"]


async def test_only_the_accounts_of_its_cycle_are_in_a_run_from_a_day_on(utility: Utility) -> None:
    await found(utility, 2, since=OCTOBER)
    await measured(utility, OCTOBER, date(2026, 11, 20))
    utility.now = at(date(2026, 11, 20))
    run_of_15 = RunBills(utility.billing, lambda: utility.now)
    record = await run_of_15.start(Cycle.parse("2026-10@15"), CLERK)
    assert record.accounts == 0
