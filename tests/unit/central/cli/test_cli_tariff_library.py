"""`meterline-central tariff library` and `tariff new`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from central.cli.tariffs import tariffs
from central.service.rating.tariff_library import library_names


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tariffs, list(map(str, arguments)))


def test_the_library_is_listed_with_what_its_figures_are() -> None:
    rows = json.loads(run("library", "--json").stdout)
    assert [row["tariff"] for row in rows] == list(library_names())
    figures = {row["tariff"]: row["figures"] for row in rows}
    assert figures["za-cape-town"] == "published"
    assert figures["ca-on-tou"] == "partly published"
    assert figures["saas-seats"] == "illustrative"
    assert run("library").stdout.splitlines()[0].split()[:2] == ["tariff", "title"]


def test_a_tariff_of_the_library_shows_its_sources_and_its_bill() -> None:
    shown = json.loads(run("library", "za-cape-town", "--json").stdout)
    assert shown["sources"][0]["of"] == ["energy", "vat"]
    assert [bill["total"] for bill in shown["bills"]] == ["1441.87"]
    text = run("library", "za-cape-town").stdout
    assert "source: energy, vat: https://greenaudits.co.za/" in text
    assert "Total 1,441.87 ZAR" in text
    unknown = run("library", "atlantis")
    assert unknown.exit_code == 2
    assert "NOT_IN_LIBRARY" in unknown.stderr


def test_a_new_tariff_is_started_from_the_library(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    options = ("--name", "mine", "--effective", "2027-01-01", "--out", file)
    assert run("new", "--from", "za-cape-town", *options).exit_code == 0
    checked = run("check", file, "--json")
    assert checked.exit_code == 0
    (row,) = json.loads(checked.stdout)
    assert (row["tariff"], row["effective"]) == ("mine", "2027-01-01")
    assert file.read_text().startswith("# Cape Town")
    again = run("new", "--from", "za-cape-town", *options)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    wrong = run("new", "--from", "za-cape-town", "--name", "two words")
    assert wrong.exit_code == 2
    assert run("new", "--from", "atlantis").exit_code == 2


def test_a_new_tariff_is_printed_where_no_file_is_named() -> None:
    text = run("new", "--from", "es-pvpc").stdout
    assert "tariff: es-pvpc" in text
    assert "effective: 2021-06-01" in text
