"""One thing done about exceptions that are named, or that match, by a command."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from central.cli.output import (
    EXIT_HELD,
    actor_of,
    listed,
    print_error,
    settings,
    show,
    wait_for,
)
from central.domain.reason_code import ReasonCode
from central.process.start import EXIT_REFUSED
from central.process.stores import open_stores
from central.service.exceptions.actions import Action, ActionOutcome, act, outcomes_json
from central.service.exceptions.matching import filter_of, matching_keys
from central.service.ports.decisions import DecisionNote
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey
from firmware_bridge.contract.errors import InvalidValueError

NAME = "meterline-exceptions"
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY...", help="Keys in `exceptions list`, such as v12 b7."),
]
Matching = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Instead of keys, all that match: kind, severity, code, owner, subject, older [days].",
    ),
]
Expect = Annotated[
    int | None, typer.Option(min=1, help="Do it only if exactly so many match, as a preview said.")
]
ChosenExceptions = tuple[list[str] | None, list[str] | None, int | None]
Why = Annotated[str, typer.Option(help="Reason, for the audit log.")]
WhyCode = Annotated[ReasonCode, typer.Option("--reason-code", help="Reason, for counts.")]
Preview = Annotated[
    bool, typer.Option("--preview", help="Do it, print what comes of it, and roll it back.")
]


def act_on(  # noqa: PLR0913 - what a decision is
    choice: ChosenExceptions,
    action: Action,
    reason: str,
    code: ReasonCode,
    actor: str | None,
    *,
    preview: bool,
    as_json: bool,
) -> None:
    """Do one thing about exceptions, and print what came of each."""
    keys, matching, expected = choice
    if bool(keys) == bool(matching):
        remedy = "Give keys, or --matching."
        raise InvalidValueError("Exceptions are chosen in one way.", remedy=remedy)
    named = [ExceptionKey.parse(key) for key in keys or ()]
    now = datetime.now(UTC)
    asked = filter_of(matching or [], now)
    answer = ActionNote(DecisionNote(actor_of(actor), reason, now), code)

    async def work() -> list[ActionOutcome]:
        async with open_stores(settings(), NAME, max_size=2) as stores:
            chosen = named or await matching_keys(stores.exceptions, asked, expected)
            return await act(stores.actions, chosen, action, answer, keep=not preview)

    outcomes = wait_for(work())
    done = [outcome for outcome in outcomes if outcome.code is None]
    failed = [outcome for outcome in outcomes if outcome.code is not None]
    if as_json:
        show(outcomes_json(outcomes, keep=not preview))
    else:
        if done:
            rows = [outcome.to_json() for outcome in done]
            listed(rows, as_json=False, nothing="")
        if preview and done:
            typer.echo(f"This was a preview of {len(outcomes)}: nothing is changed.")
        for outcome in failed:
            text = f"{outcome.key}: {outcome.message} {outcome.remedy or ''}"
            print_error(outcome.code or "", text.strip())
    if failed:
        raise typer.Exit(EXIT_HELD if done else EXIT_REFUSED)
