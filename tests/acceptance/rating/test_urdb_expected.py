"""Every URDB record of the data folder: imported, and priced as the reference prices it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from central.domain.rating.lineage import explain
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.urdb.fields import Fate
from central.domain.tariff.urdb.importer import import_urdb, read_records
from central.service.rating.load_blocks import RatingRequest
from central.service.rating.load_csv import read_series
from central.service.rating.rate_file import rate_months
from tests.support.data import data_root, find_data

TOLERANCE = Decimal("0.005")


def expectations() -> list[tuple[str, int]]:
    folder = find_data("tariffs", "urdb")
    if folder is None or not (folder / "expected.json").exists():
        return []
    files = json.loads((folder / "expected.json").read_text())["files"]
    return [
        (name, entry["index"])
        for name, info in sorted(files.items())
        for entry in info.get("expected", [])
    ]


def records() -> list[tuple[str, int]]:
    folder = find_data("tariffs", "urdb")
    paths = sorted(folder.glob("*.json")) if folder else []
    return [
        (path.name, number)
        for path in paths
        if path.name != "expected.json"
        for number in range(len(read_records(path.read_text(), path.name)))
    ]


@cache
def expected(name: str, index: int) -> dict[str, Any]:
    said = json.loads((data_root("tariffs", "urdb") / "expected.json").read_text())
    found: dict[str, Any] = next(e for e in said["files"][name]["expected"] if e["index"] == index)
    return found


@cache
def load_series(name: str) -> tuple[list[Decimal], int]:
    meta = json.loads((data_root("tariffs", "urdb") / "expected.json").read_text())["meta"]
    text = (data_root("loads") / name).read_text()
    return read_series(text, name), 60 // meta["loads"][name]["steps_per_hour"]


@cache
def record(name: str, index: int) -> dict[str, Any]:
    text = (data_root("tariffs", "urdb") / name).read_text()
    return read_records(text, name)[index]


@pytest.mark.parametrize(("name", "index"), records() or [("", 0)])
def test_record_is_imported_with_a_fate_for_every_field(name: str, index: int) -> None:
    data_root("tariffs", "urdb")
    found = record(name, index)
    imported = import_urdb(found, file=name, reference=True)
    assert [fate.name for fate in imported.fields] == list(found)
    assert not [fate for fate in imported.fields if fate.fate is Fate.UNSUPPORTED]
    assert load_tariff(to_canonical_text(imported.document)) == imported.document


@pytest.mark.parametrize(("name", "index"), expectations() or [("", 0)])
def test_bills_are_those_of_the_reference(name: str, index: int) -> None:
    data_root("tariffs", "urdb")
    document = import_urdb(record(name, index), file=name, reference=True).document
    for load, bill in expected(name, index)["bills"].items():
        values, step = load_series(load)
        request = RatingRequest(datetime(2018, 1, 1), step, "UTC", naive=True, rounded=False)  # noqa: DTZ001 - local
        months = list(rate_months(document, values, request))
        if "error" in bill:
            assert len(months) == 12
            continue
        wanted = bill.get("independent_monthly") or bill["monthly"]
        for month, amount in zip(months, wanted, strict=True):
            difference = month.rated.total - Decimal(str(amount))
            assert abs(difference) <= TOLERANCE, (load, month.billed.name)
        annual = bill.get("independent_annual") or bill["annual"]
        total = sum(month.rated.total for month in months)
        assert abs(total - Decimal(str(annual))) <= TOLERANCE * 12


def test_lines_of_an_imported_tariff_are_explained() -> None:
    names = expectations()
    if not names:
        data_root("tariffs", "urdb")
    name, index = names[-1]
    load = next(iter(expected(name, index)["bills"]))
    values, step = load_series(load)
    document = import_urdb(record(name, index), file=name, reference=True).document
    request = RatingRequest(datetime(2018, 1, 1), step, "UTC", naive=True)  # noqa: DTZ001 - local
    for month in rate_months(document, values, request):
        for line in month.rated.lines:
            for proof in explain(line, month.billed.blocks):
                assert proof.sum == proof.determinant.exact
