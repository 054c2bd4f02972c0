"""Agreements and installations entered by mistake are withdrawn, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import DiscardBills
from central.service.billing.run_bills import RunBills
from central.service.ports.audit import AuditFilter
from central.service.ports.billing import RunSummary
from central.service.ports.registry import (
    AgreementRecord,
    InstallationRecord,
    NotRegisteredError,
    RegistryConflictError,
)
from central.service.ports.registry_services import ServiceRecord
from central.service.ports.withdrawals import (
    AlreadyWithdrawnError,
    NamedAgreement,
    NamedInstallation,
)
from central.service.registry.record_changes import Effect
from central.service.registry.withdraw import Withdraw
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support import daily_books
from tests.support.actors import CLERK
from tests.support.books import NOW, OCTOBER, SEPTEMBER, TARIFF, Utility, month

WRONG = NamedAgreement("A-1", "SP-1", date(2026, 9, 1))
METER = NamedInstallation("SP-1", "MTL", "S1", SEPTEMBER)
RIGHT = AgreementRecord("A-2", "SP-1", "HOME", date(2026, 9, 1), billing_from=OCTOBER)


def withdraw(utility: Utility) -> Withdraw:
    return Withdraw(utility.registry, CLERK, lambda: utility.now)


async def run(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)


async def discard(utility: Utility, summary: RunSummary) -> None:
    heads = await utility.billing.heads(summary.run)
    bills = [head.uid for head in heads if head.state is not BillState.DISCARDED]
    await DiscardBills(utility.billing, lambda: NOW)(bills, CLERK)


async def test_an_agreement_is_withdrawn_and_another_payer_takes_its_days(
    utility: Utility,
) -> None:
    edge = await utility.found(customers=2)
    await utility.deliver(edge, month())
    await utility.validate()
    summary = await run(utility)
    with pytest.raises(PeriodBilledError, match="2026-10-01 to 2026-11-01") as refused:
        await withdraw(utility).agreement(WRONG, "wrong customer")
    assert "Discard" in str(refused.value)
    with pytest.raises(RegistryConflictError):
        await utility.enrol.agreement(RIGHT)
    await discard(utility, summary)
    await withdraw(utility).agreement(WRONG, "wrong customer")
    with pytest.raises(AlreadyWithdrawnError, match="wrong customer"):
        await withdraw(utility).agreement(WRONG, "again")
    assert await utility.enrol.agreement(RIGHT) is Effect.ADDED
    summary = await run(utility)
    heads = await utility.billing.heads(summary.run)
    shown = [(head.account, head.state) for head in heads if head.state is not BillState.DISCARDED]
    assert shown == [("A-2", BillState.HELD)]  # with SP-2, whose meter is silent
    await discard(utility, summary)

    # It may be concluded anew once its days are free.
    await withdraw(utility).agreement(replace(WRONG, account="A-2"), "it was A-1 after all")
    again = replace(RIGHT, account="A-1")
    assert await utility.enrol.agreement(again) is Effect.ADDED
    async with utility.registry.transaction(utility.now) as registry:
        (there,) = await registry.agreements("SP-1")
        history = await registry.revisions("agreement", f"{WRONG}")
    assert (there.account, there.first) == ("A-1", WRONG.first)
    assert [one.withdrawn for one in history] == [False, True, False]
    assert [one.reason for one in history] == [None, "wrong customer", None]
    assert history[1].content["tariff"] == "HOME"


async def test_what_follows_an_agreement_that_is_withdrawn_keeps_its_own_days(
    utility: Utility,
) -> None:
    await utility.found()
    enrol = utility.enrol
    await enrol.tariff(TARIFF.replace("HOME", "LATER"))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "HOME", WRONG.first, date(2026, 10, 16)))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "LATER", date(2026, 10, 16)))
    await withdraw(utility).agreement(WRONG, "it began later")
    async with utility.registry.transaction(utility.now) as registry:
        (left,) = await registry.agreements("SP-1")
        occupancies = await registry.occupancies(left)
    spans = {(one.billing_from, one.ended_on, one.agreements) for one in occupancies}
    assert (date(2026, 10, 16), None, (date(2026, 10, 16),)) in spans
    assert all(one.billing_from == one.ended_on for one in occupancies if not one.agreements)


@pytest.mark.parametrize("owner", ["occupancy", "account"])
async def test_an_agreement_that_an_issued_bill_hands_the_accounts_own_over_to_stays(
    utility: Utility, owner: str
) -> None:
    await daily_books.found(utility)
    own = daily_books.TARIFF.format(name="OWN", price=0.4)
    own = own.replace("per: year", f"per: year, owner: {owner}")
    await utility.enrol.tariff(own)
    named = own.replace("OWN", "LATER").replace("yearly", "least")
    await utility.enrol.tariff(named + "takes_over: {yearly: least}\n")
    before = AgreementRecord("A-1", "SP-1", "OWN", daily_books.FIRST, date(2026, 9, 1))
    await utility.enrol.agreement(replace(before, tariff="FLAT", end=date(2026, 8, 2)))
    await utility.enrol.agreement(replace(before, first=date(2026, 8, 2)))
    for tariff, first, end in (("LATER", 1, 20), ("DEAR", 20, 30)):
        days = date(2026, 9, first), date(2026, 9, end)
        await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", tariff, *days))
    await daily_books.measured(utility, daily_books.FIRST, date(2026, 9, 1))
    await daily_books.settle(utility, "2026-08")
    if owner == "account":
        with pytest.raises(PeriodBilledError, match="handed what it left over to LATER"):
            await withdraw(utility).agreement(WRONG, "no other tariff")
    else:
        await withdraw(utility).agreement(WRONG, "no other tariff")


async def test_the_service_says_which_of_two_agreements_is_meant(utility: Utility) -> None:
    await utility.found()
    await utility.enrol.services("SP-1", ServiceRecord("grid", (ACTIVE_IMPORT,)))
    await utility.enrol.agreement(
        AgreementRecord("A-1", "SP-1", "HOME", WRONG.first, service="grid")
    )
    with pytest.raises(RegistryConflictError, match="2 services"):
        await withdraw(utility).agreement(WRONG, "wrong")
    await withdraw(utility).agreement(replace(WRONG, service="grid"), "wrong")
    with pytest.raises(AlreadyWithdrawnError):
        await withdraw(utility).agreement(replace(WRONG, service="grid"), "wrong")
    async with utility.registry.transaction(utility.now) as registry:
        (left,) = await registry.agreements("SP-1")
    assert left.service == "electricity"
    for nothing in (replace(WRONG, account="A-9"), replace(WRONG, first=OCTOBER)):
        with pytest.raises(NotRegisteredError):
            await withdraw(utility).agreement(nothing, "wrong")
    with pytest.raises(InvalidValueError):
        await withdraw(utility).agreement(WRONG, " ")


async def test_days_of_a_meter_that_is_withdrawn_are_made_anew(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month(), month("S9"))
    await utility.validate()
    (bill,) = await utility.billing.heads((await run(utility)).run)
    assert bill.state is BillState.DRAFT
    with pytest.raises(PeriodBilledError, match="SP-1"):
        await withdraw(utility).installation(METER, "wrong meter")
    await DiscardBills(utility.billing, lambda: NOW)([bill.uid], CLERK, "wrong meter")
    (noted,) = await utility.audit.rows(AuditFilter(action="bill.discarded"), 9)
    assert noted.detail["reason"] == "wrong meter"
    await withdraw(utility).installation(METER, "wrong meter")
    with pytest.raises(AlreadyWithdrawnError, match="wrong meter"):
        await withdraw(utility).installation(METER, "again")
    assert (await utility.validate()).versions >= 31

    summary = await run(utility)
    held = [h for h in await utility.billing.heads(summary.run) if h.state is BillState.HELD]
    assert len(held) == 1, "the values of the wrong meter are billed to nobody"
    other = InstallationRecord("SP-1", "MTL", "S9", SEPTEMBER)
    assert await utility.enrol.installation(other) is Effect.ADDED
    # The wrong one may stand elsewhere at that time.
    await utility.enrol.installation(
        replace(other, serial="S1", start=SEPTEMBER - timedelta(days=9), end=SEPTEMBER)
    )
    await utility.validate()
    summary = await run(utility)
    drafts = [h for h in await utility.billing.heads(summary.run) if h.state is BillState.DRAFT]
    assert [draft.total for draft in drafts] == [bill.total]


async def test_issued_bills_of_a_meter_that_is_withdrawn_stay_and_are_named(
    utility: Utility,
) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    summary = await run(utility)
    await daily_books.approve(utility, summary)
    await daily_books.issue(utility, summary)
    use_case = withdraw(utility)
    await use_case.installation(METER, "another ratio")
    assert use_case.concerned.count == 1
    # It may stand there again, as it should have from the beginning.
    again = InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, multiplier=Fraction(2))
    assert await utility.enrol.installation(again) is Effect.ADDED
    assert (await utility.validate()).versions >= 31
    issued = [h for h in await utility.billing.heads(summary.run) if h.state is BillState.ISSUED]
    assert len(issued) == 1


async def test_a_withdrawal_is_in_the_audit_log_with_what_was_there(utility: Utility) -> None:
    await utility.found()
    await withdraw(utility).installation(METER, "wrong meter")
    wanted = AuditFilter(subject="MTL/S1", action="installation.withdrawn")
    (row,) = await utility.audit.rows(wanted, 9)
    assert row.detail["reason"] == "wrong meter"
    assert row.detail["old"]["point"] == "SP-1"
    assert (row.detail["old"]["withdrawn"], row.detail["new"]) == (False, {"withdrawn": True})
    with pytest.raises(NotRegisteredError):
        await withdraw(utility).installation(replace(METER, point="SP-2"), "wrong")
    naive = replace(METER, start=SEPTEMBER.replace(tzinfo=None))
    with pytest.raises(InvalidValueError, match="offset"):
        await withdraw(utility).installation(naive, "wrong")
