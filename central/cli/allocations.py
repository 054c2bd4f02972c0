"""`meterline-central allocation`: share out what a channel counts to other service points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
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
from central.domain.actor import printed_name
from central.domain.metering.allocation_document import share_text
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.process.stores import open_stores
from central.service.ports.allocations import EnteredAllocation, SharedDay
from central.service.validation.allocate import Allocate, AllocationEffect
from central.service.validation.allocation_file import read_allocation
from firmware_bridge.contract.obis import Obis

allocation = group("Share out what a channel counts to other points, by dated coefficients.")
_NAME = "meterline-allocation"
_DAY = ["%Y-%m-%d"]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
Point = Annotated[str, typer.Argument(metavar="POINT", help="Name of the service point.")]
Counts = Annotated[
    str | None,
    typer.Option("--obis", help="What it counts, such as 1-0:2.8.0, where it counts several."),
]
Preview = Annotated[bool, typer.Option("--preview", help="Show what would change; change nothing.")]


@allocation.command("set")
@answered
def set_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    reason: Because,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Set whose share is how much from a day on; closed days are shared out anew.

    A day that has shares already gets another revision of them.
    """
    document = read_allocation(file.read_text(encoding="utf-8"), file.name)

    async def work() -> AllocationEffect:
        async with open_stores(settings(), _NAME) as stores:
            use = Allocate(stores.allocations)
            return await use.enter(document, actor_of(actor), reason, preview=preview)

    name = f"{document.source} from {document.effective}"
    _done(name, wait_for(work()), preview=preview, as_json=as_json)


@allocation.command("withdraw")
@answered
def withdraw_command(  # noqa: PLR0913 - one option each
    point: Point,
    first: Annotated[datetime, typer.Argument(metavar="DAY", formats=_DAY, help="Its first day.")],
    reason: Because,
    obis: Counts = None,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw shares that were entered by mistake; those before them hold on."""
    counts = None if obis is None else Obis.parse(obis)
    day = first.date()

    async def work() -> AllocationEffect:
        async with open_stores(settings(), _NAME) as stores:
            note = actor_of(actor), reason
            use = Allocate(stores.allocations)
            return await use.withdraw(point, counts, day, note, preview=preview)

    _done(f"{point} from {day}", wait_for(work()), preview=preview, as_json=as_json)


def _done(name: str, effect: AllocationEffect, *, preview: bool, as_json: bool) -> None:
    billed = [
        {"point": point, "first": days.first.isoformat(), "end": days.end.isoformat()}
        for point, days in effect.billed
    ]
    if as_json:
        counts = {"revision": effect.revision, "days": effect.days}
        show({"allocation": name, **counts, "billed": billed, "preview": preview})
        return
    would = "would be" if preview else "were"
    typer.echo(f"{name}: revision {effect.revision}; {effect.days} days {would} shared out anew.")
    if billed:
        typer.echo("Issued bills have days since then: see `correction candidates`.")
        listed(billed, as_json=False, nothing="")


@allocation.command("list")
@answered
def list_command(
    point: Annotated[
        str | None, typer.Argument(metavar="POINT", help="Service point; default: all.")
    ] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what is shared out to whom, day by day, with what was withdrawn or replaced."""
    knowledge = known_time(as_of)

    async def work() -> Sequence[EnteredAllocation]:
        async with open_stores(settings(), _NAME, knowledge=knowledge) as stores:
            return await stores.allocations.entered(point)

    entries = wait_for(work())
    if as_json:
        show([{**_heading(entry), "shares": _shares(entry)} for entry in entries])
        return
    rows = [
        {**_heading(entry), "shares": ", ".join(f"{k} {v}" for k, v in _shares(entry).items())}
        for entry in entries
    ]
    listed(rows, as_json=False, nothing="Nothing is shared out.")


def _heading(entry: EnteredAllocation) -> dict[str, Any]:
    return {
        "point": entry.point,
        "counts": str(entry.obis),
        "from": entry.allocation.effective.isoformat(),
        "revision": entry.allocation.revision,
        "holds": entry.holds,
        "remainder": entry.remainder,
        "by": printed_name(entry.actor),
        "at": entry.at.isoformat(),
        "reason": entry.reason,
    }


def _shares(entry: EnteredAllocation) -> dict[str, str]:
    return {
        f"{entry.names[channel][0]} {entry.names[channel][1]}": share_text(share)
        for channel, share in entry.allocation.shares.items()
    }


@allocation.command("days")
@answered
def days_command(  # noqa: PLR0913 - one option each
    point: Point,
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First local day.")],
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAY, help="Last local day; default: the first."),
    ] = None,
    obis: Counts = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show closed days of what is shared out, with each share and the sum of them."""
    knowledge = known_time(as_of)
    days = DayRange(first.date(), (end or first).date() + timedelta(days=1))
    counts = None if obis is None else Obis.parse(obis)

    async def work() -> Sequence[SharedDay]:
        async with open_stores(settings(), _NAME, knowledge=knowledge) as stores:
            return await Allocate(stores.allocations).days(point, counts, days)

    rows = [row for day in wait_for(work()) for row in _rows(point, day)]
    listed(rows, as_json=as_json, nothing="None of these days is closed.")


def _rows(point: str, day: SharedDay) -> list[dict[str, Any]]:
    rows = [_row(f"{point} counted", day.source)]
    rows += [_row(f"{name} {obis}", share) for (name, obis), share in day.shares.items()]
    return rows


def _row(name: str, block: DayBlock) -> dict[str, Any]:
    counted = block.total() if not block.missing else None
    total = None if counted is None else Decimal(counted).scaleb(block.exponent)
    return {
        "day": block.day.isoformat(),
        "of": name,
        "version": block.version,
        "missing": block.missing,
        "total": None if total is None else format(total.normalize(), "f"),
        "unit": block.unit.value,
        "sha256": block.sha256.hex(),
    }
