"""Bills of before, which the fonts cannot print, are refused by name when approved or issued."""

from __future__ import annotations

import pytest

from central.domain.billing import make_bill as making
from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing import approve_bills, run_bills
from central.service.billing.approve_bills import ApproveBills, BulkOutcome, IssueBills
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillHead, RunSummary
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, Utility, month

CYCLE = Cycle.parse("2026-10")
CHINESE = "北京"


async def bill(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(CYCLE, CLERK)


async def made_before(utility: Utility, monkeypatch: pytest.MonkeyPatch) -> RunSummary:
    """Four drafts; the second one's name has no glyphs, the third one's is José."""
    edge = await utility.found(customers=4, period_s=HOURLY)
    await utility.deliver(edge, *(month(f"S{number}", period_s=HOURLY) for number in (1, 2, 3, 4)))
    await utility.validate()
    await utility.enrol.account(AccountRecord("A-2", Party(CHINESE)))
    await utility.enrol.account(AccountRecord("A-3", Party("José Ñandú")))
    with monkeypatch.context() as patched:
        patched.setattr(making, "unprintable_holds", lambda _: ())
        patched.setattr(run_bills, "this_release", lambda: "0.1.0")
        summary = await bill(utility)
    assert summary.bills == {BillState.DRAFT: 4}
    return summary


async def heads(utility: Utility, summary: RunSummary) -> dict[str, BillHead]:
    return {head.account: head for head in await utility.billing.heads(summary.run)}


async def states(utility: Utility, summary: RunSummary) -> dict[str, str]:
    return {name: head.state.value for name, head in (await heads(utility, summary)).items()}


def names(outcome: BulkOutcome) -> list[tuple[str, str]]:
    for one in outcome.refused:
        assert "U+5317" in one.message
    return [(one.account, one.code) for one in outcome.refused]


async def test_approving_all_passes_over_what_cannot_be_printed(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = await made_before(utility, monkeypatch)
    approve = ApproveBills(utility.billing, lambda: NOW)
    outcome = await approve.run(summary.run, CHIEF)
    assert outcome.count == 3
    assert names(outcome) == [("A-2", "UNPRINTABLE_TEXT")]
    with pytest.raises(UnprintableTextError, match="A-2"):
        outcome.require_all()
    assert (await states(utility, summary))["A-2"] == "draft"
    # Again: the others are done, and this one is still named.
    assert names(await approve.run(summary.run, CHIEF)) == [("A-2", "UNPRINTABLE_TEXT")]
    # The next run holds it, and bills it once its name is corrected.
    assert (await bill(utility)).held[0].holds[0].code == "UNPRINTABLE_TEXT"
    await utility.enrol.account(AccountRecord("A-2", Party("Beijing")))
    assert (await bill(utility)).bills == {BillState.APPROVED: 3, BillState.DRAFT: 1}
    assert await approve.run(summary.run, CHIEF) == BulkOutcome(1)


async def test_approving_by_name_refuses_what_cannot_be_printed(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = await made_before(utility, monkeypatch)
    approve = ApproveBills(utility.billing, lambda: NOW)
    found = await heads(utility, summary)
    with pytest.raises(UnprintableTextError, match=r"U\+5317"):
        await approve.one(found["A-2"].uid, CHIEF)
    for name in ("A-1", "A-3", "A-4"):
        await approve.one(found[name].uid, CHIEF)
    expected = {"A-1": "approved", "A-2": "draft", "A-3": "approved", "A-4": "approved"}
    assert await states(utility, summary) == expected


async def approved_before(utility: Utility, monkeypatch: pytest.MonkeyPatch) -> RunSummary:
    summary = await made_before(utility, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(approve_bills, "unprintable_holds", lambda _: ())
        approved = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    assert approved == BulkOutcome(4)
    return summary


async def numbers(utility: Utility, summary: RunSummary) -> dict[str, str | None]:
    found = {}
    for name, head in (await heads(utility, summary)).items():
        record = await utility.billing.bill(head.uid)
        assert record is not None
        found[name] = record.number
    return found


async def test_issuing_all_passes_over_what_cannot_be_printed_without_a_gap(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = await approved_before(utility, monkeypatch)
    issue = IssueBills(utility.billing, lambda: NOW)
    outcome = await issue.run(summary.run, CHIEF)
    assert outcome.count == 3
    assert names(outcome) == [("A-2", "UNPRINTABLE_TEXT")]
    given = {"A-1": "INV-000001", "A-2": None, "A-3": "INV-000002", "A-4": "INV-000003"}
    assert await numbers(utility, summary) == given
    # It is a draft again, so that a corrected name gets onto it.
    assert (await states(utility, summary))["A-2"] == "draft"
    assert await issue.run(summary.run, CHIEF) == BulkOutcome(0)
    await utility.enrol.account(AccountRecord("A-2", Party("Beijing")))
    await bill(utility)
    assert await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF) == BulkOutcome(
        1
    )
    assert await issue.run(summary.run, CHIEF) == BulkOutcome(1)
    assert (await numbers(utility, summary))["A-2"] == "INV-000004"


async def test_issuing_by_name_refuses_what_cannot_be_printed(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = await approved_before(utility, monkeypatch)
    issue = IssueBills(utility.billing, lambda: NOW)
    found = await heads(utility, summary)
    with pytest.raises(UnprintableTextError):
        await issue.one(found["A-2"].uid, CHIEF)
    for name in ("A-1", "A-3", "A-4"):
        await issue.one(found[name].uid, CHIEF)
    expected = {"A-1": "issued", "A-2": "draft", "A-3": "issued", "A-4": "issued"}
    assert await states(utility, summary) == expected
