"""`meterline-central bill shadow`: what another system billed, against the bills that are here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from central.cli.output import AsJson, answered, listed, settings, show, wait_for
from central.cli.suppress import app
from central.domain.billing.shadow_bill import ShadowClass, ShadowReport
from central.process.stores import open_stores
from central.service.billing.shadow_bills import ShadowBills
from central.service.billing.shadow_file import read_names, read_shadow_lines

__all__ = ["app"]


@app.command("shadow")
@answered
def shadow_command(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="Its lines: account,period,charge,amount"),
    ],
    names: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its names of our charges: name,charge"),
    ] = None,
    *,
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="Read a comma in a number as the decimal one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare what another system billed with the bills here, line by line. Nothing is changed."""
    of_charges = None if names is None else read_names(names.read_text(encoding="utf-8"))
    text = file.read_text(encoding="utf-8")
    lines = read_shadow_lines(text, of_charges, decimal_comma=decimal_comma)

    async def work() -> ShadowReport:
        async with open_stores(settings(), "meterline-shadow", max_size=2) as stores:
            return await ShadowBills(stores.bills)(lines)

    report = wait_for(work())
    if as_json:
        show(report.to_json())
        return
    rows = [
        {"account": bill.account, "period": bill.period, **line.to_json()}
        for bill in report.bills
        for line in bill.lines
        if line.kind is not ShadowClass.EQUAL
    ]
    listed(rows, as_json=False, nothing="No line differs.")
    for kind, (count, amount) in report.classes().items():
        typer.echo(f"{kind.value.replace('_', ' ')}: {count} lines, difference {amount:f}")
    typer.echo(f"{report.equal_bills} of {len(report.bills)} bills are equal to the cent.")
