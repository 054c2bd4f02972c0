"""`meterline-central vee edit|estimate|restore|versions`: what a person decides of days."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import typer

from central.cli.given_days import (
    FileZone,
    Intervals,
    Method,
    OverReadings,
    Total,
    ValuesFile,
    chosen_estimate,
    given_values,
)
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    listed,
    settings,
    show,
    wait_for,
)
from central.cli.vee import vee
from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.domain.vee.decided_day import DayNote
from central.process.stores import open_stores
from central.service.ports.validation import BlockVersion, PointChannelId
from central.service.validation.decide_days import DaysDecision, DecideDays
from central.service.validation.point_channel import channel_at
from firmware_bridge.contract.errors import InvalidValueError

__all__ = ["vee"]
_DAY = ["%Y-%m-%d"]
Point = Annotated[str, typer.Argument(metavar="POINT", help="Name of the service point.")]
Counted = Annotated[
    str | None,
    typer.Option("--obis", help="What is counted, such as 1-0:1.8.0, where it has several."),
]
First = Annotated[datetime, typer.Option("--from", formats=_DAY, help="First local day.")]
End = Annotated[
    datetime | None, typer.Option("--to", formats=_DAY, help="Last local day; default: the first.")
]
Code = Annotated[ReasonCode, typer.Option("--code", help="Reason, for counting.")]
Why = Annotated[str, typer.Option("--reason", help="Reason, for the audit log.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show what would change; change nothing.")]
_Deed = Callable[[PointChannelId, DecideDays], Awaitable[DaysDecision]]


@vee.command("estimate")
@answered
def estimate_command(  # noqa: PLR0913, PLR0917 - one option each
    point: Point,
    first: First,
    reason: Why,
    end: End = None,
    obis: Counted = None,
    method: Method = None,
    total: Total = None,
    code: Code = ReasonCode.OTHER,
    actor: ActingAs = None,
    *,
    over_readings: OverReadings = False,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Estimate what days lack. Readings that come later replace it.

    With --over-readings the days stand until readings under them change.
    """
    chosen = chosen_estimate(method, total, over_readings=over_readings)
    days = _days(first, end)
    note = DayNote(actor_of(actor), code, reason)

    async def work(channel: PointChannelId, use: DecideDays) -> DaysDecision:
        return await use.estimate(channel, days, chosen, note, preview=preview)

    _decide(point, obis, work, preview=preview, as_json=as_json)


@vee.command("edit")
@answered
def edit_command(  # noqa: PLR0913, PLR0917 - one option each
    point: Point,
    reason: Why,
    interval: Intervals = None,
    file: ValuesFile = None,
    zone: FileZone = None,
    obis: Counted = None,
    code: Code = ReasonCode.OTHER,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Give intervals other values. The versions before stay, and `vee restore` brings them back."""
    values = given_values(interval, file, zone)
    note = DayNote(actor_of(actor), code, reason)

    async def work(channel: PointChannelId, use: DecideDays) -> DaysDecision:
        return await use.edit(channel, values, note, preview=preview)

    _decide(point, obis, work, preview=preview, as_json=as_json)


@vee.command("restore")
@answered
def restore_command(  # noqa: PLR0913, PLR0917 - one option each
    point: Point,
    first: First,
    reason: Why,
    end: End = None,
    obis: Counted = None,
    code: Code = ReasonCode.MISTAKE,
    actor: ActingAs = None,
    *,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let days say again what their readings say: undo edits and estimates."""
    days = _days(first, end)
    note = DayNote(actor_of(actor), code, reason)

    async def work(channel: PointChannelId, use: DecideDays) -> DaysDecision:
        return await use.restore(channel, days, note, preview=preview)

    _decide(point, obis, work, preview=preview, as_json=as_json)


@vee.command("versions")
@answered
def versions_command(
    point: Point,
    first: First,
    end: End = None,
    obis: Counted = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List every version of days, the newest first: who made it, and what it rests on."""
    days = _days(first, end)

    async def work() -> list[BlockVersion]:
        async with open_stores(settings(), "meterline-days", max_size=2) as stores:
            channel = await channel_at(stores.validation, point, obis)
            return await stores.validation.versions(channel, days)

    rows = [
        {
            "day": str(version.block.day),
            "version": version.block.version,
            "made_by": version.actor,
            "made_at": version.made_at.astimezone(UTC).isoformat(),
            **_figures(version.block, as_json=as_json),
            "evidence": _evidence(version.evidence, as_json=as_json),
        }
        for version in wait_for(work())
    ]
    listed(rows, as_json=as_json, nothing="These days are not closed.")


def _decide(point: str, obis: str | None, deed: _Deed, *, preview: bool, as_json: bool) -> None:
    async def work() -> DaysDecision:
        async with open_stores(settings(), "meterline-days", max_size=2) as stores:
            channel = await channel_at(stores.validation, point, obis)
            use = DecideDays(stores.validation, lambda: datetime.now(UTC))
            return await deed(channel, use)

    decision = wait_for(work())
    rows = [
        {
            "day": str(day.after.day),
            "version": day.after.version,
            "before": _figures(day.before, as_json=as_json)["total"],
            **_figures(day.after, as_json=as_json),
            "billed": day.after.day in decision.issued,
        }
        for day in decision.days
    ]
    if as_json:
        evidence = {str(day.after.day): json.loads(day.evidence) for day in decision.days}
        show({"point": point, "preview": preview, "days": rows, "evidence": evidence})
        return
    listed(rows, as_json=False, nothing="")
    if preview:
        typer.echo("Nothing was changed.")


def _figures(block: DayBlock, *, as_json: bool) -> dict[str, Any]:
    """The total of a day and how its intervals came about."""
    counts = Counter(IntervalQuality(value).name for value in block.quality.tolist())
    total = None
    if not block.missing:
        unit = display_unit(block.unit)
        number = Decimal(block.total()).scaleb(block.exponent)
        total = f"{number:f}" if as_json else f"{unit.decimal(block.total(), block.exponent):f}"
        total = total if as_json else f"{total} {unit.name}"
    quality = dict(counts) if as_json else ", ".join(f"{n} {name}" for name, n in counts.items())
    return {"total": total, "quality": quality}


def _evidence(text: str, *, as_json: bool) -> object:
    facts: Mapping[str, Any] = json.loads(text) if text else {}
    return facts if as_json else str(facts.get("reason", ""))


def _days(first: datetime, end: datetime | None) -> DayRange:
    last: date = (end or first).date()
    if last < first.date():
        message = f"{last} comes before {first.date()}."
        raise InvalidValueError(message, value=last)
    return DayRange(first.date(), last + timedelta(days=1))
