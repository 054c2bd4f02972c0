"""What an agreement and its tariff do not say alike is told when it is recorded, on every store."""

from __future__ import annotations

from datetime import date

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact, spelled
from central.service.ports.registry import AgreementRecord, PointRecord
from central.service.registry.agreed_facts import AgreedAt, AgreedFactChanges
from tests.support.actors import CLERK
from tests.support.books import TARIFF, ZONE, Utility

SINCE = date(2026, 9, 1)
NEEDS = "needs: {tax_exempt: bool, users: seat, contract_from: text}\n"
LATER = TARIFF.replace("2026-01-01", "2026-11-01") + "needs: {lamps: lamp}\n"


async def concluded(
    utility: Utility, facts: AgreementFacts, zone: str = ZONE, end: date | None = None
) -> list[str]:
    enrol = utility.enrol
    await enrol.service_point(PointRecord("SP-9", zone))
    agreement = AgreementRecord("A-1", "SP-9", "HOME", SINCE, end=end, facts=facts)
    await enrol.agreement(agreement)
    repeated = utility.enrol
    await repeated.agreement(agreement)
    assert repeated.warnings == []
    return [f"{warning.code} {warning.message} {warning.remedy}" for warning in enrol.warnings]


async def test_facts_that_the_tariff_needs_and_others_are_told_apart(utility: Utility) -> None:
    await utility.found()
    await utility.enrol.tariff(TARIFF + NEEDS, reason="seats")
    await utility.enrol.tariff(LATER)
    given = AgreementFacts.of(tax_exemp=True, users=spelled("1,5"))
    told = await concluded(utility, given, end=date(2026, 11, 2))
    assert [text.split()[0] for text in told] == [
        *("FACT_MISSING", "FACT_MISSING", "FACT_MISSING", "FACT_UNKNOWN", "FACT_KIND"),
    ]
    assert "tax_exempt (true or false) of A-1 at SP-9 from 2026-09-01" in told[0]
    assert "agreement fact A-1 SP-9 tax_exempt VALUE --from 2026-09-01 --reason TEXT`" in told[0]
    assert "lamps (lamp) of A-1 at SP-9 from 2026-11-01" in told[2]
    assert "needs no fact tax_exemp of" in told[3]
    assert "contract_from, lamps, tax_exempt, users" in told[3]
    assert "is 1,5, and HOME needs a number of seat" in told[4]


async def test_a_tariff_of_another_zone_is_told(utility: Utility) -> None:
    await utility.found()
    (told,) = await concluded(utility, AgreementFacts(), "Europe/London")
    assert told.startswith("TARIFF_ZONE_DIFFERS HOME cuts its days in Europe/Madrid")


async def test_a_fact_is_checked_when_it_is_set_and_missed_when_it_is_withdrawn(
    utility: Utility,
) -> None:
    await utility.found()
    await utility.enrol.tariff(TARIFF + "needs: {users: seat}\n", reason="seats")
    changes = AgreedFactChanges(utility.registry, CLERK, lambda: utility.now)
    agreed = AgreedAt("A-1", "SP-1")
    told = []
    for name, value in (("user", "3"), ("users", "three"), ("users", "3")):
        await changes.set(agreed, Fact(name, spelled(value), SINCE), "asked")
        told.append([warning.code for warning in changes.warnings])
    await changes.withdraw(agreed, "users", SINCE, "mistyped")
    told.append([warning.code for warning in changes.warnings])
    assert told == [["FACT_UNKNOWN"], ["FACT_KIND"], [], ["FACT_MISSING", "FACT_UNKNOWN"]]


PARAMETERS = """\
parameters:
  margin: {kind: EUR, values: [{from: 2026-01-01, value: 1}]}
  cap: {kind: EUR, max: 5, agreed: true}
"""


async def test_what_a_customer_agrees_of_a_template_is_within_its_bounds(utility: Utility) -> None:
    await utility.found()
    await utility.enrol.tariff(TARIFF + PARAMETERS, reason="template")
    given = AgreementFacts.of(cap=spelled("6"), margin=spelled("0"))
    told = await concluded(utility, given)
    assert [text.split()[0] for text in told] == ["FACT_OUT_OF_RANGE", "FACT_UNKNOWN"]
    assert "cap of A-1 at SP-9 is more than 5" in told[0]
    assert "it needs cap." in told[1]
