"""`meterline-central pilot`: a tariff tried on a group's own intervals; nothing is ever billed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    show_version,
    wait_for,
)
from central.domain.rating.pilot import PilotDocument
from central.process.stores import open_stores
from central.service.pilots.pilots import Pilots
from central.service.ports.pilots import PilotResult

pilots = group("Try a tariff on a group's own intervals, beside a control group; never billed.")
Answer = TypeVar("Answer")
Name = Annotated[str, typer.Argument(help="Name of the pilot.")]
_DAY = ["%Y-%m-%d"]


@pilots.command("set")
@answered
def set_command(  # noqa: PLR0913, PLR0917 - one option each
    name: Name,
    of: Annotated[str, typer.Option("--group", help="Group of accounts or points.")],
    tariff: Annotated[str, typer.Option(help="Tariff that is tried.")],
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First local day.")],
    end: Annotated[datetime, typer.Option("--to", formats=_DAY, help="The day after the last.")],
    reason: Annotated[str, typer.Option(help="Reason, which is kept.")],
    control: Annotated[str | None, typer.Option(help="Group that it is compared with.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Tariff to compare with; default: what each has agreed.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a pilot down, or another version of it."""
    document = PilotDocument(of, tariff, first.date(), end.date(), control, against)

    async def work(use_case: Pilots) -> tuple[int, bool]:
        return await use_case.set(name, document, actor_of(actor), reason)

    version, new = _asked(work)
    show_version("pilot", name, version, new=new, as_json=as_json)


@pilots.command("run")
@answered
def run_command(name: Name, actor: ActingAs = None, *, as_json: AsJson = False) -> None:
    """Rate the pilot's agreements under both tariffs. The same result is not kept twice."""
    _show(_asked(lambda use_case: use_case.run(name, actor_of(actor))), as_json=as_json)


@pilots.command("show")
@answered
def show_command(
    name: Name,
    version: Annotated[int | None, typer.Option(min=1, help="Of the document.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what came of a pilot: winners, losers, and the control group."""
    _show(_asked(lambda use_case: use_case.show(name, version)), as_json=as_json)


@pilots.command("list")
@answered
def list_command(*, as_json: AsJson = False) -> None:
    """List pilots by name."""
    rows = [each.to_json() for each in _asked(lambda use_case: use_case.listed())]
    listed(rows, as_json=as_json, nothing="There are no pilots.")


def _asked(ask: Callable[[Pilots], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-pilot", max_size=2) as stores:
            return await ask(Pilots(stores.pilots))

    return wait_for(work())


def _show(result: PilotResult, *, as_json: bool) -> None:
    if as_json:
        show(result.to_json())
        return
    shown = result.to_json()
    typer.echo(f"{result.pilot.name}, version {result.pilot.version}, result {result.run}.")
    rows = [
        {**row, "held": ", ".join(row["held"])}
        for row in sorted(shown["rows"], key=lambda row: (row["side"] == "control", row["account"]))
    ]
    listed(rows, as_json=False, nothing="Nobody is in its groups on its days.")
    for side in shown["sides"]:
        typer.echo(
            f"{side['side']}: {side['accounts']} accounts, {side['winners']} win,"
            f" {side['losers']} lose, {side['kwh']} kWh, {side['before']} {side['currency']}"
            f" before, {side['after']} after, difference {side['difference']}"
        )
