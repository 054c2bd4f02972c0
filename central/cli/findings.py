"""`meterline-central conflict|finding|quarantine`, `gateway ...`: what waits for a decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.adapters.timescale.validation.decisions import TimescaleDecisionStore
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.adapters.timescale.views.field import TimescaleField
from central.cli.output import (
    EXIT_HELD,
    Actor,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.cli.registry import gateways
from central.service.gateways.enrolment import find_gateway, move_meter, revoke_epoch
from central.service.ingest.requeue import Requeued, requeue
from central.service.ports.decisions import Answer, Choice
from central.service.validation.decisions import accept_finding, decide_conflict

conflicts = group("Readings that two values claim: list them, and decide.")
findings = group("What was found: list what is open, and answer for it.")
quarantine = group("Batches that are kept but could not be used: list them, and try again.")
Why = Annotated[str, typer.Option(help="Why; it goes into the audit log.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
OfGateway = Annotated[str | None, typer.Option("--gateway", help="Of this gateway alone.")]
OfCode = Annotated[str | None, typer.Option("--code", help="Held for this reason alone.")]
_AtName = Annotated[str, typer.Argument(help="The gateway's name.")]


@conflicts.command("list")
@answered
def list_conflicts_command(limit: Limit = 1_000, *, as_json: AsJson = False) -> None:
    """Conflicts that nobody decided, oldest first; each holds the bill that it touches."""

    async def work() -> list[dict[str, Any]]:
        async with _pool() as pool:
            found = await TimescaleDecisionStore(pool).conflicts(limit)
        return [
            {
                "conflict": one.id,
                "gateway": one.gateway,
                "meter": one.meter,
                "obis": str(one.obis),
                "at": one.at.isoformat(),
                "kept": f"{one.kept.decimal():f}",
                "other": f"{one.other.decimal():f}",
                "unit": one.kept.unit.value,
                "found_at": one.found_at.isoformat(),
            }
            for one in found
        ]

    listed(wait_for(work()), as_json=as_json, nothing="No conflict waits for a decision.")


@conflicts.command("decide")
@answered
def decide_command(
    conflict: Annotated[int, typer.Argument(help="Its number in `conflict list`.")],
    choice: Annotated[
        Choice, typer.Argument(help="keep the stored value, or replace it by the other.")
    ],
    reason: Why,
    actor: Actor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say which value a reading has; a replacement is a new revision, and nothing is overwritten.

    The days it touches are validated again.
    """
    answer = Answer(actor_of(actor), reason, datetime.now(UTC))

    async def work() -> None:
        async with _pool() as pool:
            await decide_conflict(TimescaleDecisionStore(pool), conflict, choice, answer)

    wait_for(work())
    if as_json:
        show({"conflict": conflict, "choice": choice.value})
    else:
        typer.echo(f"Conflict {conflict}: {choice.value}.")


@findings.command("list")
@answered
def list_findings_command(
    gateway: OfGateway = None, limit: Limit = 1_000, *, as_json: AsJson = False
) -> None:
    """Open findings, newest first: i... are ingest's, v... validation's."""

    async def work() -> list[dict[str, Any]]:
        async with _pool() as pool:
            if gateway is not None:
                await find_gateway(TimescaleGatewayStore(pool), gateway)
            found = await TimescaleField(pool).findings(gateway=gateway, limit=limit)
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
            for one in found
        ]

    listed(wait_for(work()), as_json=as_json, nothing="Nothing is open.")


@findings.command("accept")
@answered
def accept_command(
    finding: Annotated[str, typer.Argument(help="Its number in `finding list`, such as v12.")],
    reason: Why,
    actor: Actor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Answer for a finding: validation's no longer holds the bill, ingest's is closed."""
    answer = Answer(actor_of(actor), reason, datetime.now(UTC))

    async def work() -> None:
        async with _pool() as pool:
            reports, judgements = TimescaleDecisionStore(pool), TimescaleValidationStore(pool)
            await accept_finding(reports, judgements, finding, answer)

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
    """Quarantined batches, oldest first, and why each is held."""

    async def work() -> list[dict[str, Any]]:
        async with _pool() as pool:
            held = await TimescaleIngestStore(pool).held(gateway, code, limit)
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
            for one in held
        ]

    listed(wait_for(work()), as_json=as_json, nothing="Nothing is quarantined.")


@quarantine.command("requeue")
@answered
def requeue_command(
    gateway: OfGateway = None, code: OfCode = None, limit: Limit = 1_000, *, as_json: AsJson = False
) -> None:
    """Try quarantined batches again under the identity they have, after an upgrade or a decision.

    Exit code 3 where some are still held.
    """

    async def work() -> list[Requeued]:
        async with _pool() as pool:
            store = TimescaleIngestStore(pool)
            return await requeue(store, lambda: datetime.now(UTC), gateway, code, limit)

    done = wait_for(work())
    released = sum(one.released for one in done)
    held = Counter(one.code for one in done if not one.released)
    if as_json:
        show({"tried": len(done), "released": released, "held": held})
    else:
        still = "".join(f", {count} still {why}" for why, count in held.items())
        typer.echo(f"{released} of {len(done)} batches released{still}.")
    if held:
        raise typer.Exit(EXIT_HELD)


@gateways.command("epochs")
@answered
def epochs_command(name: _AtName, *, as_json: AsJson = False) -> None:
    """The lives of a gateway's buffer, oldest first; the current one is that of its last hello."""

    async def work() -> list[dict[str, Any]]:
        async with _pool() as pool:
            store = TimescaleGatewayStore(pool)
            gateway = await find_gateway(store, name)
            revoked = await TimescaleIngestStore(pool).revoked_epochs([gateway.id])
            dead = {key.epoch for key in revoked}
            return [
                {
                    "epoch": str(epoch),
                    "current": epoch == gateway.current_epoch,
                    "revoked": epoch in dead,
                }
                for epoch in await store.epochs(gateway.id)
            ]

    listed(wait_for(work()), as_json=as_json, nothing=f"{name} never sent a batch.")


@gateways.command("revoke-epoch")
@answered
def revoke_epoch_command(
    name: _AtName,
    epoch: Annotated[UUID, typer.Argument(help="As `gateway epochs` lists it.")],
    actor: Actor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse one of two devices that send under one name, and end the alarm."""

    async def work() -> None:
        async with _pool() as pool:
            store, who = TimescaleGatewayStore(pool), actor_of(actor)
            await revoke_epoch(store, name, epoch, who, lambda: datetime.now(UTC))

    wait_for(work())
    if as_json:
        show({"gateway": name, "revoked": str(epoch)})
    else:
        typer.echo(f"{name}: revoked {epoch}.")


@gateways.command("move-meter")
@answered
def move_meter_command(
    manufacturer: str,
    serial: str,
    to: Annotated[str, typer.Option(help="The gateway it is behind from now on.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a meter another home; what was quarantined for it can then be requeued."""

    async def work() -> None:
        async with _pool() as pool:
            await move_meter(TimescaleGatewayStore(pool), manufacturer, serial, to)

    wait_for(work())
    if as_json:
        show({"meter": f"{manufacturer}/{serial}", "gateway": to})
    else:
        typer.echo(f"{manufacturer}/{serial} is behind {to}.")


@asynccontextmanager
async def _pool() -> AsyncIterator[Pool]:
    async with make_pool(settings().dsn(), max_size=4, name="meterline-decide") as pool:
        yield pool
