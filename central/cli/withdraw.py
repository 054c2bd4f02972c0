"""`meterline-central agreement|installation withdraw`: take back what was entered by mistake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import typer

from central.cli.agreed_facts import fact_command, withdraw_fact_command
from central.cli.as_of import instant_of
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
from central.process.stores import open_stores
from central.service.ports.withdrawals import NamedAgreement, NamedInstallation
from central.service.registry.withdraw import Withdraw

agreements = group("Set facts of agreements; withdraw agreements that were entered by mistake.")
agreements.command("fact")(fact_command)
agreements.command("withdraw-fact")(withdraw_fact_command)
installations = group("Withdraw meters at points that were entered by mistake.")
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
Point = Annotated[str, typer.Argument(help="Name of the service point.")]


@agreements.command("withdraw")
@answered
def withdraw_agreement_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Annotated[str, typer.Argument(help="Number of the account.")],
    point: Point,
    first: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="First day of the agreement.")
    ],
    reason: Because,
    service: Annotated[
        str | None, typer.Option(help="Its service, where the account has several there.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw an agreement of which no day is billed or in a draft. The history keeps it."""
    named = NamedAgreement(account, point, first.date(), service)
    _withdraw(str(named), lambda use: use.agreement(named, reason), actor, as_json=as_json)


@installations.command("withdraw")
@answered
def withdraw_installation_command(  # noqa: PLR0913, PLR0917 - one option each
    point: Point,
    manufacturer: Annotated[str, typer.Argument(help="Manufacturer of the meter.")],
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    start: Annotated[
        str, typer.Argument(help="When it went in, such as 2026-11-01T00:00:00+01:00.")
    ],
    reason: Because,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw a meter at a point where no day is in a draft; days are validated again.

    Issued bills of such days stay and are named; `correction preview` says what they would say.
    The history keeps it, and the worker or `validate` makes the days anew.
    """
    named = NamedInstallation(point, manufacturer, serial, instant_of(start))
    _withdraw(str(named), lambda use: use.installation(named, reason), actor, as_json=as_json)


def _withdraw(
    what: str, order: Callable[[Withdraw], Awaitable[None]], actor: str | None, *, as_json: bool
) -> None:
    async def work() -> list[str]:
        async with open_stores(settings(), "meterline-registry") as stores:
            use_case = Withdraw(stores.registry, actor_of(actor))
            await order(use_case)
            return [str(use_case.concerned)] if use_case.concerned.count else []

    concerned = wait_for(work())
    if as_json:
        show({"withdrawn": what, "concerned": concerned})
    else:
        typer.echo("; ".join([f"{what}: withdrawn", *concerned]))
