"""Whoever worked on a bill does not approve it, on every store."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState, BillTransitionError, SelfApprovalError
from central.service.billing.approve_bills import (
    ApproveBills,
    BulkOutcome,
    DiscardBills,
    WithdrawBills,
)
from central.service.billing.run_bills import RunBills
from central.service.ingest.ingest import Ingest
from central.service.ports.billing import BillRecord, RunSummary
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.registry import AccountRecord
from central.service.ports.validation import PointChannelId
from central.service.validation.decisions import accept_finding, decide_conflict
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, OPERATOR, person
from tests.support.books import HOURLY, NOW, Utility, month

CYCLE = Cycle.parse("2026-10")
AGAIN, DEPUTY = person("again"), person("deputy")
READER, THIRD = person("reader"), person("third")
# Who enrolled the customers, on stores that keep what the registry said.
REGISTRAR = {OPERATOR.key}


async def run(utility: Utility, actor: Actor) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(CYCLE, actor)


async def record(utility: Utility, summary: RunSummary, account: str = "A-1") -> BillRecord:
    heads = {head.account: head for head in await utility.billing.heads(summary.run)}
    bill = await utility.billing.bill(heads[account].uid)
    assert bill is not None
    return bill


async def test_who_worked_on_a_bill_does_not_approve_it(utility: Utility) -> None:
    edge = await utility.found(customers=2)
    readings = month(gaps={400: 7})
    await utility.deliver(edge, readings, month("S2"), [replace(readings[40], mantissa=2010)])
    await utility.validate()
    (conflict,) = await utility.decisions.conflicts(10)
    note = DecisionNote(READER, "read again on site", NOW)
    await decide_conflict(utility.decisions, conflict.id, Choice.KEEP, note)
    await utility.validate()
    summary = await run(utility, CLERK)
    # Who runs it again where nothing changed writes no bill, and has looked at it all the same.
    await run(utility, AGAIN)
    await utility.enrol.account(AccountRecord("A-1", Party("Another name")))
    await run(utility, DEPUTY)
    assert (await record(utility, summary)).creator == CLERK.key
    findings = await utility.validation.open_findings(PointChannelId(1))
    (finding,) = (one for one in findings if one.code == "ESTIMATED_LINEAR")
    await utility.validation.accept_finding(finding.id, THIRD, "read on site", NOW)
    approve = ApproveBills(utility.billing, lambda: NOW + timedelta(hours=1))
    uid = (await record(utility, summary)).uid
    for actor, why in (
        (CLERK, "made"),
        (AGAIN, "started its run"),
        (DEPUTY, "ran it again"),
        (READER, "decided a conflict"),
        (THIRD, "accepted a finding"),
    ):
        with pytest.raises(SelfApprovalError, match=why):
            await approve.one(uid, actor)
    with pytest.raises(SelfApprovalError, match="made it"):
        await approve.run(summary.run, CLERK)
    # Who worked on one bill approves the others.
    outcome = await approve.run(summary.run, READER)
    assert [(one.account, one.code) for one in outcome.refused] == [("A-1", "SELF_APPROVAL")]
    assert outcome.count == 1
    assert await approve.run(summary.run, CHIEF) == BulkOutcome(1)
    approved = await record(utility, summary)
    assert approved.bill.state is BillState.APPROVED
    assert {*approved.contributors} - REGISTRAR == {"clerk", "again", "deputy", "reader", "third"}


async def test_who_answers_for_a_hole_does_not_approve_what_it_held(utility: Utility) -> None:
    edge, ingest = await utility.found(2, period_s=HOURLY), Ingest(utility.ingest, lambda: NOW)
    await utility.deliver(edge, month(gaps={100: 1}, period_s=HOURLY))
    await utility.deliver(edge, month("S2", period_s=HOURLY))
    await utility.validate()
    before = DecisionNote(DEPUTY, "its disk broke", datetime(2026, 9, 1, tzinfo=UTC))
    for note in (before, DecisionNote(READER, "its disk broke again", NOW)):
        await ingest.commit(edge.arrive(edge.seal_void(edge.seal(month()[:1]))))
        (hold,) = (await run(utility, CLERK)).held[0].holds
        (number,) = re.findall(r"`finding accept (i\d+)`", hold.message)
        await accept_finding(utility.decisions, utility.validation, number, note)
    summary = await run(utility, CLERK)
    approve = ApproveBills(utility.billing, lambda: NOW)
    with pytest.raises(SelfApprovalError, match="answered for what its gateway never sent"):
        await approve.one((await record(utility, summary)).uid, READER)
    # What is metered did not depend on it.
    outcome = await approve.run(summary.run, READER)
    assert [(one.account, one.code) for one in outcome.refused] == [("A-1", "SELF_APPROVAL")]
    assert outcome.count == 1
    # One that was closed before the days went by concerns other days.
    await approve.one((await record(utility, summary)).uid, DEPUTY)
    made = await record(utility, summary)
    assert {*made.contributors} - REGISTRAR == {"clerk", "reader"}


async def test_a_run_after_another_takes_nobody_out(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month(gaps={400: 7}))
    await utility.validate()
    summary = await run(utility, CLERK)
    await utility.deliver(edge, month()[400:403])
    await utility.validate()
    before = await record(utility, summary)
    await run(utility, DEPUTY)
    after = await record(utility, summary)
    assert after.sha256 != before.sha256
    assert (after.creator, after.contributors) == ("clerk", ("clerk", "deputy"))


async def test_all_who_started_a_run_together_approve_none_of_its_bills(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    # Two start it at the same time; the worker of one of them makes every bill.
    use_case = RunBills(utility.billing, lambda: NOW)
    run = await use_case.start(CYCLE, DEPUTY)
    await use_case.work(await use_case.start(CYCLE, CLERK))
    await use_case.work(run)
    (head,) = await utility.billing.heads(run)
    bill = await utility.billing.bill(head.uid)
    assert bill is not None
    assert (bill.creator, set(bill.contributors)) == ("clerk", {"clerk", "deputy"})
    approve = ApproveBills(utility.billing, lambda: NOW)
    for actor in (DEPUTY, CLERK):
        with pytest.raises(SelfApprovalError):
            await approve.one(head.uid, actor)
    await approve.one(head.uid, CHIEF)
    # What was approved keeps those who worked on it until then.
    await use_case.start(CYCLE, THIRD)
    approved = await utility.billing.bill(head.uid)
    assert approved is not None
    assert {*approved.contributors} - REGISTRAR == {"clerk", "deputy"}


async def test_an_approval_is_taken_back_with_a_reason_until_the_bill_is_issued(
    utility: Utility,
) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    summary = await run(utility, CLERK)
    uid = (await record(utility, summary)).uid
    approve, withdraw = ApproveBills(utility.billing), WithdrawBills(utility.billing)
    with pytest.raises(BillTransitionError, match="`bill discard`"):
        await withdraw([uid], CLERK, "mistyped")
    await approve.one(uid, CHIEF)
    with pytest.raises(BillTransitionError, match="`bill withdraw`"):
        await DiscardBills(utility.billing)([uid], CLERK)
    with pytest.raises(InvalidValueError):
        await withdraw([uid], CLERK, " ")
    assert await withdraw([uid], CHIEF, "price mistyped") == 1
    draft = await record(utility, summary)
    assert (draft.bill.state, draft.approver) == (BillState.DRAFT, None)
    # Its days are still its own; approving or discarding is open again.
    with pytest.raises(SelfApprovalError):
        await approve.one(uid, CLERK)
    await approve.one(uid, CHIEF)
    await withdraw([uid], CLERK, "once more")
    assert await DiscardBills(utility.billing)([uid], CLERK) == 1
