"""Agreements enrolled, ended, ended anew and withdrawn in any order, with runs and issues between.

Whatever people tell, and whenever: each day is billed once, an occupancy is one unless decided
bills keep it apart, what is carried is settled once, and no bill is held for ever.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from central.domain.billing.bill import Party, RunType
from central.domain.billing.coverage import Coverage
from central.domain.billing.occupancy import Occupancy
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.withdrawals import NamedAgreement
from central.service.registry.withdraw import Withdraw
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CLERK
from tests.support.books import Utility, memory_utility
from tests.support.daily_books import DAY_WH, TARIFF, approve, at, issue, measured, run
from tests.support.size import SOAK, sized

HISTORIES = sized("METERLINE_AGREEMENT_HISTORIES", 12, 1_000)
DAYS = [date(2026, month, day) for month in (8, 9, 10) for day in (1, 16)]
ALL = DayRange(date(2026, 8, 1), date(2026, 12, 1))
MONTHS = ["2026-08", "2026-09", "2026-10", "2026-11"]
# No year reaches its minimum: each day of an occupancy that has ended comes to its share of that,
# whichever bills say it.
YEARLY = 12_000
FLAT = TARIFF.format(name="FLAT", price="0.30").replace("amount: 1,", f"amount: {YEARLY},")
HEIR = FLAT.replace("FLAT", "HEIR") + "takes_over: {yearly: yearly}\n"
_RUNS = {"run", "final", "approve", "issue"}
_FAULTY = {Coverage.TWICE, Coverage.HOLE, Coverage.NOT_CLAIMED, Coverage.NOT_READ}


@dataclass(frozen=True)
class Told:
    """Something that somebody says of an agreement, or does."""

    what: str
    first: date
    end: date | None = None
    tariff: str = "FLAT"
    month: str = "2026-11"


_TOLD = st.builds(
    Told,
    what=st.sampled_from(["agreed", "agreed", "withdrawn", "run", "final", "approve", "issue"]),
    first=st.sampled_from(DAYS),
    end=st.sampled_from([*DAYS[1:], None]),
    tariff=st.sampled_from(["FLAT", "HEIR"]),
    month=st.sampled_from(MONTHS),
)


async def tell(utility: Utility, told: Told) -> None:
    """Do it; what is refused changes nothing."""
    with suppress(OperatorError, InvalidValueError):
        match told.what:
            case "agreed":
                agreed = AgreementRecord("A-1", "SP-1", told.tariff, told.first, told.end)
                await utility.enrol.agreement(agreed)
            case "withdrawn":
                named = NamedAgreement("A-1", "SP-1", told.first)
                use_case = Withdraw(utility.registry, CLERK, lambda: utility.now)
                await use_case.agreement(named, "a mistake")
            case _:
                run_type = RunType.FINAL if told.what == "final" else RunType.REGULAR
                summary = await run(utility, told.month, run_type)
                if told.what in {"approve", "issue"}:
                    await approve(utility, summary)
                if told.what == "issue":
                    await issue(utility, summary)


async def check_occupancies(utility: Utility) -> None:
    """Agreements that follow one another share an occupancy, unless decided bills keep it apart."""
    place = AgreementRecord("A-1", "SP-1", "FLAT", DAYS[0], service="electricity")
    async with utility.registry.transaction(utility.now) as registry:
        agreements = {one.first: one for one in await registry.agreements("SP-1")}
        occupancies = await registry.occupancies(place)
    holder: dict[date, Occupancy] = {
        first: occupancy for occupancy in occupancies for first in occupancy.agreements
    }
    assert holder.keys() == agreements.keys()
    for first, agreed in agreements.items():
        if agreed.end in agreements:
            mine, later = holder[first], holder[agreed.end]
            assert mine is later or later.decided_to is not None or mine.settled


async def check_days(utility: Utility, faulty: set[Coverage]) -> Reconciliation:
    """No validated day is in a state that is wrong."""
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(ReconciledScope(ALL))
    assert {key[2] for key in report.sums} & faulty == set()
    return report


async def settle_all(utility: Utility, history: Sequence[Told]) -> None:
    """Issue all that is due. Each run has its own bills, and some wait for those of another."""
    started = {(told.month, told.what == "final") for told in history if told.what in _RUNS}
    for _ in range(2):
        for month, final in sorted({*started, (MONTHS[-1], False)}):
            summary = await run(utility, month, RunType.FINAL if final else RunType.REGULAR)
            await approve(utility, summary)
            await issue(utility, summary)


async def live(utility: Utility, history: Sequence[Told]) -> None:
    """Months in which everything is measured, and anything is told; then all comes to an end."""
    utility.now = at(ALL.end)
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Power"))
    await enrol.tariff(FLAT)
    await enrol.tariff(HEIR)
    await enrol.service_point(
        PointRecord("SP-1", "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await measured(utility, ALL.first, ALL.end)
    for told in history:
        await tell(utility, told)
        await check_occupancies(utility)
        await check_days(utility, _FAULTY)
    await settle_all(utility, history)
    # Who is there still says after the last bill that he has left.
    async with utility.registry.transaction(utility.now) as registry:
        lasting = [one for one in await registry.agreements("SP-1") if one.end is None]
    for agreed in lasting:
        await utility.enrol.agreement(replace(agreed, end=ALL.end))
    await settle_all(utility, history)
    report = await check_days(utility, {*_FAULTY, Coverage.DUE, Coverage.HELD, Coverage.DRAFT})
    billed = sum(
        (total.total for key, total in report.sums.items() if key[2] is Coverage.BILLED), Decimal(0)
    )
    owed = Decimal(YEARLY) * billed / DAY_WH / 365
    charged = sum((money.totals for money in report.money), Decimal(0))
    bills = sum(money.bills for money in report.money)
    assert abs(charged - owed) <= Decimal("0.01") * bills


@given(st.lists(_TOLD, min_size=3, max_size=14))
# The same histories each time, but for a soak.
@settings(max_examples=HISTORIES, derandomize=not os.environ.get(SOAK), phases=[Phase.generate])
def test_each_day_is_billed_once_and_what_is_carried_is_settled_once(history: list[Told]) -> None:
    async def lived() -> None:
        async with memory_utility() as utility:
            await live(utility, history)

    asyncio.run(lived())
