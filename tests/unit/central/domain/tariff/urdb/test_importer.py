"""What the import of a URDB record refuses, and what it says of each field."""

# ruff: noqa: E501 - one broken record per line
from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.urdb.fields import Fate
from central.domain.tariff.urdb.importer import import_urdb, read_records

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
    (Code.WRONG_TYPE, {"energyratestructure": [[{"rate": 1}]] * 2, "energyweekdayschedule": None}),
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
    (Code.NOT_SUPPORTED, {"coincidentrateschedule": FLAT, "coincidentrateunit": "kW",
                          "coincidentratestructure": [[{"rate": 3}]]}),
    (Code.NOT_SUPPORTED, {"demandratchetpercentage": [0.8] * 12}),
    (Code.NOT_SUPPORTED, {"flatdemandstructure": [tiers((None, "kW daily"))],
                          "flatdemandmonths": [0] * 12, "lookbackPercent": 0.5}),
    (Code.TIERS_NOT_ASCENDING, {"energyratestructure": [tiers((9, ""), (None, ""), (None, ""))]}),
    (Code.TIERS_NOT_ASCENDING, {"energyratestructure": [tiers((9, ""), (9, ""), (None, ""))]}),
    (Code.OUT_OF_RANGE, {"energyratestructure": [tiers((-9, ""), (None, ""))]}),
    (Code.OUT_OF_RANGE, {"energyratestructure": [[{"rate": "1e-30"}]]}),
    (Code.OUT_OF_RANGE, {"energyratestructure": [[{"rate": 10**30}]]}),
    (Code.OUT_OF_RANGE, {"energyweekdayschedule": [[0.5] * 24] * 12}),
    (Code.OUT_OF_RANGE, {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0.5] * 12}),
    (Code.OUT_OF_RANGE, {"lookbackPercent": -1}),
    (Code.OUT_OF_RANGE, {"lookbackPercent": 0.5, "lookbackRange": 99}),
    (Code.OUT_OF_RANGE, {"mincharge": -5}),
    (Code.WRONG_TYPE, {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 13}),
    (Code.WRONG_TYPE, {"lookbackPercent": 0.5, "lookbackMonths": [1]}),
    (Code.TIER_UNIT, {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 12,
                      "flatdemandunit": "hp daily"}),
    (Code.TIER_UNIT, {"flatdemandstructure": [tiers((None, "kW")), tiers((None, "kVA"))],
                      "flatdemandmonths": [0] * 12}),
    (Code.CONFLICT, {"mincharge": 5, "minmonthlycharge": 5}),
    (Code.CONFLICT, {"mincharge": 5, "minchargeunits": "$/year", "annualmincharge": 5}),
    (Code.CONFLICT, {"fixedchargefirstmeter": 5, "fixedchargeunits": "$/day",
                     "fixedmonthlycharge": 5}),
    (Code.BAD_WINDOW, {"demandwindow": 7, "flatdemandstructure": [[{"rate": 1}]],
                       "flatdemandmonths": [0] * 12}),
    (Code.DUPLICATE_KEY, {"lookbackpercent": 0.5, "lookbackPercent": 0.5}),
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


