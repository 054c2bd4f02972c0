"""`meterline-central migrate|serve|ingest|worker|validate`: the processes of the centre."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import structlog
import typer

from central.adapters.timescale.migrate import Flavour, Migration, migrate, render
from central.cli.output import (
    AsJson,
    answered,
    errors,
    progress_bar,
    settings,
    show,
    wait_for,
)
from central.process.sealer import anchors
from central.process.start import until_signal
from central.process.stores import open_stores
from central.process.worker import run_worker
from central.service.audit.seal import SealAudit
from central.service.validation.tally import Tally
from central.service.validation.validate import Validate, VeeSettings
from firmware_bridge.log_lines import STANDARD_ERROR, log_to

LogAsJson = Annotated[
    bool,
    typer.Option("--json", help="Log JSON lines on standard error, as METERLINE_LOG_JSON does."),
]
_log = structlog.get_logger(__name__)


@answered
def migrate_command(
    *,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL for an administrator, and change nothing.")
    ] = False,
    flavour: Annotated[
        Flavour, typer.Option(help="Kind of server that the printed SQL is for.")
    ] = Flavour.COLUMNSTORE,
    timescale: Annotated[
        bool | None,
        typer.Option(
            "--timescale/--plain",
            help="Require TimescaleDB, or do not use it; default: use it if the server has it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Migrate the database to the schema of this release, as its owner."""
    if sql:
        typer.echo(render(flavour))
        return

    def report(step: Migration) -> None:
        if not as_json:
            errors.print(f"{step.version:04} {step.name}", highlight=False)

    def moved(count: int, whole: int) -> None:
        if not as_json:
            errors.print(f"     {count:,} of {whole:,} day blocks brought over", highlight=False)

    dsn = settings().owner_dsn()
    done = migrate(dsn, timescale=timescale, progress=report, moved=moved)
    if as_json:
        show([{"version": step.version, "name": step.name} for step in done])
    else:
        typer.echo(f"{len(done)} migrations applied." if done else "Nothing to do.")


@answered
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="TCP port; 0 takes a free one.")
    ] = None,
    *,
    as_json: LogAsJson = False,
) -> None:
    """Serve the pages and the API until SIGINT or SIGTERM."""
    from central.process.serve import run_serve  # noqa: PLC0415 - loads the web framework

    chosen = settings()
    log_to(STANDARD_ERROR, as_json=as_json or chosen.log_json)

    def ready(address: str) -> None:
        typer.echo(f"Serving {address}")

    wait_for(until_signal(run_serve(chosen, host, port, ready=ready)))


@answered
def ingest_command(*, as_json: LogAsJson = False) -> None:
    """Store what gateways send until SIGINT or SIGTERM; see the METERLINE_... settings."""
    from central.config.ingest import IngestSettings  # noqa: PLC0415 - for this alone
    from central.process.ingest import run_ingest  # noqa: PLC0415 - loads the broker's client

    chosen = IngestSettings()
    log_to(STANDARD_ERROR, as_json=as_json or chosen.log_json)
    wait_for(until_signal(run_ingest(chosen)))


@answered
def worker_command(*, as_json: LogAsJson = False) -> None:
    """Validate new readings until SIGINT or SIGTERM. Any number of workers share the queue."""
    chosen = settings()
    log_to(STANDARD_ERROR, as_json=as_json or chosen.log_json)
    wait_for(until_signal(run_worker(chosen)))


@answered
def validate_command(*, as_json: AsJson = False) -> None:
    """Validate all waiting readings, close every day that is over, and exit."""
    log_to(STANDARD_ERROR)

    async def work() -> Tally:
        async with open_stores(settings(), "meterline-validate", max_size=2) as stores:
            chosen = VeeSettings(grace=settings().grace)
            use_case = Validate(stores.validation, lambda: datetime.now(UTC), chosen)
            with progress_bar("Validating days", None, quiet=as_json) as bar:
                done = await use_case.until_idle(lambda tally: bar(tally.days))
            # Where no worker runs, this is what seals.
            sealer = SealAudit(stores.audit, anchors(settings()), report=lambda _: None)
            await sealer.step()
            return done

    done = wait_for(work())
    if as_json:
        show(
            {
                "changes": done.changes,
                "closed": done.closed,
                "days": done.days,
                "versions": done.versions,
                "findings": done.findings,
            }
        )
    else:
        typer.echo(
            f"{done.closed} days closed{_span(done)}, {done.days} validated,"
            f" {done.versions} blocks made, {done.findings} findings raised."
        )


def _span(done: Tally) -> str:
    return "" if done.span is None else f" ({done.span[0]} to {done.span[1]})"
