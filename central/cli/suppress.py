"""`meterline-central bill suppress` and `lift`: days that are not billed by decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from central.cli.cancel import app
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    listed,
    settings,
    show,
    wait_for,
)
from central.domain.billing.suppression import Suppression, SuppressionState
from central.process.stores import open_stores
from central.service.billing.suppress_periods import SuppressPeriods
from central.service.ports.suppressions import OccupiedService

__all__ = ["app"]
_DAY = ["%Y-%m-%d"]
_NAME = "meterline-suppress"


@app.command("suppress")
@answered
def suppress_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Annotated[str, typer.Argument(help="Number of the account.")],
    point: Annotated[str, typer.Argument(help="Name of the service point.")],
    until: Annotated[
        datetime, typer.Option(formats=_DAY, help="The day after the last that is not billed.")
    ],
    reason: Annotated[str, typer.Option(help="Reason, for the reconciliation.")],
    service: Annotated[
        str | None, typer.Option(help="Service, where the account has several at the point.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Propose that the days from the first unbilled one on be not billed; another approves it."""
    occupied = OccupiedService(account, point, service)

    async def work() -> UUID:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            use_case = SuppressPeriods(stores.suppressions)
            return await use_case.suppress(occupied, until.date(), actor_of(actor), reason)

    uid = wait_for(work())
    if as_json:
        show({"suppression": str(uid)})
    else:
        typer.echo(f"Proposed until {until.date()}: `bill approve-suppression {uid}` by another.")


@app.command("approve-suppression")
@answered
def approve_command(
    suppression: Annotated[UUID, typer.Argument(help="Identifier of the suppression.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Approve a suppression that another person proposed: its days are not billed."""

    async def work() -> None:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            await SuppressPeriods(stores.suppressions).approve(suppression, actor_of(actor))

    wait_for(work())
    if as_json:
        show({"suppression": str(suppression), "state": SuppressionState.HOLDS.value})
    else:
        typer.echo(f"Suppression {suppression} holds. `bill lift {suppression}` takes it back.")


@app.command("lift")
@answered
def lift_command(
    suppression: Annotated[UUID, typer.Argument(help="Identifier of the suppression.")],
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Lift a suppression, or withdraw one that waits: the next run bills its days."""

    async def work() -> None:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            await SuppressPeriods(stores.suppressions).lift(suppression, actor_of(actor), reason)

    wait_for(work())
    if as_json:
        show({"suppression": str(suppression), "state": "lifted"})
    else:
        typer.echo(f"Suppression {suppression} is lifted: run its cycle.")


@app.command("suppressed")
@answered
def suppressed_command(
    account: Annotated[
        str | None, typer.Option("--account", help="Number of an account; default: all accounts.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List days that are not billed by decision, newest first."""

    async def work() -> Sequence[Suppression]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await SuppressPeriods(stores.suppressions).listed(account)

    rows = [each.to_json() for each in wait_for(work())]
    listed(rows, as_json=as_json, nothing="No days are suppressed.")
