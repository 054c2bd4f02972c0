"""`meterline-central schedule`: which jobs are due when, how they stand, and change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from typing import Annotated, Any, TypeVar

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
from central.process.stores import open_stores
from central.service.schedules.change import ChangeSchedules, ScheduleChange, ScheduleRefusedError
from central.service.schedules.overview import JobStatus, ShowSchedules

schedules = group("Show and change when the worker's jobs are done.")
Name = Annotated[str, typer.Argument(help="Name of the schedule.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, for the audit log.")]
_Done = TypeVar("_Done")


@schedules.command("list")
@answered
def list_command(*, as_json: AsJson = False) -> None:
    """List the schedules: what ran, what comes next, what failed and what to do."""

    async def work() -> list[JobStatus]:
        async with open_stores(settings(), "meterline-schedules", max_size=2) as stores:
            return await ShowSchedules(stores.schedules, stores.nights)()

    statuses = wait_for(work())
    if as_json:
        show([status.to_json() for status in statuses])
        return
    listed([_row(status) for status in statuses], as_json=False, nothing="There is no schedule.")
    for status in statuses:
        for line in status.trouble:
            typer.echo(line)


@schedules.command("set")
@answered
def set_command(  # noqa: PLR0913 - one option each
    name: Name,
    *,
    reason: Because,
    job: Annotated[
        str | None, typer.Option(help="What is done; for a schedule that is added: bill_run.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Local time of day, such as 04:30.")] = None,
    zone: Annotated[
        str | None, typer.Option(help='IANA zone of that time; "" for each zone of the points.')
    ] = None,
    day: Annotated[
        int | None, typer.Option(min=0, max=28, help="Day of the month; 0 for every day.")
    ] = None,
    group_name: Annotated[
        str | None, typer.Option("--group", help='Group that a run bills; "" for all accounts.')
    ] = None,
    cycle: Annotated[
        str | None,
        typer.Option(help='Billing cycle whose period is billed; "" for the month before.'),
    ] = None,
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Change when a job is done, or add a schedule of bill runs."""
    change = ScheduleChange(
        job=job,
        at=None if at is None else _time(at),
        zone=zone,
        day=day,
        group=group_name,
        cycle=cycle,
    )
    schedule = _changed(actor, lambda use_case: use_case.set(name, change, reason))
    if as_json:
        show({"name": schedule.name, **schedule.to_json()})
    else:
        typer.echo(f"{name}: {schedule.text}.")


@schedules.command("pause")
@answered
def pause_command(
    name: Name, *, reason: Because, actor: ActingAs = None, as_json: AsJson = False
) -> None:
    """Have a job not done until it is resumed."""
    _pause(name, reason, actor, paused=True, as_json=as_json)


@schedules.command("resume")
@answered
def resume_command(
    name: Name, *, reason: Because, actor: ActingAs = None, as_json: AsJson = False
) -> None:
    """Have a paused job done again; what it missed is done at once."""
    _pause(name, reason, actor, paused=False, as_json=as_json)


@schedules.command("remove")
@answered
def remove_command(
    name: Name, *, reason: Because, actor: ActingAs = None, as_json: AsJson = False
) -> None:
    """Take back what was said of a schedule; a job's own goes back to its default."""
    default = _changed(actor, lambda use_case: use_case.remove(name, reason))
    if as_json:
        show({"name": name, "default": None if default is None else default.to_json()})
    else:
        typer.echo(f"{name}: {'removed' if default is None else default.text}.")


@schedules.command("run")
@answered
def run_command(
    name: Name, *, reason: Because, actor: ActingAs = None, as_json: AsJson = False
) -> None:
    """Have a job done once more for its newest night; a worker does it."""
    keys = _changed(actor, lambda use_case: use_case.again(name, reason))
    if as_json:
        show({"name": name, "due": list(keys)})
    else:
        typer.echo(f"{', '.join(keys) or 'Nothing'}: due now.")


def _pause(name: str, reason: str, actor: str | None, *, paused: bool, as_json: bool) -> None:
    change = ScheduleChange(paused=paused)
    schedule = _changed(actor, lambda use_case: use_case.set(name, change, reason))
    if as_json:
        show({"name": schedule.name, **schedule.to_json()})
    else:
        typer.echo(f"{name}: {schedule.text}.")


def _changed(actor: str | None, change: Callable[[ChangeSchedules], Awaitable[_Done]]) -> _Done:
    async def work() -> _Done:
        async with open_stores(settings(), "meterline-schedules", max_size=2) as stores:
            return await change(
                ChangeSchedules(stores.schedules, stores.nights, actor_of(actor), _now)
            )

    return wait_for(work())


def _now() -> datetime:
    return datetime.now(UTC)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        message = f"{text!r} is not a time of day."
        raise ScheduleRefusedError(message, value=text, remedy="Write it as 04:30.") from None


def _row(status: JobStatus) -> dict[str, Any]:
    note = status.note
    return {
        "schedule": status.key,
        "when": status.schedule.text,
        "night": status.night.isoformat(),
        "state": status.state.value,
        "next": None if status.next_at is None else status.next_at.strftime("%Y-%m-%d %H:%MZ"),
        "outcome": None if note is None else note.outcome or note.error,
    }
