"""The commands of `meterline-central`, put together."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from central.cli import (
    accounts,
    alerts,
    audit,
    broker,
    certificates,
    checks,
    correction_limits,
    cycles,
    decide_days,
    events,
    exception_days,
    findings,
    groups,
    history,
    holidays,
    intervals,
    keys,
    ledger,
    moves,
    notices,
    people,
    pilots,
    processes,
    rate,
    registry,
    schedule,
    sessions,
    settings,
    shadow,
    subjects,
    tables,
    tariffs,
    unbilled,
    withdraw,
)
from central.cli.backups import backup_command, restore_command
from central.cli.doctor import doctor_command
from central.cli.figures import figures_command
from central.cli.output import Commands, capture_pool_errors, group
from central.cli.reconcile import reconcile_command
from central.cli.status import status_command
from central.process.start import EXIT_REFUSED
from firmware_bridge.contract.software import named_version
from firmware_bridge.log_lines import STANDARD_ERROR, log_to

PROGRAM = "meterline-central"
app = group("Run Meterline's centre: store, validate, rate and bill readings.", Commands)
app.add_typer(processes.app)
app.add_typer(registry.imports, name="import")
app.add_typer(certificates.gateways, name="gateway")
app.add_typer(broker.broker, name="broker")
app.add_typer(tariffs.tariffs, name="tariff")
app.add_typer(tables.tables, name="table")
app.add_typer(history.histories, name="registry")
app.add_typer(accounts.accounts, name="account")
app.add_typer(withdraw.agreements, name="agreement")
app.add_typer(withdraw.installations, name="installation")
app.add_typer(moves.moves, name="move")
app.add_typer(pilots.pilots, name="pilot")
app.add_typer(notices.notices, name="notice")
app.add_typer(alerts.alerts, name="alert")
app.command("so-far")(alerts.so_far_command)
app.add_typer(unbilled.unbilled, name="unbilled")
app.add_typer(holidays.holidays, name="holidays")
app.add_typer(cycles.cycles, name="cycle")
app.add_typer(groups.groups, name="group")
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(events.events, name="events")
app.add_typer(intervals.intervals, name="intervals")
app.add_typer(subjects.subjects, name="subjects")
app.add_typer(correction_limits.correction, name="correction")
app.add_typer(rate.app)
app.add_typer(shadow.app, name="bill")
app.add_typer(schedule.schedules, name="schedule")
app.command("reconcile")(reconcile_command)
app.command("figures")(figures_command)
app.command("status")(status_command)
app.command("doctor")(doctor_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)
app.add_typer(settings.app, name="settings")
app.add_typer(audit.app, name="audit")
app.add_typer(findings.findings, name="finding")
app.add_typer(findings.conflicts, name="conflict")
app.add_typer(findings.quarantine, name="quarantine")
app.add_typer(sessions.sessions, name="session")
app.add_typer(people.users, name="user")
app.add_typer(keys.keys, name="api-key")
app.add_typer(checks.checks, name="checks")
app.add_typer(exception_days.exceptions, name="exceptions")
app.add_typer(decide_days.vee, name="vee")


class _LateCommand(TyperCommand):
    """The demo's own command takes this one's place when it is asked for anything."""

    # typer's own types of what is handed through are private.
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Any = None,  # noqa: ANN401
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Parse for the demo's own command, also to show its help and to complete its options."""
        try:
            from central.cli.demo import demo  # noqa: PLC0415 - a production centre lacks it
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            typer.echo(f"The demo needs {package}: install meterline[demo].", err=True)
            raise typer.Exit(EXIT_REFUSED) from None
        group = typer.Typer(add_completion=False)
        group.command()(demo)
        real = typer.main.get_command(group)
        return real.make_context(info_name, args, parent=parent, **extra)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's way
    if wanted:
        typer.echo(named_version(PROGRAM))
        raise typer.Exit


@app.callback()
def _frame(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command("demo", cls=_LateCommand)
def demo_command() -> None:
    """Run all of Meterline on this machine: meters, gateway, broker, database, bills, pages."""


def main() -> None:
    """Entry of `meterline-central`."""
    log_to(STANDARD_ERROR)
    capture_pool_errors()
    app(prog_name=PROGRAM)
