"""`meterline-central import intervals`: files of metered values into the store."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    progress_bar,
    settings,
    show,
    wait_for,
)
from central.process.stores import open_stores
from central.service.ingest.import_intervals import (
    ImportedIntervals,
    dry_run_of,
    import_intervals,
)
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.interval_files.as_readings import MeteredRow
from central.service.interval_files.read_file import read_file
from central.service.spreadsheet import harmless_cell

_GOOD: Final = {OutcomeKind.STORED, OutcomeKind.DUPLICATE}
_COLUMNS: Final = (
    *("point", "register", "start", "end", "value", "unit", "method"),
    *("stored_as", "quality", "left_out", "lost"),
)


@answered
def import_intervals_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    gateway: Annotated[
        str, typer.Option(help="Enrolled gateway that the values are stored under.")
    ],
    actor: ActingAs = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what each value would be; store nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import values of NEM12, NEM13 or Green Button files through ingest. Twice counts once.

    A connection point is kept as a meter made by NMI or ESPI. Exit code 3 if batches were not
    stored; the printed outcome gives the reason.
    """
    with file.open("rb") as stream:
        contents = read_file(stream)
    if dry_run:
        _show_rows(dry_run_of(contents, datetime.now(UTC)), as_json=as_json)
        return
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()

    async def work() -> ImportedIntervals:
        async with open_stores(settings(), "meterline-import") as stores:
            ingest = Ingest(stores.ingest, lambda: datetime.now(UTC))
            total = sum(1 for _ in contents.values())
            with progress_bar(f"Importing {file.name}", total, quiet=as_json) as bar:
                return await import_intervals(
                    ingest, gateway, contents, digest, actor_of(actor), progress=bar
                )

    done = wait_for(work())
    _show_outcome(done, as_json=as_json)
    if set(done.imported.outcomes) - _GOOD:
        raise typer.Exit(EXIT_HELD)


def _show_outcome(done: ImportedIntervals, *, as_json: bool) -> None:
    imported = done.imported
    batches = {kind.value: count for kind, count in imported.outcomes.items()}
    if as_json:
        fates = {"rows": imported.rows, "reasons": imported.reasons}
        of_file = {"values": done.values, "left_out": done.left_out, "lost": done.lost}
        show({**of_file, "readings": imported.readings, "batches": batches, **fates})
        return
    listed = ", ".join(f"{count} {kind}" for kind, count in batches.items()) or "none"
    typer.echo(f"{done.values} values, {imported.readings} readings in batches: {listed}.")
    for why, count in sorted(imported.reasons.items()):
        typer.echo(f"{count} not stored: {why}. `conflict list`, `quarantine list` show more.")
    _print_counts(done.left_out, done.lost)


def _print_counts(left_out: Counter[str], lost: Counter[str]) -> None:
    for code, count in sorted(left_out.items()):
        typer.echo(f"{count} values are left out: {code}.")
    for detail, count in sorted(lost.items()):
        typer.echo(f"Of {count} values the store does not keep: {detail}.")


def _show_rows(rows: Iterable[MeteredRow], *, as_json: bool) -> None:
    left_out: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    reported: list[dict[str, Any]] = []
    if not as_json:
        typer.echo(",".join(_COLUMNS))
    for row in rows:
        lost.update(row.lost)
        if row.left_out is not None:
            left_out[row.left_out] += 1
        cells = _cells(row)
        if as_json:
            reported.append(dict(zip(_COLUMNS, cells, strict=True)))
            continue
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([harmless_cell(cell) for cell in cells])
        typer.echo(line.getvalue())
    if as_json:
        show({"dry_run": True, "rows": reported, "left_out": left_out, "lost": lost})
    else:
        _print_counts(left_out, lost)


def _cells(row: MeteredRow) -> list[str]:
    metered = row.metered
    value = "" if metered.value is None else format(metered.value, "f")
    times = (metered.start, metered.end)
    start, end = ("" if at is None else at.isoformat() for at in times)
    # A read that is stored with the one before it has the same channel; the last has the quality.
    last = row.readings[-1] if row.readings else None
    stored_as = "" if last is None else str(last.channel)
    quality = "" if last is None else last.quality.name.lower()
    named = (metered.point, metered.register, start, end, value, metered.unit)
    return [
        *(*named, metered.flag.method),
        *(stored_as, quality, row.left_out or "", " ".join(row.lost)),
    ]
