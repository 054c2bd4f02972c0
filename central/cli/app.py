"""The commands of `meterline-central`, put together."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final

import typer

from central.cli.late import LateCommand, program_of
from central.cli.output import capture_pool_errors, group
from firmware_bridge.contract.software import named_version
from firmware_bridge.log_lines import STANDARD_ERROR, log_to

PROGRAM = "meterline-central"
COMMANDS: Final = MappingProxyType(
    {
        "demo": LateCommand(
            "demo",
            "demo",
            "Run all of Meterline on this machine: meters, gateway, broker, database, bills,"
            " pages.",
            extra="demo",
        ),
        "migrate": LateCommand(
            "processes",
            "migrate_command",
            "Migrate the database to the schema of this release, as its owner.",
        ),
        "serve": LateCommand(
            "processes", "serve_command", "Serve the pages and the API until SIGINT or SIGTERM."
        ),
        "ingest": LateCommand(
            "processes",
            "ingest_command",
            "Store what gateways send until SIGINT or SIGTERM; see the METERLINE_... settings.",
        ),
        "worker": LateCommand(
            "processes",
            "worker_command",
            "Validate new readings until SIGINT or SIGTERM. Any number of workers share the queue.",
        ),
        "validate": LateCommand(
            "processes",
            "validate_command",
            "Validate all waiting readings, close every day that is over, and exit.",
        ),
        "import": LateCommand(
            "registry", "imports", "Import customers, readings, interval files or price series."
        ),
        "gateway": LateCommand(
            "certificates", "gateways", "Enrol, revoke, configure and update gateways."
        ),
        "broker": LateCommand(
            "broker",
            "broker",
            "Give brokers their rules: who may publish, subscribe and receive what.",
        ),
        "tariff": LateCommand(
            "tariffs",
            "tariffs",
            "Check tariff documents, import URDB records; add, correct or withdraw a version.",
        ),
        "table": LateCommand(
            "tables",
            "tables",
            "Add, correct, withdraw and list the lookup tables that tariffs name.",
        ),
        "allocation": LateCommand(
            "allocations",
            "allocation",
            "Share out what a channel counts to other points, by dated coefficients.",
        ),
        "registry": LateCommand("history", "histories", "Show what the registry said, and when."),
        "account": LateCommand("accounts", "accounts", "Erase what is personal of accounts."),
        "agreement": LateCommand(
            "withdraw",
            "agreements",
            "Set facts of agreements; withdraw agreements that were entered by mistake.",
        ),
        "installation": LateCommand(
            "withdraw", "installations", "Withdraw meters at points that were entered by mistake."
        ),
        "move": LateCommand(
            "moves",
            "moves",
            "Move customers in and out, exchange meters, change agreements: each as a whole.",
        ),
        "pilot": LateCommand(
            "pilots",
            "pilots",
            "Try a tariff on a group's own intervals, beside a control group; never billed.",
        ),
        "fiscal": LateCommand(
            "fiscal", "fiscal", "Write, show and verify the fiscal register of invoices."
        ),
        "invoicing": LateCommand(
            "invoicing",
            "invoicing",
            "What is said of invoices: addresses, codes, payment; and their delivery.",
        ),
        "notice": LateCommand(
            "notices", "notices", "Tell endpoints what happened: rules, deliveries, secrets."
        ),
        "alert": LateCommand(
            "alerts", "alerts", "Raise alerts on what is used and what it costs so far."
        ),
        "consumption": LateCommand(
            "consumption",
            "consumption",
            "Show what is used: figures until now, load profiles, changes and losses.",
        ),
        "so-far": LateCommand(
            "alerts",
            "so_far_command",
            "Show what is used and what it costs so far, of days that no issued bill says.",
        ),
        "unbilled": LateCommand(
            "unbilled", "unbilled", "Show what days that no issued bill says come to."
        ),
        "holidays": LateCommand(
            "holidays", "holidays", "List and change the public holidays that bills are rated with."
        ),
        "cycle": LateCommand(
            "cycles", "cycles", "Keep billing cycles, and put accounts into them."
        ),
        "group": LateCommand(
            "groups", "groups", "Keep named groups of service points and accounts."
        ),
        "ledger": LateCommand(
            "ledger", "ledger", "Post money to accounts, and show what became of it."
        ),
        "events": LateCommand(
            "events", "events", "Take usage events in, look at them, and cancel them."
        ),
        "intervals": LateCommand(
            "intervals",
            "intervals",
            "Read files of metered values (NEM12, NEM13, Green Button); write them anew.",
        ),
        "subjects": LateCommand(
            "subjects",
            "subjects",
            "Say to which service points the usage events of subjects belong.",
        ),
        "correction": LateCommand(
            "correction_limits",
            "correction",
            "Compare issued bills with what they would say today, and correct them.",
        ),
        "rate": LateCommand(
            "rate",
            "rate_command",
            "Price what meters counted under a tariff, bill by bill, with every line.",
        ),
        "bill": LateCommand(
            "bill_questions", "app", "Run a cycle's bills, and show, approve, issue and print them."
        ),
        "schedule": LateCommand(
            "schedule", "schedules", "Show and change when the worker's jobs are done."
        ),
        "reconcile": LateCommand(
            "reconcile",
            "reconcile_command",
            "Show that every validated interval is billed once, or why it is not yet.",
        ),
        "figures": LateCommand(
            "figures",
            "figures_command",
            "Show erroneous, estimated and touched bills, exceptions closed in time, and the"
            " read rate.",
        ),
        "status": LateCommand(
            "status",
            "status_command",
            "Show the oldest day that is over and not closed, failed jobs, and who sends too much.",
        ),
        "doctor": LateCommand(
            "doctor",
            "doctor_command",
            "Check every step of the installation, and say what to do; nothing is changed.",
        ),
        "backup": LateCommand(
            "backups",
            "backup_command",
            "Write a backup with a manifest of what it holds, as the database's owner.",
        ),
        "restore": LateCommand(
            "backups",
            "restore_command",
            "Restore a backup into an empty database, as its owner, and check what it says.",
        ),
        "retention": LateCommand(
            "retention",
            "retention",
            "Say how long what is kept, place legal holds, and delete what is past its term.",
        ),
        "settings": LateCommand(
            "settings",
            "app",
            "Show and change what the utility says of its invoices: series, due days, texts.",
        ),
        "audit": LateCommand("audit", "app", "List and verify the audit log."),
        "finding": LateCommand(
            "findings", "findings", "List and accept findings of ingest and validation."
        ),
        "conflict": LateCommand(
            "findings",
            "conflicts",
            "List and decide conflicts: readings that have two different values.",
        ),
        "quarantine": LateCommand(
            "findings",
            "quarantine",
            "List and retry quarantined batches: kept, but not stored as readings.",
        ),
        "session": LateCommand("sessions", "sessions", "Show and end sign-ins at the pages."),
        "user": LateCommand(
            "people", "users", "Add people who sign in, and change what they may do."
        ),
        "api-key": LateCommand("keys", "keys", "Give, list and revoke keys of the API."),
        "checks": LateCommand(
            "checks", "checks", "List the checks of bills, and set their policies."
        ),
        "exceptions": LateCommand(
            "exception_subjects",
            "exceptions",
            "List what waits for a clerk, and do something about it.",
        ),
        "vee": LateCommand(
            "decide_days",
            "vee",
            "List the rules of validation, set their policies, and suspend them in storms.",
        ),
    }
)
"""What there is, in the order of the program's help."""

app = group(
    "Run Meterline's centre: store, validate, rate and bill readings.", program_of(COMMANDS)
)


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


def main() -> None:
    """Entry of `meterline-central`."""
    log_to(STANDARD_ERROR)
    capture_pool_errors()
    app(prog_name=PROGRAM)
