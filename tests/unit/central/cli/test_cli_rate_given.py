"""`meterline-central rate` with what a tariff needs beside the load: events, and days before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from central.cli.app import app

HEAD = """\
tariff: t
effective: 2026-01-01
zone: UTC
currency: {code: EUR}
"""
EVENTS = """\
{"stream": "api", "id": "a", "at": "2026-01-05T00:00:00Z", "fields": {"user": "ann"}}

{"stream": "api", "id": "b", "at": "2026-01-06T00:00+01:00", "value": 2.5, "fields": {"user": "b"}}
{"stream": "api", "id": "c", "at": "2026-02-01T00:00:00Z", "value": "0.125"}
"""


def run(folder: Path, tariff: str, kwh: list[str], *options: str) -> Result:
    (folder / "t.yaml").write_text(HEAD + tariff)
    (folder / "load.csv").write_text("\n".join(kwh))
    common = ["--start", "2026-01-01T00:00", "--step-minutes", "60", "--zone", "UTC", "--json"]
    paths = ["--tariff", str(folder / "t.yaml"), "--load", str(folder / "load.csv")]
    return CliRunner().invoke(app, ["rate", *paths, *common, "--unit", "kWh", *options])


def charges(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return [
        {charge["id"]: charge["amount"] for charge in month["charges"]}
        for month in json.loads(result.stdout)["months"]
    ]


def test_events_of_a_file_are_priced_in_their_months(tmp_path: Path) -> None:
    tariff = "determinants: {sum_: {events: api}, users: {events: api, take: unique, key: user}}\n"
    tariff += "charges: [{id: s, qty: sum_, price: 2}, {id: u, qty: users, price: 1}]\n"
    (tmp_path / "events.jsonl").write_text(EVENTS)
    result = run(tmp_path, tariff, ["1"] * 59 * 24, "--events", str(tmp_path / "events.jsonl"))
    assert charges(result) == [{"s": "7.00", "u": "2.00"}, {"s": "0.25", "u": "1.00"}]


def test_a_baseline_looks_at_the_months_before(tmp_path: Path) -> None:
    tariff = "series: {hours: {price: E}}\n"
    tariff += "determinants: {saved: {rebate: import, during: hours, baseline: {days: 3}}}\n"
    tariff += "charges: [{id: r, qty: saved, price: -1}]\n"
    use = ["2"] * 31 * 24 + ["0.5"] * 28 * 24
    event = range(31 * 24 + 17, 31 * 24 + 20)  # 17:00 to 20:00 on 1 February
    rows = [
        f"2026-{'01' if n < 744 else '02'}-{n % 744 // 24 + 1:02}T{n % 24:02}:00Z,{int(n in event)}"
        for n in range(59 * 24)
    ]
    (tmp_path / "e.csv").write_text("start,value\n" + "\n".join(rows))
    result = run(tmp_path, tariff, use, "--series", f"E={tmp_path / 'e.csv'}")
    assert charges(result) == [{"r": "0.00"}, {"r": "-4.50"}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[]", "not an object"),
        ('{"stream": "a", "id": "b"}', "not an object"),
        ('{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00Z", "x": 1}', "not an object"),
        ('{"stream": "a", "id": 7, "at": "2026-01-01T00:00:00Z"}', "where text is expected"),
        ('{"stream": "a", "id": "b", "at": "soon"}', "has no time"),
        ('{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00"}', "without an offset"),
        (
            '{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00Z", "value": NaN}',
            "is not valid JSON",
        ),
        ('{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00Z", "value": "x"}', "not a number"),
        ('{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00Z", "value": 1e20}', "not a number"),
        ('{"stream": "a", "id": "b", "at": "2026-01-01T00:00:00Z", "value": true}', "not a number"),
    ],
)
def test_a_broken_line_of_events_exits_2_with_its_number(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "events.jsonl").write_text(EVENTS + line)
    tariff = "determinants: {n: {events: api}}\ncharges: [{id: s, qty: n, price: 2}]\n"
    result = run(tmp_path, tariff, ["1"] * 24, "--events", str(tmp_path / "events.jsonl"))
    assert result.exit_code == 2
    said = json.loads(result.stdout)["error"]
    assert said["code"] == "EVENTS_FILE"
    assert said["message"].startswith("Line 5 of events.jsonl")
    assert reason in said["message"]


def test_events_that_nobody_gave_are_no_zero_and_a_file_without_them_is(tmp_path: Path) -> None:
    tariff = "determinants: {n: {events: other}}\ncharges: [{id: s, qty: n, price: 2}]\n"
    held = run(tmp_path, tariff, ["1"] * 24)
    assert held.exit_code == 3
    assert "'other' are missing" in held.stdout
    (tmp_path / "events.jsonl").write_text(EVENTS)
    given = run(tmp_path, tariff, ["1"] * 24, "--events", str(tmp_path / "events.jsonl"))
    assert charges(given) == [{"s": "0.00"}]
