"""A bill is approved and issued on its newest inputs only, on every store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.price_series import PriceSeries
from central.service.billing.approve_bills import ApproveBills, BulkOutcome, IssueBills
from central.service.billing.fresh_bills import BillInputsError, ValidationPendingError
from central.service.billing.run_bills import RunBills
from central.service.ingest.ingest import Ingest
from central.service.ports.billing import BillHead, RunSummary
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.validation import PointChannelId
from central.service.rating.keep_series import keep_series
from central.service.validation.decisions import accept_finding, decide_conflict
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_EXPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK, TRADER
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
from tests.support.ingest import Edge

LATER = NOW + timedelta(hours=1)
CYCLE = Cycle.parse("2026-10")
Change = Callable[[Utility, Edge], Awaitable[None]]


async def billed(utility: Utility, customers: int = 1, gap: int = 0) -> Edge:
    """A cycle of drafts; a gap of a few intervals is estimated."""
    edge = await utility.found(customers=customers)
    gaps = {400: gap} if gap else None
    months = [month(f"S{number}", gaps=gaps) for number in range(1, customers + 1)]
    await utility.deliver(edge, *months)
    await utility.validate()
    return edge


async def run(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(CYCLE, CLERK)


async def heads(utility: Utility, summary: RunSummary) -> dict[str, BillHead]:
    return {one.account: one for one in await utility.billing.heads(summary.run)}


async def approve(utility: Utility, summary: RunSummary) -> BulkOutcome:
    return await ApproveBills(utility.billing, lambda: LATER).run(summary.run, CHIEF)


async def issue(utility: Utility, summary: RunSummary) -> BulkOutcome:
    return await IssueBills(utility.billing, lambda: LATER).run(summary.run, CHIEF)


def said(outcome: BulkOutcome) -> list[tuple[str, str]]:
    return [(one.account, one.code) for one in outcome.refused]


async def dearer(utility: Utility, _: Edge) -> None:
    utility.now = LATER
    await utility.enrol.tariff(
        TARIFF.replace("2026-01-01", "2026-10-16").replace("peak: 0.30", "peak: 0.40")
    )


async def moved(utility: Utility, _: Edge) -> None:
    await utility.enrol.account(AccountRecord("A-1", Party("Customer 1", ("Calle 9",))))


async def sold(utility: Utility, _: Edge) -> None:
    await utility.enrol.seller(Party("Sierra Energy", ("Plaza 1",), "ESB1"), "renamed")


async def exempted(utility: Utility, _: Edge) -> None:
    facts = AgreementFacts((Fact("tax_exempt", True),))
    await utility.enrol.agreement(
        AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), facts=facts)
    )


async def doubled(utility: Utility, edge: Edge) -> None:
    other = month()[1000]
    await utility.deliver(edge, [Reading(other.channel, other.at, other.mantissa + 1, 0)])
    await utility.validate()


async def late(utility: Utility, edge: Edge) -> None:
    skewed = [Reading(one.channel, one.at, one.mantissa - 3, 0) for one in month()[400:403]]
    await utility.deliver(edge, skewed)
    await utility.validate()


CHANGES = (
    (dearer, "the tariff HOME (version from 2026-10-16)"),
    (moved, "the account A-1"),
    (sold, "the seller or the settings"),
    (late, "the service point SP-1"),
    (exempted, "the service point SP-1; the account A-1"),
    (doubled, "the service point SP-1"),
)


async def test_a_bill_whose_inputs_changed_is_refused_by_their_name(utility: Utility) -> None:
    edge = await billed(utility, gap=7)
    for change, name in CHANGES:
        summary = await run(utility)
        assert summary.bills == {BillState.DRAFT: 1}
        await change(utility, edge)
        (head,) = (await heads(utility, summary)).values()
        with pytest.raises(BillInputsError, match="would say something else") as refused:
            await ApproveBills(utility.billing, lambda: LATER).one(head.uid, CHIEF)
        assert refused.value.value == name
    outcome = await approve(utility, summary)
    assert (outcome.count, said(outcome)) == (0, [("A-1", "BILL_STALE")])
    assert name in outcome.refused[0].message
    assert "`meterline-central bill run --cycle 2026-10`" in outcome.refused[0].message
    with pytest.raises(BillInputsError, match="1 are refused"):
        outcome.require_all()


async def test_a_stale_bill_stops_no_other_and_another_run_makes_it_anew(
    utility: Utility,
) -> None:
    edge = await billed(utility, customers=2)
    summary = await run(utility)
    before = (await heads(utility, summary))["A-1"].total
    await moved(utility, edge)
    outcome = await approve(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "BILL_STALE")])
    await run(utility)
    assert await approve(utility, summary) == BulkOutcome(1)
    await utility.enrol.account(AccountRecord("A-1", Party("Customer 1", ("Calle 10",))))
    outcome = await issue(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "BILL_STALE")])
    # What was approved and is stale is a draft again.
    assert (await heads(utility, summary))["A-1"].state is BillState.DRAFT
    await dearer(utility, edge)
    await run(utility)
    assert (await heads(utility, summary))["A-1"].total != before
    assert await approve(utility, summary) == BulkOutcome(1)
    assert await issue(utility, summary) == BulkOutcome(1)


async def test_a_change_that_leaves_the_bill_as_it_is_does_not_refuse_it(utility: Utility) -> None:
    edge = await billed(utility)
    summary = await run(utility)
    point = PointRecord("SP-1", ZONE, "Calle 2", None)
    await utility.enrol.service_point(point)
    end = month()[-1]
    quarter = timedelta(minutes=15)
    after = [Reading(end.channel, end.at + place * quarter, 99999, 0) for place in range(20, 30)]
    await utility.deliver(edge, after)
    assert await approve(utility, summary) == BulkOutcome(1)
    await utility.enrol.service_point(replace(point, address="Calle 3"))
    assert await issue(utility, summary) == BulkOutcome(1)


async def test_a_change_that_waits_for_validation_keeps_a_bill_back(utility: Utility) -> None:
    edge = await billed(utility, customers=2, gap=7)
    summary = await run(utility)
    await utility.deliver(edge, month()[401:402])
    (head, _) = (await heads(utility, summary)).values()
    with pytest.raises(ValidationPendingError, match="SP-1"):
        await ApproveBills(utility.billing, lambda: LATER).one(head.uid, CHIEF)
    outcome = await approve(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "VALIDATION_PENDING")])
    held = await run(utility)
    assert {hold.code for hold in held.held[0].holds} == {"VALIDATION_PENDING"}
    await utility.validate()
    await run(utility)
    assert await approve(utility, summary) == BulkOutcome(1)
    await utility.deliver(edge, month()[402:403])
    outcome = await issue(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "VALIDATION_PENDING")])
    assert (await heads(utility, summary))["A-1"].state is BillState.APPROVED
    await utility.validate()
    # An interval that was estimated is metered now.
    assert said(await issue(utility, summary)) == [("A-1", "BILL_STALE")]


async def test_a_hole_that_is_found_after_the_draft_makes_what_is_estimated_stale(
    utility: Utility,
) -> None:
    edge, ingest = await utility.found(2, period_s=HOURLY), Ingest(utility.ingest, lambda: NOW)
    await utility.deliver(edge, month(gaps={100: 1}, period_s=HOURLY))
    await utility.deliver(edge, month("S2", period_s=HOURLY))
    await utility.validate()
    summary = await run(utility)
    assert summary.bills == {BillState.DRAFT: 2}
    await ingest.commit(edge.arrive(edge.seal_void(edge.seal(month()[:1]))))
    outcome = await approve(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "BILL_STALE")])
    assert "the gateway gw-1, whose missing batches may still come" in outcome.refused[0].message
    held = await run(utility)
    (hold,) = held.held[0].holds
    assert hold.code == "HOLE"
    assert "`finding accept i1`" in hold.message
    await accept_finding(
        utility.decisions, utility.validation, "i1", DecisionNote(CLERK, "its disk broke", NOW)
    )
    await run(utility)
    assert await approve(utility, summary) == BulkOutcome(1)
    await ingest.commit(edge.arrive(edge.seal_void(edge.seal(month()[1:2]))))
    outcome = await issue(utility, summary)
    assert (outcome.count, said(outcome)) == (1, [("A-1", "BILL_STALE")])
    assert (await heads(utility, summary))["A-1"].state is BillState.DRAFT


REBATE = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
series: {events: {price: ES.DA}}
determinants:
  saved: {rebate: import, during: events, baseline: {days: 2, pick: 2}}
charges: [{id: rebate, qty: saved, price: -10}]
"""


