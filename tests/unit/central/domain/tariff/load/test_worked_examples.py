"""Every tariff under docs/reference/tariffs is priced against a bill computed by hand."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.lineage import explain
from central.domain.tariff.document import Charge
from central.domain.tariff.export import to_canonical_text, to_hashed_text
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.load.json_schema import tariff_schema
from central.service.rating.bill_case import read_case, state_of

FOLDER = Path(__file__).parents[6] / "docs" / "reference" / "tariffs"
BILLS = sorted(FOLDER.glob("*.bill.yaml"))
# That it is a schema at all is tried beside it, in test_json_schema.
PUBLISHED = jsonschema.Draft202012Validator(tariff_schema())
TARIFFS = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".bill.yaml"))


@pytest.mark.parametrize("path", BILLS, ids=lambda path: path.name)
def test_worked_example_bills_as_computed_by_hand(path: Path) -> None:
    case = read_case(path.read_text(), path.name, lambda name: (FOLDER / name).read_text())
    expected = case.given["lines"]
    rated = case.priced().rated
    lines = {line.key: line for line in rated.lines}
    charges = [one for said in case.documents for one in (*said.charges, *said.riders)]
    priced = {one.id for one in charges if isinstance(one, Charge) and one.times is not None}
    assert list(lines) == [line["key"] for line in expected]
    for line in expected:
        assert lines[line["key"]].amount == Decimal(line["amount"]), line["key"]
        if "quantity" in line:
            assert lines[line["key"]].quantity == Decimal(line["quantity"]), line["key"]
        if "price" in line:
            assert lines[line["key"]].price == Decimal(line["price"]), line["key"]
        assert RatedLine.from_json(lines[line["key"]].to_json()) == lines[line["key"]]
        for proof in explain(lines[line["key"]], case.blocks, case.events):
            assert proof.sum == proof.determinant.exact
            if lines[line["key"]].id in priced:
                assert proof.worth == lines[line["key"]].exact
    assert rated.total == Decimal(case.given["total"])
    if "closing" in case.given:
        assert rated.closing == state_of(case.given["closing"])
    assert CarriedState.from_json(rated.closing.to_json()) == rated.closing


def test_every_tariff_has_a_worked_bill() -> None:
    used = set()
    for path in BILLS:
        said = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
        used |= set(said["tariff"] if isinstance(said["tariff"], list) else [said["tariff"]])
    assert used == {path.name for path in TARIFFS}


def test_every_worked_bill_stands_in_the_list() -> None:
    rows = [line for line in (FOLDER / "README.md").read_text().splitlines() if line[:1] == "|"]
    listed = set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows)))
    bills = {path.name.removesuffix(".bill.yaml") for path in BILLS}
    assert bills - listed == set(), "bills that README.md does not name"
    assert listed - bills == set(), "names in README.md without a bill"


CHARGES = {
    "fixed",
    "per year by days",
    "flat, time-of-use and seasonal energy",
    "tiers",
    "mixed kWh and kWh/kW tables",
    "demand",
    "contracted power and overruns",
    "excess demand by root, and of small supplies",
    "ratchet",
    "mean of peaks",
    "power factor",
    "coincident peak",
    "minimum of the month and of the year",
    "period longer than a month",
    "net metering",
    "true-up",
    "net billing",
    "value of an export",
    "dynamic price",
    "cap and floor on a price per interval",
    "riders and taxes",
    "conditions",
    "one-off",
    "in advance",
    "rounding of the total",
    "gas, water and sewer",
    "counted things and events",
    "included units, also with rollover",
    "commitments and credits",
    "aggregation and losses",
    "shares of a common plant",
    "budget billing",
    "lookup tables",
    "template with parameters",
    "holidays",
}
"""What tariffs of the field charge by: each is worked out by hand at least once."""


def test_every_charge_of_the_field_has_a_worked_example() -> None:
    table = (FOLDER / "README.md").read_text().partition("## By the name")[2]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    examples = {name: re.findall(r"`([a-z0-9-]+)`", listed) for name, listed in rows[1:]}
    assert set(examples) == CHARGES
    bills = {path.name.removesuffix(".bill.yaml") for path in BILLS}
    assert [name for name, listed in examples.items() if not listed or set(listed) - bills] == []


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.name)
def test_published_schema_accepts_every_tariff(path: Path) -> None:
    value = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
    PUBLISHED.validate(_with_nulls(value))


@pytest.mark.parametrize("path", TARIFFS, ids=lambda path: path.name)
def test_document_exported_and_loaded_again_is_the_same(path: Path) -> None:
    document = load_tariff(path)
    assert load_tariff(to_canonical_text(document)) == document
    assert load_kept(to_hashed_text(document), file="exported") == document


def _with_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_nulls(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_nulls(child) for child in value]
    return None if value == "null" else value
