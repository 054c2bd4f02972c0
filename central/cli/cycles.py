"""`meterline-central cycle`: keep billing cycles, and put accounts into them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.cli.registry import Because
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.process.stores import Stores, open_stores
from central.service.knowledge_time import KnowledgeTime
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.cycles import BillingCycles, ListChange
from central.service.registry.listings import cycle_details, cycle_summaries

cycles = group("Keep billing cycles, and put accounts into them.")
CycleName = Annotated[str, typer.Argument(help="Name of the cycle.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be, change nothing.")]
From = Annotated[
    datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Local day, such as 2026-10-01.")
]


@cycles.command("add")
@answered
def add_command(  # noqa: PLR0913 - one option each
    name: CycleName,
    first: From,
    months: Annotated[int, typer.Option(help="Length of a period in months: 1, 2, 3, 6 or 12.")],
    bill_after: Annotated[
        int, typer.Option(min=0, help="Days from the end of a period to its bill.")
    ] = 0,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Add a cycle that begins on a day, and list its periods two years ahead.

    Adding it again changes nothing.
    """
    cycle = BillingCycle(name, first.date(), months, bill_after)

    async def work() -> ListChange:
        async with _stores() as stores:
            return await BillingCycles(stores.registry, actor_of(actor), reason=reason).add(cycle)

    _print_changes([wait_for(work())], as_json=as_json)


@cycles.command("import")
@answered
def import_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    *,
    reason: Because = "",
    actor: ActingAs = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write lists of periods by hand (CSV), such as the read dates of routes.

    Columns: cycle, first, end; also months and bill_day. What a list has before the first given
    day stays, what it has later is replaced, as far as no bill was made of it.
    """
    given = read_cycle_file(file.read_text(encoding="utf-8"), file.name)

    async def work() -> list[ListChange]:
        async with _stores() as stores:
            use_case = BillingCycles(stores.registry, actor_of(actor), reason=reason)
            return await use_case.put_lists(given, dry_run=dry_run)

    _print_changes(wait_for(work()), as_json=as_json, dry_run=dry_run)


@cycles.command("extend")
@answered
def extend_command(
    *, reason: Because = "", actor: ActingAs = None, as_json: AsJson = False
) -> None:
    """Continue the lists of all cycles two years ahead; the worker does it every night."""

    async def work() -> list[ListChange]:
        async with _stores() as stores:
            return await BillingCycles(stores.registry, actor_of(actor), reason=reason).extend()

    _print_changes(wait_for(work()), as_json=as_json)


@cycles.command("assign")
@answered
def assign_command(  # noqa: PLR0913 - one option each
    account: Annotated[str, typer.Argument(help="Number of the account.")],
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the cycle; `monthly` for calendar months, @15 for months from the 15th."
        ),
    ],
    first: From,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Put an account into a cycle from a day on that is not billed yet."""

    async def work() -> str:
        async with _stores() as stores:
            use_case = BillingCycles(stores.registry, actor_of(actor), reason=reason)
            return (await use_case.assign(account, name, first.date())).value

    effect = wait_for(work())
    if as_json:
        show({"account": account, "cycle": name, "from": str(first.date()), "effect": effect})
    else:
        typer.echo(f"{account}: {name} from {first.date()}, {effect}.")


@cycles.command("list")
@answered
def list_command(as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """List the billing cycles; the built-in ones are `monthly` and @2 to @31."""
    knowledge = known_time(as_of)

    async def work() -> list[dict[str, Any]]:
        async with _stores(knowledge) as stores:
            return await cycle_summaries(stores.registry)

    nothing = "There is no billing cycle but the built-in ones."
    listed(wait_for(work()), as_json=as_json, nothing=nothing)


@cycles.command("show")
@answered
def show_command(name: CycleName, as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """Show the periods of a cycle and the accounts that are in it."""
    knowledge = known_time(as_of)

    async def work() -> dict[str, Any]:
        async with _stores(knowledge) as stores:
            return await cycle_details(stores.registry, name)

    details = wait_for(work())
    if as_json:
        show(details)
        return
    periods = [
        {
            "period": period["period"],
            "first": period["first"],
            "last": date.fromisoformat(period["end"]) - timedelta(days=1),
            "billed from": period["bill_day"],
        }
        for period in details["periods"]
    ]
    listed(periods, as_json=False, nothing="Its periods are computed.")
    for member in details["accounts"]:
        typer.echo(f"{member['account']} from {member['from']}")


def _print_changes(changes: Sequence[ListChange], *, as_json: bool, dry_run: bool = False) -> None:
    if as_json:
        show([{**_change(change), "dry_run": dry_run} for change in changes])
        return
    for change in changes:
        prefix = "would be " if dry_run else ""
        typer.echo(f"{change.cycle}: {prefix}{change.effect}")
        for sign, periods in (("-", change.removed), ("+", change.added)):
            for period in periods:
                typer.echo(f"  {sign} {_line(period)}")
    if not changes:
        typer.echo("Nothing to do.")


def _change(change: ListChange) -> dict[str, Any]:
    return {
        "cycle": change.cycle,
        "effect": change.effect.value,
        "removed": [period.to_json() for period in change.removed],
        "added": [period.to_json() for period in change.added],
    }


def _line(period: BillingPeriod) -> str:
    return (
        f"{period.name}: {period.days.first} to {period.days.last}, billed from {period.bill_day}"
    )


def _stores(knowledge: KnowledgeTime | None = None) -> AbstractAsyncContextManager[Stores]:
    return open_stores(settings(), "meterline-cycles", knowledge=knowledge)
