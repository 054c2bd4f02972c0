"""What nothing would follow is refused, and goes on as it was where an earlier release took it."""

from __future__ import annotations

import pytest

from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError

HEAD = """\
tariff: t
effective: 2026-01-01
zone: UTC
currency: {code: EUR}
cycle: {normal_days: 30}
series: {spot: {price: ES.DA, step: 60m, missing: hold}}
determinants: {kwh: {sum: import}, sold: {sum: export}, kw: {max: import, window: 60m}}
"""
STEPS = "steps: [{to: 100, price: 1}, {to: null, price: 2}]"
FLAT = "charges: [{id: e, qty: kwh, price: 1}]\n"


def charged(text: str) -> str:
    return HEAD + f"charges: [{{id: e, {text}}}]\n"


def tiered(quantity: str, tiers: str) -> str:
    return charged(f"qty: {quantity}, tiers: {{{tiers}}}, {STEPS}")


def taxed(first: str, second: str) -> str:
    taxes = f"{{id: a, percent: 1, of: e, point: {first}}}"
    return HEAD + FLAT + f"taxes: [{taxes}, {{id: b, percent: 2, of: [e, a], point: {second}}}]\n"


def minimum(text: str) -> str:
    return HEAD + FLAT + f"minimums: [{{id: m, of: e, amount: 1, {text}}}]\n"


def bank(text: str) -> str:
    return (
        HEAD + FLAT + f"banks: {{b: {{unit: money, earn: sold, price: 1, offsets: e, {text}}}}}\n"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (charged("qty: import, times: spot, per: month"), "charges[0].per"),
        (charged("qty: kwh, price: 1, prorate: none"), "charges[0].prorate"),
        (tiered("kwh", "kind: volume, below_zero: mirror"), "charges[0].tiers"),
        (tiered("kwh", "kind: stair, below_zero: mirror"), "charges[0].tiers"),
        (tiered("kw", "scale: whole"), "charges[0].tiers"),
        (taxed("period_end", "interval"), "taxes"),
        (taxed("issue", "interval"), "taxes"),
        (minimum("per: year, prorate: none"), "minimums[0].prorate"),
        (minimum("per: month, year_end: 6"), "minimums[0].year_end"),
        (minimum("per: month, year: contract, begins: 2026-07-01"), "minimums[0].begins"),
        (bank("expires: never, expires_months: 3"), "banks.b.expires"),
        (bank("expires_months: 3") + "bank_order: listed\n", "bank_order"),
    ],
)  # fmt: skip
def test_what_nothing_follows_is_refused(text: str, place: str) -> None:
    with pytest.raises(TariffRefusedError) as refused:
        load_tariff(text)
    findings = refused.value.findings
    assert {finding.code for finding in findings} == {Code.WITHOUT_EFFECT}
    assert findings[0].path == place
    assert load_kept(text, file="kept").tariff == "t"


@pytest.mark.parametrize(
    "text",
    [
        charged("price: 1, per: month, prorate: none"),
        taxed("interval", "period_end"),
        taxed("issue", "issue"),
        tiered("kwh", "kind: package, size: 5, below_zero: mirror"),
        tiered("kwh", "scale: whole"),
        minimum("prorate: none"),
        minimum("per: year, prorate: cycle, year_end: 6"),
        bank("expires_months: 3"),
        bank("expires: never"),
    ],
)
def test_what_something_follows_is_taken(text: str) -> None:
    assert load_tariff(text).tariff == "t"
