"""`meterline-central agreement fact|withdraw-fact`: what a tariff needs to know, from a day on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import typer

from central.cli.output import ActingAs, AsJson, actor_of, answered, settings, show, wait_for
from central.domain.rating.inputs.agreement_facts import Fact, spelled
from central.process.stores import open_stores
from central.service.registry.agreed_facts import AgreedAt, AgreedFactChanges

Account = Annotated[str, typer.Argument(help="Number of the account.")]
Point = Annotated[str, typer.Argument(help="Name of the service point.")]
Name = Annotated[str, typer.Argument(help="Name of the fact, as the tariff `needs` it.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
OfService = Annotated[
    str | None, typer.Option("--service", help="Its service, where the account has several there.")
]


@answered
def fact_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Account,
    point: Point,
    name: Name,
    value: Annotated[str, typer.Argument(help="A number, `true`, `false` or a word.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")
    ],
    reason: Because,
    service: OfService = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Set a fact from a day on, or correct the one of that day; drafts go stale."""
    fact = Fact(name, spelled(value), first.date())
    agreed = AgreedAt(account, point, service)
    _change(
        f"{agreed}: {name} {value} from {fact.effective}",
        lambda use: use.set(agreed, fact, reason),
        actor,
        as_json=as_json,
    )


@answered
def withdraw_fact_command(  # noqa: PLR0913, PLR0917 - one option each
    account: Account,
    point: Point,
    name: Name,
    first: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="First day of the fact.")],
    reason: Because,
    service: OfService = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw a fact that was entered by mistake; the one before its day holds on."""
    agreed, day = AgreedAt(account, point, service), first.date()
    _change(
        f"{agreed}: {name} from {day}",
        lambda use: use.withdraw(agreed, name, day, reason),
        actor,
        as_json=as_json,
    )


def _change(
    what: str,
    order: Callable[[AgreedFactChanges], Awaitable[object]],
    actor: str | None,
    *,
    as_json: bool,
) -> None:
    async def work() -> tuple[str, list[str], list[str]]:
        async with open_stores(settings(), "meterline-registry") as stores:
            changes = AgreedFactChanges(stores.registry, actor_of(actor))
            effect = await order(changes)
            concerned = [str(changes.concerned)] if changes.concerned.count else []
            return str(effect or "withdrawn"), concerned, list(map(str, changes.warnings))

    effect, concerned, warnings = wait_for(work())
    if as_json:
        show({"fact": what, "effect": effect, "concerned": concerned, "warnings": warnings})
    else:
        typer.echo("; ".join([f"{what}: {effect}", *concerned]))
        for warning in warnings:
            typer.echo(f"warning: {warning}")
