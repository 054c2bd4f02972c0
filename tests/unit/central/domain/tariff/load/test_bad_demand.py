"""Broken excess of power, means of peaks and formulas: each under its own code."""

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
needs: {contracted: kW, exempt: bool}
calendar: {periods: {P1: [{at: "08:30-20:00"}], P2: rest}}
determinants: {kw: {max: import}, DETERMINANT}
charges: [{id: demand, qty: kw, price: 1}]
"""


def document(determinant: str = "") -> str:
    return HEAD.replace(", DETERMINANT", f", {determinant}" if determinant else "")


def excess(text: str) -> str:
    return document(f"e: {{excess: import, {text}}}")


BAD: list[tuple[str, Code, str]] = [
    ("excess over nothing", Code.MISSING_KEY, excess("take: root")),
    ("excess taken in no way", Code.MISSING_KEY, excess("over: contracted")),
    ("excess over an unknown fact", Code.UNKNOWN_FACT, excess("over: agreed, take: root")),
    ("excess over a yes or no", Code.WRONG_FACT_KIND, excess("over: exempt, take: root")),
    ("excess over one of two periods", Code.UNKNOWN_PERIOD, excess("over: {P1: contracted}, by: period, take: root")),
    ("excess over periods of nothing", Code.UNKNOWN_PERIOD, excess("over: {P1: contracted, P2: contracted}, take: root")),
    ("excess of an unknown series", Code.UNKNOWN_SERIES, document("e: {excess: steam, over: contracted, take: root}")),
    ("excess of windows in two periods", Code.WINDOW_ASTRIDE, excess("over: contracted, by: period, window: 60m, take: root")),
    ("mean of no day", Code.OUT_OF_RANGE, document("e: {max: import, mean_of: 0}")),
    ("mean of daily sums", Code.CONFLICT, document("e: {max: import, per: day, mean_of: 3}")),
    ("mean of each meter", Code.CONFLICT, document("e: {max: import, meters: each, mean_of: 3}")),
    ("mean and a peak of the bill", Code.CONFLICT, document("e: {max: import, mean_of: 3}") + "on_change: {demand: bill_peak}\n"),
    ("mean of months that nobody keeps", Code.MISSING_KEY, document('e: {expr: "mean(kw, months: 12)"}')),
    ("mean of months by percent", Code.BAD_EXPRESSION, document('e: {expr: "mean(kw, pct: 95)"}') + "state: {kw: {months: 12}}\n"),
    ("total of half a month", Code.BAD_EXPRESSION, document('e: {expr: "total(kw, months: 0.5)"}') + "state: {kw: {months: 12}}\n"),
    ("state of an excess", Code.CONFLICT, excess("over: contracted, take: root") + "state: {e: {months: 12}}\n"),
    ("root of two values", Code.BAD_EXPRESSION, document('e: {expr: "sqrt(kw, 2)"}')),
    ("root of nothing", Code.BAD_EXPRESSION, document('e: {expr: "sqrt()"}')),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_broken_demand_is_refused(code: Code, text: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(text, file="bad.yaml")
    findings = caught.value.findings
    assert code in {finding.code for finding in findings}, findings
    assert all(1 <= finding.line <= text.count("\n") + 1 for finding in findings)
    assert all(finding.message.endswith(".") and finding.remedy for finding in findings)


def test_the_document_they_were_made_from_is_good() -> None:
    assert load_tariff(document()).tariff == "t"
