"""What is fixed when a bill is issued, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.billing_settings import BillingSettingsError
from central.domain.billing.issue import FixedBy
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.ports.billing import BillRecord
from central.service.ports.billing_settings import StaleSettingsError
from central.service.ports.registry import AccountRecord
from tests.contract.billing.test_reading_to_bill import bill, record
from tests.support.actors import CHIEF
from tests.support.books import HOURLY, NOW, Utility, month

# In Madrid it is the next day, and the next year, already.
NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


async def approved(utility: Utility, customers: int = 1) -> list[BillRecord]:
    """Bills of October, approved."""
    edge = await utility.found(customers=customers, period_s=HOURLY)
    names = [f"S{number}" for number in range(1, customers + 1)]
    await utility.deliver(edge, *(month(name, period_s=HOURLY) for name in names))
    await utility.validate()
    summary = await bill(utility)
    await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    return [await record(utility, summary, f"A-{one}") for one in range(1, customers + 1)]


async def issued(utility: Utility, one: BillRecord, at: datetime = NOW) -> BillRecord:
    await IssueBills(utility.billing, lambda: at).one(one.uid, CHIEF)
    found = await utility.billing.bill(one.uid)
    assert found is not None
    return found


def settings(utility: Utility) -> ChangeSettings:
    return ChangeSettings(utility.settings, lambda: NOW)


async def test_a_bill_is_given_what_the_utilitys_settings_say(utility: Utility) -> None:
    change = SettingsChange(
        series="ES26", width=4, due_days=20, payment_text="IBAN ES12", footer_text="Thank you."
    )
    await settings(utility)(change, CHIEF, "a new year's series")
    (one,) = await approved(utility)
    made = await issued(utility, one)
    assert made.issue is not None
    assert made.number == made.issue.number == "ES26-0001"
    assert (made.issue.issued, made.issue.due) == (date(2026, 11, 20), date(2026, 12, 10))
    assert (made.issue.payment_text, made.issue.footer_text) == ("IBAN ES12", "Thank you.")
    assert (made.issue.settings_revision, made.issue.fixed_by) == (2, FixedBy.ISSUE)
    assert made.content_sha256 == made.issue.content_sha256(made.sha256 or "")


async def test_what_is_issued_stays_whatever_settings_and_registry_say_later(
    utility: Utility,
) -> None:
    (one,) = await approved(utility)
    before = await issued(utility, one)
    change = SettingsChange(series="OTHER", due_days=1, payment_text="elsewhere")
    await settings(utility)(change, CHIEF, "try")
    await utility.enrol.account(AccountRecord("A-1", Party("Somebody Else")))
    await utility.enrol.seller(Party("Another Power"), "merged")
    after = await utility.billing.bill(one.uid)
    assert after == before
    assert after is not None
    assert (after.bill.buyer.name, after.bill.seller.name) == ("Customer 1", "Sierra Power")


async def test_the_day_of_issue_is_local_and_a_yearly_series_begins_anew(utility: Utility) -> None:
    await settings(utility)(SettingsChange(yearly=True), CHIEF, "the law asks for it")
    first, second, third = await approved(utility, 3)
    old = await issued(utility, first)
    assert (old.number, old.series) == ("INV-2026-000001", "INV-2026")
    new = await issued(utility, second, NEW_YEAR)
    assert new.issue is not None
    assert (new.issue.number, new.issue.issued) == ("INV-2027-000001", date(2027, 1, 1))
    # The utility may say in which zone its days are.
    await settings(utility)(SettingsChange(zone="America/Bogota"), CHIEF, "our seat")
    last = await issued(utility, third, NEW_YEAR)
    assert last.issue is not None
    assert (last.issue.number, last.issue.issued) == ("INV-2026-000002", date(2026, 12, 31))


async def test_a_change_holds_from_its_day_on(utility: Utility) -> None:
    change = settings(utility)
    await change(SettingsChange(series="ES27"), CHIEF, "next year", date(2027, 1, 1))
    first, second = await approved(utility, 2)
    assert (await issued(utility, first)).number == "INV-000001"
    assert (await issued(utility, second, NEW_YEAR)).number == "ES27-000001"
    assert (await change.current(date(2026, 12, 31))).revision == 1
    assert (await change.current(date(2027, 1, 1))).revision == 2


async def test_no_number_is_gone_where_one_bill_is_not_approved(utility: Utility) -> None:
    first, second = await approved(utility, 2)
    await issued(utility, first)
    with pytest.raises(Exception, match="none was changed"):
        await utility.billing.issue([second.uid, first.uid], CHIEF, NOW)
    assert (await issued(utility, second)).number == "INV-000002"


async def test_a_change_says_what_was_and_what_is(utility: Utility) -> None:
    change = settings(utility)
    made = await change(SettingsChange(due_days=30), CHIEF, " customers asked ")
    assert (made.revision, made.effective, made.reason) == (2, NOW.date(), "customers asked")
    assert made.recorded_at == NOW
    assert await change(SettingsChange(due_days=30), CHIEF, "again") == made
    assert [one.revision for one in await utility.settings.revisions()] == [1, 2]
    with pytest.raises(BillingSettingsError):
        await change(SettingsChange(due_days=31), CHIEF, "  ")


async def test_two_cannot_record_one_revision(utility: Utility) -> None:
    (first,) = await utility.settings.revisions()
    second = replace(first, revision=2)
    await utility.settings.add(second, CHIEF, {})
    with pytest.raises(StaleSettingsError):
        await utility.settings.add(second, CHIEF, {})
