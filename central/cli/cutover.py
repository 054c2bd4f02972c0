"""`meterline-central import cutover`: take customers over from another billing system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from central.cli.output import ActingAs, AsJson, actor_of, answered, settings, show, wait_for
from central.domain.rating.rounding import printed
from central.process.stores import open_stores
from central.service.registry.cutover_file import read_cutover_file
from central.service.registry.import_cutover import CutoverResult, TakenOver, import_cutover
from central.service.registry.register import Enrol


@answered
def import_cutover_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    reason: Annotated[
        str,
        typer.Option(help="Reason, for the audit log; needed where other figures are replaced."),
    ] = "",
    actor: ActingAs = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set where billing begins and what first bills open with (YAML), all or nothing.

    Import the customer file first. Importing a file twice changes nothing.
    """
    given = read_cutover_file(file)

    async def work() -> CutoverResult:
        async with open_stores(settings(), "meterline-cutover") as stores:
            enrol = Enrol(stores.registry, actor_of(actor))
            return await import_cutover(enrol, given, reason=reason, dry_run=dry_run)

    result = wait_for(work())
    if as_json:
        points = [_point(taken) for taken in result.taken]
        warnings = [str(warning) for warning in result.warnings]
        numbers = {"number_series": result.numbers, "dry_run": dry_run}
        show({"points": points, **numbers, "warnings": warnings})
        return
    prefix = "would be " if dry_run else ""
    for taken in result.taken:
        typer.echo(f"{taken.account} at {taken.point}, {taken.service}: {prefix}{taken.effect}")
        typer.echo(f"  billed here from {taken.billing_from} on")
        for line in _lines(taken):
            typer.echo(f"  {line}")
    for series, last in result.numbers.items():
        typer.echo(f"{series}: {prefix}continued after {last}")
    for warning in result.warnings:
        typer.echo(f"warning: {warning}")


def _point(taken: TakenOver) -> dict[str, Any]:
    return {
        "account": taken.account,
        "point": taken.point,
        "service": taken.service,
        "billing_from": taken.billing_from.isoformat(),
        "effect": taken.effect.value,
        "opening": taken.opening.to_json(),
    }


def _lines(taken: TakenOver) -> list[str]:
    opening, state = taken.opening, taken.opening.state
    lines = [f"read {read.meter} {read.obis}: {read.value}" for read in opening.reads]
    lines += [
        f"bank {credit.bank} {credit.label} of {credit.earned:%Y-%m}: {printed(credit.amount)}"
        for credit in state.credits
    ]
    lines += [
        f"peak {peak.name} {peak.label} of {peak.month:%Y-%m}: {printed(peak.value)}"
        for peak in state.peaks
    ]
    for entry in state.sums:
        since = "" if entry.origin.first is None else f" since {entry.origin.first}"
        lines.append(f"sum {entry.id}: {entry.amount}{since}")
    lines += [f"net {net.name} {net.label}: {printed(net.value)}" for net in state.levels]
    lines += [f"total of {total.month:%Y-%m}: {total.amount}" for total in state.totals]
    if opening.balance is not None:
        lines.append(f"balance: {opening.balance}")
    return [" ".join(line.split()) for line in lines]
