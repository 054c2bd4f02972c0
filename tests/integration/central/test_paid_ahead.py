"""What is paid in advance is charged once, whatever is cancelled and billed anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.rebill_bills import RebillBills
from tests.support.actors import CHIEF, person
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import at, bill, found, measured, run, settle
from tests.support.servers import MIGRATED, Database, Template, filled

OCTOBER, JANUARY = date(2026, 10, 1), date(2027, 1, 1)
AGENT = person("agent")
SEATS = """\
tariff: FLAT
effective: {since}
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: cycle}}
charges: [{{id: seat, price: {price}, per: month, in_advance: true}}]
taxes: [{{id: vat, percent: 10, of: [all], point: interval}}]
"""


async def _fill(dsn: str) -> None:
    async with timescale_utility(dsn) as utility:
        utility.now = at(date(2026, 12, 1))
        await found(utility, 1, since=OCTOBER)
        seats = SEATS.format(since="2026-01-01", price=20)
        await utility.enrol.tariff(seats, reason="seats are paid in advance")
        await measured(utility, OCTOBER, JANUARY)
        utility.now = at(date(2026, 12, 2))
        for period in ("2026-10", "2026-11"):
            await settle(utility, period)


pytestmark = pytest.mark.begins_with(Template("template_paid_ahead", filled(_fill), MIGRATED))


@dataclass
class Paying:
    """A customer who pays ahead, October and November issued."""

    utility: Utility

    async def lines(self, period: str) -> list[tuple[str, str]]:
        record = await bill(self.utility, "A-1", period)
        return [(entry.line.key, f"{entry.line.amount:.2f}") for entry in record.bill.lines]

    async def decided(self, uid: UUID) -> None:
        """Approved by the chief, and issued, with what was proposed together."""
        await ApproveBills(self.utility.billing, lambda: self.utility.now).one(uid, CHIEF)
        await IssueBills(self.utility.billing, lambda: self.utility.now).one(uid, CHIEF)

    async def charged(self) -> Decimal:
        """What all issued documents come to, invoices and credit notes."""
        async with pool_of(self.utility).connection() as connection:
            cursor = await connection.execute("SELECT sum(total) FROM bill WHERE state = 'issued'")
            row = await cursor.fetchone()
        assert row is not None
        return Decimal(row[0])


@pytest.fixture
async def paying(migrated: Database) -> AsyncIterator[Paying]:
    async with timescale_utility(migrated.dsn) as utility:
        utility.now = at(date(2026, 12, 2))
        yield Paying(utility)


async def test_the_first_bill_pays_two_months_and_each_other_one(paying: Paying) -> None:
    assert [amount for _, amount in await paying.lines("2026-10")] == ["20.00", "20.00", "4.00"]
    assert [amount for _, amount in await paying.lines("2026-11")] == ["20.00", "2.00"]
    assert await paying.charged() == Decimal("66.00")


async def test_what_a_cancelled_bill_paid_ahead_its_successor_pays_once(paying: Paying) -> None:
    utility = paying.utility
    before = await paying.lines("2026-11")
    november = await bill(utility, "A-1", "2026-11")
    store = TimescaleCancellations(pool_of(utility))
    (note,) = await CancelBills(utility.billing, store, lambda: utility.now)(
        [november.uid], AGENT, "wrong name"
    )
    await paying.decided(note)
    assert await paying.charged() == Decimal("44.00")
    await run(utility, "2026-11")
    anew = await bill(utility, "A-1", "2026-11")
    await paying.decided(anew.uid)
    assert await paying.lines("2026-11") == before
    # December opens with what the new bill paid ahead: it pays for January alone.
    utility.now = at(date(2027, 1, 2))
    await settle(utility, "2026-12")
    assert [amount for _, amount in await paying.lines("2026-12")] == ["20.00", "2.00"]
    assert await paying.charged() == Decimal("88.00")


async def test_another_price_is_charged_once_across_bills_that_are_billed_anew(
    paying: Paying,
) -> None:
    utility = paying.utility
    dearer = SEATS.format(since="2026-11-01", price=26)
    await utility.enrol.tariff(dearer, reason="entered late")
    pool = pool_of(utility)
    store, rebills = TimescaleCancellations(pool), TimescaleRebills(pool)
    rebill = RebillBills(utility.billing, store, rebills, lambda: utility.now)
    first, *_ = await rebill("A-1", AGENT, "another price")
    await paying.decided(first)
    # October at 20, November to January at 26 each, January paid ahead in December, and 10 %.
    utility.now = at(date(2027, 1, 2))
    await settle(utility, "2026-12")
    assert await paying.charged() == Decimal("1.10") * (20 + 3 * 26)