TIMED = [[0] * 12 + [1] * 12] * 12
GOOD: list[dict[str, Any]] = [
    {"energyweekdayschedule": None, "energyweekendschedule": None},
    {"name": "Tarifa ñandú \U0001f50c \ud800\x07", "label": "año/2018 "},
    {"name": None, "label": None, "description": None, "startdate": "2013-01-01", "enddate": ""},
    {"startdate": 1356998400, "enddate": None, "approved": "True", "usenetmetering": False},
    {"energyratestructure": [[{"rate": "0.1", "adj": "-0.02", "unit": None, "max": None}]]},
    {"energyratestructure": [[{"adj": Decimal("0.03")}]]},
    {"energyratestructure": [tiers((9, "KWH  daily"), (None, ""))]},
    {"energyratestructure": [tiers((9, "kWh/kW daily"), (None, "kWh/kW daily"))]},
    {"energyratestructure": [tiers((200, "kWh/kW"), (90, "kWh"), (None, "kWh"), (None, "kWh/kW"))]},
    {"energyratestructure": None, "flatdemandstructure": [[{"rate": 1}]],
     "flatdemandmonths": ["0"] * 12},
    {"energyratestructure": [tiers((9, ""), (1e38, ""))]},
    {"flatdemandstructure": [[{"rate": 1}], []], "flatdemandmonths": [0] * 12},
    {"flatdemandstructure": [tiers((None, "kVA"))], "flatdemandmonths": [0] * 12},
    {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 12,
     "flatdemandunit": "kVA daily"},
    {"flatdemandstructure": [tiers((2, "kW daily"), (None, "kW daily"))],
     "flatdemandmonths": [0] * 12},
    {"demandratestructure": [tiers((None, "kW daily"))] * 2, "demandweekdayschedule": TIMED,
     "demandweekendschedule": TIMED},
    {"demandratestructure": [tiers((5, "kW"), (None, "kW")), tiers((None, "kW"))],
     "demandweekdayschedule": TIMED, "demandweekendschedule": TIMED,
     "lookbackPercent": Decimal("0.8"), "lookbackRange": 11, "lookbackMonths": [True] * 12},
    {"demandwindow": "30", "flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 12},
    {"fueladjustmentsmonthly": [0, 0, 0, Decimal("0.01")] * 3},
    {"fixedchargefirstmeter": "5", "fixedchargeunits": "$/year", "fixedchargeeaaddl": 2},
    {"mincharge": 5, "minchargeunits": None, "annualmincharge": 60},
    {"demandreactivepowercharge": 0, "coincidentratestructure": [], "fixedattrs": None},
    {"dgRules": "Net Billing Hourly"},
    {"EnergyRateStructure": None},
]  # fmt: skip


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_unusual_record_is_imported(changes: dict[str, Any]) -> None:
    record = RECORD | changes
    if "EnergyRateStructure" in changes:
        record["EnergyRateStructure"] = record.pop("energyratestructure")
    imported = import_urdb(record, generation=True)
    assert load_tariff(to_canonical_text(imported.document)) == imported.document
    assert {fate.fate for fate in imported.fields} <= {Fate.PRICED, Fate.INFORMATIONAL}


@pytest.mark.parametrize(
    "name",
    [
        "coincidentratestructure",
        "demandratchetpercentage",
        "demandreactivepowercharge",
        "fueladjustmentsmonthly",
        "demandwindow",
        "energykeyvals",
        "fixedattrs",
        "pdp_credit",
    ],
)
def test_the_reference_leaves_out_what_its_mapping_does_not_read(name: str) -> None:
    imported = import_urdb(RECORD | {name: [Decimal("0.5")] * 12}, reference=True)
    assert imported.ignored == (name,)
    assert imported.document == import_urdb(RECORD, reference=True).document


def test_a_demand_window_counts_where_the_steps_of_the_load_divide_it() -> None:
    record = RECORD | {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 12}
    record |= {"demandwindow": 30}

    def window(step: int | None) -> object:
        document = import_urdb(record, step_minutes=step).document
        return next(getattr(r, "window_s", None) for r in document.determinants if r.name == "kw")

    assert [window(step) for step in (None, 15, 30, 60)] == [1800, 1800, 1800, None]


def test_fuel_adjustments_are_priced_by_month() -> None:
    record = RECORD | {"fueladjustmentsmonthly": [Decimal("0.01")] * 6 + [Decimal("0.02")] * 6}
    charge = import_urdb(record).document.charges[-1]
    assert charge.id == "fuel"
    assert charge.price is not None
    assert sorted(price for _, price in charge.price.rows) == [Decimal("0.01"), Decimal("0.02")]


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


def test_the_reference_leaves_out_a_flat_demand_of_no_months() -> None:
    record = RECORD | {"flatdemandstructure": [[{"rate": 1}]]}
    imported = import_urdb(record, reference=True)
    assert imported.ignored == ("flatdemandstructure",)
    assert imported.document == import_urdb(RECORD, reference=True).document
    with pytest.raises(TariffRefusedError, match="flatdemandmonths"):
        import_urdb(record)


@pytest.mark.parametrize("rule", ["Net Billing Instantaneous", "Net Billing Hourly"])
def test_sold_energy_is_bounded_by_the_billing_demand_of_used_energy(rule: str) -> None:
    """With a lookback, kWh/kW bounds of sell rates are those of the prices beside them."""
    structure = [tiers((100, "kWh/kW"), (None, "kWh/kW"))]
    structure[0][0]["sell"], structure[0][1]["sell"] = Decimal("0.05"), Decimal("0.03")
    record = RECORD | {"energyratestructure": structure, "lookbackPercent": Decimal("0.8")}
    document = import_urdb(record | {"dgrules": rule}, generation=True).document
    text = to_canonical_text(document)
    # Two steps of what is used, and two of what is sold.
    assert text.count('"of":"billing_kw"') == 4
    assert '"of":"kw"' not in text
