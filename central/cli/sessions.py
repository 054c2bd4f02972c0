"""`meterline-central session list|revoke`: who is signed in at the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

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
from central.process.stores import open_stores
from central.service.ports.decisions import DecisionNote
from central.service.ports.web_sessions import IDLE, WebSession
from firmware_bridge.contract.errors import InvalidValueError

sessions = group("Show and end sign-ins at the pages.")


@sessions.command("list")
@answered
def list_command(*, as_json: AsJson = False) -> None:
    """List who is signed in: account, address, browser, since when."""

    async def work() -> list[WebSession]:
        async with open_stores(settings(), "meterline-session", max_size=1) as stores:
            return await stores.sessions.sessions(datetime.now(UTC), IDLE)

    rows = [session.to_json() for session in wait_for(work())]
    listed(rows, as_json=as_json, nothing="Nobody is signed in.")


@sessions.command("revoke")
@answered
def revoke_command(
    number: Annotated[int | None, typer.Argument(help="Number of the session.")] = None,
    *,
    all_sessions: Annotated[bool, typer.Option("--all", help="End every session.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit log.")],
    named: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """End a session at once, or all of them."""
    if (number is None) is not all_sessions:
        message = "Name one session, or --all."
        raise InvalidValueError(message)

    async def work() -> list[int]:
        async with open_stores(settings(), "meterline-session", max_size=1) as stores:
            note = DecisionNote(actor_of(named), reason, datetime.now(UTC))
            return await stores.sessions.revoke(number, note)

    ended = wait_for(work())
    if as_json:
        show({"ended": ended})
    else:
        typer.echo(f"Sessions ended: {len(ended)}.")
