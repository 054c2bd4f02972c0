"""The first document of a day prints the head of the log, and verification takes it from there."""

from __future__ import annotations

import pytest

from central.adapters.anchor_file import AnchorUnreadableError, parse_anchor
from central.domain.audit.chain import BreakCode
from central.domain.billing.cycle import Cycle
from central.service.audit.verify import verify_audit
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.run_bills import RunBills
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOW, Utility, month


async def test_the_first_invoice_of_a_day_prints_the_head(utility: Utility) -> None:
    edge = await utility.found(customers=3)
    await utility.deliver(edge, *(month(f"S{number}") for number in (1, 2, 3)))
    await utility.validate()
    settings = ChangeSettings(utility.settings, lambda: NOW)
    await settings(SettingsChange(print_audit_head=True), CHIEF, "auditors ask", None)
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    head = await utility.audit.seal(NOW)
    assert head is not None
    issue = IssueBills(utility.billing, lambda: NOW)
    printed = []
    first, *others = [entry.uid for entry in await utility.billing.heads(summary.run)]
    await issue.one(first, CHIEF)
    await utility.audit.seal(NOW)
    for uid in others:
        await issue.one(uid, CHIEF)
    for uid in (first, *others):
        record = await utility.billing.bill(uid)
        assert record is not None
        assert record.issue is not None
        assert record.issue.content_sha256(record.sha256 or "") == record.content_sha256
        printed.append(record.issue.audit_head)
    assert printed == [head.short, "", ""]

    anchors = parse_anchor(printed[0])
    assert (await verify_audit(utility.audit, anchors, NOW)).broken is None
    number, _, digits = printed[0].partition(":")
    other = "0" if digits[-1] != "0" else "1"
    forged = await verify_audit(utility.audit, parse_anchor(f"{number}:{digits[:-1]}{other}"), NOW)
    assert forged.broken is not None
    assert forged.broken.code is BreakCode.ANCHOR_DIFFERS
    with pytest.raises(AnchorUnreadableError):
        parse_anchor(f"{number}:{digits[:-2]}")
