"""What waits for somebody, decided, on memory and on every server found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing.run_bills import RunBills
from central.service.ingest.ingest import Ingest
from central.service.ports.billing import RunSummary
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.ingest_records import FindingCode
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.validation.decisions import (
    NoSuchConflictError,
    NoSuchFindingError,
    accept_finding,
    decide_conflict,
)
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOVEMBER, NOW, OCTOBER, ZONE, Utility, month
from tests.support.daily_books import approve, issue
from tests.support.ingest import Edge

ANSWER = DecisionNote(CHIEF, "read again on site", NOW)
CHANNEL = PointChannelId(1)


async def in_conflict(utility: Utility, gaps: Mapping[int, int] | None = None) -> Edge:
    """A month of which one register comes a second time, 10 Wh higher."""
    edge = await utility.found()
    readings = month(gaps=gaps)
    await utility.deliver(edge, readings, [replace(readings[40], mantissa=2010)])
    await utility.validate()
    return edge


async def bill(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)


async def values(utility: Utility) -> list[int]:
    day = ChannelDay(CHANNEL, OCTOBER)
    block = (await utility.validation.blocks({day: None}))[day]
    return [int(value) for value in block.values]


async def test_two_values_hold_the_bill_and_both_are_shown(utility: Utility) -> None:
    await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    assert (conflict.gateway, conflict.meter, str(conflict.obis)) == (
        "gw-1",
        "MTL/S1",
        "1-0:1.8.0*255",
    )
    assert (conflict.kept.mantissa, conflict.other.mantissa) == (2000, 2010)
    assert (await bill(utility)).bills == {BillState.HELD: 1}


async def test_the_stored_value_is_kept_and_the_bill_is_free(utility: Utility) -> None:
    await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    await decide_conflict(utility.decisions, conflict.id, Choice.KEEP, ANSWER)
    await utility.validate()
    assert set(await values(utility)) == {25}
    assert await utility.decisions.conflicts(10) == []
    assert (await bill(utility)).bills == {BillState.DRAFT: 1}


async def test_the_other_value_becomes_the_next_revision_of_the_reading(utility: Utility) -> None:
    await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    await decide_conflict(utility.decisions, conflict.id, Choice.REPLACE, ANSWER)
    await utility.validate()
    day = await values(utility)
    assert (day[39], day[40], sum(day)) == (35, 15, 25 * 96)


async def test_a_replaced_value_names_the_issued_bills_that_it_concerns(utility: Utility) -> None:
    edge = await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    note = replace(ANSWER, actor=CLERK)
    assert await decide_conflict(utility.decisions, conflict.id, Choice.KEEP, note) == {}
    await utility.validate()
    summary = await bill(utility)
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []
    (head,) = await utility.billing.heads(summary.run)
    issued = await utility.billing.bill(head.uid)
    assert issued is not None
    first = month()[40]
    # Two hours beyond the last day, it still may change it; a reading of the day after does not.
    after = [
        replace(first, at=day_start(NOVEMBER, ZONE) + timedelta(hours=hours), mantissa=99_000)
        for hours in (2, 3)
    ]
    other = [replace(reading, mantissa=99_010) for reading in after]
    await utility.deliver(edge, [replace(first, mantissa=2020), *after], other)
    conflicts = {one.at: one.id for one in await utility.decisions.conflicts(10)}
    named = [
        await decide_conflict(utility.decisions, conflicts[reading.at], choice, ANSWER)
        for reading, choice in (
            (first, Choice.REPLACE),
            (after[0], Choice.REPLACE),
            (after[1], Choice.REPLACE),
        )
    ]
    concerned = f"1 issued bill is concerned: {issued.number}"
    assert [{what: str(bills) for what, bills in each.items()} for each in named] == [
        {"the service point SP-1 from 2026-10-01": concerned},
        {"the service point SP-1 from 2026-10-31": concerned},
        {},
    ]


async def test_a_decided_value_that_comes_again_is_no_new_conflict(utility: Utility) -> None:
    edge = await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    await decide_conflict(utility.decisions, conflict.id, Choice.KEEP, ANSWER)
    await Ingest(utility.ingest, lambda: NOW).commit(edge.arrive(*edge.sealed))
    assert await utility.decisions.conflicts(10) == []


async def test_a_decision_is_made_once_and_with_a_reason(utility: Utility) -> None:
    await in_conflict(utility)
    (conflict,) = await utility.decisions.conflicts(10)
    with pytest.raises(InvalidValueError):
        await decide_conflict(
            utility.decisions, conflict.id, Choice.KEEP, replace(ANSWER, reason=" ")
        )
    await decide_conflict(utility.decisions, conflict.id, Choice.KEEP, ANSWER)
    for number in (conflict.id, 99, 0, -1, 2**70):
        with pytest.raises(NoSuchConflictError):
            await decide_conflict(utility.decisions, number, Choice.REPLACE, ANSWER)


async def test_findings_of_ingest_and_of_validation_are_accepted_by_their_number(
    utility: Utility,
) -> None:
    edge = await in_conflict(utility, {100: 2, 500: 50})
    void = edge.seal_void(edge.seal(month()[:1]))
    await Ingest(utility.ingest, lambda: NOW).commit(edge.arrive(void))
    assert [one.code for one in await utility.ingest.open_findings()] == [FindingCode.VOID_BATCH]
    await accept_finding(utility.decisions, utility.validation, "i1", ANSWER)
    assert await utility.ingest.open_findings() == []
    found = {one.code: one for one in await utility.validation.open_findings(CHANNEL)}
    estimated = found["ESTIMATED_LINEAR"]
    await accept_finding(utility.decisions, utility.validation, f"v{estimated.id}", ANSWER)
    accepted = {one.id: one.accepted_by for one in await utility.validation.open_findings(CHANNEL)}
    assert accepted[estimated.id] == "chief"
    # Who answered for it first answers on: the bill's contributors name them.
    with pytest.raises(NoSuchFindingError, match="accepted already"):
        await accept_finding(
            utility.decisions,
            utility.validation,
            f"v{estimated.id}",
            replace(ANSWER, actor=CLERK, at=NOW + timedelta(hours=1)),
        )
    accepted = {one.id: one.accepted_by for one in await utility.validation.open_findings(CHANNEL)}
    assert accepted[estimated.id] == "chief"
    never = [f"v{found[code].id}" for code in ("CONFLICTING_READINGS", "MISSING_INTERVALS")]
    for number in (*never, "i1", "v9999", "12", "x1", "", "v", "v-1", "v" + "9" * 30, "v²"):
        with pytest.raises(NoSuchFindingError):
            await accept_finding(utility.decisions, utility.validation, number, ANSWER)
