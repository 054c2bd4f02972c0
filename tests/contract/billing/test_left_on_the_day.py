"""Who leaves on the day on which the next tariff would have begun is settled as if it never had."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.billing import BillRecord
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.withdrawals import NamedAgreement
from central.service.registry.withdraw import Withdraw
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK
from tests.support.books import Utility
from tests.support.daily_books import approve, bill, found, measured, run, sells, settle

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (8, 9, 10, 11))
NAMES = ("A-1", "A-2")
HEAD = """\
tariff: {name}
effective: 2026-01-01
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
taxes: [{{id: vat, percent: 10, of: all, point: interval}}]
"""
USED = "determinants: {kwh: {sum: import}}\n"
NET = """\
series: {{net: {{expr: import - export}}}}
determinants: {{kwh: {{sum: net, bank: {bank}, netting: month}}}}
banks: {{{bank}: {{unit: kWh, at_end: {{pay: {pay}}}}}}}
"""
SUN = NET.format(bank="sun", pay="0.09")
YEAR = "minimums: [{{id: {id}, of: energy, amount: {amount}, per: year, share: days{more}}}]\n"
TERM = (
    "commitments: [{{id: {id}, of: energy, amount: {amount}, per: term, months: 12, share: days,"
    " begins: 2026-08-01}}]\n"
)
RATCHET = """\
determinants: {{kwh: {{sum: import}}, {kw}: {{max: import, window: 1440m}}}}
state: {{{kw}: {{months: 11}}}}
"""
SOLD = """\
determinants: {{kwh: {{sum: import}}, sold: {{sum: export}}}}
banks: {{{bank}: {{earn: sold, price: 0.20, offsets: energy, at_end: {{pay: {pay}}}}}}}
"""
LEVELLED = "settlement: [{budget_billing: {months: 12, settle_up: 4}}]\n"
# What the tariff has, what the next one has, and what the issued bill settles of it already.
CASES = {
    "bank": (
        NET.format(bank="nem", pay="0.04"),
        SUN + "takes_over: {nem: sun}\n",
    ),
    "bank that lapses": (NET.format(bank="nem", pay="0.04"), SUN + "takes_over: {nem: none}\n"),
    "bank of money": (
        SOLD.format(bank="wallet", pay="1"),
        SOLD.format(bank="purse", pay="0.5") + "takes_over: {wallet: purse}\n",
    ),
    "minimum": (
        USED + YEAR.format(id="yearly", amount=1200, more=""),
        USED + YEAR.format(id="at_least", amount=99, more="") + "takes_over: {yearly: at_least}\n",
    ),
    "commitment": (
        USED + TERM.format(id="promise", amount=2400),
        USED + TERM.format(id="other", amount=12) + "takes_over: {promise: other}\n",
    ),
    "ratchet": (
        RATCHET.format(kw="kw"),
        RATCHET.format(kw="top") + "takes_over: {kw: top}\n",
    ),
    "budget": (USED + LEVELLED, USED + LEVELLED),
    "all": (
        USED + YEAR.format(id="yearly", amount=1200, more="") + LEVELLED,
        USED
        + YEAR.format(id="at_least", amount=99, more="")
        + LEVELLED
        + "takes_over: {yearly: at_least}\n",
    ),
}
OWNED = (
    USED + YEAR.format(id="yearly", amount=1200, more=", owner: account"),
    USED
    + YEAR.format(id="at_least", amount=2400, more=", owner: account")
    + "takes_over: {yearly: at_least}\n",
)


async def issued(utility: Utility, own: str, after: str, customers: int = 2) -> None:
    """August and September are issued; the first customer's is handed over to the next tariff."""
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(HEAD.format(name="MINE", price="0.10") + own)
    await enrol.tariff(HEAD.format(name="NEXT", price="0.30") + after)
    channel = 1
    for number in range(1, customers + 1):
        await enrol.service_point(
            PointRecord(f"SP-{number}", "UTC"),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
            sells(),
        )
        await enrol.account(AccountRecord(f"A-{number}", Party("Customer")))
        await enrol.agreement(agreed(number, OCTOBER if number == 1 else None))
        for of_day, wh in ((channel, 10_000), (channel + 1, 25_000)):
            await measured(utility, AUGUST, SEPTEMBER, of_day, wh=wh)
            await measured(utility, SEPTEMBER, OCTOBER, of_day, wh=wh + 2_000)
            await measured(utility, OCTOBER, NOVEMBER, of_day, wh=wh)
        channel += 2
    await enrol.agreement(replace(agreed(1), tariff="NEXT", first=OCTOBER))
    await settle(utility, "2026-09")


