"""`meterline-central intervals`: files of metered values as markets exchange them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from central.cli.output import AsJson, answered, group, show
from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.summary import summary_of
from central.domain.interval_files.values import IntervalFileError, MeteredFile, ValuesFile
from central.service.interval_files.read_file import read_file, write_file
from central.service.interval_files.table import write_table

intervals = group("Read files of metered values (NEM12, NEM13, Green Button); write them anew.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")]


@intervals.command("show")
@answered
def show_command(file: File, *, as_json: AsJson = False) -> None:
    """Show what a file holds by register: values, sum, cost, quality, gaps. Nothing is stored.

    NEM12, NEM13 and Green Button (ESPI). Exit code 2 where a line says what cannot be.
    """
    contents = _read(file)
    rows = summary_of(contents)
    if as_json:
        header = contents.feed.title if isinstance(contents, GreenButtonFile) else contents.header
        show({"header": header, "registers": rows, "left_out": _left_out(contents)})
        return
    for row in rows:
        quality = ", ".join(f"{count} {method}" for method, count in row["quality"].items())
        gaps = f", {row['gaps']} gaps" if row["gaps"] else ""
        again = f", {row['again']} are there again" if row["again"] else ""
        cost = "" if row["cost"] is None else f", cost {row['cost']}"
        typer.echo(
            f"{row['point']} {row['suffix']}: {row['values']} values, {row['sum']} {row['unit']}"
            f"{cost}{f' ({quality})' if quality else ''}, {row['from']} to {row['until']}"
            f"{gaps}{again}"
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
        bool, typer.Option("--table", help="Write a table, a value a line, and not its format.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a file anew in its own format, with the same values and flags, or as a table."""
    contents = _read(file)
    if out.resolve() == file.resolve():
        message = f"{out} is the file that is read."
        raise IntervalFileError(message, value=str(out), remedy="Name another file to write.")
    with out.open("w", encoding="utf-8", newline="") as written:
        written.writelines(write_table(contents) if table else write_file(contents))
    values = sum(row["values"] for row in summary_of(contents))
    if as_json:
        show({"written": str(out), "values": values, "left_out": _left_out(contents)})
        return
    typer.echo(f"{out}: {values} values.")
    _print_left_out(contents)


def _read(file: Path) -> MeteredFile | GreenButtonFile:
    with file.open("rb") as stream:
        return read_file(stream)


def _left_out(contents: ValuesFile) -> dict[str, int]:
    return dict(contents.left_out)


def _print_left_out(contents: ValuesFile) -> None:
    for kind, count in contents.left_out:
        typer.echo(f"{count} records {kind} are left out: they hold no values.")
