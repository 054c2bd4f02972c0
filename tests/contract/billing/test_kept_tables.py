"""Lookup tables outside of tariffs, on every store: a decree is one change for all that name it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.tariff.load.document import load_table
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillRecord
from central.service.ports.registry import NotRegisteredError
from central.service.ports.series import TableConflictError
from central.service.registry.lookup_tables import KeptTable, keep_table, withdraw_table
from tests.contract.billing.test_series import CYCLE, spot_customer
from tests.support.actors import CLERK, TRADER
from tests.support.books import NOW, Utility

TARIFF = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
needs: {}
tables:
  price: {table: energy-price, unit: EUR}
  vat_rate: {table: es-vat, unit: percent}
determinants: {kwh: {sum: import}}
charges:
  - {id: energy, qty: kwh, rate: price}
taxes:
  - {id: vat, rate: vat_rate, of: all, point: period_end}
"""
PRICE = load_table("table: energy-price\nunit: EUR\nrows: [{from: 2026-01-01, values: 0.10}]\n")
VAT = load_table("table: es-vat\nunit: percent\nrows: [{from: 2026-01-01, values: 21}]\n")
CUT = load_table("table: es-vat\nunit: percent\nrows: [{from: 2026-10-16, values: 10}]\n")


async def billed(utility: Utility) -> BillRecord:
    summary = await RunBills(utility.billing, lambda: NOW)(CYCLE, CLERK)
    (head,) = await utility.billing.heads(summary.run)
    record = await utility.billing.bill(head.uid)
    assert record is not None
    return record


def amounts(record: BillRecord) -> dict[str, Decimal]:
    return {entry.line.key: entry.line.amount for entry in record.bill.lines}


async def test_a_decree_changes_the_table_and_so_the_drafts_that_name_it(utility: Utility) -> None:
    await spot_customer(utility, TARIFF)
    assert [hold.code for hold in (await billed(utility)).bill.holds] == ["MISSING_FACT"]
    assert await keep_table(utility.series, PRICE, TRADER) == KeptTable(added=1)
    assert await keep_table(utility.series, VAT, TRADER) == KeptTable(added=1)
    assert await keep_table(utility.series, VAT, TRADER) == KeptTable(unchanged=1)
    first = await billed(utility)
    # 74.5 kWh at 0.10, and 21 % of 7.45.
    assert amounts(first) == {"energy": Decimal("7.45"), "vat": Decimal("1.56")}
    again = await billed(utility)
    assert (again.sha256, again.uid) == (first.sha256, first.uid)
    await keep_table(utility.series, CUT, TRADER)
    # The rate of the last day; the energy of the month is not cut.
    assert amounts(await billed(utility)) == {"energy": Decimal("7.45"), "vat": Decimal("0.75")}
    await withdraw_table(utility.series, "es-vat", date(2026, 10, 16), TRADER, "not in force")
    assert amounts(await billed(utility)) == amounts(first)


async def test_numbers_that_are_kept_change_only_with_a_reason(utility: Utility) -> None:
    await keep_table(utility.series, VAT, TRADER)
    other = load_table("table: es-vat\nunit: percent\nrows: [{from: 2026-01-01, values: 20}]\n")
    with pytest.raises(TableConflictError):
        await keep_table(utility.series, other, TRADER)
    done = await keep_table(utility.series, other, TRADER, reason="misprint")
    assert (done.added, done.corrected) == (0, 1)
    async with utility.series.transaction() as kept:
        history = await kept.table_history("es-vat")
        assert await kept.table_history("other") == ()
    assert [(entry.version.revision, entry.reason) for entry in history] == [
        (1, None),
        (2, "misprint"),
    ]
    assert [entry.version.entries for entry in history] == [
        (((), Decimal(21)),),
        (((), Decimal(20)),),
    ]


async def test_a_table_stays_in_its_unit_and_by_its_keys(utility: Utility) -> None:
    await keep_table(utility.series, VAT, TRADER)
    for change in ("unit: EUR\n", "unit: percent\nby: [class]\n"):
        values = "{a: 1}" if "class" in change else "1"
        text = f"table: es-vat\n{change}rows: [{{from: 2027-01-01, values: {values}}}]\n"
        with pytest.raises(TableConflictError):
            await keep_table(utility.series, load_table(text), TRADER, reason="other")
    with pytest.raises(NotRegisteredError):
        await withdraw_table(utility.series, "es-vat", date(2026, 1, 2), TRADER, "no such date")


async def test_a_tariff_that_reads_a_table_otherwise_holds_its_bills(utility: Utility) -> None:
    await spot_customer(utility, TARIFF.replace("unit: EUR}", "unit: cent}"))
    await keep_table(utility.series, PRICE, TRADER)
    await keep_table(utility.series, VAT, TRADER)
    (hold,) = (await billed(utility)).bill.holds
    assert hold.code == "TARIFF_REFUSED"
    assert "energy-price is kept in EUR" in hold.evidence
