"""`meterline-central intervals`: files of metered values as markets exchange them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from central.cli.output import AsJson, answered, group, show
from central.domain.interval_files.nem12 import LINE_MAX, read_nem, write_nem
from central.domain.interval_files.summary import summary_of
from central.domain.interval_files.values import IntervalFileError, MeteredFile
from central.service.interval_files.table import write_table

intervals = group("Read files of metered values (NEM12, NEM13), and write them anew.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")]


@intervals.command("show")
@answered
def show_command(file: File, *, as_json: AsJson = False) -> None:
    """Show what a NEM12 or NEM13 file holds by register: values, sum, quality. Nothing is stored.

    Exit code 2 where a line says what cannot be.
    """
    contents = _read(file)
    rows = summary_of(contents)
    if as_json:
        show({"header": list(contents.header), "registers": rows, "left_out": _left_out(contents)})
        return
    for row in rows:
        quality = ", ".join(f"{count} {method}" for method, count in row["quality"].items())
        typer.echo(
            f"{row['point']} {row['suffix']}: {row['values']} values, {row['sum']} {row['unit']}"
            f" ({quality})"
        )
    _print_left_out(contents)


@intervals.command("convert")
@answered
def convert_command(
    file: File,
    out: Annotated[
        Path,
        typer.Option(dir_okay=False, help="File to write; one that is there is replaced."),
    ],
    *,
    table: Annotated[
        bool, typer.Option("--table", help="Write a table, a value a line, and not NEM records.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a NEM12 or NEM13 file anew, with the same values and flags, or as a table."""
    contents = _read(file)
    if out.resolve() == file.resolve():
        message = f"{out} is the file that is read."
        raise IntervalFileError(message, value=str(out), remedy="Name another file to write.")
    with out.open("w", encoding="utf-8", newline="") as written:
        written.writelines(write_table(contents) if table else write_nem(contents))
    values = sum(row["values"] for row in summary_of(contents))
    if as_json:
        show({"written": str(out), "values": values, "left_out": _left_out(contents)})
        return
    typer.echo(f"{out}: {values} values.")
    _print_left_out(contents)


def _read(file: Path) -> MeteredFile:
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        return read_nem(_bounded(lines))


def _bounded(lines: TextIO) -> Iterator[str]:
    """Lines of a file, none longer in memory than a record may be."""
    while line := lines.readline(LINE_MAX + 2):
        yield line


def _left_out(contents: MeteredFile) -> dict[str, int]:
    return dict(contents.left_out)


def _print_left_out(contents: MeteredFile) -> None:
    for kind, count in contents.left_out:
        typer.echo(f"{count} records {kind} are left out: they hold no values.")
