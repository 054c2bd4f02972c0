"""`meterline-central alert` and `so-far`: use and cost until now, and alerts on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeVar

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
    show_version,
    wait_for,
)
from central.domain.alerts.alert_rule import AlertMeasure, AlertPeriod, AlertRule, AlertSubject
from central.process.stores import Stores, open_stores
from central.service.so_far.alerts import Alerts
from central.service.so_far.figures import SoFar, SoFarBy, rows_of
from central.service.views.paging import MAX_LIMIT
from firmware_bridge.contract.errors import InvalidValueError

alerts = group("Raise alerts on what is used and what it costs so far.")
Answer = TypeVar("Answer")


@alerts.command("set-rule")
@answered
def set_rule_command(  # noqa: PLR0913, PLR0917 - one option each
    name: Annotated[str, typer.Argument(help="Name of the rule.")],
    measure: Annotated[AlertMeasure, typer.Option(help="What is compared.")],
    threshold: Annotated[str, typer.Option(help="Reached from this on. [kWh, m3 or currency]")],
    reason: Annotated[str, typer.Option(help="Reason, which is kept.")],
    account: Annotated[str | None, typer.Option(help="Number of an account.")] = None,
    of: Annotated[str | None, typer.Option("--group", help="Each account of a group.")] = None,
    point: Annotated[str | None, typer.Option(help="A service point.")] = None,
    tariff: Annotated[str | None, typer.Option(help="Each account of a tariff.")] = None,
    period: Annotated[AlertPeriod, typer.Option(help="Over which days.")] = AlertPeriod.MONTH,
    every: Annotated[
        int, typer.Option(min=1, max=1440, help="How often it is looked at. [min]")
    ] = 15,
    actor: ActingAs = None,
    *,
    off: Annotated[bool, typer.Option("--off", help="Switch it off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a rule down, or another version of it."""
    subjects = {
        AlertSubject.ACCOUNT: account,
        AlertSubject.GROUP: of,
        AlertSubject.POINT: point,
        AlertSubject.TARIFF: tariff,
    }
    remedy = "Give one of --account, --group, --point and --tariff."
    kind, subject = _subject(subjects, "A rule has one subject.", remedy)
    rule = AlertRule(measure, kind, subject, period, _number(threshold), every, off)
    version, new = _asked(lambda use_case: use_case.set_rule(name, rule, actor_of(actor), reason))
    show_version("rule", name, version, new=new, as_json=as_json)


@alerts.command("rules")
@answered
def rules_command(*, as_json: AsJson = False) -> None:
    """List rules by name."""
    rows = [row.to_json() for row in _asked(lambda use_case: use_case.store.rules())]
    listed(rows, as_json=as_json, nothing="There are no rules.")


@alerts.command("list")
@answered
def list_command(
    account: Annotated[str | None, typer.Option(help="Number of the only account.")] = None,
    after: Annotated[str | None, typer.Option(help="Cursor from the previous page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Maximum number.")] = MAX_LIMIT,
    *,
    as_json: AsJson = False,
) -> None:
    """List alerts, the newest first."""
    page = _asked(lambda use_case: use_case.store.alerts(after, limit, account))
    rows = [row.to_json() for row in page.rows]
    if as_json:
        show({"items": rows, "after": page.after})
        return
    listed(rows, as_json=False, nothing="There are no alerts.")
    if page.after is not None:
        typer.echo(f"More follow: --after {page.after}")


@answered
def so_far_command(
    account: Annotated[str | None, typer.Argument(help="Account number.")] = None,
    by: Annotated[SoFarBy, typer.Option(help="What a row is of.")] = SoFarBy.DAY,
    of: Annotated[str | None, typer.Option("--group", help="All accounts of a group.")] = None,
    tariff: Annotated[str | None, typer.Option(help="All accounts of a tariff.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is used and what it costs so far, of days that no issued bill says."""
    kind, subject = _subject(
        {AlertSubject.ACCOUNT: account, AlertSubject.GROUP: of, AlertSubject.TARIFF: tariff},
        "Figures have one subject.",
        "Give an account, --group or --tariff.",
    )

    async def work(stores: Stores) -> list[dict[str, object]]:
        so_far = SoFar(stores.so_far, stores.validation)
        if kind is not AlertSubject.ACCOUNT:
            return await so_far.summed(kind, subject, by)
        return [row for each in await so_far(kind, subject) for row in rows_of(each, by)]

    rows = _with_stores(work)
    listed(rows, as_json=as_json, nothing="Nothing is unbilled.")


def _subject(
    subjects: Mapping[AlertSubject, str | None], message: str, remedy: str
) -> tuple[AlertSubject, str]:
    given = [(kind, subject) for kind, subject in subjects.items() if subject is not None]
    if len(given) != 1:
        raise InvalidValueError(message, remedy=remedy)
    return given[0]


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InvalidValueError(f"{text!r} is not a number.", value=text) from None


def _with_stores(ask: Callable[[Stores], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-alert", max_size=3) as stores:
            return await ask(stores)

    return wait_for(work())


def _asked(ask: Callable[[Alerts], Awaitable[Answer]]) -> Answer:
    async def work(stores: Stores) -> Answer:
        return await ask(Alerts(stores.so_far, SoFar(stores.so_far, stores.validation)))

    return _with_stores(work)
