"""A tax at the rate of the day of issue: what is rated before a change and issued after it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.state import BillState
from central.domain.tariff.load.document import load_table
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.fresh_bills import BillInputsError
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.registry.lookup_tables import keep_table
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, TRADER
from tests.support.books import Utility
from tests.support.daily_books import approve, bill, found, issue, measured, run

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
TARIFF = """\
tariff: T
effective: {effective}
zone: UTC
currency: {{code: EUR, digits: 2}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
taxes: [{{id: vat, percent: {percent}, of: all, point: {point}}}]
"""


async def october(utility: Utility, point: str) -> None:
    """Metered, 10 kWh a day at 0.30; the tax is 21 %, and 10 % from December on."""
    utility.now = datetime(2026, 11, 10, 12, tzinfo=UTC)
    await found(utility, 0)
    enrol = utility.enrol
    for effective, percent in (("2026-01-01", 21), ("2026-12-01", 10)):
        text = TARIFF.format(effective=effective, percent=percent, point=point, price="0.30")
        await enrol.tariff(text)
    channel = PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    await enrol.service_point(PointRecord("SP-1", "UTC"), channel)
    await enrol.account(AccountRecord("A-1", Party("Customer 1")))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "T", OCTOBER))
    await measured(utility, OCTOBER, NOVEMBER)


async def test_so_has_a_rate_of_a_table(utility: Utility) -> None:
    await october(utility, "issue")
    tabled = TARIFF.replace("percent: {percent}", "rate: vat_rate")
    text = tabled.format(effective="2026-02-01", point="issue", price="0.30")
    await utility.enrol.tariff(text + "tables: {vat_rate: {table: es-vat, unit: percent}}\n")
    await utility.enrol.withdraw_tariff("T", date(2026, 12, 1), "the table says it")
    table = "table: es-vat\nunit: percent\nrows:\n"
    rows = "  - {from: 2026-01-01, values: 21}\n  - {from: 2026-12-01, values: 10}\n"
    await keep_table(utility.series, load_table(table + rows), TRADER)
    summary = await run(utility, "2026-10")
    assert await vat(utility) == (Decimal(21), Decimal("19.53"))
    assert await approve(utility, summary) == []
    utility.now = datetime(2026, 12, 3, 12, tzinfo=UTC)
    assert await issue(utility, summary) == [("A-1", "BILL_STALE")]
    summary = await run(utility, "2026-10")
    assert await vat(utility) == (Decimal(10), Decimal("9.30"))
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def vat(utility: Utility) -> tuple[Decimal | None, Decimal]:
    """Percent and amount on the bill of October."""
    lines = (await bill(utility, "A-1", "2026-10")).bill.lines
    ((price, amount),) = [
        (one.line.price, one.line.amount) for one in lines if one.line.id == "vat"
    ]
    return price, amount


async def test_what_was_approved_before_is_issued_with_the_rate_of_the_day(
    utility: Utility,
) -> None:
    await october(utility, "issue")
    summary = await run(utility, "2026-10")
    # 310 kWh at 0.30: 93.00, and 21 % of it.
    assert await vat(utility) == (Decimal(21), Decimal("19.53"))
    assert await approve(utility, summary) == []
    utility.now = datetime(2026, 12, 3, 12, tzinfo=UTC)
    uid = (await bill(utility, "A-1", "2026-10")).uid
    with pytest.raises(BillInputsError, match="day of issue: another version of T") as refused:
        await IssueBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
    assert "bill run --cycle 2026-10" in str(refused.value)
    record = await bill(utility, "A-1", "2026-10")
    assert (record.bill.state, record.number) == (BillState.DRAFT, None)
    summary = await run(utility, "2026-10")
    assert await vat(utility) == (Decimal(10), Decimal("9.30"))
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []
    issued = await bill(utility, "A-1", "2026-10")
    assert issued.bill.sha256 == issued.sha256
    # An issued bill keeps its rate, whatever day it is.
    utility.now = datetime(2027, 2, 1, 12, tzinfo=UTC)
    assert await utility.billing.changed_inputs([issued.uid], utility.now) == set()


async def test_a_draft_is_not_approved_with_the_rate_of_an_earlier_day(utility: Utility) -> None:
    await october(utility, "issue")
    summary = await run(utility, "2026-10")
    utility.now = datetime(2026, 12, 1, 0, tzinfo=UTC)
    assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
    await run(utility, "2026-10")
    assert await vat(utility) == (Decimal(10), Decimal("9.30"))


async def test_another_price_on_the_day_of_issue_stops_nothing(utility: Utility) -> None:
    await october(utility, "issue")
    text = TARIFF.format(effective="2026-11-15", percent=21, point="issue", price="0.50")
    await utility.enrol.tariff(text)
    summary = await run(utility, "2026-10")
    assert await approve(utility, summary) == []
    utility.now = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert await issue(utility, summary) == []
    assert await vat(utility) == (Decimal(21), Decimal("19.53"))


async def test_the_due_date_moves_with_the_days_to_pay(utility: Utility) -> None:
    await october(utility, "due")
    summary = await run(utility, "2026-10")
    # 10 November and 14 days; 21 days would be 1 December.
    assert await vat(utility) == (Decimal(21), Decimal("19.53"))
    assert await approve(utility, summary) == []
    change = ChangeSettings(utility.settings, lambda: utility.now)
    await change(SettingsChange(due_days=21), CLERK, "more time")
    assert await issue(utility, summary) == [("A-1", "BILL_STALE")]
    summary = await run(utility, "2026-10")
    assert await vat(utility) == (Decimal(10), Decimal("9.30"))
    use_case = ApproveBills(utility.billing, lambda: utility.now)
    assert (await use_case.run(summary.run, CHIEF)).count == 1
    assert await issue(utility, summary) == []
