"""Readings in, bills out, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.actor import Via
from central.domain.billing.bill import Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState, BillTransitionError, SelfApprovalError
from central.service.billing.approve_bills import ApproveBills, BulkOutcome, IssueBills
from central.service.billing.lineage import ExplainBill
from central.service.billing.run_bills import CycleOpenError, RunBills
from central.service.ports.billing import BillRecord, RunSummary
from central.service.ports.registry import AccountRecord, AgreementRecord
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, Utility, month
from tests.support.ingest import Edge

CYCLE = Cycle.parse("2026-10")


async def bill(utility: Utility, shard_size: int = 500) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW, shard_size)(CYCLE, CLERK)


async def record(utility: Utility, summary: RunSummary, account: str = "A-1") -> BillRecord:
    heads = {head.account: head for head in await utility.billing.heads(summary.run)}
    found = await utility.billing.bill(heads[account].uid)
    assert found is not None
    return found


async def delivered(utility: Utility, readings: list[Reading]) -> Edge:
    edge = await utility.found()
    await utility.deliver(edge, readings)
    await utility.validate()
    return edge


async def test_a_month_of_readings_becomes_a_bill(utility: Utility) -> None:
    await delivered(utility, month())
    summary = await bill(utility)
    assert summary.bills == {BillState.DRAFT: 1}
    made = await record(utility, summary)
    # 31 days and the extra autumn hour: 2,980 quarter-hours of 25 Wh; 22 working days of 4 hours.
    assert made.kwh == Decimal("74.5")
    assert summary.kwh == summary.validated_kwh == Decimal("74.5")
    peak = 22 * 16 * 25
    amounts = {entry.line.key: entry.line.amount for entry in made.bill.lines}
    energy = {"energy/peak": Decimal("2.64"), "energy/off": Decimal("6.57")}
    assert peak == 8800
    assert amounts == {"customer": Decimal("5.00"), **energy, "vat": Decimal("2.98")}
    assert made.bill.amounts.billed == Decimal("17.19")
    assert summary.totals == {"EUR": Decimal("17.19")}
    assert [charge.charge for charge in summary.charges] == ["customer", "energy", "vat"]
    assert made.sha256 == made.bill.sha256
    assert made.bill.seller.name == "Sierra Power"


async def test_reads_are_on_the_bill(utility: Utility) -> None:
    await delivered(utility, month())
    made = await record(utility, await bill(utility))
    (read,) = made.bill.supplies[0].reads
    assert (read.opening, read.closing) == (Decimal(1), Decimal("75.5"))
    assert read.usage == Decimal("74.5")
    assert (read.serial, read.unit, read.estimated) == ("S1", "kWh", False)


async def test_billing_twice_is_billing_once(utility: Utility) -> None:
    await delivered(utility, month())
    first = await record(utility, await bill(utility))
    again = await record(utility, await bill(utility))
    assert (again.uid, again.sha256, again.id) == (first.uid, first.sha256, first.id)


async def test_every_line_sums_again_to_the_very_intervals(utility: Utility) -> None:
    await delivered(utility, month())
    made = await record(utility, await bill(utility))
    explained = await ExplainBill(utility.billing).bill(str(made.uid))
    lines = {one.entry.line.key: one for one in explained}
    (peak,) = lines["energy/peak"].proofs
    assert len(peak.intervals) == 22 * 16
    assert sum(interval.value for interval in peak.intervals) == Decimal("8.8")


async def test_a_hole_in_the_readings_holds_the_bill(utility: Utility) -> None:
    edge = await delivered(utility, month(gaps={400: 40}))
    held = await bill(utility)
    assert held.held_count == 1
    codes = {hold.code for hold in held.held[0].holds}
    assert "MISSING_INTERVALS" in codes
    # What was missing comes in late: the same run now bills it.
    await utility.deliver(edge, month()[400:440])
    await utility.validate()
    summary = await bill(utility)
    assert summary.bills == {BillState.DRAFT: 1}
    assert summary.kwh == Decimal("74.5")


async def test_a_short_gap_is_estimated_and_billed_exactly(utility: Utility) -> None:
    await delivered(utility, month(gaps={400: 7, 2000: 3}))
    summary = await bill(utility)
    assert summary.bills == {BillState.DRAFT: 1}
    assert summary.kwh == Decimal("74.5")
    (read,) = (await record(utility, summary)).bill.supplies[0].reads
    assert read.estimated


async def test_a_second_value_holds_the_bill(utility: Utility) -> None:
    edge = await delivered(utility, month())
    other = month()[1000]
    await utility.deliver(edge, [Reading(other.channel, other.at, other.mantissa + 1, 0)])
    await utility.validate()
    summary = await bill(utility)
    assert {hold.code for hold in summary.held[0].holds} == {"CONFLICTING_READINGS"}


async def test_use_beyond_the_connection_holds_until_somebody_answers_for_it(
    utility: Utility,
) -> None:
    edge = await utility.found(capacity=Decimal(1000))
    values = [
        Reading(one.channel, one.at, one.mantissa + (500 if place > 1000 else 0), 0)
        for place, one in enumerate(month())
    ]
    await utility.deliver(edge, values)
    await utility.validate()
    summary = await bill(utility)
    assert {hold.code for hold in summary.held[0].holds} == {"SERVICE_CAPACITY"}
    (finding,) = [
        one
        for one in await utility.validation.open_findings(PointChannelId(1))
        if one.code == "SERVICE_CAPACITY"
    ]
    assert await utility.validation.accept_finding(finding.id, CHIEF, "a new oven", NOW)
    assert (await bill(utility)).bills == {BillState.DRAFT: 1}


async def test_a_cycle_that_is_not_over_is_refused(utility: Utility) -> None:
    await utility.found()
    with pytest.raises(CycleOpenError):
        await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-11"), CLERK)


async def test_a_bill_is_approved_by_another_and_issued_with_a_gapless_number(
    utility: Utility,
) -> None:
    edge = await utility.found(customers=3, period_s=HOURLY)
    await utility.deliver(edge, *(month(f"S{number}", period_s=HOURLY) for number in (1, 2, 3)))
    await utility.validate()
    summary = await bill(utility, shard_size=2)
    assert summary.bills == {BillState.DRAFT: 3}
    approve, issue = (
        ApproveBills(utility.billing, lambda: NOW),
        IssueBills(utility.billing, lambda: NOW),
    )
    with pytest.raises(SelfApprovalError):
        await approve.run(summary.run, CLERK)
    with pytest.raises(SelfApprovalError):
        await approve.run(summary.run, replace(CLERK, via=Via.DASHBOARD))
    first = await record(utility, summary, "A-2")
    with pytest.raises(BillTransitionError):
        await issue.one(first.uid, CHIEF)
    await approve.one(first.uid, CHIEF)
    await issue.one(first.uid, CHIEF)
    assert await approve.run(summary.run, CHIEF) == BulkOutcome(2)
    assert await issue.run(summary.run, CHIEF) == BulkOutcome(2)
    numbers = {
        account: (await record(utility, summary, account)).number
        for account in ("A-1", "A-2", "A-3")
    }
    assert numbers == {"A-1": "INV-000002", "A-2": "INV-000001", "A-3": "INV-000003"}
    # An issued bill is left alone by whatever runs afterwards.
    again = await record(utility, await bill(utility), "A-2")
    assert again.bill.state is BillState.ISSUED


async def test_a_draft_follows_late_data_and_an_approved_bill_does_not(utility: Utility) -> None:
    edge = await delivered(utility, month(gaps={400: 7}))
    summary = await bill(utility)
    before = await record(utility, summary)
    skewed = [Reading(one.channel, one.at, one.mantissa - 3, 0) for one in month()[400:407]]
    await utility.deliver(edge, skewed[:3])
    await utility.validate()
    after = await record(utility, await bill(utility))
    assert after.uid == before.uid
    assert after.sha256 != before.sha256
    await ApproveBills(utility.billing, lambda: NOW).one(after.uid, CHIEF)
    await utility.deliver(edge, skewed[3:])
    await utility.validate()
    kept = await record(utility, await bill(utility))
    assert (kept.sha256, kept.bill.state) == (after.sha256, BillState.APPROVED)


async def test_an_account_that_moves_in_pays_for_its_days(utility: Utility) -> None:
    await delivered(utility, month())
    enrol = utility.enrol
    await enrol.agreement(
        AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), date(2026, 10, 11))
    )
    await enrol.account(AccountRecord("A-9", Party("Next")))
    await enrol.agreement(AgreementRecord("A-9", "SP-1", "HOME", date(2026, 10, 11)))
    summary = await bill(utility)
    first = await record(utility, summary, "A-1")
    second = await record(utility, summary, "A-9")
    assert first.kwh == Decimal(24)
    assert first.kwh + (second.kwh or 0) == Decimal("74.5")
    assert second.bill.days.count == 21


async def test_a_run_is_found_again(utility: Utility) -> None:
    await delivered(utility, month())
    summary = await bill(utility)
    found = await utility.billing.find_run(CYCLE, RunType.REGULAR)
    assert found is not None
    assert found.uid == summary.run.uid
    assert found.finished_at == NOW
    assert await utility.billing.find_run(CYCLE.next, RunType.REGULAR) is None


async def test_blocks_change_only_when_content_does(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    first = await utility.validate()
    # From the installation on: only in October did anything come.
    assert first.versions == 30 + 31 + 19
    assert (await utility.validate()).versions == 0
    live = Reading(month()[0].channel, month()[0].at - timedelta(days=60), 0, 0)
    await utility.deliver(edge, [live])
    assert (await utility.validate()).versions == 0
