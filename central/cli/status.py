"""`meterline-central status`: up to which day all channels are closed, and how the jobs stand."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from central.cli.output import AsJson, answered, settings, show, wait_for
from central.process.stores import open_stores
from central.service.ports.ingest_records import FindingCode, IngestFinding
from central.service.ports.unclosed_days import UnclosedDays
from central.service.schedules.overview import JobStatus, ShowSchedules
from central.service.validation.unclosed_days import CountUnclosedDays
from central.service.validation.validate import VeeSettings


@answered
def status_command(*, as_json: AsJson = False) -> None:
    """Show the oldest day that is over and not closed, failed jobs, and who sends too much."""

    async def work() -> tuple[UnclosedDays, list[JobStatus], list[IngestFinding]]:
        chosen = settings()
        async with open_stores(chosen, "meterline-status", max_size=2) as stores:
            vee = VeeSettings(grace=chosen.grace)
            counted = await CountUnclosedDays(stores.unclosed, lambda: datetime.now(UTC), vee)()
            jobs = await ShowSchedules(stores.schedules, stores.nights)()
            return counted, jobs, await stores.ingest.open_findings(FindingCode.OVER_QUOTA)

    counted, jobs, over_quota = wait_for(work())
    if as_json:
        beyond = [finding.message for finding in over_quota]
        show({**counted.to_json(), "jobs": [job.to_json() for job in jobs], "over_quota": beyond})
        return
    if counted.oldest is None:
        typer.echo("Every day of every channel that is over is closed.")
    else:
        typer.echo(
            f"Oldest unclosed day: {counted.oldest}, of {counted.obis} at {counted.point}."
            f" Channels with unclosed days: {counted.channels:,}."
        )
    for job in jobs:
        for line in job.trouble:
            typer.echo(line)
    for finding in over_quota:
        typer.echo(finding.message)
