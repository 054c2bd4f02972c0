"""The reference's own test cases: every expected number, and every month that it computes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from central.domain.rating.lineage import prove
from central.domain.tariff.refusal import TariffRefusedError
from central.service.rating.load_csv import hold_values, read_series
from central.service.rating.rate_bills import PricedBill
from tests.support import ssc
from tests.support.data import data_root, find_data

CLOSE = Decimal("0.005")
ONE_STEP = "year1_hourly_salespurchases_with_system"


def cases() -> list[Path]:
    folder = find_data("bills", "ssc")
    return sorted(folder.glob("*.json")) if folder else []


def series(case: dict[str, Any], what: str) -> list[Decimal] | None:
    name = case.get(f"{what}_file")
    if name is None:
        return None
    text = (data_root("loads") / name).read_text()
    return read_series(text, name)[: case.get(f"{what}_values")]


def bills_of(case: dict[str, Any]) -> tuple[list[list[PricedBill]], list[list[PricedBill]]]:
    steps = case["steps_per_hour"]
    load = series(case, "load")
    assert load is not None
    load = hold_values(load[: 8760 * case.get("load_steps_per_hour", 1)], 8760 * steps, "load")
    made = series(case, "gen")
    years = max([1, *(e["index"][0] for e in case["expected"] if len(e["index"]) == 2)])
    years = max([years, *(e["index"][0] for e in case["expected"] if len(e["index"]) == 1)])
    if made is not None:
        years = min(years, 3, len(made) // (8760 * steps)) or 1
    without = ssc.bills(case["inputs"], load, None, steps, years)
    with_ = without if made is None else ssc.bills(case["inputs"], load, made, steps, years)
    return without, with_


def value_of_step(case: dict[str, Any], step: int) -> Decimal:
    """What one step of January adds to what is sold: the month up to it, less the month before."""
    load, made = series(case, "load"), series(case, "gen")
    assert load is not None
    assert made is not None
    month = 744 * case["steps_per_hour"]

    def sold(count: int) -> Decimal:
        nothing = [Decimal(0)] * (month - count)
        return -ssc.january(case["inputs"], load[:count] + nothing, made[:count] + nothing)

    return sold(step + 1) - sold(step)


def differences(
    case: dict[str, Any], without: list[list[PricedBill]], with_: list[list[PricedBill]]
) -> list[tuple[str, str, str]]:
    wrong = []
    for expected in case["expected"]:
        if expected["output"] == ONE_STEP:
            found: Decimal | None = value_of_step(case, expected["index"][0])
        else:
            found = ssc.output(expected["output"], expected["index"], without, with_)
        assert found is not None, expected
        wanted = Decimal(str(expected["value"]))
        if abs(found - wanted) > Decimal(str(expected["tolerance"])):
            wrong.append((expected["what"], str(found), str(wanted)))
    computed = case["computed_by_pysam"]
    for side, months in (("without", without[0]), ("with", with_[0])):
        amounts = computed.get(f"year1_monthly_bill_{side}_generation", ())
        for month, amount in zip(months, amounts, strict=False):
            if abs(month.rated.total - Decimal(str(amount))) > CLOSE:
                wrong.append((f"{side} {month.billed.name}", str(month.rated.total), str(amount)))
    for month, kwh in zip(without[0], computed["year1_monthly_load_kwh"], strict=True):
        if abs(ssc.plain(month.kwh) - Decimal(str(kwh))) > CLOSE:
            wrong.append((f"kWh {month.billed.name}", str(month.kwh), str(kwh)))
    return wrong


@pytest.mark.parametrize("path", cases() or [Path()], ids=lambda path: path.stem)
def test_case_bills_as_the_reference_does(path: Path) -> None:
    data_root("bills", "ssc")
    case = json.loads(path.read_text())
    if case["expect_error"]:
        with pytest.raises(TariffRefusedError):
            bills_of(case)
        return
    without, with_ = bills_of(case)
    assert not differences(case, without, with_)
    for month in with_[0]:
        determinants = {d.key: d for line in month.rated.lines for d in line.determinants}
        for determinant in determinants.values():
            assert prove(determinant, month.billed.blocks).sum == determinant.exact
