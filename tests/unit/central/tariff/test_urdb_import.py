"""What the import of a URDB record refuses, and what it says of each field."""

# ruff: noqa: E501 - one broken record per line
from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.urdb import Fate, import_urdb, read_records

FLAT: list[list[int]] = [[0] * 24] * 12
RECORD: dict[str, Any] = {
    "label": "x",
    "name": "X",
    "energyratestructure": [[{"rate": Decimal("0.1"), "unit": "kWh"}]],
    "energyweekdayschedule": FLAT,
    "energyweekendschedule": FLAT,
}


def tiers(*rows: tuple[float | None, str]) -> list[dict[str, Any]]:
    return [
        {"rate": Decimal("0.1"), "unit": unit} | ({} if top is None else {"max": top})
        for top, unit in rows
    ]


BAD: list[tuple[Code, dict[str, Any]]] = [
    (Code.WRONG_TYPE, {"energyratestructure": {"rate": 1}}),
    (Code.WRONG_TYPE, {"energyratestructure": [["rate"]]}),
    (Code.UNKNOWN_KEY, {"energyratestructure": [[{"rate": 1, "price": 2}]]}),
    (Code.NOT_A_NUMBER, {"energyratestructure": [[{"rate": "cheap"}]]}),
    (Code.NOT_A_NUMBER, {"energyratestructure": [[{"rate": True}]]}),
    (Code.TIER_UNIT, {"energyratestructure": [tiers((None, "therms"))]}),
    (Code.TIER_UNIT, {"energyratestructure": [tiers((100, "kWh"), (200, "kWh/kW"), (None, "kWh"))]}),
    (Code.TIERS_NOT_ASCENDING, {"energyratestructure": [tiers((9, "kWh"), (5, "kWh"), (None, ""))]}),
    (Code.WRONG_TYPE, {"energyweekdayschedule": [[0] * 24] * 11}),
    (Code.WRONG_TYPE, {"energyweekdayschedule": [[0] * 23] * 12}),
    (Code.MISSING_PRICE, {"energyweekdayschedule": [[1] * 24] * 12}),
    (Code.MISSING_PRICE, {"energyweekdayschedule": [[-1] * 24] * 12}),
    (Code.WRONG_TYPE, {"energyweekdayschedule": None}),
    (Code.TIER_BOUNDS_DIFFER, {
        "energyratestructure": [tiers((10, "kWh"), (None, "")), tiers((20, "kWh"), (None, ""))],
        "energyweekendschedule": [[1] * 24] * 12,
    }),
    (Code.MISSING_PRICE, {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [1] * 12}),
    (Code.WRONG_TYPE, {"flatdemandstructure": [[{"rate": 1}]]}),
    (Code.TIER_UNIT, {"flatdemandstructure": [[{"rate": 1, "unit": "hp"}]],
                      "flatdemandmonths": [0] * 12}),
    (Code.MISSING_KEY, {"fixedchargefirstmeter": 5}),
    (Code.NOT_A_CHOICE, {"fixedchargefirstmeter": 5, "fixedchargeunits": "$/week"}),
    (Code.NOT_A_CHOICE, {"mincharge": 5, "minchargeunits": "$/week"}),
    (Code.NOT_A_CHOICE, {"dgrules": "Barter"}),
    (Code.NOT_SUPPORTED, {"coincidentratestructure": [[{"rate": 3}]]}),
    (Code.NOT_SUPPORTED, {"pdp_charge_energy": [1, 2]}),
    (Code.NOT_SUPPORTED, {"brandnewfield": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "changes"), BAD)
def test_broken_record_is_refused(code: Code, changes: dict[str, Any]) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        import_urdb(RECORD | changes)
    assert code in {finding.code for finding in caught.value.findings}


def test_every_field_has_a_fate() -> None:
    record = RECORD | {"description": "d", "coincidentratestructure": [], "pdp_credit": [1]}
    fates = {found.name: found.fate for found in import_urdb(record, reference=True).fields}
    assert fates["energyratestructure"] is Fate.PRICED
    assert fates["description"] is Fate.INFORMATIONAL
    assert fates["coincidentratestructure"] is Fate.INFORMATIONAL
    assert fates["pdp_credit"] is Fate.IGNORED


@pytest.mark.parametrize("wrap", [lambda r: r, lambda r: [r], lambda r: {"items": [r]}])
def test_a_record_a_list_or_items(wrap: Callable[[object], object]) -> None:
    record = json.loads(json.dumps(RECORD, default=str))
    assert read_records(json.dumps(wrap(record)), "f") == [record]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "[1]", '{"a": NaN}'])
def test_no_record_is_refused(text: str) -> None:
    with pytest.raises(TariffRefusedError):
        read_records(text, "f")


def test_prices_are_exact() -> None:
    record = json.dumps(RECORD, default=str).replace('"0.1"', "0.078891")
    found = read_records(record, "f")[0]
    found["energyratestructure"][0][0]["adj"] = Decimal("1E-7")
    document = import_urdb(found).document
    price = document.charges[0].price
    assert price is not None
    assert {value for _, value in price.rows} == {Decimal("0.0788911")}
