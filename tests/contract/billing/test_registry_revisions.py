"""What the registry overwrites stays readable as it was, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.metering.installation import RegisterFacts
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.approve_bills import ApproveBills, BulkOutcome, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import AccountRecord, AgreementRecord, InstallationRecord
from central.service.ports.registry_revisions import RegistryRevision
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, SEPTEMBER, Utility, month

AGREEMENT = AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1))
LATER = NOW + timedelta(hours=1)


async def revisions(utility: Utility, kind: str) -> list[RegistryRevision]:
    async with utility.registry.transaction() as registry:
        return list(await registry.revisions(kind, None))


async def test_every_change_is_a_revision_and_the_old_content_stays(utility: Utility) -> None:
    await utility.found()
    utility.now = LATER
    enrol = utility.enrol
    facts = AgreementFacts((Fact("tax_exempt", True),))
    assert await enrol.agreement(replace(AGREEMENT, facts=facts)) is Effect.CHANGED
    await enrol.account(AccountRecord("A-1", Party("Ada Byron", ("Calle 9",))))
    registers = {ACTIVE_IMPORT: RegisterFacts(opening=Decimal("5.5"))}
    meter = InstallationRecord("SP-1", "MTL", "S1", SEPTEMBER, registers=registers)
    await enrol.installation(meter)
    await enrol.seller(Party("Sierra Energy", ("Plaza 1",), "ESB1"), "renamed")

    old, new = await revisions(utility, "agreement")
    assert (old.subject, old.revision, new.revision) == ("A-1 at SP-1 from 2026-09-01", 1, 2)
    assert (old.recorded_at, new.recorded_at, new.recorded_by) == (NOW, LATER, "operator")
    assert old.content["facts"] == []
    assert new.content["facts"] == facts.to_json()
    accounts = await revisions(utility, "account")
    assert [one.content["name"] for one in accounts] == ["Customer 1", "Ada Byron"]
    _, installed = await revisions(utility, "installation")
    assert installed.subject == "MTL/S1 from 2026-09-01T00:00:00+00:00"
    assert installed.content["registers"]["1-0:1.8.0*255"]["opening"] == "5.5"
    sellers = {(one.content["name"], one.reason) for one in await revisions(utility, "seller")}
    assert sellers == {("Sierra Power", None), ("Sierra Energy", "renamed")}


async def test_what_reaches_into_billed_days_says_which_bills(utility: Utility) -> None:
    edge = await utility.found(customers=2, period_s=HOURLY)
    await utility.deliver(edge, *(month(name, period_s=HOURLY) for name in ("S1", "S2")))
    await utility.validate()
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    approved = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    issued = await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    assert approved == issued == BulkOutcome(2)
    enrol = utility.enrol
    await enrol.agreement(replace(AGREEMENT, end=date(2026, 11, 15)))
    await enrol.account(AccountRecord("A-1", Party("Ada Byron")))
    assert enrol.concerned == {}
    enrol = utility.enrol
    facts = AgreementFacts((Fact("tax_exempt", True),))
    await enrol.agreement(replace(AGREEMENT, end=date(2026, 11, 15), facts=facts))
    (bills,) = enrol.concerned.values()
    assert str(bills) == "1 issued bill is concerned: INV-000001"
    enrol = utility.enrol
    registers = {ACTIVE_IMPORT: RegisterFacts(opening=Decimal("5.5"))}
    meter = InstallationRecord("SP-2", "MTL", "S2", SEPTEMBER, registers=registers)
    await enrol.installation(meter)
    (bills,) = enrol.concerned.values()
    assert str(bills) == "1 issued bill is concerned: INV-000002"
