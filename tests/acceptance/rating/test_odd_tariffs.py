"""Tariffs with the corners of real ones, each with a bill computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.lineage import explain
from central.service.rating.bill_case import BillCase, differences, read_case
from tests.support.case_batch import alone, batch_of

HEAD = {
    "tariff": "odd",
    "effective": "2020-01-01",
    "zone": "UTC",
    "currency": {"code": "EUR"},
    "cycle": {"normal_days": "cycle"},
}
ODD: list[dict[str, Any]] = yaml.load(
    (Path(__file__).parent / "odd_tariffs.yaml").read_text(),
    Loader=yaml.BaseLoader,  # noqa: S506 - strings only
)


def case_of(odd: dict[str, Any]) -> BillCase:
    tariff = HEAD | odd["tariff"]
    texts = {"first": written(tariff)}
    if "later" in odd:
        texts["later"] = written(tariff | odd["later"])
    return read_case(written({"tariff": list(texts)} | odd["bill"]), odd["name"], texts.__getitem__)


def written(document: dict[str, Any]) -> str:
    return json.dumps(document).replace('"null"', "null")


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd["name"]))
def test_a_bill_is_as_computed_by_hand(odd: dict[str, Any]) -> None:
    case = case_of(odd)
    bill = case.priced()
    assert differences(case, bill) == []
    said = {line["key"] for line in case.given["lines"]}
    assert {line.key for line in bill.rated.lines if line.amount} <= said
    for line in bill.rated.lines:
        for proof in explain(line, case.blocks, case.events):
            assert proof.sum == proof.determinant.exact


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd["name"]))
def test_a_batch_bills_it_as_alone(odd: dict[str, Any]) -> None:
    meters, terms = batch_of(case_of(odd))
    for meter, rated in zip(meters, rate_many(meters, terms), strict=True):
        single = alone(meter, terms)
        assert (rated, rated.to_json(), rated.sha256) == (single, single.to_json(), single.sha256)
