"""`meterline-central conflict|finding|quarantine`, `gateway ...`: what an operator decides."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import (
    EXIT_HELD,
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
from central.cli.registry import Because, gateways
from central.domain.metering.display_unit import display_unit
from central.process.stores import Stores, open_stores
from central.service.gateways.enrolment import find_gateway, move_meter, revoke_epoch
from central.service.ingest.requeue import Requeued, requeue
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.decisions import Choice, DecisionNote
from central.service.validation.decisions import accept_finding, decide_conflict
from firmware_bridge.contract.quantity import Quantity

__all__ = ["conflicts", "findings", "gateways", "quarantine"]

conflicts = group("List and decide conflicts: readings that have two different values.")
findings = group("List and accept findings of ingest and validation.")
quarantine = group("List and retry quarantined batches: kept, but not stored as readings.")
Why = Annotated[str, typer.Option(help="Reason, for the audit log.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of rows.")]
OfGateway = Annotated[str | None, typer.Option("--gateway", help="Select this gateway only.")]
OfCode = Annotated[
    str | None, typer.Option("--code", help="Select batches with this quarantine code only.")
]
_AtName = Annotated[str, typer.Argument(help="Name of the gateway.")]


@conflicts.command("list")
@answered
def list_conflicts_command(
    limit: Limit = 1_000, as_of: AsOf = None, *, as_json: AsJson = False
) -> None:
    """List open conflicts, oldest first. Each holds the bills that it affects."""
    knowledge = known_time(as_of)

    async def work() -> list[dict[str, Any]]:
        async with _stores(knowledge) as stores:
            waiting = await stores.decisions.conflicts(limit)
        return [
            {
                "conflict": one.id,
                "gateway": one.gateway,
                "meter": one.meter,
                "obis": str(one.obis),
                "at": one.at.isoformat(),
                **_readings(one.kept, one.other, as_json=as_json),
                "found_at": one.found_at.isoformat(),
            }
            for one in waiting
        ]

    listed(wait_for(work()), as_json=as_json, nothing="No conflict is open.")


def _readings(kept: Quantity, other: Quantity, *, as_json: bool) -> dict[str, str]:
    """Both values of a conflict: to people in kWh and m3, to machines as they were counted."""
    if as_json:
        unit = kept.unit.value
        return {"kept": f"{kept.decimal():f}", "other": f"{other.decimal():f}", "unit": unit}
    shown = display_unit(kept.unit)
    values = (shown.decimal(value.mantissa, value.exponent) for value in (kept, other))
    shown_kept, shown_other = (f"{value:f}" for value in values)
    return {"kept": shown_kept, "other": shown_other, "unit": shown.name}


@conflicts.command("decide")
@answered
def decide_command(
    conflict: Annotated[
        int, typer.Argument(help="Number of the conflict in `conflict list`, such as 7.")
    ],
    choice: Annotated[
        Choice, typer.Argument(help="Keep the stored value, or replace it by the other one.")
    ],
    reason: Why,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Decide which value a reading has. A replacement is a new revision; the old one is kept.

    The affected days are validated again.
    """
    answer = DecisionNote(actor_of(actor), reason, datetime.now(UTC))

    async def work() -> dict[str, str]:
        async with _stores() as stores:
            bills_of = await decide_conflict(stores.decisions, conflict, choice, answer)
        return {what: str(bills) for what, bills in bills_of.items()}

    concerned = wait_for(work())
    if as_json:
        bills = list(concerned.values())
        show({"conflict": conflict, "choice": choice.value, "concerned": bills})
        return
    typer.echo(f"Conflict {conflict}: {choice.value}.")
    for what, named in concerned.items():
        typer.echo(f"{what}: {named}")


@findings.command("list")
@answered
def list_findings_command(
    gateway: OfGateway = None, limit: Limit = 1_000, as_of: AsOf = None, *, as_json: AsJson = False
) -> None:
    """List open findings, newest first: i... come from ingest, v... from validation."""
    knowledge = known_time(as_of)

    async def work() -> list[dict[str, Any]]:
        async with _stores(knowledge) as stores:
            await _require_gateway(stores, gateway)
            open_findings = (await stores.field.findings(gateway=gateway, limit=limit)).rows
        return [
            {
                "finding": one.finding,
                "code": one.code,
                "severity": one.severity,
                "about": one.gateway or one.meter_serial,
                "start": None if one.start is None else one.start.isoformat(),
                "end": None if one.end is None else one.end.isoformat(),
                "detail": one.detail,
            }
            for one in open_findings
        ]

    listed(wait_for(work()), as_json=as_json, nothing="No finding is open.")


