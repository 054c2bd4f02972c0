"""`tariff import-urdb`: every field of a record is accounted for."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from central.cli.tariffs import tariffs
from central.domain.tariff.load.document import load_tariff

RECORD = {
    "label": "abc",
    "name": "Two periods",
    "utility": "Somewhere",
    "energyratestructure": [[{"rate": 0.1}], [{"rate": 0.2, "adj": 0.05}]],
    "energyweekdayschedule": [[0] * 12 + [1] * 12] * 12,
    "energyweekendschedule": [[0] * 24] * 12,
}


def run(tmp_path: Path, *more: str) -> Result:
    path = tmp_path / "records.json"
    odd = RECORD | {"label": "odd", "demandreactivepowercharge": 0.25}
    path.write_text(json.dumps({"items": [RECORD, odd]}))
    place = ["--zone", "America/Denver", "--effective", "2026-01-01"]
    return CliRunner().invoke(tariffs, ["import-urdb", str(path), *place, *more])


def test_report_names_the_fate_of_every_field(tmp_path: Path) -> None:
    result = run(tmp_path, "--record", "0", "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.stderr
    (report,) = json.loads(result.stdout)
    assert {one["field"]: one["fate"] for one in report["fields"]} == {
        name: "informational" if name in {"label", "name", "utility"} else "priced"
        for name in RECORD
    }
    written = load_tariff(Path(report["written"]))
    assert (written.tariff, written.zone) == ("urdb-abc", "America/Denver")
    assert str(written.effective) == "2026-01-01"


def test_refused_record_is_reported_with_the_others(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "record 0: urdb-abc, " in result.stdout
    assert "record 1: refused" in result.stdout
    assert "unsupported                  demandreactivepowercharge" in result.stdout
    assert "TARIFF_NOT_SUPPORTED at demandreactivepowercharge" in result.stdout
    assert run(tmp_path, "--reference").exit_code == 0


def test_record_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "--record", "7").exit_code == 2
    assert run(tmp_path, "--effective", "soon").exit_code == 2