async def test_a_change_of_days_that_a_baseline_looks_at_keeps_a_bill_back(
    utility: Utility,
) -> None:
    edge = await utility.found(customers=0)
    await utility.enrol.tariff(REBATE)
    await utility.customer(1, "SPOT", period_s=HOURLY)
    hour, begins = timedelta(hours=1), local_day(OCTOBER, ZONE).start
    of = month(period_s=HOURLY)[0].channel
    # 100 Wh an hour from five days before October on; its first hour is an event.
    readings = [Reading(of, begins + hour * n, (n + 120) * 100, 0) for n in range(-120, 746)]
    night = readings.pop(120 - 23)
    await utility.deliver(edge, readings)
    await utility.validate()
    called = PriceSeries("ES.DA", begins - 120 * hour, 3600, (0,) * 120 + (1,) + (0,) * 744, 0)
    await keep_series(utility.series, called, TRADER)
    summary = await run(utility)
    assert summary.bills == {BillState.DRAFT: 1}
    await utility.deliver(edge, [replace(night, mantissa=night.mantissa + 40)])
    assert said(await approve(utility, summary)) == [("A-1", "VALIDATION_PENDING")]
    held = await run(utility)
    assert {hold.code for hold in held.held[0].holds} == {"VALIDATION_PENDING"}
    await utility.validate()
    await run(utility)
    assert await approve(utility, summary) == BulkOutcome(1)
    await utility.deliver(edge, [replace(night, at=night.at - 90 * hour)])
    assert said(await issue(utility, summary)) == [("A-1", "VALIDATION_PENDING")]


