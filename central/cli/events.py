"""`meterline-central events`: usage events, taken in, looked at and cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    out,
    settings,
    show,
    wait_for,
)
from central.cli.registry import Because
from central.domain.audit.change import change
from central.process.stores import open_stores
from central.service.ports.usage_events import EventFilter
from central.service.usage.events_file import GivenEvent, events_of_file
from central.service.usage.keep_meters import KeepUsageMeters, read_usage_meter
from central.service.usage.take_events import BATCH, UsageEvents, counted
from central.service.views.lookup import require_any

events = group("Take usage events in, look at them, and cancel them.")
Answer = TypeVar("Answer")
_SHOWN = 100
Source = Annotated[str, typer.Argument(help="Who sent it.")]
EventId = Annotated[str, typer.Argument(metavar="ID", help="Identifier, given by the source.")]


@events.command("import")
@answered
def import_command(
    file: Annotated[
        Path, typer.Argument(help="CloudEvents, one a line or in a JSON list; or a CSV table.")
    ],
    actor: ActingAs = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each; keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take the events of a file in, 1,000 at a time. What was taken in before is a duplicate.

    Where some are refused the others are kept, and the command ends with 3.
    """

    async def work() -> tuple[dict[str, int], list[dict[str, Any]]]:
        counts = {"stored": 0, "duplicate": 0, "refused": 0}
        refused: list[dict[str, Any]] = []
        async with open_stores(settings(), "meterline-events", max_size=2) as stores:
            use_case = UsageEvents(stores.usage_events)
            with file.open(encoding="utf-8", newline="") as lines:
                batch: list[GivenEvent] = []
                for given in events_of_file(lines, file.name):
                    batch.append(given)
                    if len(batch) == BATCH:
                        await _take(use_case, batch, counts, refused)
                        batch = []
                await _take(use_case, batch, counts, refused)
        return counts, refused

    async def _take(
        use_case: UsageEvents,
        batch: list[GivenEvent],
        counts: dict[str, int],
        refused: list[dict[str, Any]],
    ) -> None:
        if not batch:
            return
        detail = change(None, {"file": file.name, "from_line": batch[0].line, "events": len(batch)})
        results = await use_case.take(
            [given.event for given in batch],
            actor_of(actor),
            audited=("events.imported", file.name, detail),
            keep=not dry_run,
        )
        for name, count in counted(results).items():
            counts[name] += count
        refused.extend(
            {"line": given.line, **result.to_json()}
            for given, result in zip(batch, results, strict=True)
            if result.error is not None and len(refused) < _SHOWN
        )

    counts, refused = wait_for(work())
    if as_json:
        show({**counts, "dry_run": dry_run, "refusals": refused})
    else:
        for row in refused:
            out.print(f"line {row['line']}: {row['code']}: {row['message']} {row['remedy']}")
        would = "would be " if dry_run else ""
        out.print(
            f"{counts['stored']} {would}stored, {counts['duplicate']} duplicates,"
            f" {counts['refused']} refused."
        )
    if counts["refused"]:
        raise typer.Exit(EXIT_HELD)


@events.command("list")
@answered
def list_command(  # noqa: PLR0913 - one option each
    subject: Annotated[str | None, typer.Option(help="To whom; default: all.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Type; default: all.")] = None,
    from_at: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day, UTC; default: all."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last, UTC; default: all."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Maximum number of rows.")] = 100,
    *,
    as_json: AsJson = False,
) -> None:
    """List events by time, every version of them."""
    wanted = EventFilter(subject, kind, _utc(from_at), _utc(until))
    rows = _asked(lambda use: use.listed(wanted, None, limit))
    listed([row.to_json() for row in rows], as_json=as_json, nothing="No such event is kept.")


@events.command("show")
@answered
def show_command(source: Source, event_id: EventId, *, as_json: AsJson = False) -> None:
    """Show all versions of an event."""
    versions = _asked(lambda use: use.versions(source, event_id))
    remedy = "`meterline-central events list` shows what is kept."
    require_any(versions, "event", f"{source} {event_id}", remedy)
    rows = [version.to_json() for version in versions]
    listed(rows, as_json=as_json, nothing="No such event is kept.")


@events.command("cancel")
@answered
def cancel_command(
    source: Source,
    event_id: EventId,
    reason: Annotated[str, typer.Option(help="Reason for the audit log.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let an event count for nothing. Cancelling it again changes nothing."""
    version = _asked(lambda use: use.cancel(source, event_id, actor_of(actor), reason))
    if as_json:
        show(version.to_json())
    else:
        out.print(f"{source} {event_id}: cancelled by version {version.event.version}.")


@events.command("waiting")
@answered
def waiting_command(*, as_json: AsJson = False) -> None:
    """List subjects whose events belong to no service point yet, those with the most first."""
    count, subjects = _asked(lambda use: use.waiting())
    if as_json:
        show({"events": count, "subjects": [row.to_json() for row in subjects]})
        return
    rows = [row.to_json() for row in subjects]
    listed(rows, as_json=False, nothing="No event waits for its subject.")


@events.command("meters")
@answered
def meters_command(
    name: Annotated[str | None, typer.Option(help="A meter; default: all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List how events are counted, day by day with their revisions."""
    history = _metered(lambda use: use.listed(name))
    require_any(history, "meter of usage", name, "`meterline-central events meters` shows all.")
    rows = [version.to_json() for version in history]
    if as_json:
        show(rows)
        return
    for row in rows:
        row["where"] = ", ".join(f"{key}: {'|'.join(texts)}" for key, texts in row["where"].items())
        row["group_by"] = ", ".join(row["group_by"])
    listed(rows, as_json=False, nothing="Events are counted one by one.")


@events.command("set-meter")
@answered
def set_meter_command(
    file: Annotated[Path, typer.Argument(help="YAML: meter, since, event_type, aggregate, ...")],
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Say how events are counted from a local day on. Saying it again changes nothing."""
    given = read_usage_meter(file)
    meter = given.usage_meter()
    new = _metered(lambda use: use.add(meter, given.since, actor_of(actor), reason))
    if as_json:
        show({"meter": given.meter, "effect": "added" if new else "unchanged"})
    else:
        out.print(f"{given.meter} from {given.since}: {'added' if new else 'unchanged'}.")


@events.command("withdraw-meter")
@answered
def withdraw_meter_command(
    name: Annotated[str, typer.Argument(help="Of the meter.")],
    since: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="Day from which it counts so.")
    ],
    *,
    reason: Because = "",
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Take a day of a meter back that was entered by mistake; what was before it holds on."""
    _metered(lambda use: use.withdraw(name, since.date(), actor_of(actor), reason))
    if as_json:
        show({"meter": name, "effect": "withdrawn"})
    else:
        out.print(f"{name} from {since.date()}: withdrawn.")


def _metered(ask: Callable[[KeepUsageMeters], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-events", max_size=2) as stores:
            return await ask(KeepUsageMeters(stores.usage_events))

    return wait_for(work())


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _asked(ask: Callable[[UsageEvents], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-events", max_size=2) as stores:
            return await ask(UsageEvents(stores.usage_events))

    return wait_for(work())
