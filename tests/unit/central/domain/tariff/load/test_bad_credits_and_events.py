"""Broken series, rebates, events, banks, commitments and settlements: each under its own code."""

# ruff: noqa: E501 - one broken document per line
from __future__ import annotations

import pytest

from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError

HEAD = """\
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
needs: {share: percent, exempt: bool, since: text, lamps: lamp}
inputs: {plant: kWh}
series: {events: {price: U.EVENTS}, SERIES}
calendar: {periods: {P1: [{at: "08:00-20:00"}], P2: rest}}
determinants: {kwh: {sum: import}, kw: {max: import, per: day}, DETERMINANT}
charges: [{id: energy, qty: kwh, price: 1}, CHARGE]
"""


def document(series: str = "", determinant: str = "", charge: str = "", more: str = "") -> str:
    text = HEAD.replace(", SERIES", f", {series}" if series else "")
    text = text.replace(", DETERMINANT", f", {determinant}" if determinant else "")
    return text.replace(", CHARGE", f", {charge}" if charge else "") + more


def commitment(text: str) -> str:
    return document(more=f"commitments: [{{id: c, of: energy, amount: 10, {text}}}]\n")


def rebate(text: str) -> str:
    return document(determinant=f"r: {{rebate: import, during: events, baseline: {{{text}}}}}")


def events(text: str) -> str:
    return document(determinant=f"e: {{events: api, {text}}}")