async def test_a_decision_that_waits_for_validation_holds_the_bill(utility: Utility) -> None:
    edge = await utility.found()
    readings = month()
    await utility.deliver(edge, readings, [replace(readings[40], mantissa=2010)])
    await utility.validate()
    (conflict,) = await utility.decisions.conflicts(10)
    note = DecisionNote(CHIEF, "read again on site", NOW)
    await decide_conflict(utility.decisions, conflict.id, Choice.REPLACE, note)
    summary = await run(utility)
    assert "VALIDATION_PENDING" in {hold.code for hold in summary.held[0].holds}
    await utility.validate()
    assert (await run(utility)).bills == {BillState.DRAFT: 1}


async def test_every_writer_of_an_input_counts(utility: Utility) -> None:
    await billed(utility, customers=2, gap=7)
    summary = await run(utility)
    both = {one.uid for one in (await heads(utility, summary)).values()}
    first = (await heads(utility, summary))["A-1"].uid
    enrol = utility.enrol

    async def seen() -> set[object]:
        """The bills with a change, which another run then takes in."""
        found = await utility.billing.changed_inputs(sorted(both), utility.now)
        await run(utility)
        assert await utility.billing.changed_inputs(sorted(both), utility.now) == set()
        return set(found)

    utility.now = NOW + timedelta(days=3)
    assert (await utility.validate()).closed == 6
    # The first closing of a day is in no bill yet.
    assert await seen() == set()
    findings = await utility.validation.open_findings(PointChannelId(1))
    (finding,) = (one for one in findings if one.code == "ESTIMATED_LINEAR")
    await utility.validation.accept_finding(finding.id, CHIEF, "read on site", NOW)
    assert await seen() == {first}
    await enrol.service_point(PointRecord("SP-1", ZONE, "Calle 7"))
    assert await seen() == {first}
    await enrol.service_point(
        PointRecord("SP-2", ZONE, "Calle 1"), PointChannelRecord(ACTIVE_EXPORT, 900, Unit.WATT_HOUR)
    )
    assert await seen() == both - {first}
    await enrol.installation(
        InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, NOW - timedelta(days=1))
    )
    await utility.validate()
    assert first in await seen()
    await enrol.account(AccountRecord("A-1", Party("Customer 1", ("Calle 1",))))
    assert await seen() == {first}
    await enrol.tariff(TARIFF.replace("2026-01-01", "2027-01-01"))
    assert await seen() == both
    await enrol.seller(Party("Sierra Power", ("Plaza 2",)), "moved")
    assert await seen() == both


SPOT = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
series: {spot: {price: ES.DA}}
charges:
  - {id: pool, qty: import, times: spot}
"""
PRICES = PriceSeries("ES.DA", local_day(OCTOBER, ZONE).start, 3600, (100,) * (31 * 24 + 1), -3)


async def spot(utility: Utility) -> tuple[RunSummary, UUID]:
    """A bill at the price of each hour."""
    edge = await utility.found(customers=0)
    await utility.enrol.tariff(SPOT)
    await utility.customer(1, "SPOT")
    await utility.deliver(edge, month())
    await utility.validate()
    await keep_series(utility.series, PRICES, TRADER)
    summary = await run(utility)
    assert summary.bills == {BillState.DRAFT: 1}
    return summary, (await heads(utility, summary))["A-1"].uid


async def test_a_corrected_price_is_named_by_its_series(utility: Utility) -> None:
    summary, uid = await spot(utility)
    next_month = replace(PRICES, start=local_day(NOVEMBER, ZONE).start)
    await keep_series(utility.series, next_month, TRADER)
    assert await utility.billing.changed_inputs([uid], utility.now) == {uid}
    assert await approve(utility, summary) == BulkOutcome(1)
    dearer = replace(PRICES, mantissas=(120,) * len(PRICES.mantissas))
    await keep_series(utility.series, dearer, TRADER, reason="the exchange corrected it")
    with pytest.raises(BillInputsError) as refused:
        await IssueBills(utility.billing, lambda: LATER).one(uid, CHIEF)
    assert refused.value.value == "the series ES.DA"
    await run(utility)
    assert await approve(utility, summary) == BulkOutcome(1)
