"""`meterline-central retention`: what is deleted when its term is over, and what holds keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

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
from central.domain.retention import (
    FloorStep,
    HoldOf,
    LegalHold,
    PastTerm,
    RetentionKind,
    RetentionReceipt,
    RetentionRule,
    RetentionTerm,
)
from central.process.stores import Stores, open_stores
from central.service.retention.delete import delete_past_term
from central.service.retention.rules import RetentionRules

retention = group("Say how long what is kept, place legal holds, and delete what is past its term.")
Answer = TypeVar("Answer")
Reason = Annotated[str, typer.Option(help="Reason, for the audit log.")]
_LISTED = 1_000


def asked(work: Callable[[Stores], Awaitable[Answer]]) -> Answer:
    """Do work with open stores."""

    async def opened() -> Answer:
        async with open_stores(settings(), "meterline-retention") as stores:
            return await work(stores)

    return wait_for(opened())


@retention.command("enter-rule")
@answered
def enter_command(  # noqa: PLR0913, PLR0917 - one option each
    kind: Annotated[RetentionKind, typer.Argument(help="What the rule is about.")],
    source: Annotated[str, typer.Option(help="Law or contract that says so, with its article.")],
    reason: Reason,
    months: Annotated[
        int | None, typer.Option(help="Months that it is kept; default: without an end.")
    ] = None,
    group_name: Annotated[
        str | None,
        typer.Option(
            "--group", help="Group of accounts or service points, such as those of a country."
        ),
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enter how long something is kept, for everybody or for a group."""
    term = RetentionTerm(kind, months, source, group_name)

    async def work(stores: Stores) -> RetentionRule:
        return await RetentionRules(stores.retention, actor_of(actor)).enter(term, reason)

    rule = asked(work)
    if as_json:
        show(rule.to_json())
    else:
        term_text = "without an end" if months is None else f"{months} months"
        typer.echo(f"Rule {rule.id}: {kind} of {group_name or 'everybody'} are kept {term_text}.")


@retention.command("rules")
@answered
def rules_command(*, as_json: AsJson = False) -> None:
    """List rules, all revisions; of a kind and group the first holds."""
    rows = [rule.to_json() for rule in asked(lambda stores: stores.retention.rules())]
    listed(rows, as_json=as_json, nothing="There is no rule: everything is kept.")


@retention.command("hold")
@answered
def hold_command(  # noqa: PLR0913 - one option each
    of: Annotated[HoldOf, typer.Argument(help="What is held.")],
    name: Annotated[
        str,
        typer.Argument(
            help="Number of the account, name of the point, or MANUFACTURER/SERIAL of the meter."
        ),
    ],
    case: Annotated[str, typer.Option(help="Case for which it is held, such as a file number.")],
    reason: Reason,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Place a legal hold: nothing that belongs to its subject is deleted until it is lifted."""

    async def work(stores: Stores) -> LegalHold:
        use_case = RetentionRules(stores.retention, actor_of(actor))
        return await use_case.hold(of, name, case, reason)

    _show_hold(asked(work), "is placed", as_json=as_json)


@retention.command("lift")
@answered
def lift_command(
    identifier: Annotated[UUID, typer.Argument(help="Identifier of the hold.")],
    reason: Reason,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Lift a legal hold; what is past its term goes with the next deletion."""

    async def work(stores: Stores) -> LegalHold:
        return await RetentionRules(stores.retention, actor_of(actor)).lift(identifier, reason)

    _show_hold(asked(work), "is lifted", as_json=as_json)


@retention.command("holds")
@answered
def holds_command(*, as_json: AsJson = False) -> None:
    """List legal holds, those that hold first."""
    rows = [hold.to_json() for hold in asked(lambda stores: stores.retention.holds())]
    listed(rows, as_json=as_json, nothing="There is no hold.")


@retention.command("raise-floor")
@answered
def floor_command(  # noqa: PLR0913 - one option each
    day: Annotated[
        datetime,
        typer.Argument(formats=["%Y-%m-%d"], help="First day that may still be validated."),
    ],
    reason: Reason,
    point: Annotated[str | None, typer.Option(help="Name of one service point.")] = None,
    group_name: Annotated[
        str | None, typer.Option("--group", help="Group of accounts or points; default: all.")
    ] = None,
    actor: ActingAs = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would come to; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Close the days before one for good: nothing of them is validated again, whatever comes."""

    async def work(stores: Stores) -> Sequence[FloorStep]:
        return await RetentionRules(stores.retention, actor_of(actor)).raise_floors(
            day.date(), reason, point=point, group=group_name, dry=dry_run
        )

    steps = asked(work)
    refused = [step.to_json() for step in steps if step.refusal is not None]
    raised = len(steps) - len(refused)
    if as_json:
        show({"floor": day.date(), "raised": raised, "dry_run": dry_run, "refused": refused})
        return
    would = "would rise" if dry_run else "rose"
    typer.echo(f"{raised} floors {would} to {day.date()}, {len(refused)} stay.")
    if refused:
        listed(refused, as_json=False, nothing="")


@retention.command("floors")
@answered
def floors_command(*, as_json: AsJson = False) -> None:
    """List how floors were raised, the newest first: by whom, why, of how many points."""
    rows = [entry.to_json() for entry in asked(lambda stores: stores.retention.floors(_LISTED))]
    listed(rows, as_json=as_json, nothing="There is no floor.")


@retention.command("preview")
@answered
def preview_command(*, as_json: AsJson = False) -> None:
    """Show what is past its term and would be deleted, and what holds keep. Nothing is changed."""

    async def work(stores: Stores) -> Sequence[PastTerm]:
        return await stores.retention.past_term(datetime.now(UTC))

    rows = [past.to_json() for past in asked(work)]
    listed(rows, as_json=as_json, nothing="Nothing is past its term.")


@retention.command("delete")
@answered
def delete_command(actor: ActingAs = None, *, as_json: AsJson = False) -> None:
    """Delete what is past its term and on no hold, as the job of the night does."""

    async def work(stores: Stores) -> list[RetentionReceipt]:
        return await delete_past_term(stores.retention, actor_of(actor))

    rows = [receipt.to_json() for receipt in asked(work)]
    listed(rows, as_json=as_json, nothing="Nothing is past its term.")


@retention.command("resume")
@answered
def resume_command(reason: Reason, actor: ActingAs = None, *, as_json: AsJson = False) -> None:
    """Say that rules and holds are complete after a restore, so that deleting goes on."""

    async def work(stores: Stores) -> None:
        await RetentionRules(stores.retention, actor_of(actor)).resume(reason)

    asked(work)
    if as_json:
        show({"resumed": True})
    else:
        typer.echo("What is past its term is deleted again.")


@retention.command("receipts")
@answered
def receipts_command(*, as_json: AsJson = False) -> None:
    """List what was deleted, the newest first: how many rows of which month under which rule."""
    rows = [
        receipt.to_json() for receipt in asked(lambda stores: stores.retention.receipts(_LISTED))
    ]
    listed(rows, as_json=as_json, nothing="Nothing was deleted.")


def _show_hold(hold: LegalHold, became: str, *, as_json: bool) -> None:
    if as_json:
        show(hold.to_json())
    else:
        typer.echo(f"Hold {hold.uid} of the {hold.of} {hold.name}, case {hold.case}, {became}.")
