"""A version of a tariff is corrected and withdrawn by revisions, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import ApproveBills, BulkOutcome, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.registry import NotRegisteredError, RegistryConflictError, TariffRevision
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, TARIFF, Utility, month

FIRST, MIDDLE = date(2026, 1, 1), date(2026, 10, 16)
RIGHT = TARIFF.replace("peak: 0.30", "peak: 0.40")
LATER = TARIFF.replace("2026-01-01", "2026-10-16").replace("peak: 0.30", "peak: 0.90")


async def history(utility: Utility) -> list[TariffRevision]:
    async with utility.registry.transaction() as registry:
        return list(await registry.tariff_history("HOME"))


async def in_force(utility: Utility) -> list[tuple[date, int]]:
    async with utility.registry.transaction(utility.now) as registry:
        versions = await registry.tariff_versions("HOME")
    return [(version.effective, version.revision) for version in versions]


async def run(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)


async def issue(utility: Utility, summary: RunSummary) -> None:
    approved = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    issued = await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    assert approved == issued == BulkOutcome(approved.count)


async def total(utility: Utility, summary: RunSummary) -> Decimal | None:
    (head,) = await utility.billing.heads(summary.run)
    return head.total


async def test_a_version_is_corrected_with_a_reason_and_stays_readable(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    before = await total(utility, await run(utility))
    enrol = utility.enrol
    with pytest.raises(RegistryConflictError, match="another version") as refused:
        await enrol.tariff(RIGHT)
    assert "--correct" in str(refused.value)
    with pytest.raises(InvalidValueError):
        await enrol.tariff(RIGHT, reason=" ")
    utility.now = NOW + timedelta(hours=1)
    enrol = utility.enrol
    assert await enrol.tariff(RIGHT, reason="peak price mistyped") is Effect.CHANGED
    assert await enrol.tariff(RIGHT) is Effect.UNCHANGED
    assert await in_force(utility) == [(FIRST, 2)]
    old, new = await history(utility)
    assert (old.record.document, old.record.revision, old.reason) == (TARIFF, 1, None)
    assert (new.record.document, new.record.revision) == (RIGHT, 2)
    assert (new.reason, new.recorded_by) == ("peak price mistyped", "operator")
    assert new.recorded_at == utility.now
    summary = await run(utility)
    assert await total(utility, summary) != before
    await issue(utility, summary)


async def test_a_version_entered_by_mistake_is_withdrawn(utility: Utility) -> None:
    edge = await utility.found()
    await utility.deliver(edge, month())
    await utility.validate()
    before = await total(utility, await run(utility))
    enrol = utility.enrol
    await enrol.tariff(LATER)
    dear = await total(utility, await run(utility))
    assert dear != before
    await enrol.withdraw_tariff("HOME", MIDDLE, "not decided yet")
    assert await in_force(utility) == [(FIRST, 1)]
    summary = await run(utility)
    assert await total(utility, summary) == before
    for day, name in ((MIDDLE, "HOME"), (date(2026, 2, 2), "HOME"), (FIRST, "NONE")):
        with pytest.raises(NotRegisteredError):
            await enrol.withdraw_tariff(name, day, "again")
    with pytest.raises(InvalidValueError):
        await enrol.withdraw_tariff("HOME", FIRST, "")
    with pytest.raises(RegistryConflictError, match="withdrawn"):
        await enrol.tariff(LATER)
    assert await enrol.tariff(LATER, reason="decided") is Effect.ADDED
    assert await in_force(utility) == [(FIRST, 1), (MIDDLE, 3)]
    assert [(one.record.revision, one.record.withdrawn) for one in await history(utility)] == [
        (1, False),
        (1, False),
        (2, True),
        (3, False),
    ]


async def test_a_change_says_which_issued_bills_it_concerns(utility: Utility) -> None:
    edge = await utility.found(customers=3, period_s=HOURLY)
    await utility.deliver(edge, *(month(f"S{number}", period_s=HOURLY) for number in (1, 2, 3)))
    await utility.validate()
    summary = await run(utility)
    await issue(utility, summary)
    enrol = Enrol(utility.registry, CLERK, lambda: NOW)
    await enrol.tariff(TARIFF.replace("2026-01-01", "2026-11-01"))
    await enrol.tariff(TARIFF.replace("2026-01-01", "2026-08-01"))
    # It is in force until November.
    (bills,) = enrol.concerned.values()
    assert str(bills) == "3 issued bills are concerned: INV-000001, INV-000002, INV-000003"
    enrol = Enrol(utility.registry, CLERK, lambda: NOW)
    # The one of January ends in August now.
    await enrol.tariff(RIGHT, reason="peak price mistyped")
    assert enrol.concerned == {}
    await enrol.withdraw_tariff("HOME", date(2026, 8, 1), "entered by mistake")
    (bills,) = enrol.concerned.values()
    assert bills.count == 3
    heads = await utility.billing.heads(summary.run)
    assert {head.state for head in heads} == {BillState.ISSUED}
    assert str(replace(bills, count=30)).endswith("INV-000003 and 27 more")
    assert str(replace(bills, count=1, numbers=("INV-000001",))) == (
        "1 issued bill is concerned: INV-000001"
    )


async def test_no_version_takes_what_is_in_a_bank_for_something_else(utility: Utility) -> None:
    enrol = utility.enrol
    energy = TARIFF.replace(
        "{sum: import, by: period}", "{sum: import, bank: solar, netting: month}"
    ).replace("price: {peak: 0.30, off: 0.10}", "price: 0.30")
    await enrol.tariff(f"{energy}banks: {{solar: {{unit: kWh}}}}\n")
    money = f"{TARIFF}banks: {{solar: {{offsets: energy}}}}\n".replace("2026-01-01", "2027-01-01")
    with pytest.raises(RegistryConflictError, match="kWh by period in the version from 2026-01-01"):
        await enrol.tariff(money)
    await enrol.tariff(TARIFF.replace("2026-01-01", "2026-06-01"))
    await enrol.tariff(money)
    with pytest.raises(RegistryConflictError, match="but EUR in the one from 2027-01-01"):
        await enrol.withdraw_tariff("HOME", date(2026, 6, 1), "not needed")