def agreed(number: int, end: date | None = None) -> AgreementRecord:
    return AgreementRecord(f"A-{number}", f"SP-{number}", "MINE", AUGUST, end)


async def take_back(utility: Utility) -> None:
    """The first customer never came to the next tariff."""
    withdraw = Withdraw(utility.registry, CLERK, lambda: utility.now)
    await withdraw.agreement(NamedAgreement("A-1", "SP-1", OCTOBER), "has left on that day")


def told(record: BillRecord) -> list[tuple[object, ...]]:
    return [(e.line.id, e.line.name, e.line.quantity, e.line.amount) for e in record.bill.lines]


@pytest.mark.parametrize("case", CASES)
async def test_it_is_settled_as_of_one_who_never_was_to_go_on(utility: Utility, case: str) -> None:
    await issued(utility, *CASES[case])
    await take_back(utility)
    await utility.enrol.agreement(agreed(2, OCTOBER))
    summary = await settle(utility, "2026-09")
    assert summary.bills == {BillState.ISSUED: 6}
    left, never = [await bill(utility, name, "2026-09") for name in NAMES]
    assert left.bill.supplies[0].settles
    assert told(left) == told(never)
    assert left.bill.bank_texts == never.bill.bank_texts
    assert left.bill.supplies[0].tariff == "MINE"
    reconcile = Reconcile(utility.reconciliation, lambda: utility.now)
    days = DayRange(AUGUST, OCTOBER)
    money = [(await reconcile(ReconciledScope(days, account=name))).money for name in NAMES]
    assert money[0] == money[1]
    assert all(one.balanced for one in money[0])


@pytest.mark.parametrize("case", ["bank", "minimum"])
async def test_who_goes_on_after_all_opens_with_what_the_own_tariff_left(
    utility: Utility, case: str
) -> None:
    await issued(utility, *CASES[case])
    await take_back(utility)
    await utility.enrol.agreement(agreed(1))
    await settle(utility, "2026-10")
    mistaken, never = [await bill(utility, name, "2026-10") for name in NAMES]
    assert told(mistaken) == told(never)
    assert mistaken.bill.bank_texts == never.bill.bank_texts


async def test_another_tariff_takes_over_what_the_own_one_left(utility: Utility) -> None:
    await issued(utility, *CASES["bank"])
    enrol = utility.enrol
    third = HEAD.format(name="THIRD", price="0.20") + SUN + "takes_over: {nem: sun}\n"
    await enrol.tariff(third)
    await take_back(utility)
    for number in (1, 2):
        await enrol.agreement(agreed(number, OCTOBER))
        await enrol.agreement(replace(agreed(number), tariff="THIRD", first=OCTOBER))
    await settle(utility, "2026-10")
    mistaken, never = [await bill(utility, name, "2026-10") for name in NAMES]
    assert told(mistaken) == told(never)
    assert mistaken.bill.bank_texts == never.bill.bank_texts


async def test_what_got_another_name_with_the_account_is_settled_by_the_next_tariff(
    utility: Utility,
) -> None:
    await issued(utility, *OWNED, customers=1)
    await take_back(utility)
    enrol = utility.enrol
    for going_on in (agreed(1), replace(agreed(1), tariff="MINE", first=OCTOBER)):
        with pytest.raises(PeriodBilledError, match="handed what it left over to NEXT"):
            await enrol.agreement(going_on)
    summary = await run(utility, "2026-09")
    settlement = await bill(utility, "A-1", "2026-09")
    # 2,400.00 x 61 / 365, less 31.00 and 36.00.
    assert [str(entry.line.amount) for entry in settlement.bill.lines] == ["334.10", "33.41"]
    again = HEAD.format(name="NEXT", price="0.30") + OWNED[1]
    await enrol.tariff(again.replace("2026-01-01", "2026-09-30"))
    assert await approve(utility, summary) == [("A-1", "BILL_STALE")]
    await settle(utility, "2026-09")
    # What is left is settled: now another agreement may begin.
    await enrol.agreement(replace(agreed(1), first=OCTOBER))
    await settle(utility, "2026-10")
