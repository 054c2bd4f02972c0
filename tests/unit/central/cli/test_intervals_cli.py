"""`intervals show` and `convert`: what a file holds, and the same again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from typer.testing import CliRunner, Result

from central.cli.intervals import intervals

VALUES = ",".join(["1.5", "", *["0.25"] * 22])
TEXT = (
    "100,NEM12,200405011135,MDA1,Ret1\r\n"
    "200,NEM1,E1,1,E1,N1,=SUM(A1),kWh,60,\r\n"
    f"300,20261004,{VALUES},V,,,20261005000000,\r\n"
    "400,1,20,A\r\n"
    "400,21,24,S14,32,@outage\r\n"
    "500,O,1,20261004,\r\n"
    "900\r\n"
)


def run(tmp_path: Path, *words: str) -> Result:
    (tmp_path / "given.csv").write_text(TEXT, encoding="utf-8", newline="")
    return CliRunner().invoke(intervals, [word.replace("@", str(tmp_path)) for word in words])


def test_registers_are_counted_and_summed(tmp_path: Path) -> None:
    shown = json.loads(run(tmp_path, "show", "@/given.csv", "--json").stdout)
    assert shown["registers"] == [
        {
            "point": "NEM1",
            "suffix": "E1",
            "unit": "kWh",
            "values": 23,
            "blank": 1,
            "sum": "7.00",
            "cost": None,
            "quality": {"A": 19, "S": 4},
            "from": "2026-10-04T00:00:00+10:00",
            "until": "2026-10-05T00:00:00+10:00",
            "gaps": 0,
            "again": 0,
        }
    ]
    assert shown["left_out"] == {"500": 1}
    words = run(tmp_path, "show", "@/given.csv").stdout
    assert "NEM1 E1: 23 values, 7.00 kWh (19 A, 4 S)" in words
    assert "1 records 500 are left out" in words


def test_a_file_is_written_anew_to_the_same_values(tmp_path: Path) -> None:
    done = run(tmp_path, "convert", "@/given.csv", "--out", "@/again.csv", "--json")
    assert json.loads(done.stdout)["values"] == 23
    again = CliRunner().invoke(intervals, ["show", str(tmp_path / "again.csv"), "--json"])
    first = json.loads(run(tmp_path, "show", "@/given.csv", "--json").stdout)
    second = json.loads(again.stdout)
    assert second["registers"] == first["registers"]
    assert second["left_out"] == {}


def test_a_table_has_a_value_a_line_and_no_formula(tmp_path: Path) -> None:
    assert run(tmp_path, "convert", "@/given.csv", "--out", "@/t.csv", "--table").exit_code == 0
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 24
    assert (rows[0]["start"], rows[0]["end"], rows[0]["value"]) == (
        "2026-10-04T00:00:00+10:00",
        "2026-10-04T01:00:00+10:00",
        "1.5",
    )
    assert rows[0]["serial"] == "'=SUM(A1)"
    assert (rows[1]["value"], rows[23]["text"]) == ("", "'@outage")


def test_what_cannot_be_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "cut.csv").write_text(TEXT.removesuffix("900\r\n"), encoding="utf-8")
    cut = CliRunner().invoke(intervals, ["show", str(tmp_path / "cut.csv")])
    assert cut.exit_code != 0
    assert "INTERVAL_FILE" in cut.stderr
    assert "without a record 900" in cut.stderr
    (tmp_path / "long.csv").write_text("1" * 5_000_000, encoding="utf-8")
    long = CliRunner().invoke(intervals, ["show", str(tmp_path / "long.csv")])
    assert "more than 65,536 characters" in long.stderr
    same = run(tmp_path, "convert", "@/given.csv", "--out", "@/given.csv")
    assert same.exit_code != 0
    assert (tmp_path / "given.csv").read_text(encoding="utf-8") != ""


def test_a_green_button_file_is_shown_and_written_anew(tmp_path: Path) -> None:
    espi, atom = "http://naesb.org/espi", "http://www.w3.org/2005/Atom"
    period = "<timePeriod><duration>900</duration><start>1330578000</start></timePeriod>"
    reading = f"<IntervalReading><cost>974</cost>{period}<value>282</value></IntervalReading>"
    links = '<link rel="self" href="{}"/>', '<link rel="related" href="{}"/>'
    contents = (
        (f'<ReadingType xmlns="{espi}"><uom>72</uom></ReadingType>', links[0].format("type")),
        (f'<MeterReading xmlns="{espi}"/>', links[1].format("type")),
        (f'<IntervalBlock xmlns="{espi}">{reading}</IntervalBlock>', ""),
    )
    entries = "".join(
        f"<entry><title>Use</title>{link}<content>{content}</content></entry>"
        for content, link in contents
    )
    given = tmp_path / "given.xml"
    given.write_text(f'<feed xmlns="{atom}">{entries}</feed>', encoding="utf-8")
    shown = json.loads(run(tmp_path, "show", "@/given.xml", "--json").stdout)
    (register,) = shown["registers"]
    assert (register["sum"], register["unit"], register["cost"]) == ("282", "Wh", "0.00974")
    assert run(tmp_path, "convert", "@/given.xml", "--out", "@/anew.xml").exit_code == 0
    assert json.loads(run(tmp_path, "show", "@/anew.xml", "--json").stdout) == shown
    given.write_text("<html/>", encoding="utf-8")
    refused = run(tmp_path, "show", "@/given.xml")
    assert refused.exit_code == 2
    assert "INTERVAL_FILE: Line 1" in refused.output
