"""`meterline-central api-key ...`: keys with which programs use the API in somebody's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from central.cli.output import ActingAs, AsJson, actor_of, answered, group, listed, show
from central.cli.people import Because, with_people
from central.domain.access.policy import Permission
from central.service.people.keys import LONGEST, ApiKeys
from central.service.people.people import People

keys = group("Give, list and revoke keys of the API.")


def _use_case(people: People) -> ApiKeys:
    return ApiKeys(people, lambda: datetime.now(UTC))


@keys.command("give")
@answered
def give_command(  # noqa: PLR0913 - an option each
    name: Annotated[str, typer.Argument(help="Person in whose name it acts.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    permission: Annotated[
        list[Permission], typer.Option("--may", help="What it may do; may be given several times.")
    ],
    days: Annotated[int, typer.Option(min=1, max=LONGEST.days, help="Days that it lasts.")] = 90,
    named: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print a new key, once. It may do what is named, and never more than its person."""
    actor, lasts = actor_of(named), timedelta(days=days)
    given = with_people(
        lambda people: _use_case(people).give(name, label, frozenset(permission), lasts, actor)
    )
    if as_json:
        show({"number": given.number, "key": given.key, "until": given.until.isoformat()})
    else:
        typer.echo(f"Key {given.number}, shown once: {given.key}")


@keys.command("list")
@answered
def list_command(*, as_json: AsJson = False) -> None:
    """List keys, also those that have ended: whose, what for, until when, used last."""
    rows = [key.to_json() for key in with_people(lambda people: _use_case(people).list())]
    if not as_json:
        rows = [{**row, "permissions": ", ".join(row["permissions"])} for row in rows]
    listed(rows, as_json=as_json, nothing="No key was given.")


@keys.command("revoke")
@answered
def revoke_command(
    number: Annotated[int, typer.Argument(help="Number of the key.")],
    reason: Because,
    named: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """End a key at once."""
    actor = actor_of(named)
    with_people(lambda people: _use_case(people).revoke(number, actor, reason))
    if as_json:
        show({"revoked": number})
    else:
        typer.echo(f"Key {number} is revoked.")
