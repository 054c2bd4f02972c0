"""`meterline-central holidays`: the public holidays that bills are rated with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, TypeVar

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    settings,
    show,
    wait_for,
)
from central.domain.actor import printed_name
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.process.stores import open_stores
from central.service.ports.holidays import HolidayRevision
from central.service.registry.holidays import PublicHolidays
from central.service.views.lookup import require_any
from firmware_bridge.contract.errors import InvalidValueError

holidays = group("List and change the public holidays that bills are rated with.")
Name = Annotated[str, typer.Argument(help="Name of the calendar, such as ES-MD.")]
Because = Annotated[str, typer.Option("--reason", help="Reason, which is kept.")]
_Result = TypeVar("_Result")
_NAME = "meterline-registry"


@holidays.command("list")
@answered
def list_command(
    name: Annotated[str | None, typer.Argument(help="Name of the calendar; default: all.")] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List every revision of every year that is kept; other years are as the release says."""
    knowledge = known_time(as_of)

    async def work() -> tuple[HolidayRevision, ...]:
        async with (
            open_stores(settings(), _NAME, knowledge=knowledge) as stores,
            stores.registry.transaction() as registry,
        ):
            history = await registry.holiday_history(name)
            require_any(history, "holiday calendar", name, "`holidays list` shows all.")
            return history

    entries = wait_for(work())
    if as_json:
        show([_object(entry) for entry in entries])
        return
    if not entries:
        typer.echo("No year is kept yet: bills are rated as the release says. Try `holidays seed`.")
    for entry in entries:
        calendar = entry.calendar
        withdrawn = ", taken back" if calendar.withdrawn else ""
        typer.echo(
            f"{calendar.name} {calendar.year}, revision {calendar.revision}{withdrawn},"
            f" {entry.recorded_at.isoformat()} by {printed_name(entry.recorded_by)}: {entry.reason}"
        )
        for day, holiday in calendar.days:
            typer.echo(f"  {day} {holiday}")


@holidays.command("seed")
@answered
def seed_command(actor: ActingAs = None, *, as_json: AsJson = False) -> None:
    """Keep the years that tariffs need as the release says; the worker does it every night."""
    added = _work(actor, lambda use: use.seed())
    if as_json:
        show({"years": added})
    else:
        typer.echo(f"{added} years added.")


@holidays.command("change")
@answered
def change_command(  # noqa: PLR0913 - one option each
    name: Name,
    reason: Because,
    add: Annotated[
        list[str] | None, typer.Option(help="A holiday, such as '2026-11-02=Bridge day'.")
    ] = None,
    remove: Annotated[
        list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="A day that is none.")
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Add and remove holidays of one year. Bills that are not issued are compared again."""
    added = dict(map(_holiday, add or []))
    removed = [day.date() for day in remove or []]
    changed, concerned = _changed(actor, lambda use: use.change(name, added, removed, reason))
    _print(changed, concerned, as_json=as_json)


@holidays.command("withdraw")
@answered
def withdraw_command(
    name: Name,
    year: Annotated[int, typer.Argument(help="Year.")],
    reason: Because,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take back the newest change of a year; what it said before holds again."""
    changed, concerned = _changed(actor, lambda use: use.withdraw(name, year, reason))
    _print(changed, concerned, as_json=as_json)


def _work(actor: str | None, order: Callable[[PublicHolidays], Awaitable[_Result]]) -> _Result:
    async def work() -> _Result:
        async with open_stores(settings(), _NAME) as stores:
            return await order(PublicHolidays(stores.registry, actor_of(actor)))

    return wait_for(work())


def _changed(
    actor: str | None, order: Callable[[PublicHolidays], Awaitable[HolidayCalendar]]
) -> tuple[HolidayCalendar, list[str]]:
    """What a change made of a year, and the issued bills that it concerns."""

    async def work(use: PublicHolidays) -> tuple[HolidayCalendar, list[str]]:
        changed = await order(use)
        return changed, [f"{what}: {bills}" for what, bills in use.concerned.items()]

    return _work(actor, work)


def _holiday(text: str) -> tuple[date, str]:
    day, _, name = text.partition("=")
    try:
        return date.fromisoformat(day), name.strip() or "Holiday"
    except ValueError:
        message = f"{text!r} is not a holiday such as 2026-11-02=Bridge day."
        raise InvalidValueError(message, value=text) from None


def _print(calendar: HolidayCalendar, concerned: list[str], *, as_json: bool) -> None:
    name, year, revision = calendar.name, calendar.year, calendar.revision
    if as_json:
        show({"calendar": name, "year": year, "revision": revision, "concerned": concerned})
    else:
        typer.echo(f"{name} {year}: revision {revision}, {len(calendar.days)} holidays")
        for bills in concerned:
            typer.echo(bills)


def _object(entry: HolidayRevision) -> dict[str, object]:
    calendar = entry.calendar
    return {
        "calendar": calendar.name,
        "year": calendar.year,
        "revision": calendar.revision,
        "withdrawn": calendar.withdrawn,
        "days": {day.isoformat(): name for day, name in calendar.days},
        "recorded_at": entry.recorded_at.isoformat(),
        "recorded_by": printed_name(entry.recorded_by),
        "reason": entry.reason,
    }
