"""A tax rate that changes inside or after a period: bill, adjustment, credit note and rebill.

What is right is computed here, from days and percents alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from uuid import UUID

import psycopg

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.domain.billing.bill import Bill, Party
from central.domain.billing.correction import CorrectionWay
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.rebill_bills import RebillBills
from central.service.ports.billing import BillRecord
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK, person
from tests.support.books import Utility, pool_of
from tests.support.corrected_books import corrected_utility, late
from tests.support.daily_books import DAY, bill, found, measured, settle
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
TARIFF = """\
tariff: {name}
effective: {effective}
zone: UTC
currency: {{code: EUR, digits: 2}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: 0.333}}]
taxes: [{{id: vat, percent: {percent}, of: all, point: {point}}}]
"""
INSIDE, AFTER = date(2026, 10, 16), date(2026, 11, 20)
CASES = [(point, change) for point in ("interval", "period_end") for change in (INSIDE, AFTER)]
# October is issued on 25 November and due on 9 December, November on the 2nd and due on the 16th.
ISSUED_ON = {OCTOBER: date(2026, 11, 25), NOVEMBER: date(2026, 12, 2)}
CASES += [("issue", change) for change in (INSIDE, AFTER, DECEMBER)]
CASES += [("due", change) for change in (INSIDE, date(2026, 12, 5), date(2026, 12, 12))]
BEFORE, SINCE = Decimal(21), Decimal(10)
ISSUED = """\
SELECT sum(bill.total) FROM bill JOIN account ON account.id = account_id
WHERE bill.state = 'issued' AND account.number = %s
"""


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def percent(change: date, day: date) -> Decimal:
    return SINCE if day >= change else BEFORE


def right(
    point: str, change: date, first: date, more: Mapping[date, int]
) -> tuple[Decimal, dict[Decimal, Decimal]]:
    """Energy and taxes by percent of a month with 10 kWh a day but for some."""
    end = (first + 31 * DAY).replace(day=1)
    days = [first + DAY * number for number in range((end - first).days)]
    energy: list[tuple[Decimal, Decimal]] = []
    for rate, of_rate in groupby(days, lambda day: percent(change, day)):
        kwh = sum(more.get(day, 10) for day in of_rate)
        energy.append((rate, cents(kwh * Decimal("0.333"))))
    net = sum((amount for _, amount in energy), Decimal(0))
    issued = ISSUED_ON[first]
    of_all = {"period_end": days[-1], "issue": issued, "due": issued + 14 * DAY}
    if point in of_all:
        rate = percent(change, of_all[point])
        return net, {rate: cents(net * rate / 100)}
    return net, {rate: cents(amount * rate / 100) for rate, amount in energy}


async def customers(utility: Utility) -> None:
    """An account for each case, each with a tariff of its own, October issued."""
    utility.now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    await found(utility, 0)
    enrol = utility.enrol
    for number, (point, change) in enumerate(CASES, start=1):
        for effective, rate in ((date(2026, 1, 1), BEFORE), (change, SINCE)):
            text = TARIFF.format(name=f"T-{number}", effective=effective, percent=rate, point=point)
            await enrol.tariff(text)
        channel = PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
        await enrol.service_point(PointRecord(f"SP-{number}", "UTC"), channel)
        await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
        agreed = AgreementRecord(f"A-{number}", f"SP-{number}", f"T-{number}", OCTOBER)
        await enrol.agreement(agreed)
        await measured(utility, OCTOBER, DECEMBER, number)
    await settle(utility, "2026-10")


async def taxed(utility: Utility, number: int, period: str) -> dict[Decimal, Decimal]:
    """Taxes of a bill by the percent that is printed with them, adjustments left out."""
    record = await bill(utility, f"A-{number}", period)
    return {
        entry.line.price: entry.line.amount
        for entry in record.bill.lines
        if entry.line.kind == "tax" and entry.line.price and not entry.line.adjusts
    }


async def taxes_of(utility: Utility, uid: UUID) -> list[tuple[Decimal | None, Decimal]]:
    """Percents and amounts of the taxes of a document."""
    record = await utility.billing.bill(uid)
    assert record is not None
    return _taxes(record.bill)


def mirrored(cancelled: BillRecord) -> list[tuple[Decimal | None, Decimal]]:
    """The same of what mirrors a document; adjustments went with the bill that was made anew."""
    return sorted((price, -amount) for price, amount in _taxes(cancelled.bill))


def _taxes(document: Bill) -> list[tuple[Decimal | None, Decimal]]:
    lines = (entry.line for entry in document.lines)
    taxes = (line for line in lines if line.kind == "tax" and not line.adjusts)
    return sorted((line.price, line.amount) for line in taxes)


async def test_each_document_has_the_rate_of_its_point(migrated: Database) -> None:
    async with corrected_utility(migrated.dsn) as books:
        pool = pool_of(books.utility)
        utility = books.utility
        await customers(utility)
        for number, (point, change) in enumerate(CASES, start=1):
            record = await bill(utility, f"A-{number}", "2026-10")
            net, taxes = right(point, change, OCTOBER, {})
            assert (record.bill.amounts.net, await taxed(utility, number, "2026-10")) == (
                net,
                taxes,
            )
        more = {OCTOBER: 25, date(2026, 10, 20): 17}
        for number in range(1, len(CASES) + 1):
            await late(utility, OCTOBER, 25_000, number)
            await late(utility, date(2026, 10, 20), 17_000, number)
            adjust = CorrectionWay.ADJUST
            uid = await books.correct.decide(f"A-{number}", adjust, CLERK, "late")
            await books.correct.approve(uid, CHIEF)
        utility.now = datetime(2026, 12, 2, 12, tzinfo=UTC)
        await settle(utility, "2026-11")
        for number, (point, change) in enumerate(CASES, start=1):
            was, now = right(point, change, OCTOBER, {}), right(point, change, OCTOBER, more)
            record = await bill(utility, f"A-{number}", "2026-11")
            adjusted = [entry.line for entry in record.bill.lines if entry.line.adjusts]
            assert sum(line.amount for line in adjusted if line.kind != "tax") == now[0] - was[0]
            # The rate of then, printed with it; and November has its own.
            assert {line.price: line.amount for line in adjusted if line.kind == "tax"} == {
                rate: amount - was[1][rate] for rate, amount in now[1].items()
            }
            net, taxes = right(point, change, NOVEMBER, {})
            assert await taxed(utility, number, "2026-11") == taxes
        await billed_anew(utility, pool, migrated, more | {date(2026, 10, 20): 11})


async def billed_anew(
    utility: Utility, pool: object, database: Database, more: Mapping[date, int]
) -> None:
    """What was adjusted is billed anew, and November cancelled."""
    store = TimescaleCancellations(pool)  # type: ignore[arg-type]
    rebills = TimescaleRebills(pool)  # type: ignore[arg-type]
    rebill = RebillBills(utility.billing, store, rebills, lambda: utility.now)
    cancel = CancelBills(utility.billing, store, lambda: utility.now)
    agent = person("agent")
    for number, (point, change) in enumerate(CASES, start=1):
        await late(utility, date(2026, 10, 20), 11_000, number, version=3)
        (anew,) = await rebill(f"A-{number}", agent, "later")
        november = await bill(utility, f"A-{number}", "2026-11")
        notes = await cancel([november.uid], agent, "again")
        for uid in (anew, *notes):
            await ApproveBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
            await IssueBills(utility.billing, lambda: utility.now).one(uid, CHIEF)
        net, taxes = right(point, change, OCTOBER, more)
        assert await taxed(utility, number, "2026-10") == taxes
        for uid in notes:
            # The note mirrors what it cancels, at the rates of then.
            assert await taxes_of(utility, uid) == mirrored(november)
        with psycopg.connect(database.dsn) as owner:
            ((total,),) = owner.execute(ISSUED, [f"A-{number}"]).fetchall()
        assert total == net + sum(taxes.values())
