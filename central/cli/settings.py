"""`meterline-central settings`: what the utility says of its invoices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any

import typer

from central.cli.output import ActingAs, AsJson, actor_of, answered, group, settings, show, wait_for
from central.domain.actor import printed_name
from central.domain.billing.bill_window import BillWindow
from central.domain.billing.billing_settings import (
    BillingSettingsError,
    DocumentKind,
    SettingsRevision,
)
from central.process.stores import open_stores
from central.service.billing.change_settings import ChangeSettings, SettingsChange

app = group("Show and change what the utility says of its invoices: series, due days, texts.")


@app.command("show")
@answered
def show_command(
    day: Annotated[
        str | None, typer.Option("--day", help="Day of issue, such as 2026-11-01; default: today.")
    ] = None,
    *,
    history: Annotated[
        bool, typer.Option("--history", help="Show every revision, oldest first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force."""
    wanted = None if day is None else _day(day)

    async def work() -> list[SettingsRevision]:
        async with _use_case() as (use_case, revisions):
            return revisions if history else [await use_case.current(wanted)]

    revisions_shown = wait_for(work())
    if as_json:
        objects = [_object(revision) for revision in revisions_shown]
        show(objects if history else objects[0])
    else:
        for revision in revisions_shown:
            _print(revision)


@app.command("set")
@answered
def set_command(  # noqa: PLR0913 - one option each
    *,
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.")],
    series: Annotated[
        str | None, typer.Option(help="Prefix of the numbers of invoices, such as ES26.")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Least number of digits of a number.")] = None,
    yearly: Annotated[
        bool | None,
        typer.Option("--yearly/--continuous", help="Whether numbers begin anew each year."),
    ] = None,
    due_days: Annotated[int | None, typer.Option(help="Days from issue to payment.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of the day of issue; '' takes that of the service point."),
    ] = None,
    locale: Annotated[str | None, typer.Option(help="Language of the documents.")] = None,
    payment_text: Annotated[
        str | None, typer.Option(help="Text below the amount due, such as a bank account.")
    ] = None,
    footer_text: Annotated[str | None, typer.Option(help="Text below the notes.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Template of the documents, such as invoice-2.")
    ] = None,
    window_days: Annotated[
        int | None,
        typer.Option(help="Days until missing data of a held bill are estimated; 0 for never."),
    ] = None,
    estimates_in_a_row: Annotated[
        int | None, typer.Option(help="Number of estimated bills in a row, at most.")
    ] = None,
    retention_years: Annotated[
        int | None, typer.Option(help="Years that issued bills are kept by law; see account erase.")
    ] = None,
    print_audit_head: Annotated[
        bool | None,
        typer.Option(
            "--print-audit-head/--no-audit-head",
            help="Whether the first document of a day prints the head of the audit log.",
        ),
    ] = None,
    effective: Annotated[
        str | None, typer.Option(help="First day of issue that it holds on; default: today.")
    ] = None,
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Change the settings, as a new revision. Bills that are issued keep what they were given."""
    change = SettingsChange(
        series=series,
        width=width,
        yearly=yearly,
        due_days=due_days,
        zone=zone,
        locale=locale,
        payment_text=payment_text,
        footer_text=footer_text,
        template=template,
        window_days=window_days,
        estimates_in_a_row=estimates_in_a_row,
        retention_years=retention_years,
        print_audit_head=print_audit_head,
    )
    if change == SettingsChange():
        message = "No setting is given."
        raise BillingSettingsError(message, remedy="Give one, such as --series INV.")
    day = None if effective is None else _day(effective)

    async def work() -> SettingsRevision:
        async with _use_case() as (use_case, _):
            return await use_case(change, actor_of(actor), reason, day)

    recorded = wait_for(work())
    if as_json:
        show(_object(recorded))
    else:
        _print(recorded)


@asynccontextmanager
async def _use_case() -> AsyncIterator[tuple[ChangeSettings, list[SettingsRevision]]]:
    async with open_stores(settings(), "meterline-settings", max_size=2) as stores:
        yield ChangeSettings(stores.settings), list(await stores.settings.revisions())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a day."
        raise BillingSettingsError(message, value=text, remedy="Write it as 2026-11-01.") from None


def _object(revision: SettingsRevision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "effective": revision.effective.isoformat(),
        **revision.settings.to_json(),
        "recorded_at": revision.recorded_at.isoformat(),
        "actor": printed_name(revision.actor),
        "reason": revision.reason,
    }


def _window(window: BillWindow) -> str:
    if not window.days:
        return "never"
    return f"after {window.days} days, at most {window.in_a_row} in a row"


def _print(revision: SettingsRevision) -> None:
    chosen = revision.settings
    numbers = chosen.series[DocumentKind.INVOICE]
    rows = {
        "revision": f"{revision.revision}, by {printed_name(revision.actor)}: {revision.reason}",
        "effective": revision.effective.isoformat(),
        "next numbers like": numbers.number(revision.effective, 1),
        "days to pay": str(chosen.due_days),
        "zone of the day of issue": chosen.zone or "that of the bill's first service point",
        "language": chosen.locale,
        "payment text": chosen.payment_text or "none",
        "footer text": chosen.footer_text or "none",
        "template": chosen.template,
        "held bills are estimated": _window(chosen.window),
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        typer.echo(f"{name.ljust(width)}  {value}")
