"""A fact of an agreement holds from its date on, and is corrected and withdrawn with a reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.service.billing.run_bills import RunBills
from central.service.ports.registry import AgreementRecord, NotRegisteredError
from central.service.registry.agreed_facts import AgreedAt, AgreedFactChanges
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CLERK
from tests.support.books import HOURLY, NOW, Utility, month

FIRST, SIXTEENTH = date(2026, 9, 1), date(2026, 10, 16)
AT = AgreedAt("A-1", "SP-1")
TARIFF = """\
tariff: HOME
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
needs: {contracted_kw: kW}
charges:
  - {id: power, qty: contracted_kw, price: 1.00, per: month}
"""


async def total(utility: Utility) -> Decimal | None:
    summary = await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
    (head,) = await utility.billing.heads(summary.run)
    assert head.state is BillState.DRAFT
    return head.total


async def test_a_fact_holds_from_its_date_on_inside_a_bill(utility: Utility) -> None:
    edge = await utility.found()
    await utility.enrol.tariff(TARIFF, reason="priced by power")
    agreed = AgreementRecord("A-1", "SP-1", "HOME", FIRST, facts=AgreementFacts.of(
        contracted_kw=Decimal(31)))  # fmt: skip
    await utility.enrol.agreement(agreed)
    await utility.deliver(edge, month())
    await utility.validate()
    assert await total(utility) == Decimal("31.00")

    facts = AgreedFactChanges(utility.registry, CLERK, lambda: NOW)
    wrong = Fact("contracted_kw", Decimal(93), SIXTEENTH)
    assert await facts.set(AT, wrong, "asked for more") is Effect.ADDED
    assert await facts.set(AT, wrong, "asked for more") is Effect.UNCHANGED
    assert await total(utility) == Decimal("63.00")  # 15 days of 31 kW, 16 of 93 kW
    # Ending the agreement, or importing it again, names no fact and so changes none.
    assert await utility.enrol.agreement(agreed) is Effect.UNCHANGED
    right = Fact("contracted_kw", Decimal(62), SIXTEENTH)
    assert await facts.set(AT, right, "mistyped") is Effect.CHANGED
    assert await total(utility) == Decimal("47.00")
    await facts.withdraw(AT, "contracted_kw", SIXTEENTH, "refused by the grid")
    assert await total(utility) == Decimal("31.00")

    async with utility.registry.transaction(utility.now) as registry:
        history = await registry.revisions("agreement", f"{AT} from {FIRST}")
    assert [len(one.content["facts"]) for one in history] == [0, 1, 2, 2, 1]
    assert [one.reason for one in history[2:]] == [
        "asked for more",
        "mistyped",
        "refused by the grid",
    ]
    with pytest.raises(NotRegisteredError, match="no fact"):
        await facts.withdraw(AT, "contracted_kw", SIXTEENTH, "again")
    with pytest.raises(NotRegisteredError, match="no agreement"):
        await facts.set(AgreedAt("A-1", "SP-9"), right, "elsewhere")
    with pytest.raises(InvalidValueError):
        await facts.set(AT, right, " ")


async def test_a_tariff_that_changes_by_agreement_is_charged_for_its_days(
    utility: Utility,
) -> None:
    """A level is shared by the days of the bill, whatever number of tariffs they are under."""
    edge = await utility.found(period_s=HOURLY)
    level = TARIFF.replace("charges:", "determinants: {kw: {counter: contracted_kw}}\ncharges:")
    for name, price in (("OLD", "1.00"), ("NEW", "2.00")):
        text = level.replace("contracted_kw, price: 1.00, per: month", f"kw, price: {price}")
        await utility.enrol.tariff(text.replace("tariff: HOME", f"tariff: {name}"))
    facts = AgreementFacts.of(contracted_kw=Decimal(31))
    for agreed in (
        AgreementRecord("A-1", "SP-1", "HOME", FIRST, date(2026, 10, 1), facts=facts),
        AgreementRecord("A-1", "SP-1", "OLD", date(2026, 10, 1), SIXTEENTH, facts=facts),
        AgreementRecord("A-1", "SP-1", "NEW", SIXTEENTH, facts=facts),
    ):
        await utility.enrol.agreement(agreed)
    await utility.deliver(edge, month(period_s=HOURLY))
    await utility.validate()
    assert await total(utility) == Decimal("47.00")  # 15 days of 31, 16 of 62
