"""A utility run from the command line alone, on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from central.cli.app import app
from tests.support.books import TARIFF, month
from tests.support.commands import Run, commands_on, printed_json
from tests.support.servers import Database

BOOK = """\
seller: {name: Sierra Power, address: "Plaza 1\\nMadrid", tax_id: ESB1}
tariffs: [home.yaml]
service_points:
  - name: SP-1
    zone: Europe/Madrid
    capacity: 10 kW
    channels: [{obis: 1.8.0, period: 15m, unit: Wh}]
    meters: [{meter: MTL/S1, from: 2026-09-01, gateway: files}]
accounts:
  - number: A-1
    name: Ada
    agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01, billing_from: 2026-10-01}]
"""


@pytest.fixture
def central(plain_database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    return commands_on(plain_database, monkeypatch)


def readings_csv(step: int = 25) -> str:
    lines = ["manufacturer,serial,obis,at,value,unit"]
    lines += [f"MTL,S1,1.8.0,{one.at.isoformat()},{one.mantissa},Wh" for one in month(step=step)]
    return "\n".join(lines) + "\n"


def test_from_an_empty_database_to_an_issued_invoice(central: Run, tmp_path: Path) -> None:
    (tmp_path / "home.yaml").write_text(TARIFF)
    (tmp_path / "book.yaml").write_text(BOOK)
    (tmp_path / "readings.csv").write_text(readings_csv())
    assert [step["version"] for step in printed_json(central("migrate", "--json"))][:2] == [1, 2]
    central("gateway", "enrol", "files")
    book = printed_json(central("import", "book", tmp_path / "book.yaml", "--json"))
    assert {one["effect"] for one in book} == {"added"}
    again = printed_json(central("import", "book", tmp_path / "book.yaml", "--json"))
    assert {one["effect"] for one in again} == {"unchanged"}
    command = ("import", "readings", tmp_path / "readings.csv", "--gateway", "files", "--json")
    assert printed_json(central(*command))["batches"] == {"stored": 4}
    assert printed_json(central(*command))["batches"] == {"duplicate": 4}
    assert printed_json(central("validate", "--json"))["versions"] >= 31

    summary = printed_json(central("bill", "run", "--cycle", "2026-10", "--json"))
    assert (summary["accounts"], summary["held"]) == (1, 0)
    assert summary["kwh_billed"] == summary["kwh_validated"] == "74.5"
    assert summary["balanced"] is True
    assert "its days balance" in central("bill", "summary", "--cycle", "2026-10").stdout
    assert Decimal(summary["totals"]["EUR"]) == Decimal("17.19")
    bill = printed_json(central("bill", "show", "A-1/2026-10", "--json"))
    assert bill["bill"] == summary["bills"][0]["bill"]

    central("bill", "approve", "--cycle", "2026-10", code=2)
    central("bill", "approve", "--cycle", "2026-10", "--as", "chief")
    series = ("settings", "set", "--series", "ES26", "--due-days", "20", "--as", "chief")
    central(*series, code=2)
    changed = printed_json(central(*series, "--reason", "our own series", "--json"))
    assert changed == printed_json(central("settings", "show", "--json"))
    assert (changed["revision"], changed["due_days"]) == (2, 20)
    assert "ES26-000001" in central("settings", "show").stdout
    central("bill", "issue", bill["bill"], "--as", "chief")
    issued = printed_json(central("bill", "show", bill["bill"], "--json"))
    assert (issued["state"], issued["number"]) == ("issued", "ES26-000001")
    assert issued["sha256"] == bill["sha256"]
    days = [date.fromisoformat(issued["issue"][name]) for name in ("issued", "due")]
    assert (days[1] - days[0]).days == 20
    printed = printed_json(
        central("bill", "pdf", "--cycle", "2026-10", "--out", tmp_path, "--json")
    )
    assert Path(printed["files"][0]).read_bytes().startswith(b"%PDF")


def test_held_bills_have_their_own_exit_code(central: Run, tmp_path: Path) -> None:
    (tmp_path / "home.yaml").write_text(TARIFF)
    (tmp_path / "book.yaml").write_text(BOOK)
    central("migrate")
    central("gateway", "enrol", "files")
    central("import", "book", tmp_path / "book.yaml")
    summary = printed_json(central("bill", "run", "--cycle", "2026-10", "--json", code=3))
    assert summary["held_bills"][0]["reasons"][0]["code"] == "NO_INTERVALS"


def test_refusals_are_one_sentence_and_code_two(central: Run, tmp_path: Path) -> None:
    central("migrate")
    assert "CYCLE_OPEN" in central("bill", "run", "--cycle", "2999-01", code=2).stderr
    assert "INVALID_VALUE" in central("bill", "run", "--cycle", "October", code=2).stderr
    assert "UNKNOWN_RUN" in central("bill", "summary", "--cycle", "2026-01", code=2).stderr
    assert "UNKNOWN_BILL" in central("bill", "show", "nonsense", code=2).stderr
    bad = tmp_path / "bad.yaml"
    bad.write_text("service_points: [{name: X}]\n")
    assert "BOOK_REFUSED" in central("import", "book", bad, code=2).stderr
    bad.write_text("tariff: X\n")
    central("tariff", "check", bad, code=2)
    assert (
        "NOT_REGISTERED"
        in central("import", "book", _book_without_gateway(tmp_path), code=2).stderr
    )


def _book_without_gateway(folder: Path) -> Path:
    (folder / "home.yaml").write_text(TARIFF)
    path = folder / "other.yaml"
    path.write_text(BOOK.replace(", gateway: files", ""))
    return path


def test_a_database_that_is_not_there_is_code_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "central.cli", "migrate"],
        env={**os.environ, "METERLINE_OWNER_DATABASE": "postgresql://x@127.0.0.1:1/x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "",
        "migrate",
        "bill",
        "bill run",
        "bill pdf",
        "import book",
        "import customers",
        "worker",
        "serve",
    ],
)
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_series_are_imported_once_and_corrected_with_a_reason(central: Run, tmp_path: Path) -> None:
    central("migrate")
    file = tmp_path / "prices.csv"
    file.write_text("2026-10-01T00:00,0.10\n2026-10-01T01:00,0.12\n")
    command = ("import", "series", file, "--name", "ES.DA", "--zone", "Europe/Madrid", "--json")
    nothing = {"added": 0, "completed": 0, "corrected": 0, "unchanged": 0}
    assert printed_json(central(*command))["days"] == nothing | {"added": 1}
    assert printed_json(central(*command))["days"] == nothing | {"unchanged": 1}
    file.write_text("2026-10-01T00:00,0.10\n2026-10-01T01:00,0.13\n")
    assert printed_json(central(*command, code=2))["error"]["code"] == "SERIES_CONFLICT"
    corrected = printed_json(central(*command, "--reason", "republished"))["days"]
    assert corrected == nothing | {"corrected": 1}
    assert "has no UTC offset" in central(*command[:5], code=2).stderr
    assert "not an IANA time zone" in central(*command[:5], "--zone", "Mars/Olympus", code=2).stderr
