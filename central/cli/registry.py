"""`meterline-central import|tariff|gateway`: bring the registry up to date."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from central.cli.cutover import import_cutover_command
from central.cli.import_intervals import import_intervals_command
from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    progress_bar,
    settings,
    show,
    wait_for,
)
from central.process.stores import Stores, open_stores
from central.service.gateways.enrolment import enrol_gateway, revoke_gateway
from central.service.ingest.import_readings import ImportedReadings, import_readings
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.ports.concerned_bills import ConcernedBills
from central.service.rating.keep_series import KeptSeries, keep_series
from central.service.rating.series_csv import read_series_file
from central.service.registry.customer_file import read_customer_file
from central.service.registry.import_customers import import_customers
from central.service.registry.record_changes import Effect
from central.service.registry.register import Enrol
from firmware_bridge.contract.interval import zone_info

imports = group("Import customers, readings, interval files or price series.")
gateways = group("Enrol, revoke, configure and update gateways.")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")]
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to read.")]
GatewayName = Annotated[str, typer.Argument(help="Name of the gateway.")]
GatewayNames = Annotated[list[str], typer.Argument(help="Names of the gateways.")]
imports.command("cutover")(import_cutover_command)
imports.command("intervals")(import_intervals_command)
Because = Annotated[str, typer.Option("--reason", help="Reason, for the audit log.")]
_GOOD = {OutcomeKind.STORED, OutcomeKind.DUPLICATE}
DecimalComma = Annotated[
    bool,
    typer.Option(
        "--decimal-comma", help="Read commas in numbers as decimal ones; otherwise refuse them."
    ),
]


@imports.command("customers")
@imports.command("book", hidden=True)  # its name before
@answered
def import_customers_command(
    file: File,
    replace_seller: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Replace the seller by the file's, with a reason for the audit log.",
        ),
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Import a customer file (YAML), all or nothing. Importing it twice changes nothing."""
    customers, documents = read_customer_file(file)

    async def work() -> tuple[Counter[tuple[str, Effect]], Enrol]:
        async with _stores() as stores:
            store = stores.registry
            enrol = Enrol(store, actor_of(actor))
            done = await import_customers(store, enrol, customers, documents, replace_seller)
            return done, enrol

    done, enrol = wait_for(work())
    concerned = enrol.concerned
    if as_json:
        effects = [
            {"kind": kind, "effect": effect, "count": n} for (kind, effect), n in done.items()
        ]
        bills_of = [{"concerned": what, "bills": str(bills)} for what, bills in concerned.items()]
        warned = [
            {"warning": each.code, "message": each.message, "remedy": each.remedy}
            for each in enrol.warnings
        ]
        show([*effects, *bills_of, *({"discarded": name} for name in enrol.discarded), *warned])
        return
    for (kind, effect), count in done.items():
        typer.echo(f"{count} {kind} {effect}")
    for what, bills in concerned.items():
        typer.echo(f"{what}: {bills}")
    for name in enrol.discarded:
        typer.echo(f"{name}: discarded, for it billed days that no longer belong to it")
    for warning in enrol.warnings:
        typer.echo(f"warning: {warning}")


@imports.command("readings")
@answered
def import_readings_command(
    file: File,
    gateway: Annotated[
        str, typer.Option(help="Enrolled gateway that the readings are stored under.")
    ],
    actor: ActingAs = None,
    *,
    decimal_comma: DecimalComma = False,
    as_json: AsJson = False,
) -> None:
    """Import register readings (CSV) through ingest. Importing a file twice counts once.

    Columns: manufacturer, serial, obis, at, value, unit; also source and period_s.
    Exit code 3 if batches were not stored; the printed outcome gives the reason.
    """
    text = file.read_text(encoding="utf-8")

    async def work() -> ImportedReadings:
        async with _stores() as stores:
            ingest = Ingest(stores.ingest, lambda: datetime.now(UTC))
            total = max(0, text.count("\n") - 1)
            with progress_bar(f"Importing {file.name}", total, quiet=as_json) as bar:
                return await import_readings(
                    ingest,
                    gateway,
                    text,
                    actor_of(actor),
                    progress=bar,
                    decimal_comma=decimal_comma,
                )

    done = wait_for(work())
    if as_json:
        outcomes = {kind.value: count for kind, count in done.outcomes.items()}
        rows = {"rows": done.rows, "reasons": done.reasons}
        show({"readings": done.readings, "batches": outcomes, **rows})
    else:
        batches = ", ".join(f"{count} {kind.value}" for kind, count in done.outcomes.items())
        typer.echo(f"{done.readings} readings in batches: {batches}.")
        for why, count in sorted(done.reasons.items()):
            typer.echo(f"{count} not stored: {why}. `conflict list`, `quarantine list` show more.")
    if set(done.outcomes) - _GOOD:
        raise typer.Exit(EXIT_HELD)


@imports.command("series")
@answered
def import_series_command(  # noqa: PLR0913, PLR0917 - one option each
    file: File,
    name: Annotated[str, typer.Option(help="Name of the series in tariffs, such as ES.DA.")],
    zone: Annotated[
        str | None, typer.Option(help="Time zone of times without offset, such as Europe/Madrid.")
    ] = None,
    step_minutes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1440,
            help="Length of a step in minutes; default: the smallest distance of two times.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Reason for a change of known numbers, for the audit log.")
    ] = None,
    actor: ActingAs = None,
    *,
    decimal_comma: DecimalComma = False,
    as_json: AsJson = False,
) -> None:
    """Import prices or factors per step of time (CSV: start,value). Twice counts once.

    What is known already is changed only with a reason; bills made before keep their prices.
    """
    series = read_series_file(
        file.read_text(encoding="utf-8"),
        name,
        file.name,
        None if zone is None else zone_info(zone),
        None if step_minutes is None else step_minutes * 60,
        decimal_comma=decimal_comma,
    )

    async def work() -> KeptSeries:
        async with _stores() as stores:
            store = stores.series
            return await keep_series(store, series, actor_of(actor), reason=reason)

    outcome = wait_for(work())
    days = asdict(replace(outcome, concerned=ConcernedBills()))
    del days["concerned"]
    concerned = [str(outcome.concerned)] if outcome.concerned.count else []
    if as_json:
        show({"series": name, "days": days, "concerned": concerned})
    else:
        counts = ", ".join(f"{count} days {what}" for what, count in days.items())
        typer.echo("; ".join([f"{name}: {counts}", *concerned]))


@gateways.command("enrol")
@answered
def enrol_command(
    names: GatewayNames,
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Enrol gateways, so that ingest accepts their batches. A revoked one is enrolled again."""

    async def work() -> None:
        async with _stores() as stores:
            who = actor_of(actor)
            for name in names:
                await enrol_gateway(stores.gateways, name, who, _now, reason=reason)

    wait_for(work())
    if as_json:
        show({"enrolled": names})
    else:
        typer.echo(f"Enrolled {', '.join(names)}.")


@gateways.command("revoke")
@answered
def revoke_command(
    name: GatewayName,
    reason: Because = "",
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke a gateway: refuse everything that it sends from now on."""

    async def work() -> None:
        async with _stores() as stores:
            await revoke_gateway(stores.gateways, name, actor_of(actor), _now, reason=reason)

    wait_for(work())
    if as_json:
        show({"revoked": name})
    else:
        typer.echo(f"Revoked {name}.")


def _now() -> datetime:
    return datetime.now(UTC)


def _stores() -> AbstractAsyncContextManager[Stores]:
    return open_stores(settings(), "meterline-registry")