@findings.command("accept")
@answered
def accept_command(
    finding: Annotated[
        str, typer.Argument(help="Number of the finding in `finding list`, such as v12.")
    ],
    reason: Why,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Accept a finding. One of validation then holds no bill; one of ingest is closed."""
    answer = DecisionNote(actor_of(actor), reason, datetime.now(UTC))

    async def work() -> None:
        async with _stores() as stores:
            await accept_finding(stores.decisions, stores.validation, finding, answer)

    wait_for(work())
    if as_json:
        show({"accepted": finding})
    else:
        typer.echo(f"Accepted {finding}.")


@quarantine.command("list")
@answered
def list_quarantine_command(
    gateway: OfGateway = None, code: OfCode = None, limit: Limit = 100, *, as_json: AsJson = False
) -> None:
    """List quarantined batches and the reason for each, oldest first."""

    async def work() -> list[dict[str, Any]]:
        async with _stores() as stores:
            await _require_gateway(stores, gateway)
            batches = await stores.ingest.quarantined(gateway, code, limit)
        return [
            {
                "gateway": one.gateway,
                "epoch": str(one.key.epoch),
                "sequence": one.key.sequence,
                "code": one.quarantine.code,
                "reason": one.quarantine.message,
                "bytes": len(one.quarantine.payload),
                "received_at": one.received_at.isoformat(),
            }
            for one in batches
        ]

    listed(wait_for(work()), as_json=as_json, nothing="No batch is quarantined.")


@quarantine.command("requeue")
@answered
def requeue_command(
    gateway: OfGateway = None,
    code: OfCode = None,
    limit: Limit = 1_000,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Retry quarantined batches, after an upgrade or a decision. They keep their identity.

    Exit code 3 if some stay in quarantine.
    """

    async def work() -> list[Requeued]:
        async with _stores() as stores:
            await _require_gateway(stores, gateway)
            return await requeue(stores.ingest, _now, actor_of(actor), gateway, code, limit)

    done = wait_for(work())
    released = sum(one.released for one in done)
    still = Counter(one.code for one in done if not one.released)
    if as_json:
        show({"tried": len(done), "released": released, "held": still})
    else:
        rest = "".join(f", {count} still {why}" for why, count in still.items())
        typer.echo(f"{released} of {len(done)} batches released{rest}.")
    if still:
        raise typer.Exit(EXIT_HELD)


@gateways.command("epochs")
@answered
def epochs_command(name: _AtName, *, as_json: AsJson = False) -> None:
    """List the epochs of a gateway's buffer, oldest first. The last hello names the current one."""

    async def work() -> list[dict[str, Any]]:
        async with _stores() as stores:
            gateway = await find_gateway(stores.gateways, name)
            revoked = await stores.ingest.revoked_epochs([gateway.id])
            dead = {key.epoch for key in revoked}
            return [
                {
                    "epoch": str(epoch),
                    "current": epoch == gateway.current_epoch,
                    "revoked": epoch in dead,
                }
                for epoch in await stores.gateways.epochs(gateway.id)
            ]

    listed(wait_for(work()), as_json=as_json, nothing=f"{name} has sent no batch yet.")


@gateways.command("revoke-epoch")
@answered
def revoke_epoch_command(
    name: _AtName,
    epoch: Annotated[UUID, typer.Argument(help="Epoch to refuse, as `gateway epochs` lists it.")],
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke an epoch: refuse one of two devices that send under one name."""

    async def work() -> None:
        async with _stores() as stores:
            who = actor_of(actor)
            await revoke_epoch(stores.gateways, name, epoch, who, _now, reason=reason)

    wait_for(work())
    if as_json:
        show({"gateway": name, "revoked": str(epoch)})
    else:
        typer.echo(f"{name}: revoked {epoch}.")


@gateways.command("move-meter")
@answered
def move_meter_command(  # noqa: PLR0913 - one option each
    manufacturer: Annotated[str, typer.Argument(help="Maker of the meter, such as LGZ.")],
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    to: Annotated[str, typer.Option(help="Gateway that reads the meter from now on.")],
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Move a meter to another gateway. Its quarantined batches can then be requeued."""

    async def work() -> None:
        async with _stores() as stores:
            who = actor_of(actor)
            await move_meter(stores.gateways, manufacturer, serial, to, who, _now, reason=reason)

    wait_for(work())
    if as_json:
        show({"meter": f"{manufacturer}/{serial}", "gateway": to})
    else:
        typer.echo(f"{manufacturer}/{serial} belongs to {to}.")


async def _require_gateway(stores: Stores, name: str | None) -> None:
    """Refuse to select by a gateway that is not there."""
    if name is not None:
        await find_gateway(stores.gateways, name)


def _now() -> datetime:
    return datetime.now(UTC)


def _stores(knowledge: KnowledgeTime | None = None) -> AbstractAsyncContextManager[Stores]:
    return open_stores(settings(), "meterline-decide", knowledge=knowledge)
