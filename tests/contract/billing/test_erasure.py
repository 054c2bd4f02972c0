"""What is personal of an account is erased; log, bills and hashes stay whole, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.service.audit.verify import verify_audit
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.run_bills import RunBills
from central.service.ports.audit import AuditFilter
from central.service.ports.erasure import AccountErasedError, AccountInUseError, RetainedError
from central.service.ports.registry import AccountRecord, AgreementRecord, NotRegisteredError
from central.service.registry.erase_account import EraseAccount
from tests.contract.billing.test_settlement import moved_out
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOVEMBER, NOW, OCTOBER, Utility, month
from tests.support.daily_books import settle

AGREED = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), billing_from=OCTOBER)


def erase(utility: Utility) -> EraseAccount:
    return EraseAccount(utility.registry, utility.settings, CLERK, lambda: utility.now)


async def test_an_account_is_erased_when_nothing_needs_it_any_more(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    asked = "asked for by the customer"
    with pytest.raises(AccountInUseError, match="agreement"):
        await erase(utility)("A-1", asked)
    await utility.enrol.agreement(replace(AGREED, end=NOVEMBER))
    with pytest.raises(AccountInUseError, match="not billed"):
        await erase(utility)("A-1", asked)
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    with pytest.raises(AccountInUseError, match="not issued"):
        await erase(utility)("A-1", asked)
    await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    with pytest.raises(RetainedError, match="how many years"):
        await erase(utility)("A-1", asked)
    change = ChangeSettings(utility.settings, lambda: NOW)
    await change(SettingsChange(retention_years=10), CHIEF, "by law", None)
    with pytest.raises(RetainedError, match="2036-11-20"):
        await erase(utility)("A-1", asked)

    utility.now = datetime(2036, 11, 20, 12, tzinfo=UTC)
    await utility.audit.seal(utility.now)
    assert await erase(utility)("A-1", asked) == 1
    async with utility.registry.transaction(utility.now) as registry:
        account = await registry.account("A-1")
        history = await registry.revisions("account", "A-1")
    assert account is not None
    assert account.party == Party("erased")
    assert not any("Customer 1" in str(entry.content) for entry in history)
    rows = await utility.audit.rows(AuditFilter(subject="A-1"), 99)
    assert "Customer 1" not in str(rows)
    assert rows[0].action == "account.erased"
    assert {"erased": True} in [row.detail["new"].get("name") for row in rows]
    await utility.audit.seal(utility.now)
    assert (await verify_audit(utility.audit, {}, utility.now)).broken is None
    (head,) = await utility.billing.heads(summary.run)
    record = await utility.billing.bill(head.uid)
    assert record is not None
    assert record.issue is not None
    assert record.bill.buyer.name == "Customer 1", "an issued bill says what it said"
    assert record.issue.content_sha256(record.sha256 or "") == record.content_sha256

    with pytest.raises(AccountErasedError, match="2036-11-20"):
        await erase(utility)("A-1", asked)
    with pytest.raises(AccountErasedError):
        await utility.enrol.account(AccountRecord("A-1", Party("Customer 1")))


async def test_an_account_that_was_never_billed_is_erased_at_once(utility: Utility) -> None:
    await utility.found()
    await utility.enrol.account(AccountRecord("A-7", Party("Customer 7", ("Calle 7",))))
    assert await erase(utility)("A-7", "entered by mistake") == 0
    utility.now += timedelta(days=1)
    with pytest.raises(NotRegisteredError):
        await erase(utility)("A-9", "nobody")
    wanted = AuditFilter(subject="A-1", action="account")
    assert "Customer 1" in str(await utility.audit.rows(wanted, 9)), "others stay"


async def test_an_account_is_not_erased_before_what_it_left_is_settled(utility: Utility) -> None:
    await moved_out(utility)
    with pytest.raises(AccountInUseError, match="settled what the account A-1 left") as refused:
        await erase(utility)("A-1", "asked for by the customer")
    assert "bill run --final" in str(refused.value.remedy)
    await settle(utility, "2026-09")
    with pytest.raises(RetainedError):
        await erase(utility)("A-1", "asked for by the customer")
