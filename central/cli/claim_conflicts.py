"""`meterline-central bill conflicts|decide-conflict`: days that no bill can claim."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from central.cli.output import ActingAs, AsJson, actor_of, answered, settings, show, wait_for
from central.cli.print_bills import app
from central.domain.billing.claim_conflict import ClaimDecision
from central.process.stores import open_stores
from central.service.billing.decide_claims import decide_claim_conflict
from central.service.ports.claim_conflicts import ClaimConflict, NamedBill
from central.service.ports.decisions import DecisionNote

__all__ = ["app"]


@app.command("conflicts")
@answered
def conflicts_command(
    *,
    decided: Annotated[
        bool, typer.Option("--decided", help="List those that are decided, with the reason.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of rows.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List days that bills of earlier releases billed twice or not, and what to do about each."""

    async def work() -> tuple[tuple[ClaimConflict, ...], int]:
        async with open_stores(settings(), "meterline-bill") as stores:
            page = await stores.claims.conflicts(decided=decided, limit=limit)
            counts = await stores.claims.count()
            return page.rows, counts[decided]

    conflicts, count = wait_for(work())
    if as_json:
        show([_object(conflict) for conflict in conflicts])
        return
    for conflict in conflicts:
        _print(conflict)
    if not conflicts:
        typer.echo("No claim conflict is decided." if decided else "No claim conflict is open.")
    elif count > len(conflicts):
        typer.echo(f"... and {count - len(conflicts)} more.")


@app.command("decide-conflict")
@answered
def decide_command(
    conflict: Annotated[int, typer.Argument(help="Number, as `bill conflicts` lists it.")],
    decision: Annotated[
        ClaimDecision,
        typer.Argument(
            help="`leave` the days as they are, or `settle`: credited or charged outside Meterline."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Decide what becomes of days that `bill conflicts` lists. No bill changes by it."""
    note = DecisionNote(actor_of(actor), reason, datetime.now(UTC))

    async def work() -> None:
        async with open_stores(settings(), "meterline-bill") as stores:
            await decide_claim_conflict(stores.claims, conflict, decision, note)

    wait_for(work())
    if as_json:
        show({"conflict": conflict, "decision": decision.value})
    else:
        typer.echo(f"Claim conflict {conflict}: {decision.value}.")


def _print(conflict: ClaimConflict) -> None:
    typer.echo(
        f"{conflict.id}  {conflict.kind.words}: {conflict.first} to {conflict.last}\n"
        f"   account {conflict.account_number} ({conflict.account_name})\n"
        f"   {conflict.service_point}, {conflict.service}"
    )
    if conflict.bill is not None:
        typer.echo(f"   bill {_bill(conflict.bill)}")
    for other in conflict.others:
        typer.echo(f"   {'claimed by' if conflict.bill else 'beside'} {_bill(other)}")
    if conflict.decision is None:
        typer.echo(f"   {conflict.meaning}\n   {conflict.remedy}")
    else:
        decided = f"{conflict.decision.value}, by {conflict.decided_by}: {conflict.reason}"
        typer.echo(f"   {decided}")


def _bill(bill: NamedBill) -> str:
    number = "" if bill.number is None else f"{bill.number}, "
    return f"{bill.cycle} ({number}{bill.state}) {bill.bill}"


def _object(conflict: ClaimConflict) -> dict[str, Any]:
    return {
        "conflict": conflict.id,
        "kind": conflict.kind.value,
        "account": conflict.account_number,
        "account_name": conflict.account_name,
        "service_point": conflict.service_point,
        "service": conflict.service,
        "first": conflict.first.isoformat(),
        "end": conflict.end.isoformat(),
        "bill": None if conflict.bill is None else _bill_object(conflict.bill),
        "others": [_bill_object(other) for other in conflict.others],
        "meaning": conflict.meaning,
        "remedy": conflict.remedy,
        "decision": conflict.decision,
        "reason": conflict.reason,
        "decided_by": conflict.decided_by,
        "decided_at": conflict.decided_at and conflict.decided_at.isoformat(),
    }


def _bill_object(bill: NamedBill) -> dict[str, Any]:
    return {
        "bill": bill.bill,
        "cycle": bill.cycle,
        "number": bill.number,
        "state": bill.state,
    }
