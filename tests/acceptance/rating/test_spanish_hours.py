"""An hourly Spanish bill from outside, to the cent, and the price days of both clock changes."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from central.cli.app import app
from tests.support.data import data_root
from tests.support.spanish_bill import (
    AUTUMN,
    HOURLY,
    PERIOD,
    SPRING,
    expected_lines,
    hours_csv,
    price_csvs,
    published,
    tariff_text,
)


def rate(*arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["rate", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    months: list[dict[str, Any]] = json.loads(result.stdout)["months"]
    assert len(months) == 1
    return months[0]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_hourly_bill_of_a_household_is_the_published_one_to_the_cent(tmp_path: Path) -> None:
    folder = data_root("spain", "pvpc")
    prices = [
        option
        for name, text in price_csvs(folder).items()
        for option in ("--series", f"{name}={written(tmp_path, f'{name}.csv', text)}")
    ]
    bill = rate(
        *("--tariff", written(tmp_path, "gen.yaml", tariff_text(folder))),
        *("--input", f"import={written(tmp_path, 'use.csv', hours_csv(folder))}"),
        *prices,
        *("--fact", "contracted_kw=4.6", "--period", PERIOD),
    )
    amounts = {line["id"]: Decimal(line["amount"]) for line in bill["lines"]}
    assert amounts == expected_lines(folder)
    assert (bill["kwh"], bill["total"]) == ("472.931", "77.08")
    energy = next(line for line in bill["lines"] if line["id"] == "toll")
    assert energy["quantity"] == "472.931"  # printed as 472.93
    assert energy["taxes"] == ["duty", "vat"]


DAYS = [
    ("PVPC_CURV_DD_2021_10_31.json", AUTUMN, 25),
    ("PRICES_ESIOS_1001_2021_10_31.json", AUTUMN, 25),
    ("PVPC_CURV_DD_2022_03_27.json", SPRING, 23),
]


@pytest.mark.parametrize(("name", "day", "count"), DAYS, ids=str)
def test_price_day_of_a_clock_change_bills_each_hour_once(
    tmp_path: Path, name: str, day: date, count: int
) -> None:
    prices = published(data_root("spain", "esios"), name)
    assert len(prices) == count
    # Another use in every hour, so that an hour at its neighbour's price is seen.
    use = [(at, Decimal(number + 1) / 10) for number, (at, _) in enumerate(prices)]
    expected = sum(price * kwh for (_, price), (_, kwh) in zip(prices, use, strict=True))
    bill = rate(
        *("--tariff", written(tmp_path, "day.yaml", HOURLY)),
        *("--input", f"import={written(tmp_path, 'use.csv', _csv(use))}"),
        *("--series", f"PVPC={written(tmp_path, 'prices.csv', _csv(prices))}"),
        *("--period", f"{day}..{day + timedelta(days=1)}", "--unrounded", "--explain"),
    )
    line = bill["lines"][0]
    assert Decimal(line["amount"]) == expected
    intervals = line["explained"][0]["intervals"]
    assert [Decimal(used["value"]) for used in intervals] == [kwh for _, kwh in use]
    assert len({used["start"] for used in intervals}) == count


def test_the_operators_two_forms_of_a_day_say_the_same() -> None:
    folder = data_root("spain", "esios")
    curve, indicator = (published(folder, name) for name, day, _ in DAYS if day == AUTUMN)
    assert curve == indicator


def _csv(rows: list[tuple[datetime, Decimal]]) -> str:
    return "\n".join(f"{at.isoformat()},{value}" for at, value in rows)
