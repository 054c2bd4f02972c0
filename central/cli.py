"""`meterline-central`: run, feed and bill from the command line.

Exit codes: 0 done; 1 the environment is in the way, try again; 2 refused or wrong usage; 3 done,
but bills are held or batches not stored; 130 stopped by the keyboard.
"""

from __future__ import annotations

import typer

from central import cli_bill, cli_books, cli_decide, cli_rate, cli_run
from central.cli_frame import EXIT_REFUSED, group, hush_pool

app = group("Meterline's centre: store, validate, rate and bill what meters show.")
app.add_typer(cli_run.app)
app.add_typer(cli_books.imports, name="import")
app.add_typer(cli_books.gateways, name="gateway")
app.add_typer(cli_books.tariffs, name="tariff")
app.add_typer(cli_rate.app)
app.add_typer(cli_bill.app, name="bill")
app.add_typer(cli_decide.findings, name="finding")
app.add_typer(cli_decide.conflicts, name="conflict")
app.add_typer(cli_decide.quarantine, name="quarantine")


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


if __name__ == "__main__":
    main()
