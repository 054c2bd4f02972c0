"""`meterline-central settings`: what the utility says of its invoices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import ActingAs, AsJson, actor_of, answered, group, settings, show, wait_for
from central.domain.actor import printed_name
from central.domain.billing.billing_settings import (
    BillingSettingsError,
    DocumentKind,
    SettingsRevision,
)
from central.process.stores import open_stores
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.setting_list import MEANING, SETTINGS
from central.service.knowledge_time import KnowledgeTime

app = group("Show and change what the utility says of its invoices: series, due days, texts.")


@app.command("show")
@answered
def show_command(
    day: Annotated[
        str | None, typer.Option("--day", help="Day of issue, such as 2026-11-01; default: today.")
    ] = None,
    as_of: AsOf = None,
    *,
    history: Annotated[
        bool, typer.Option("--history", help="Show every revision, oldest first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force."""
    wanted, knowledge = None if day is None else _day(day), known_time(as_of)

    async def work() -> list[SettingsRevision]:
        async with _use_case(knowledge) as (use_case, revisions):
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
    series: Annotated[str | None, typer.Option(help=MEANING["series"])] = None,
    credit_series: Annotated[str | None, typer.Option(help=MEANING["credit_series"])] = None,
    width: Annotated[int | None, typer.Option(help=MEANING["width"])] = None,
    yearly: Annotated[
        bool | None, typer.Option("--yearly/--continuous", help=MEANING["yearly"])
    ] = None,
    due_days: Annotated[int | None, typer.Option(help=MEANING["due_days"])] = None,
    zone: Annotated[str | None, typer.Option(help=MEANING["zone"])] = None,
    locale: Annotated[str | None, typer.Option(help=MEANING["locale"])] = None,
    payment_text: Annotated[str | None, typer.Option(help=MEANING["payment_text"])] = None,
    footer_text: Annotated[str | None, typer.Option(help=MEANING["footer_text"])] = None,
    template: Annotated[str | None, typer.Option(help=MEANING["template"])] = None,
    window_days: Annotated[int | None, typer.Option(help=MEANING["window_days"])] = None,
    estimates_in_a_row: Annotated[
        int | None, typer.Option(help=MEANING["estimates_in_a_row"])
    ] = None,
    retention_years: Annotated[int | None, typer.Option(help=MEANING["retention_years"])] = None,
    print_audit_head: Annotated[
        bool | None,
        typer.Option("--print-audit-head/--no-audit-head", help=MEANING["print_audit_head"]),
    ] = None,
    negative_total: Annotated[str | None, typer.Option(help=MEANING["negative_total"])] = None,
    einvoice: Annotated[str | None, typer.Option(help=MEANING["einvoice"])] = None,
    offered_tariffs: Annotated[str | None, typer.Option(help=MEANING["offered_tariffs"])] = None,
    effective: Annotated[
        str | None, typer.Option(help="First day of issue that it holds on; default: today.")
    ] = None,
    actor: ActingAs = None,
    as_json: AsJson = False,
) -> None:
    """Change the settings, as a new revision. Bills that are issued keep what they were given."""
    change = SettingsChange(
        series=series,
        credit_series=credit_series,
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
        negative_total=negative_total,
        einvoice=einvoice,
        offered_tariffs=offered_tariffs,
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
async def _use_case(
    knowledge: KnowledgeTime | None = None,
) -> AsyncIterator[tuple[ChangeSettings, list[SettingsRevision]]]:
    name, now = "meterline-settings", datetime.now(UTC) if knowledge is None else knowledge.at
    async with open_stores(settings(), name, max_size=2, knowledge=knowledge) as stores:
        yield ChangeSettings(stores.settings, lambda: now), list(await stores.settings.revisions())


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


def _print(revision: SettingsRevision) -> None:
    chosen = revision.settings
    numbers = chosen.numbers_of(DocumentKind.INVOICE)
    rows = {
        "Revision": f"{revision.revision}, by {printed_name(revision.actor)}: {revision.reason}",
        "In force from": revision.effective.isoformat(),
        "Numbers like": numbers.number(revision.effective, 1),
        **{setting.label: setting.text(chosen) for setting in SETTINGS},
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        typer.echo(f"{name.ljust(width)}  {value}")
