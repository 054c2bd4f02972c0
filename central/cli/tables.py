"""`meterline-central table`: the lookup tables that tariffs name, kept outside of them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    settings,
    show,
    wait_for,
)
from central.domain.actor import printed_name
from central.domain.tariff.load.document import load_table
from central.process.stores import open_stores
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.series import TableRevision
from central.service.registry.lookup_tables import KeptTable, keep_table, withdraw_table
from central.service.views.lookup import require_any

tables = group("Add, correct, withdraw and list the lookup tables that tariffs name.")
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
_NAME = "meterline-table"


@tables.command("add")
@answered
def add_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    reason: Annotated[
        str | None, typer.Option(help="Reason for a change of numbers that are kept.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Add the dates of a table; dates that are kept stay, or are corrected with a reason."""
    table = load_table(file)

    async def work() -> KeptTable:
        async with open_stores(settings(), _NAME) as stores:
            return await keep_table(stores.series, table, actor_of(actor), reason=reason)

    done = wait_for(work())
    dates = {"added": done.added, "corrected": done.corrected, "unchanged": done.unchanged}
    concerned = _concerned(done.concerned)
    if as_json:
        show({"table": table.name, "dates": dates, "concerned": concerned})
    else:
        counts = ", ".join(f"{count} dates {what}" for what, count in dates.items())
        typer.echo("; ".join([f"{table.name}: {counts}", *concerned]))


@tables.command("withdraw")
@answered
def withdraw_command(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    since: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Date of its numbers.")],
    reason: Because,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw a date that was entered by mistake; the numbers before it hold on."""
    day: date = since.date()

    async def work() -> ConcernedBills:
        async with open_stores(settings(), _NAME) as stores:
            return await withdraw_table(stores.series, name, day, actor_of(actor), reason)

    concerned = _concerned(wait_for(work()))
    if as_json:
        show({"withdrawn": name, "from": day.isoformat(), "concerned": concerned})
    else:
        typer.echo("; ".join([f"{name} from {day}: withdrawn", *concerned]))


@tables.command("list")
@answered
def list_command(
    name: Annotated[str | None, typer.Argument(help="Name of the table; default: all.")] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List tables, date by date with revisions: what was recorded, when, by whom and why."""
    knowledge = known_time(as_of)

    async def work() -> tuple[TableRevision, ...]:
        async with (
            open_stores(settings(), _NAME, knowledge=knowledge) as stores,
            stores.series.transaction() as work,
        ):
            history = await work.table_history(name)
            require_any(history, "table", name, "`table list` shows all.")
            return history

    entries = wait_for(work())
    if as_json:
        show([_object(entry) for entry in entries])
        return
    for entry in entries:
        version = entry.version
        withdrawn = ", withdrawn" if version.withdrawn else ""
        why = f": {entry.reason}" if entry.reason else ""
        typer.echo(
            f"{version.table} from {version.since}, revision {version.revision}{withdrawn},"
            f" {entry.recorded_at.isoformat()} by {printed_name(entry.recorded_by)}{why}"
        )
        for keys, number in version.entries:
            typer.echo(f"  {' '.join(keys) or 'all'}: {number} {version.unit}")


def _concerned(bills: ConcernedBills) -> list[str]:
    return [str(bills)] if bills.count else []


def _object(entry: TableRevision) -> dict[str, object]:
    version = entry.version
    return {
        "table": version.table,
        "from": version.since.isoformat(),
        "revision": version.revision,
        "withdrawn": version.withdrawn,
        "by": list(version.by),
        "unit": version.unit,
        "values": [[list(keys), str(number)] for keys, number in version.entries],
        "recorded_at": entry.recorded_at.isoformat(),
        "recorded_by": printed_name(entry.recorded_by),
        "reason": entry.reason,
    }
