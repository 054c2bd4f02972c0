"""The `rate` command: what it prints, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from central.cli.app import app

TARIFFS = Path(__file__).parents[4] / "docs" / "reference" / "tariffs"
RECORD = {
    "label": "abc",
    "name": "Two periods",
    "energyratestructure": [[{"rate": 0.1}], [{"rate": 0.2, "adj": 0.05}]],
    "energyweekdayschedule": [[0] * 12 + [1] * 12] * 12,
    "energyweekendschedule": [[0] * 24] * 12,
    "fixedchargefirstmeter": 1.5,
    "fixedchargeunits": "$/day",
}


def run(tmp_path: Path, tariff: Path, *more: str, hours: int = 8760, kw: str = "1") -> Result:
    load = tmp_path / "load.csv"
    load.write_text(f"{kw}\n" * hours)
    arguments = ["--tariff", str(tariff), "--load", str(load), "--start", "2018-01-01T00:00"]
    return CliRunner().invoke(app, ["rate", *arguments, "--step-minutes", "60", *more])


def urdb(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"items": [RECORD, RECORD | changes]}))
    return path


def test_native_tariff_prints_one_object(tmp_path: Path) -> None:
    tariff = TARIFFS / "residential-tou.yaml"
    result = run(tmp_path, tariff, "--zone", "Europe/Madrid", "--json")
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert list(said) == ["tariff", "currency", "months", "year"]
    assert len(said["months"]) == 12
    assert said["months"][9]["kwh"] == "745"
    assert said["months"][2]["kwh"] == "743"
    assert said["year"]["kwh"] == "8760"
    january = said["months"][0]
    assert {charge["id"] for charge in january["charges"]} >= {"customer", "energy", "vat"}
    assert january["peak_kw"] == "1"
    cents = [round(100 * float(charge["amount"])) for charge in january["charges"]]
    assert sum(cents) == round(100 * float(january["total"]))


def test_urdb_record_by_the_naive_calendar(tmp_path: Path) -> None:
    options = ("--zone", "UTC", "--calendar", "naive", "--unrounded", "--json", "--record", "1")
    result = run(tmp_path, urdb(tmp_path), *options)
    assert result.exit_code == 0, result.stderr
    january = json.loads(result.stdout)["months"][0]
    charges = {charge["id"]: float(charge["amount"]) for charge in january["charges"]}
    # 23 weekdays of 12 hours at 0.25, the rest of 744 hours at 0.1
    assert charges["energy"] == pytest.approx(276 * 0.25 + 468 * 0.1)
    # The naive calendar makes a price per day one per month of 365/12 days.
    assert charges["fixed"] == pytest.approx(1.5 * 365 / 12)


def test_reference_leaves_out_what_it_ignores_and_says_so(tmp_path: Path) -> None:
    options = ("--zone", "UTC", "--calendar", "naive", "--unrounded", "--json", "--reference")
    changes = {"fixedattrs": [{"Meter fee": "$1"}]}
    result = run(tmp_path, urdb(tmp_path, **changes), *options, "--record", "1")
    assert result.exit_code == 0
    assert "fixedattrs" in result.stderr
    fixed = json.loads(result.stdout)["months"][0]["charges"][0]
    assert float(fixed["amount"]) == pytest.approx(1.5 * 365 / 12)


def test_unsupported_field_exits_2_with_its_reason(tmp_path: Path) -> None:
    path = urdb(tmp_path, fixedattrs=[{"Meter fee": "$1"}])
    result = run(tmp_path, path, "--zone", "UTC", "--record", "1", "--json")
    assert result.exit_code == 2
    findings = json.loads(result.stdout)["error"]["findings"]
    assert findings[0]["path"] == "fixedattrs"
    assert findings[0]["code"] == "TARIFF_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("options", "hours", "kw"),
    [
        (("--record", "7"), 8760, "1"),
        (("--zone", "Nowhere/City"), 8760, "1"),
        ((), 25, "1"),
        ((), 8760, "one"),
        (("--start", "soon"), 8760, "1"),
        (("--start", "2018-01-01T05:00"), 8760, "1"),
        (("--step-minutes", "7"), 8760, "1"),
        (("--load", "/nowhere.csv"), 8760, "1"),
    ],
)
def test_bad_options_exit_2(tmp_path: Path, options: tuple[str, ...], hours: int, kw: str) -> None:
    result = run(tmp_path, urdb(tmp_path), "--zone", "UTC", *options, hours=hours, kw=kw)
    assert result.exit_code == 2
    assert result.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("kW\n", "is empty"),
        ("1\n" * 23 + "NaN\n", "Line 24"),
        ("1\n" * 23 + "1,5\n", "Line 24"),
        ("1\n" * 23 + "-1\n", "Line 24"),
        ("1\n" * 23 + "1e400\n", "Line 24"),
        ("1\n" * 12 + "\n" + "1\n" * 11, "Line 13"),
        ("2018-01-01,1\n" * 24, "Line 1 "),
        ("one\ntwo\n", "Line 2"),
        ("1\n" * 25, "inside a local day"),
    ],
)
def test_a_broken_load_is_refused_with_its_line_as_json(
    tmp_path: Path, text: str, reason: str
) -> None:
    load = tmp_path / "odd.csv"
    load.write_text(text)
    options = ("--zone", "UTC", "--json", "--load", str(load))
    result = run(tmp_path, urdb(tmp_path), *options, hours=1)
    assert result.exit_code == 2
    said = json.loads(result.stdout)["error"]
    assert said["code"] == "LOAD_FILE"
    assert reason in said["message"]
    assert not result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--tariff", "/nowhere.json"),
        ("--load", "/nowhere.csv"),
        ("--start", "9999-12-01T00:00"),
        ("--start", "2018-01-01T00:00+01:00"),
        ("--zone", "Australia/Lord_Howe"),
        ("--record", "-1"),
        ("--tariff", str(TARIFFS / "residential-tou.yaml"), "--record", "1"),
    ],
)
def test_what_cannot_be_is_said_as_json(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run(tmp_path, urdb(tmp_path), "--zone", "UTC", "--json", *options)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] in {"LOAD_FILE", "FILE"}


@pytest.mark.parametrize("text", ["", "{", "[]", '"abc"', "[" * 100_000, '{"items": []}', "\xff"])
def test_a_file_that_holds_no_tariff_is_refused_as_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(text.encode("latin-1"))
    result = run(tmp_path, path, "--zone", "UTC", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] in {"TARIFF_REFUSED", "FILE"}


def test_a_heading_carriage_returns_and_a_leap_year_are_read(tmp_path: Path) -> None:
    load = tmp_path / "leap.csv"
    load.write_text("\ufeffload_kW\r\n" + "0.5\r\n" * 24 * 366 + "\r\n", encoding="utf-8")
    options = ("--load", str(load), "--start", "2020-01-01T00:00", "--zone", "UTC", "--json")
    result = run(tmp_path, urdb(tmp_path), *options, hours=1)
    assert result.exit_code == 0, result.stderr
    months = json.loads(result.stdout)["months"]
    assert [month["kwh"] for month in months][:2] == ["372", "348"]
    assert len(months) == 12


def test_kwh_of_half_hours_from_a_day_inside_a_month(tmp_path: Path) -> None:
    options = ("--unit", "kWh", "--step-minutes", "30", "--start", "2018-03-24T00:00")
    result = run(
        tmp_path, urdb(tmp_path), "--zone", "Europe/Madrid", "--json", *options, hours=2 * 191
    )
    assert result.exit_code == 0, result.stderr
    (month,) = json.loads(result.stdout)["months"]
    assert (month["month"], month["kwh"], month["peak_kw"]) == ("2018-03", "382", "2")


def test_a_list_is_read_as_records_are(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps([RECORD, RECORD | {"label": "second"}]))
    result = run(tmp_path, path, "--zone", "UTC", "--record", "1", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["tariff"] == "urdb-second"


def test_generation_is_netted(tmp_path: Path) -> None:
    made = tmp_path / "gen.csv"
    made.write_text("0.25\n" * 8760)
    path = urdb(tmp_path, dgrules="Net Billing Instantaneous")
    options = ("--zone", "UTC", "--record", "1", "--gen", str(made), "--json")
    result = run(tmp_path, path, *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["months"][0]["kwh"] == "558"


def test_table_for_people(tmp_path: Path) -> None:
    result = run(tmp_path, urdb(tmp_path), "--zone", "UTC")
    assert result.exit_code == 0
    assert "2018-12" in result.stdout
    assert "total" in result.stdout


def test_a_market_tariff_is_priced_by_a_series_file(tmp_path: Path) -> None:
    prices = tmp_path / "market.csv"
    days = [f"2018-01-{day:02}T{hour:02}:00,0.{hour:02}" for day in (1, 2) for hour in range(24)]
    prices.write_text("start,value\n" + "\n".join(days))
    options = ("--zone", "Europe/Madrid", "--json", "--series", f"ES.DA={prices}")
    result = run(tmp_path, TARIFFS / "spot.yaml", *options, hours=48)
    assert result.exit_code == 0, result.stderr
    charges = {
        one["id"]: one["amount"] for one in json.loads(result.stdout)["months"][0]["charges"]
    }
    # Twice 0.00 + 0.01 + ... + 0.23 = 5.52; 48 kWh at 0.005; three percent.
    assert charges == {"pool": "5.52", "fee": "0.24", "margin": "0.17"}


def test_a_series_that_is_missing_or_short_holds_the_month(tmp_path: Path) -> None:
    prices = tmp_path / "market.csv"
    prices.write_text("2018-01-01T00:00,1\n2018-01-01T01:00,1\n")
    options = ("--zone", "Europe/Madrid", "--json")
    for more in ((), ("--series", f"ES.DA={prices}")):
        result = run(tmp_path, TARIFFS / "spot.yaml", *options, *more, hours=24)
        assert (result.exit_code, result.stderr) == (3, "")
        assert json.loads(result.stdout)["error"]["code"] == "RATING_HELD"


@pytest.mark.parametrize(
    "option",
    [
        ("--series", "ES.DA"),
        ("--series", "=x.csv"),
        ("--series", "ES.DA=absent.csv"),
        ("--fact", "kw"),
    ],
)
def test_a_series_or_fact_that_cannot_be_read_is_refused(
    tmp_path: Path, option: tuple[str, str]
) -> None:
    result = run(tmp_path, TARIFFS / "spot.yaml", "--zone", "Europe/Madrid", *option, hours=24)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output


def test_facts_of_the_agreement_are_given_by_name(tmp_path: Path) -> None:
    tariff = tmp_path / "exempt.yaml"
    tariff.write_text(
        "tariff: exempt\neffective: 2018-01-01\nzone: UTC\ncurrency: {code: EUR}\n"
        "needs: {seats: number}\n"
        "determinants: {kwh: {sum: import}}\n"
        "charges: [{id: seat, qty: seats, price: 2, per: month}]\n"
        "cycle: {normal_days: cycle}\n"
    )
    result = run(tmp_path, tariff, "--zone", "UTC", "--json", "--fact", "seats=3", hours=744)
    assert result.exit_code == 0, result.stderr
    charges = {
        one["id"]: one["amount"] for one in json.loads(result.stdout)["months"][0]["charges"]
    }
    assert charges == {"seat": "6.00"}
    assert run(tmp_path, tariff, "--zone", "UTC", hours=744).exit_code == 3
