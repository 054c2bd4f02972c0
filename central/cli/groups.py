"""`meterline-central group`: keep named groups of points and accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
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
from central.process.stores import Stores, open_stores
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.registry.groups import NamedGroups
from central.service.registry.listings import group_details, group_summaries
from central.service.registry.record_changes import Effect

groups = group("Keep named groups of service points and accounts.")
GroupName = Annotated[str, typer.Argument(help="Name of the group.")]
Member = Annotated[str, typer.Argument(help="Name of the service point, or number of the account.")]
From = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last; default: no end."),
]


@groups.command("add")
@answered
def add_command(
    name: GroupName,
    of: Annotated[GroupOf, typer.Option(help="What its members are.")],
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Add a group. Adding it again changes nothing."""
    _change(name, actor, reason, lambda use: use.add(GroupRecord(name, of)), as_json=as_json)


@groups.command("assign")
@answered
def assign_command(  # noqa: PLR0913 - one option each
    name: GroupName,
    member: Member,
    first: From,
    end: To = None,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Put a service point or account into a group for some days."""
    given = Membership(member, first.date(), None if end is None else end.date())
    about = f"{member} from {given.first}"
    _change(name, actor, reason, lambda use: use.assign(name, given), about, as_json=as_json)


@groups.command("remove")
@answered
def remove_command(  # noqa: PLR0913 - one option each
    name: GroupName,
    member: Member,
    first: From,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Take a member out of a group from a day on."""
    day, about = first.date(), f"{member} out from {first.date()}"
    _change(name, actor, reason, lambda use: use.remove(name, member, day), about, as_json=as_json)


@groups.command("list")
@answered
def list_command(as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """List the groups."""
    knowledge = known_time(as_of)

    async def work() -> list[dict[str, Any]]:
        async with _stores(knowledge) as stores:
            return await group_summaries(stores.registry)

    listed(wait_for(work()), as_json=as_json, nothing="There is no group.")


@groups.command("show")
@answered
def show_command(name: GroupName, as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """Show the members of a group with their days."""
    knowledge = known_time(as_of)

    async def work() -> list[dict[str, Any]]:
        async with _stores(knowledge) as stores:
            record, members = await group_details(stores.registry, name)
        return [
            {
                record.of.value: membership.member,
                "from": membership.first.isoformat(),
                "to": None if membership.end is None else membership.end.isoformat(),
            }
            for membership in members
        ]

    listed(wait_for(work()), as_json=as_json, nothing=f"The group {name} has no member.")


def _change(  # noqa: PLR0913 - what is changed, by whom, why and how it is said
    name: str,
    actor: str | None,
    reason: str,
    change: Callable[[NamedGroups], Awaitable[Effect]],
    about: str = "",
    *,
    as_json: bool,
) -> None:
    async def work() -> Effect:
        async with _stores() as stores:
            return await change(NamedGroups(stores.registry, actor_of(actor), reason=reason))

    effect = wait_for(work())
    if as_json:
        show({"group": name, "effect": effect.value})
    else:
        typer.echo(f"{name}: {about}, {effect}." if about else f"{name}: {effect}.")


def _stores(knowledge: KnowledgeTime | None = None) -> AbstractAsyncContextManager[Stores]:
    return open_stores(settings(), "meterline-groups", knowledge=knowledge)
