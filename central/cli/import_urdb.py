"""`meterline-central tariff import-urdb`: URDB records as tariffs of ours, field by field."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from central.cli.output import AsJson, answered, show
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.refusal import TariffRefusedError
from central.domain.tariff.urdb.fields import Record, fates_of
from central.domain.tariff.urdb.importer import import_urdb, read_records
from central.domain.tariff.version import TariffVersion
from central.process.start import EXIT_REFUSED
from firmware_bridge.contract.errors import InvalidValueError

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="URDB file (JSON).")]
Number = Annotated[
    int | None, typer.Option(min=0, help="Number of one record, from 0; default: all.")
]
Zone = Annotated[str, typer.Option(help="Time zone of the schedules, such as America/Denver.")]
From = Annotated[str, typer.Option(help="First day in force, such as 2026-01-01.")]
Reference = Annotated[
    bool, typer.Option(help="Ignore the fields that the reference implementation (PySAM) ignores.")
]
Folder = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder to write each tariff to, as JSON.")
]


@answered
def import_urdb_command(  # noqa: PLR0913 - one option each
    file: File,
    zone: Zone,
    effective: From,
    record: Number = None,
    out: Folder = None,
    *,
    reference: Reference = False,
    as_json: AsJson = False,
) -> None:
    """Convert URDB records to tariffs, and list what became of every field.

    Nothing is stored: `tariff add` takes what `--out` wrote. Exit code 2 where a record is refused.
    """
    try:
        begin = date.fromisoformat(effective)
    except ValueError:
        message, remedy = f"{effective!r} is not a date.", "Write it as 2026-01-01."
        raise InvalidValueError(message, value=effective, remedy=remedy) from None
    records = read_records(file.read_text(encoding="utf-8"), file.name)
    chosen = range(len(records)) if record is None else [record]
    if record is not None and record >= len(records):
        message = f"{file.name} has {len(records)} records, so record {record} does not exist."
        raise InvalidValueError(message, value=record)
    reports = [
        _report(records[n], n, file.name, zone, begin, out, reference=reference) for n in chosen
    ]
    if as_json:
        show(reports)
    else:
        for report in reports:
            _print_report(report)
    if any(report["refusals"] for report in reports):
        raise typer.Exit(EXIT_REFUSED)


def _report(  # noqa: PLR0913, PLR0917 - one option each
    record: Record,
    number: int,
    file: str,
    zone: str,
    effective: date,
    out: Path | None,
    *,
    reference: bool,
) -> dict[str, Any]:
    fields = [
        {"field": fate.name, "fate": str(fate.fate), "note": fate.note}
        for fate in fates_of(record, reference=reference)
    ]
    report: dict[str, Any] = {"record": number, "fields": fields, "refusals": []}
    try:
        imported = import_urdb(
            record, file=file, zone=zone, effective=effective, reference=reference
        ).document
    except TariffRefusedError as error:
        report["refusals"] = [
            {"code": one.code, "field": one.path, "message": one.message} for one in error.findings
        ]
        return report
    report |= {"tariff": imported.tariff, "sha256": TariffVersion.of(imported).sha256}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{imported.tariff}.json"
        path.write_text(to_canonical_text(imported), encoding="utf-8")
        report["written"] = str(path)
    return report


def _print_report(report: dict[str, Any]) -> None:
    what = f"{report['tariff']}, {report['sha256']}" if "tariff" in report else "refused"
    typer.echo(f"record {report['record']}: {what}")
    for one in report["fields"]:
        note = f" ({one['note']})" if one["note"] else ""
        typer.echo(f"  {one['fate']:<28} {one['field']}{note}")
    for one in report["refusals"]:
        typer.echo(f"  {one['code']} at {one['field']}: {one['message']}")
    if "written" in report:
        typer.echo(f"  written to {report['written']}")