BAD: list[tuple[str, Code, str]] = [
    ("factor that is not named", Code.UNKNOWN_SERIES, document("g: {expr: m3 * cv}")),
    ("factor that is not used", Code.CONFLICT, document("g: {expr: m3 * 2, factors: cv}")),
    ("factor that is an input", Code.DUPLICATE_NAME, document("g: {expr: m3 * plant, factors: plant}")),
    ("factor that is a truth", Code.WRONG_FACT_KIND, document("g: {expr: m3 * exempt, factors: exempt}")),
    ("product of inputs", Code.BAD_EXPRESSION, document("g: {expr: m3 * import}")),
    ("constant in a series", Code.BAD_EXPRESSION, document("g: {expr: import + 1}")),
    ("series of nothing", Code.BAD_EXPRESSION, document("g: {expr: 1 - 1}")),
    ("division by a factor", Code.BAD_EXPRESSION, document("g: {expr: m3 / cv, factors: cv}")),
    ("division by zero", Code.BAD_EXPRESSION, document("g: {expr: m3 / 0}")),
    ("terms of different factors", Code.BAD_EXPRESSION, document("g: {expr: import - plant * share, factors: share}")),
    ("units that mix", Code.CONFLICT, document("g: {expr: import + m3}")),
    ("series under an input's name", Code.DUPLICATE_NAME, document("plant: {expr: import * 2}")),
    ("series of a later one", Code.UNKNOWN_SERIES, document("a: {expr: b}, b: {expr: import}")),
    ("price step of 7 minutes", Code.BAD_WINDOW, document("p: {price: P, step: 7m}")),
    ("rebate without events", Code.MISSING_KEY, document(determinant="r: {rebate: import, baseline: {days: 5}}")),
    ("rebate in unknown hours", Code.UNKNOWN_SERIES, document(determinant="r: {rebate: import, during: x, baseline: {days: 5}}")),
    ("rebate without a baseline", Code.MISSING_KEY, document(determinant="r: {rebate: import, during: events}")),
    ("more picked than looked at", Code.OUT_OF_RANGE, rebate("days: 3, pick: 5")),
    ("no days", Code.OUT_OF_RANGE, rebate("days: 0")),
    ("cap beyond all", Code.OUT_OF_RANGE, rebate("days: 3, adjust: {minutes: 60, cap: 120}")),
    ("unknown key of a baseline", Code.UNKNOWN_KEY, rebate("days: 3, best: 2")),
    ("sum inside and outside", Code.CONFLICT, document(determinant="s: {sum: import, during: events, outside: events}")),
    ("sum in unknown hours", Code.UNKNOWN_SERIES, document(determinant="s: {sum: import, during: import}")),
    ("daily peaks of each meter", Code.CONFLICT, document(determinant="d: {max: import, per: day, meters: each}")),
    ("stairs of daily demand", Code.CONFLICT, document(charge="{id: d, qty: kw, tiers: {kind: stair}, steps: [{to: null, price: 1}]}")),
    ("daily demand bounded per day", Code.TIER_UNIT, document(charge="{id: d, qty: kw, steps: [{to: 2, unit: kW/day, price: 1}, {to: null, price: 2}]}")),
    ("unique without a key", Code.MISSING_KEY, events("take: unique")),
    ("key of a sum", Code.CONFLICT, events("take: sum, key: user")),
    ("hours of a count", Code.CONFLICT, events("take: count, per: hour")),
    ("level by period", Code.CONFLICT, events("take: latest, by: period")),
    ("field and period", Code.CONFLICT, events("split: {field: region, values: [eu]}, by: period")),
    ("value of a field twice", Code.DUPLICATE_NAME, events("split: {field: region, values: [eu, eu]}")),
    ("split without a field", Code.MISSING_KEY, events("split: {}")),
    ("unknown take", Code.NOT_A_CHOICE, events("take: median")),
    ("price of a value not listed", Code.UNKNOWN_PERIOD, document(determinant="e: {events: a, split: {field: region, values: [eu]}}", charge="{id: x, qty: e, price: {eu: 1, us: 2}}")),
    ("value without a price", Code.MISSING_PRICE, document(determinant="e: {events: a, split: {field: region, values: [eu, us]}}", charge="{id: x, qty: e, price: {eu: 1}}")),
    ("count of a truth", Code.WRONG_FACT_KIND, document(determinant="c: {counter: exempt}")),
    ("bank of unknown determinant", Code.UNKNOWN_DETERMINANT, document(more="banks: {b: {earn: x, price: 1, offsets: energy}}\n")),
    ("bank without a price", Code.MISSING_KEY, document(more="banks: {b: {earn: kwh, offsets: energy}}\n")),
    ("bank that offsets nothing known", Code.UNKNOWN_CHARGE, document(more="banks: {b: {offsets: x}}\n")),
    ("expiry at no true-up", Code.CONFLICT, document(more="banks: {b: {offsets: energy, expires: true_up}}\n")),
    ("minimum of no true-up", Code.CONFLICT, document(more="minimums: [{id: m, of: energy, amount: 1, per: year, year: true_up}]\n")),
    ("commitment to nothing", Code.NO_BASE, document(more="commitments: [{id: c, amount: 1}]\n")),
    ("commitment over unknown lines", Code.UNKNOWN_CHARGE, document(more="commitments: [{id: c, of: x, amount: 1}]\n")),
    ("commitment below zero", Code.OUT_OF_RANGE, document(more="commitments: [{id: c, of: energy, amount: -1}]\n")),
    ("term without its length", Code.MISSING_KEY, commitment("per: term")),
    ("term without a beginning", Code.MISSING_KEY, commitment("per: term, months: 24")),
    ("term that begins at no date", Code.NOT_A_DATE, commitment("per: term, months: 24, begins: soon")),
    ("term that begins at a number", Code.WRONG_FACT_KIND, commitment("per: term, months: 24, begins: lamps")),
    ("shortfall forgiven", Code.NOT_A_CHOICE, commitment("shortfall: forgive")),
    ("commitments as mapping", Code.WRONG_TYPE, document(more="commitments: {id: c}\n")),
    ("unknown settlement", Code.NOT_A_CHOICE, document(more="settlement: [dunning]\n")),
    ("settlement twice", Code.DUPLICATE_NAME, document(more="settlement: [prepaid, prepaid]\n")),
    ("settlement named as a line", Code.DUPLICATE_NAME, document(charge="{id: prepaid, price: 1, per: day}", more="settlement: [prepaid]\n")),
    ("settlement as a number", Code.WRONG_TYPE, document(more="settlement: [{prepaid: 3}]\n")),
    ("price of an unknown price", Code.UNKNOWN_SERIES, document(series='p: {prices: "spot + 1"}')),
    ("price of a text", Code.WRONG_FACT_KIND, document(series='p: {prices: "events + since"}')),
    ("price over a price", Code.BAD_EXPRESSION, document(series='p: {prices: "1 / events"}')),
    ("price over zero", Code.BAD_EXPRESSION, document(series='p: {prices: "events / 0"}')),
    ("price of a sum of energy", Code.BAD_EXPRESSION, document(series='p: {prices: "sum(import)"}')),
    ("price in no formula", Code.BAD_EXPRESSION, document(series='p: {prices: "max("}')),
    ("price by period named twice", Code.DUPLICATE_NAME, document(series="events2: {price: X}, share: {by: period, prices: {P1: 1, P2: 2}}")),
    ("prices without one of the periods", Code.MISSING_PRICE, document(series="p: {by: period, prices: {P1: 1}}")),
    ("bank that earns in two ways", Code.CONFLICT, document(more="banks: {b: {earn: export, times: events, steps: [{to: null, price: 1}], offsets: energy}}\n")),
    ("bank of an unknown series", Code.UNKNOWN_SERIES, document(more="banks: {b: {earn: kwh, times: events, offsets: energy}}\n")),
    ("credit of a bill for the next", Code.CONFLICT, document(more="banks: {b: {earn: kwh, price: 1, offsets: energy, when: next_bill, expires: bill}}\n")),
    ("total rounded to nothing", Code.OUT_OF_RANGE, document(more="settlement: [{round_total: {to: 0}}]\n")),
    ("total rounded to half a cent", Code.OUT_OF_RANGE, document(more="settlement: [{round_total: {to: 0.005}}]\n")),
    ("total rounded to no amount", Code.MISSING_KEY, document(more="settlement: [round_total]\n")),
    ("once on no date", Code.NOT_A_DATE, document(charge="{id: a, price: 1, on: '--02-30'}")),
    ("once a month", Code.CONFLICT, document(charge="{id: a, price: 1, per: month, on: 2026-04-01}")),
    ("steps in advance", Code.CONFLICT, document(charge="{id: a, qty: kwh, price: 1, per: month, in_advance: true}")),
    ("once in advance", Code.CONFLICT, document(charge="{id: a, price: 1, on: 2026-04-01, in_advance: true}")),
    ("units included in a demand", Code.CONFLICT, document(determinant="top: {max: import}", charge="{id: a, qty: top, price: 1, included: {per_month: 5}}")),
    ("units included in nothing", Code.CONFLICT, document(charge="{id: a, price: 1, per: month, included: {per_month: 5}}")),
    ("units included in steps", Code.CONFLICT, document(charge="{id: a, qty: kwh, steps: [{to: null, price: 1}], included: {per_month: 5}}")),
    ("bound of units that do not roll over", Code.CONFLICT, document(charge="{id: a, qty: kwh, price: 1, included: {per_month: 5, most: 9}}")),
    ("units below zero", Code.OUT_OF_RANGE, document(charge="{id: a, qty: kwh, price: 1, included: {per_month: -5}}")),
    ("units times nothing", Code.UNKNOWN_DETERMINANT, document(charge="{id: a, qty: kwh, price: 1, included: {per_month: 5, times: sims}}")),
    ("true-up of one of two periods", Code.UNKNOWN_PERIOD, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, true_up: {pay: {P1: 1}}}}\n")),
    ("true-up of all at once by period", Code.CONFLICT, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, basis: total, true_up: {pay: {P1: 1, P2: 2}}}}\n")),
    ("true-up priced in two ways", Code.CONFLICT, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, true_up: {pay: 1, series: events}, at_end: {pay: 0}}}\n")),
    ("true-up by no series", Code.UNKNOWN_SERIES, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, true_up: {series: net}, at_end: {pay: 0}}}\n")),
    ("true-up by a series without an end", Code.MISSING_KEY, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, true_up: {series: events}}}\n")),
    ("true-up into nowhere", Code.UNKNOWN_BANK, document(series="net: {expr: import - export}", determinant="n: {sum: net, bank: nem, by: period}", more="banks: {nem: {unit: kWh, true_up: {pay: 1, into: purse}}}\n")),
    ("table by an unknown fact", Code.UNKNOWN_FACT, document(more="tables: {t: {by: place, rows: [{from: 2026-01-01, values: {a: 1}}]}}\n")),
    ("table by true or false", Code.WRONG_FACT_KIND, document(more="tables: {t: {by: exempt, rows: [{from: 2026-01-01, values: {a: 1}}]}}\n")),
    ("table without dates", Code.CONFLICT, document(more="tables: {t: {by: since, rows: []}}\n")),
    ("table with dates that fall", Code.CONFLICT, document(more="tables: {t: {by: since, rows: [{from: 2026-02-01, values: {a: 1}}, {from: 2026-01-01, values: {a: 2}}]}}\n")),
    ("table of words", Code.NOT_A_NUMBER, document(more="tables: {t: {by: since, rows: [{from: 2026-01-01, values: {a: b}}]}}\n")),
    ("table without a level", Code.WRONG_TYPE, document(more="tables: {t: {by: [since, share], rows: [{from: 2026-01-01, values: {a: 1}}]}}\n")),
    ("price by no table", Code.UNKNOWN_FACT, document(charge="{id: a, qty: kwh, rate: zone}")),
    ("price by a text", Code.WRONG_FACT_KIND, document(charge="{id: a, qty: kwh, rate: since}")),
    ("price and rate", Code.CONFLICT, document(charge="{id: a, qty: kwh, price: 1, rate: share}")),
    ("percent and rate", Code.CONFLICT, document(more="riders: [{id: r, percent: 5, rate: share, of: energy}]\n")),
    ("settling in month 13", Code.OUT_OF_RANGE, document(more="settlement: [{budget_billing: {settle_up: 13}}]\n")),
    ("average of one month", Code.OUT_OF_RANGE, document(more="settlement: [{budget_billing: {months: 1}}]\n")),
    ("plan by unknown fact", Code.UNKNOWN_FACT, document(more="settlement: [{budget_billing: {only: levelled}}]\n")),
    ("true-up with terms", Code.UNKNOWN_KEY, document(more="settlement: [{true_up_payout: {month: 4}}]\n")),
    ("demand of no one", Code.NOT_A_CHOICE, document(more="on_change: {demand: average}\n")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_broken_construct_is_refused(code: Code, text: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(text, file="bad.yaml")
    findings = caught.value.findings
    assert code in {finding.code for finding in findings}, findings
    assert all(1 <= finding.line <= text.count("\n") + 1 for finding in findings)
    assert all(finding.message.endswith(".") and finding.remedy for finding in findings)


def test_the_document_they_were_made_from_is_good() -> None:
    assert load_tariff(document()).tariff == "t"
