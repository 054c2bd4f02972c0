"""`meterline-central subjects`: to which service point the events of a subject belong."""

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
    wait_for,
)
from central.cli.registry import Because
from central.process.stores import open_stores
from central.service.usage.assign_subjects import AssignSubjects
from central.service.views.lookup import require_any

subjects = group("Say to which service points the usage events of subjects belong.")
Answer = TypeVar("Answer")
Subject = Annotated[str, typer.Argument(help="As events name it.")]
From = Annotated[
    datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day there.")
]


@subjects.command("assign")
@answered
def assign_command(  # noqa: PLR0913 - one option each
    subject: Subject,
    first: From,
    point: Annotated[
        str, typer.Option(help="Service point; default: they belong to nobody from then on.")
    ] = "",
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last; default: no end."),
    ] = None,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Say to which service point a subject's events belong, until another day says otherwise."""
    end = None if until is None else until.date()
    new = _asked(
        lambda use: use.assign(
            subject, point, first.date(), actor_of(actor), until=end, reason=reason
        )
    )
    if as_json:
        show({"subject": subject, "effect": "added" if new else "unchanged"})
    else:
        whose = point or "nobody"
        said = "belongs" if new else "belonged before"
        typer.echo(f"{subject} {said} to {whose} from {first.date()} on.")


@subjects.command("withdraw")
@answered
def withdraw_command(
    subject: Subject,
    first: From,
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Take a day of a subject back that was entered by mistake; what was before it holds on."""
    _asked(lambda use: use.withdraw(subject, first.date(), actor_of(actor), reason))
    if as_json:
        show({"subject": subject, "effect": "withdrawn"})
    else:
        typer.echo(f"{subject} from {first.date()}: withdrawn.")


@subjects.command("list")
@answered
def list_command(
    subject: Annotated[str | None, typer.Option(help="A subject; default: all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List to which service points subjects belong, day by day with their revisions."""
    history = _asked(lambda use: use.listed(subject))
    remedy = "`meterline-central subjects list` shows all."
    require_any(history, "subject", subject, remedy)
    rows = [assignment.to_json() for assignment in history]
    listed(rows, as_json=as_json, nothing="No subject belongs to a service point.")


def _asked(ask: Callable[[AssignSubjects], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-subjects", max_size=2) as stores:
            return await ask(AssignSubjects(stores.usage_events))

    return wait_for(work())
