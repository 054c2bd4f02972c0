"""What is an account's own is settled with the last of its occupancies, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
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
from tests.contract.billing.test_settlement import (
    AUGUST,
    NOVEMBER,
    OCTOBER,
    OWING,
    SEPTEMBER,
    SETTLED,
    lines,
    moved_out,
)
from tests.support.actors import CLERK
from tests.support.books import Utility
from tests.support.daily_books import approve, at, bill, found, issue, measured, run, settle

PLAIN = OWING[: OWING.index("minimums")] + OWING[OWING.index("taxes") :]
POINTS = (1, 2)


async def ends(utility: Utility, number: int, end: date | None) -> list[str]:
    """Say when A-1 leaves a point; what was discarded."""
    enrol = utility.enrol
    await enrol.agreement(AgreementRecord("A-1", f"SP-{number}", "OWING", AUGUST, end))
    return enrol.discarded


async def test_a_draft_of_it_goes_where_another_occupancy_goes_on(utility: Utility) -> None:
    await found(utility, 0)
    enrol = utility.enrol
    await enrol.tariff(PLAIN)
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    for number in POINTS:
        await enrol.service_point(
            PointRecord(f"SP-{number}", "UTC"),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
        )
        await ends(utility, number, None)
        await measured(utility, AUGUST, SEPTEMBER, channel=number)
        await measured(utility, SEPTEMBER, OCTOBER, channel=number, wh=40_000)
    await measured(utility, OCTOBER, NOVEMBER)
    await settle(utility, "2026-09")
    for number in POINTS:
        await ends(utility, number, OCTOBER)
    assert (await run(utility, "2026-09")).bills == {BillState.ISSUED: 2, BillState.DRAFT: 1}
    deferred = lines(await bill(utility, "A-1", "2026-09"))
    assert [line for line, _ in deferred] == ["budget_billing"]
    # It settles what SP-2 would leave the account, and nothing of SP-2 itself.
    assert await ends(utility, 1, NOVEMBER) == ["A-1/2026-09"]
    await settle(utility, "2026-10")
    assert lines(await bill(utility, "A-1", "2026-10"))[-1][0] == "budget_billing"
    asked = await run(utility, "2026-10")
    assert BillState.HELD not in asked.bills


async def test_the_last_agreement_is_ended_and_not_withdrawn_while_something_is_left(
    utility: Utility,
) -> None:
    await moved_out(utility)
    enrol = utility.enrol
    await enrol.service_point(
        PointRecord("SP-2", "UTC"), PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR)
    )
    mistaken = AgreementRecord("A-1", "SP-2", "OWING", NOVEMBER)
    await enrol.agreement(mistaken)
    summary = await run(utility, "2026-09")
    assert lines(await bill(utility, "A-1", "2026-09")) == SETTLED[:2]
    withdraw = Withdraw(utility.registry, CLERK, lambda: utility.now)
    named = NamedAgreement("A-1", "SP-2", NOVEMBER)
    await approve(utility, summary)
    await issue(utility, summary)
    with pytest.raises(PeriodBilledError, match="budget_billing") as refused:
        await withdraw.agreement(named, "entered by mistake")
    assert "end it on a later day" in str(refused.value.remedy)
    # As the remedy says.
    await measured(utility, NOVEMBER, date(2026, 11, 2), channel=2, wh=0)
    await enrol.agreement(replace(mistaken, end=date(2026, 11, 2)))
    utility.now = at(date(2026, 12, 2))
    await run(utility, "2026-11")
    assert SETTLED[2] in lines(await bill(utility, "A-1", "2026-11"))
