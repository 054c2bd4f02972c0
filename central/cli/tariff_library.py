"""`meterline-central tariff library` and `tariff new`: tariffs that come with Meterline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from central.cli import rate_options as given
from central.cli.output import AsJson, answered, listed, show
from central.cli.rate_output import print_lines
from central.domain.tariff.document import TariffDocument
from central.service.rating.bill_case import BillDiffersError, differences
from central.service.rating.priced_bills import to_object
from central.service.rating.tariff_library import (
    figures_of,
    library_bills,
    library_names,
    library_tariff,
    started_from,
)
from firmware_bridge.contract.errors import InvalidValueError


@answered
def library_command(
    name: Annotated[
        str | None, typer.Argument(help="Name of a tariff; default: list all of them.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the tariffs that come with Meterline, or show one's sources and its bills, computed."""
    if name is None:
        rows = [_row(entry, library_tariff(entry)) for entry in library_names()]
        listed(rows, as_json=as_json, nothing="The library is empty.")
        return
    document = library_tariff(name)
    bills = [(case, case.priced()) for _, case in library_bills(name)]
    if as_json:
        shown = _row(name, document) | {
            "sources": _sources(document),
            "bills": to_object(document, [bill for _, bill in bills])["months"],
        }
        show(shown)
    else:
        for key, value in _row(name, document).items():
            typer.echo(f"{key}: {value}")
        for source in _sources(document):
            typer.echo(f"source: {', '.join(source['of'])}: {source['address']}, {source['date']}")
        typer.echo()
        for _, bill in bills:
            print_lines(bill, document.currency.code)
    for case, bill in bills:
        if faults := differences(case, bill):
            raise BillDiffersError(f"{name} differs: {'; '.join(faults)}.", value=faults)


@answered
def new_command(
    source: Annotated[str, typer.Option("--from", help="Name of a tariff of the library.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: print the tariff.")
    ] = None,
    tariff: Annotated[str | None, typer.Option("--name", help="Name of the new tariff.")] = None,
    effective: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of the new tariff.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Value of a parameter, as NAME=VALUE, or NAME=VALUE@DAY from a day on."
        ),
    ] = None,
) -> None:
    """Start a tariff from one of the library, with its comments and values of its parameters."""
    values = given.named(settings, "set")
    day = None if effective is None else effective.date()
    text = started_from(source, tariff, day, values)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        message = f"{out} exists."
        raise InvalidValueError(message, value=str(out), remedy="Name another file.")
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: change it, then `meterline-central tariff check {out}`.")


def _row(name: str, document: TariffDocument) -> dict[str, Any]:
    return {
        "tariff": name,
        "title": document.title,
        "currency": document.currency.code,
        "zone": document.zone,
        "effective": document.effective.isoformat(),
        "figures": figures_of(document),
    }


def _sources(document: TariffDocument) -> list[dict[str, Any]]:
    return [
        {
            "of": list(source.of),
            "address": source.address,
            "date": source.date.isoformat(),
            "note": source.note,
        }
        for source in document.sources
    ]
