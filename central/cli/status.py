"""`meterline-central status`: up to which day all channels are closed, and how the jobs stand."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from central.cli.output import AsJson, answered, settings, show, wait_for
from central.process.stores import open_stores
from central.service.ports.unclosed_days import UnclosedDays
from central.service.schedules.overview import JobStatus, ShowSchedules
from central.service.validation.unclosed_days import CountUnclosedDays
from central.service.validation.validate import VeeSettings


@answered
def status_command(*, as_json: AsJson = False) -> None:
    """Show the oldest day that is over and not closed, and the jobs that failed."""

    async def work() -> tuple[UnclosedDays, list[JobStatus]]:
        chosen = settings()
        async with open_stores(chosen, "meterline-status", max_size=2) as stores:
            vee = VeeSettings(grace=chosen.grace)
            counted = await CountUnclosedDays(stores.unclosed, lambda: datetime.now(UTC), vee)()
            return counted, await ShowSchedules(stores.schedules, stores.nights)()

    counted, jobs = wait_for(work())
    if as_json:
        show({**counted.to_json(), "jobs": [job.to_json() for job in jobs]})
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
