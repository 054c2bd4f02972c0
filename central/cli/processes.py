"""`meterline-central migrate|serve|ingest|worker|validate`: the processes of the centre."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
import typer

from central.adapters.timescale.fitness import check_fit
from central.adapters.timescale.migrate import Flavour, Migration, migrate, render
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.cli.output import (
    AsJson,
    answered,
    errors,
    group,
    progress_bar,
    settings,
    show,
    wait_for,
)
from central.config.settings import Settings
from central.service.ingest.patience import patiently
from central.service.ports.ingest import StoreUnavailableError
from central.service.validation.validate import Settings as VeeSettings
from central.service.validation.validate import Tally, Validate
from firmware_bridge.log_lines import log_to

app = group("The processes of the centre.")
LogAsJson = Annotated[bool, typer.Option("--json", help="Log as JSON lines, on the error stream.")]
_log = structlog.get_logger(__name__)


@app.command("migrate")
@answered
def migrate_command(
    *,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL for an administrator instead.")
    ] = False,
    flavour: Annotated[
        Flavour, typer.Option(help="Of the printed SQL: what the server offers.")
    ] = Flavour.COLUMNSTORE,
    timescale: Annotated[
        bool | None,
        typer.Option(
            "--timescale/--plain", help="Require TimescaleDB, or never use it; default: if offered."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database to the newest schema, as its owner."""
    if sql:
        typer.echo(render(flavour))
        return

    def report(step: Migration) -> None:
        if not as_json:
            errors.print(f"{step.version:04} {step.name}", highlight=False)

    done = migrate(settings().owner_dsn(), timescale=timescale, progress=report)
    if as_json:
        show([{"version": step.version, "name": step.name} for step in done])
    else:
        typer.echo(f"{len(done)} migrations applied." if done else "Nothing to do.")


@app.command("serve")
@answered
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")
    ] = None,
    *,
    as_json: LogAsJson = False,
) -> None:
    """Serve the pages and the API until SIGINT or SIGTERM."""
    log_to(sys.stderr, as_json=as_json)
    wait_for(_until_signal(_serve(settings(), host, port)))


async def _serve(chosen: Settings, host: str | None, port: int | None) -> None:
    from central.adapters.documents.invoice import render_invoice  # noqa: PLC0415 - loads typst
    from central.adapters.timescale.operator import timescale_services  # noqa: PLC0415 - for this alone
    from central.api.app import create_app  # noqa: PLC0415 - loads the web framework
    from central.api.server import serving  # noqa: PLC0415 - likewise
    from central.api.settings import WebSettings  # noqa: PLC0415 - likewise

    token, secret = chosen.web_token, chosen.web_secret
    web = WebSettings(
        host=host or chosen.web_host,
        port=chosen.web_port if port is None else port,
        token=None if token is None else token.get_secret_value(),
        secure_cookies=chosen.web_secure_cookies,
        hosts=chosen.web_hosts,
    )
    if secret is not None:
        web = replace(web, secret=secret.get_secret_value().encode())
    with contextlib.suppress(StoreUnavailableError):  # the health endpoint says so until it is
        await check_fit(chosen.dsn())
    async with make_pool(chosen.dsn(), max_size=8, name="meterline-serve") as pool:
        services = timescale_services(pool, render_invoice)
        async with serving(create_app(services, web), services, web) as address:
            typer.echo(f"Serving {address}")
            await asyncio.Event().wait()


@app.command("ingest")
@answered
def ingest_command(*, as_json: LogAsJson = False) -> None:
    """Store what gateways send until SIGINT or SIGTERM; see METERLINE_INGEST_... settings."""
    from central.config.ingest import IngestSettings  # noqa: PLC0415 - for this alone
    from central.process.ingest import run_ingest  # noqa: PLC0415 - loads the broker's client

    log_to(sys.stderr, as_json=as_json)
    own = settings()
    given = {} if own.database is None else {"database": own.database}
    try:
        chosen = IngestSettings()  # type: ignore[call-arg]  # from the environment
    except ValueError:
        chosen = IngestSettings(**given)  # type: ignore[arg-type]  # what is wrong, it says
    wait_for(_until_signal(run_ingest(chosen)))


@app.command("worker")
@answered
def worker_command(*, as_json: LogAsJson = False) -> None:
    """Validate what comes in until SIGINT or SIGTERM; any number of workers share the queue."""
    log_to(sys.stderr, as_json=as_json)
    wait_for(_until_signal(_work(settings())))


async def _work(chosen: Settings) -> None:
    await patiently(lambda: check_fit(chosen.dsn()), _wait_on)
    pool = make_pool(chosen.dsn(), max_size=2, name="meterline-worker", check=False)
    await pool.open(wait=False)
    try:
        use_case = Validate(
            TimescaleValidationStore(pool), settings=VeeSettings(grace=chosen.grace)
        )
        while True:
            try:
                tally = await use_case.step()
            except StoreUnavailableError as error:
                _log.warning("database_unavailable", reason=error.message)
                await asyncio.sleep(chosen.poll_s)
                continue
            if tally.versions:
                _log.info("days_validated", days=tally.days, versions=tally.versions)
            if tally.idle:
                await asyncio.sleep(chosen.poll_s)
    finally:
        await pool.close()


def _wait_on(error: StoreUnavailableError) -> None:
    _log.warning("database_unavailable", reason=error.message)


@app.command("validate")
@answered
def validate_command(*, as_json: AsJson = False) -> None:
    """Validate all that waits, and every day that is over; then end."""

    async def work() -> Tally:
        async with make_pool(settings().dsn(), max_size=2, name="meterline-validate") as pool:
            chosen = VeeSettings(grace=settings().grace)
            use_case = Validate(TimescaleValidationStore(pool), lambda: datetime.now(UTC), chosen)
            with progress_bar("Validating days", None, quiet=as_json) as bar:
                return await use_case.until_idle(lambda tally: bar(tally.days))

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


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
