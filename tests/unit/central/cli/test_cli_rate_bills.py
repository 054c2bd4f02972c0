"""`meterline-central rate` bill by bill: lines, periods, versions, facts, states, other inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from central.cli.app import app

TARIFFS = Path(__file__).parents[4] / "docs" / "reference" / "tariffs"
HEAD = """\
tariff: t
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
"""
TIERS = """\
calendar:
  days: {work: mon-fri, off: rest}
  periods: {peak: [{days: work, at: "08:00-20:00"}], rest: rest}
determinants: {kwh: {sum: import, by: period}}
charges:
  - {id: fixed, name: Standing charge, price: 3.10, per: month}
  - {id: energy, qty: kwh, price: {peak: 0.30, rest: 0.10}}
  - {id: blocks, qty: kwh.total, steps: [{to: 100, price: 0.02}, {to: null, price: 0.05}]}
taxes:
  - {id: duty, percent: 5, of: energy, point: interval}
  - {id: vat, percent: 21, of: [all, duty], point: interval}
"""


def rate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["rate", *map(str, arguments)])


def said(*arguments: str | Path) -> list[dict[str, Any]]:
    result = rate(*arguments, "--json")
    assert result.exit_code == 0, result.output
    months: list[dict[str, Any]] = json.loads(result.stdout)["months"]
    return months


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def hours(folder: Path, month: str, count: int, kwh: str = "1") -> Path:
    """Hours of a month from its first midnight in winter on, each the same."""
    rows = [f"{month}-{n // 24 + 1:02}T{n % 24:02}:00+01:00,{kwh}" for n in range(count)]
    return file(folder, f"{month}.csv", "start,value\n" + "\n".join(rows))


def test_each_line_says_quantity_price_tier_period_segment_amount_and_taxes(tmp_path: Path) -> None:
    tariff = file(tmp_path, "t.yaml", HEAD + TIERS)
    load = hours(tmp_path, "2026-01", 744)
    options = ("--tariff", tariff, "--input", f"import={load}")
    lines = {line["key"]: line for line in said(*options)[0]["lines"]}
    # 22 working days of 12 hours at 1 kW; 1 and 6 January are not holidays here.
    peak = lines["energy/peak"]
    assert (peak["quantity"], peak["unit"], peak["price"]) == ("264", "kWh", "0.3")
    assert (peak["label"], peak["tier"], peak["segment"]) == ("peak", 0, 0)
    assert (peak["amount"], peak["taxes"]) == ("79.20", ["duty", "vat"])
    assert (peak["first"], peak["end"]) == ("2026-01-01", "2026-02-01")
    assert [lines[f"blocks/tier{n}"]["tier"] for n in (1, 2)] == [1, 2]
    assert [lines[f"blocks/tier{n}"]["quantity"] for n in (1, 2)] == ["100", "644"]
    assert lines["fixed"]["taxes"] == lines["duty"]["taxes"] == ["vat"]
    assert lines["vat"]["taxes"] == []
    table = rate(*options).stdout.splitlines()
    shown = next(row.split() for row in table if row.startswith("energy/peak"))
    assert shown == [
        *("energy/peak", "energy", "peak", "0", "2026-01-01", "to", "2026-01-31"),
        *("264", "kWh", "0.3", "79.20", "duty", "vat"),
    ]
    assert any(row.split()[:3] == ["fixed", "Standing", "charge"] for row in table)
    # 5 % of 127.20 is 6.36; 21 % of 3.10 + 127.20 + 34.20 + 6.36 is 35.88.
    assert "Taxes 42.24 EUR" in table


def test_totals_alone_and_one_line_alone(tmp_path: Path) -> None:
    tariff = file(tmp_path, "t.yaml", HEAD + TIERS)
    load = hours(tmp_path, "2026-01", 744)
    options = ("--tariff", tariff, "--input", f"import={load}")
    totals = rate(*options, "--totals").stdout.splitlines()
    assert [row.split()[0] for row in totals] == ["2026-01", "total"]
    assert [line["id"] for line in said(*options, "--line", "energy")[0]["lines"]] == ["energy"] * 2
    assert [line["key"] for line in said(*options, "--line", "blocks/tier2")[0]["lines"]] == [
        "blocks/tier2"
    ]


def test_explained_lines_have_their_intervals(tmp_path: Path) -> None:
    tariff = file(tmp_path, "t.yaml", HEAD + TIERS)
    options = ("--tariff", tariff, "--input", f"import={hours(tmp_path, '2026-01', 744, '0.5')}")
    one = (*options, "--explain", "--line", "energy/peak")
    proof = said(*one)[0]["lines"][0]["explained"][0]
    assert (proof["sum"], proof["value"], len(proof["intervals"])) == ("132", "132", 264)
    first = proof["intervals"][0]
    assert (first["start"], first["minutes"]) == ("2026-01-01T08:00+01:00", 60)
    assert (first["value"], first["counted"], first["input"]) == ("0.5", "0.5", "import")
    rows = rate(*one).stdout.splitlines()
    assert "energy/peak: kwh/0/peak is 132 kWh, sum over 264 intervals: 132" in rows
    assert sum(row.startswith("2026-01-") and " import " in row for row in rows) == 264


def test_what_one_run_leaves_opens_the_next(tmp_path: Path) -> None:
    tariff = TARIFFS / "net-billing-banks.yaml"
    rows = [f"2026-01-{day:02},{kwh}" for day in range(1, 32) for kwh in ("8",)]
    rows += [f"2026-02-{day:02},8" for day in range(1, 29)]
    both = file(tmp_path, "both.csv", "\n".join(rows))
    january = file(tmp_path, "january.csv", "\n".join(rows[:31]))
    february = file(tmp_path, "february.csv", "\n".join(rows[31:]))
    common = ("--tariff", tariff)

    def fed(path: Path) -> tuple[str, ...]:
        return ("--input", f"import={path}", "--input", f"export={path}")

    whole = said(*common, *fed(both))
    before = file(tmp_path, "before.json", rate(*common, *fed(january), "--json").stdout)
    after = said(*common, *fed(february), "--opening", before)
    assert after[0] == whole[1]
    assert after[0]["lines"][2]["amount"] == "-14.88"  # 248 kWh x 0.06 of January
    closing = file(tmp_path, "closing.json", json.dumps(whole[0]["closing"]))
    assert said(*common, *fed(february), "--opening", closing) == after
    wrong = rate(*common, *fed(february), "--opening", january)
    assert wrong.exit_code == 2
    assert "holds no state of a bill" in wrong.stderr


def test_versions_take_turns_inside_a_bill(tmp_path: Path) -> None:
    charge = (
        "charges: [{id: e, qty: import, price: 0.10}]\ndeterminants: {import_: {sum: import}}\n"
    )
    charge = charge.replace("qty: import,", "qty: import_,")
    old = file(tmp_path, "old.yaml", HEAD + charge)
    new = file(
        tmp_path,
        "new.yaml",
        (HEAD + charge).replace("2026-01-01", "2026-01-11").replace("0.10", "0.20"),
    )
    load = hours(tmp_path, "2026-01", 744)
    bill = said("--tariff", old, "--tariff", new, "--input", f"import={load}")[0]
    assert [(line["segment"], line["quantity"], line["amount"]) for line in bill["lines"]] == [
        (0, "240", "24.00"),
        (1, "504", "100.80"),
    ]
    other = file(tmp_path, "other.yaml", (HEAD + charge).replace("tariff: t", "tariff: u"))
    refused = rate("--tariff", old, "--tariff", other, "--input", f"import={load}")
    assert refused.exit_code == 2
    assert "several tariffs" in refused.stderr


def test_facts_hold_from_their_day_on(tmp_path: Path) -> None:
    tariff = file(
        tmp_path,
        "t.yaml",
        HEAD + "needs: {kw: kW}\ncharges: [{id: power, qty: kw, price: 0.10, per: day}]\n",
    )
    dates = ("--first", "2026-01-01", "--end", "2026-02-01")
    bill = said("--tariff", tariff, *dates, "--fact", "kw=4", "--fact", "kw=6@2026-01-11")[0]
    assert bill["total"] == "16.60"  # 4 x 10 days + 6 x 21 days
    assert rate("--tariff", tariff, *dates, "--fact", "kw=4@soon").exit_code == 2


def test_periods_of_any_days_and_months(tmp_path: Path) -> None:
    tariff = file(tmp_path, "t.yaml", HEAD + "charges: [{id: f, price: 30, per: month}]\n")
    two = said("--tariff", tariff, "--period", "2026-01-15..2026-03-15/2")
    assert [(bill["first"], bill["end"], bill["total"]) for bill in two] == [
        ("2026-01-15", "2026-03-15", "60.00")
    ]
    assert said("--tariff", tariff, "--period", "2026-01@15")[0]["end"] == "2026-02-15"
    # A move-in on the 22nd leaves 10 days of 30.
    moved = said("--tariff", tariff, "--period", "2026-01", "--first", "2026-01-22")
    assert moved[0]["total"] == "10.00"
    assert [bill["month"] for bill in said("--tariff", tariff, *("--period", "2026-01") * 1)] == [
        "2026-01"
    ]
    nothing = rate("--tariff", tariff)
    assert nothing.exit_code == 2
    assert "Nothing says which days" in nothing.stderr


def test_reads_of_a_water_meter_are_what_lies_between_them(tmp_path: Path) -> None:
    tariff = file(
        tmp_path,
        "t.yaml",
        HEAD
        + "determinants: {water: {sum: m3}}\n"
        + "charges: [{id: w, qty: water, steps: [{to: 10, price: 1}, {to: null, price: 2}]}]\n",
    )
    reads = file(tmp_path, "r.csv", "2026-03-01,1000\n2026-04-10,1017\n2026-05-01,1031.5\n")
    bill = said(
        "--tariff", tariff, "--reads", f"m3={reads}", "--period", "2026-03-01..2026-05-01/2"
    )
    assert [line["quantity"] for line in bill[0]["lines"]] == ["20", "11.5"]
    assert bill[0]["lines"][0]["unit"] == "m3"
    assert bill[0]["total"] == "43.00"
    falls = file(tmp_path, "f.csv", "2026-03-01,1000\n2026-04-10,999\n")
    refused = rate("--tariff", tariff, "--reads", f"m3={falls}")
    assert refused.exit_code == 2
    assert "The register in f.csv falls at 2026-04-09T22:00:00+00:00" in refused.stderr


def test_a_final_bill_settles_and_a_grant_is_paid_in(tmp_path: Path) -> None:
    tariff = file(
        tmp_path,
        "t.yaml",
        HEAD + "charges: [{id: f, price: 30, per: month}]\nsettlement: [prepaid]\n",
    )
    options = ("--tariff", tariff, "--period", "2026-01", "--grant", "prepaid=50@2026-01-05")
    assert said(*options)[0]["closing"]["credits"][0][:1] == ["prepaid"]
    final = said(*options, "--final")[0]
    assert final["closing"]["credits"] == []
    assert final["amounts"]["settled"] == "-50.00"
    assert rate(*options, "--grant", "prepaid=much@2026-01-05").exit_code == 2


def test_a_case_says_all_of_a_bill_and_is_compared(tmp_path: Path) -> None:
    case = TARIFFS / "spot.bill.yaml"
    assert said("--case", case)[0]["total"] == "166.27"
    (tmp_path / "spot.yaml").write_text((TARIFFS / "spot.yaml").read_text())
    other = file(tmp_path, "other.yaml", case.read_text().replace('"154.44"}', '"154.45"}'))
    differs = rate("--case", other)
    assert differs.exit_code == 2
    assert "pool has the amount 154.44, not 154.45" in differs.stderr
    both = rate("--case", case, "--load", case)
    assert both.exit_code == 2
    assert "--load" in both.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tariff: [", "is not valid YAML"),
        ("cycle: 2026-01", "does not name a tariff"),
        ("{tariff: spot.yaml, cycle: 2026-01, load: {import: [{at: soon, kW: 1}]}}", "its blocks"),
        ("{tariff: spot.yaml, cycle: 2026-01, facts: 3}", "its facts"),
        ("{tariff: spot.yaml, cycle: 2026-13}", "is not a billing cycle"),
        ("{tariff: nowhere.yaml, cycle: 2026-01}", "nowhere.yaml"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "spot.yaml").write_text((TARIFFS / "spot.yaml").read_text())
    result = rate("--case", file(tmp_path, "case.yaml", text))
    assert result.exit_code in {1, 2}
    assert reason in result.stderr


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("2026-01-01,1\n2026-01-01,2\n", "listed twice"),
        ("2026-01-01,1\nsoon,2\n", "Line 2"),
        ("2026-01-01T00:00,1\n2026-01-01T01:00,2\n", "inside a local day"),
        ("2026-01-01T00:00,1\n2026-01-01T00:07,2\n", "steps of 420 s"),
    ],
)
def test_a_file_of_an_input_that_does_not_fit_is_refused(
    tmp_path: Path, rows: str, reason: str
) -> None:
    tariff = file(tmp_path, "t.yaml", HEAD + TIERS)
    result = rate("--tariff", tariff, "--input", f"import={file(tmp_path, 'i.csv', rows)}")
    assert result.exit_code == 2
    assert reason in result.stderr
