"""The commands of `meterline-central`, put together."""

from __future__ import annotations

import typer

from central.cli import bill, books, decide, rate, remote, run
from central.cli.frame import EXIT_REFUSED, group, hush_pool

app = group("Meterline's centre: store, validate, rate and bill what meters show.")
app.add_typer(run.app)
app.add_typer(books.imports, name="import")
app.add_typer(remote.gateways, name="gateway")
app.add_typer(books.tariffs, name="tariff")
app.add_typer(rate.app)
app.add_typer(bill.app, name="bill")
app.add_typer(decide.findings, name="finding")
app.add_typer(decide.conflicts, name="conflict")
app.add_typer(decide.quarantine, name="quarantine")


@app.command(
    "demo",
    # The demo has options of its own, and needs packages that a production centre lacks.
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)
def demo_command(context: typer.Context) -> None:
    """Play everything on this machine: meters, gateway, broker, database, bills, pages."""
    try:
        from central.demo.command import demo  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        typer.echo(f"The demo needs {package}: install meterline[demo].", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    stage = typer.Typer(add_completion=False)
    stage.command()(demo)
    stage(context.args, prog_name="meterline-central demo")


def main() -> None:
    """Entry of `meterline-central`."""
    hush_pool()
    app(prog_name="meterline-central")
