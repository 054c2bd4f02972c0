"""`meterline-central tariff try`: calendar, prices by the hour, a bill a month."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from central.cli.tariffs import tariffs

TARIFF = """\
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
calendar:
  seasons: {summer: "06-15..09-30", winter: rest}
  days: {work: mon-fri, free: rest}
  periods: {peak: [{days: work, at: "10:00-13:30"}], off: rest}
determinants: {kwh: {sum: import, by: period}, sold: {sum: export}}
charges:
  - {id: fixed, price: 2, per: month}
  - id: energy
    qty: kwh
    price: {summer: {peak: 0.30, off: 0.10}, winter: {peak: 0.20, off: 0.08}}
  - {id: grid, qty: kwh.total, steps: [{to: 10, price: 0.05}, {to: null, price: 0.01}]}
  - {id: peak_only, qty: kwh.peak, price: 0.02}
  - {id: feed_in, qty: sold, price: -0.07}
taxes: [{id: vat, percent: 10, of: all, point: interval}]
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tariffs, ["try", *map(str, arguments)])


@pytest.fixture
def tariff(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(TARIFF)
    return path


def shown(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_the_calendar_is_that_of_each_kind_of_day_and_season(tariff: Path) -> None:
    rows = shown(tariff)["calendar"]
    work = [row for row in rows if row["days"] == "work"]
    # Twelve months, and June is cut where the summer begins.
    assert len(work) == 13
    assert ("2026-06-15", "2026-06-30") in {(row["first"], row["last"]) for row in work}
    hours = work[0]["hours"]
    assert (hours[9], hours[10], hours[13], hours[14]) == ("off", "peak", "peak/off", "off")
    assert {text for row in rows if row["days"] == "free" for text in row["hours"]} == {"off"}


def test_prices_by_the_hour_add_up_the_charges_of_use(tariff: Path) -> None:
    prices = {(row["days"], row["first"]): row["hours"] for row in shown(tariff)["prices"]}
    winter = prices["work", "2026-01-01"]
    assert (winter[0], winter[10]) == ("0.1300", "0.2700")  # 0.08 + 0.05; 0.20 + 0.05 + 0.02
    assert winter[13] == "0.2000"  # half an hour of each
    assert prices["work", "2026-06-15"][10] == "0.3700"
    assert set(prices["free", "2026-08-01"]) == {"0.1500"}


def test_a_year_has_twelve_bills_of_just_the_use_that_is_asked_for(tariff: Path) -> None:
    year = shown(tariff, "--kwh", "1200.5")
    assert [bill["month"] for bill in year["months"]] == [f"2026-{n:02}" for n in range(1, 13)]
    assert year["year"]["kwh"] == "1200.5"
    totals = [Decimal(bill["total"]) for bill in year["months"]]
    assert sum(totals) == Decimal(year["year"]["total"])
    assert totals[0] > totals[4]
    nothing = shown(tariff, "--kwh", "0", "--year", "2028")
    assert {bill["total"] for bill in nothing["months"]} == {"2.20"}
    text = run(tariff).stdout
    assert "period, work, by the hour of the clock" in text
    assert "10-01 to 12-31" in text
    assert text.splitlines()[-1].startswith("year ")


def test_a_tariff_of_the_library_is_tried_with_facts_and_a_price() -> None:
    options = ("--from", "es-pvpc", "--fact", "power_peak_kw=4.6", "--fact", "power_valley_kw=2")
    held = run(*options)
    assert held.exit_code == 3
    assert "PVPC" in held.stderr
    priced = shown(*options, "--series", "PVPC=0.1", "--year", "2022")
    energy = next(line for line in priced["months"][0]["lines"] if line["id"] == "energy")
    assert Decimal(energy["amount"]) == round(Decimal(energy["quantity"]) / 10, 2)
    assert priced["prices"] == []


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--from", "es-pvpc", "no.yaml"),
        ("--from", "atlantis"),
        ("--from", "za-cape-town", "--kwh", "much"),
        ("--from", "za-cape-town", "--kwh", "-1"),
        ("--from", "za-cape-town", "--year", "12"),
    ],
)
def test_what_cannot_be_tried_is_refused(options: tuple[str, ...]) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert result.stderr
