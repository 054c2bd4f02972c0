"""`meterline-central notice`: what happened, told to endpoints that rules name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar
from uuid import UUID

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
from central.domain.notices.date_rule import DateOffset
from central.domain.notices.notice import NoticeKind
from central.domain.notices.rule import Condition, EndpointKind, NoticeEndpoint, NoticeRule
from central.process.stores import open_stores
from central.service.notices.notices import BESIDE, Notices
from central.service.ports.notices import DeliveryState
from central.service.views.paging import MAX_LIMIT
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.secret_option import secret_option

notices = group("Tell endpoints what happened: rules, deliveries, secrets.")
Answer = TypeVar("Answer")
Name = Annotated[str, typer.Argument(help="Name of the endpoint.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Identifier of a delivery.")]
Why = Annotated[str, typer.Option(help="Reason, which is kept.")]
Off = Annotated[bool, typer.Option("--off", help="Switch it off.")]
_HOURS = int(BESIDE / timedelta(hours=1))


@notices.command("set-endpoint")
@answered
def set_endpoint_command(  # noqa: PLR0913 - one option each
    name: Name,
    reason: Why,
    url: Annotated[
        str | None,
        secret_option("METERLINE_NOTICE_URL", "URL of a webhook, which may hold a token."),
    ] = None,
    mail: Annotated[str | None, typer.Option(help="Mail address.")] = None,
    actor: ActingAs = None,
    *,
    customer: Annotated[
        bool,
        typer.Option("--customer", help="The address that the notice's account has for invoices."),
    ] = False,
    off: Off = False,
    as_json: AsJson = False,
) -> None:
    """Write an endpoint down, or another version of it; a new webhook's secret is shown once."""
    if (url is not None) + (mail is not None) + customer != 1:
        message = "An endpoint is a webhook, a mail address or the customer's."
        remedy = "Give --url, --mail or --customer."
        raise InvalidValueError(message, value=name, remedy=remedy)
    kind = EndpointKind.MAIL if url is None else EndpointKind.WEBHOOK
    kind = EndpointKind.CUSTOMER if customer else kind
    endpoint = NoticeEndpoint(kind, url or mail or "", off)
    version, secret = _asked(
        lambda use_case: use_case.set_endpoint(name, endpoint, actor_of(actor), reason)
    )
    if as_json:
        show({"endpoint": name, "version": version, "secret": secret})
        return
    typer.echo(f"{name}: version {version}.")
    if secret is not None:
        typer.echo(f"Its secret, which is not shown again: {secret}")


@notices.command("endpoints")
@answered
def endpoints_command(*, as_json: AsJson = False) -> None:
    """List endpoints by name."""
    rows = _asked(lambda use_case: use_case.store.endpoints(use_case.now()))
    listed([row.to_json() for row in rows], as_json=as_json, nothing="There are no endpoints.")


@notices.command("exchange-secret")
@answered
def exchange_secret_command(
    name: Name,
    reason: Why,
    beside: Annotated[
        int, typer.Option(min=0, max=720, help="Hours that the old ones sign beside it.")
    ] = _HOURS,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a webhook another secret, which is shown once."""
    secret = _asked(
        lambda use_case: use_case.exchange_secret(
            name, actor_of(actor), reason, timedelta(hours=beside)
        )
    )
    if as_json:
        show({"endpoint": name, "secret": secret})
    else:
        typer.echo(f"Its secret, which is not shown again: {secret}")


@notices.command("set-rule")
@answered
def set_rule_command(  # noqa: PLR0913, PLR0917 - one option each
    name: Annotated[str, typer.Argument(help="Name of the rule.")],
    kind: Annotated[NoticeKind, typer.Option(help="What the notices are about.")],
    endpoint: Annotated[str, typer.Option(help="Name of the endpoint that they go to.")],
    reason: Why,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Condition, such as severity=critical or total>=100; several hold all."),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(help="Of date.reached: a date and days, such as bill.due_on+7."),
    ] = None,
    actor: ActingAs = None,
    *,
    off: Off = False,
    as_json: AsJson = False,
) -> None:
    """Write a rule down, or another version of it."""
    on = None if date is None else DateOffset.parse(date)
    rule = NoticeRule(kind, endpoint, tuple(map(Condition.parse, where or ())), off, on)
    version, new = _asked(lambda use_case: use_case.set_rule(name, rule, actor_of(actor), reason))
    show_version("rule", name, version, new=new, as_json=as_json)


@notices.command("rules")
@answered
def rules_command(*, as_json: AsJson = False) -> None:
    """List rules by name."""
    versions = _asked(lambda use_case: use_case.store.rules())
    rows = [version.to_json() for version in versions]
    if not as_json:
        for version, row in zip(versions, rows, strict=True):
            row["date"] = "" if version.rule.date is None else str(version.rule.date)
            row["conditions"] = "; ".join(
                f"{each['fact']} {each['relation']} {', '.join(each['values'])}"
                for each in row["conditions"]
            )
    listed(rows, as_json=as_json, nothing="There are no rules.")


@notices.command("list")
@answered
def list_command(
    state: Annotated[DeliveryState | None, typer.Option(help="Where they stand.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Name of the endpoint.")] = None,
    after: Annotated[str | None, typer.Option(help="Cursor from the previous page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Maximum number.")] = MAX_LIMIT,
    *,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    page = _asked(lambda use_case: use_case.store.deliveries(after, limit, state, endpoint))
    rows = [row.to_json() for row in page.rows]
    if as_json:
        show({"items": rows, "after": page.after})
        return
    listed(rows, as_json=False, nothing="There are no deliveries.")
    if page.after is not None:
        typer.echo(f"More follow: --after {page.after}")


@notices.command("show")
@answered
def show_command(delivery: DeliveryId, *, as_json: AsJson = False) -> None:
    """Show a delivery: what it says, and every attempt."""
    uid = _uid(delivery)
    document = _asked(lambda use_case: use_case.delivery(uid)).with_log_json()
    if as_json:
        show(document)
        return
    log = document.pop("log")
    facts = document.pop("facts")
    listed([{**document, **facts}], as_json=False, nothing="")
    listed(log, as_json=False, nothing="It was not tried yet.")


@notices.command("resend")
@answered
def resend_command(
    delivery: DeliveryId, reason: Why, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Send a notice to its endpoint once more, under its identifier."""
    uid = _uid(delivery)
    _sent(_asked(lambda use_case: use_case.resend(uid, actor_of(actor), reason)), as_json=as_json)


@notices.command("test")
@answered
def try_endpoint_command(name: Name, actor: ActingAs = None, *, as_json: AsJson = False) -> None:
    """Send a notice that says nothing but that the endpoint is tried."""
    _sent(_asked(lambda use_case: use_case.test(name, actor_of(actor))), as_json=as_json)


def _sent(uid: UUID, *, as_json: bool) -> None:
    if as_json:
        show({"delivery": str(uid)})
    else:
        typer.echo(f"Delivery {uid}: a worker sends it.")


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = f"{text!r} is not the identifier of a delivery."
        raise InvalidValueError(message, value=text, remedy="See `notice list`.") from None


def _asked(ask: Callable[[Notices], Awaitable[Answer]]) -> Answer:
    async def work() -> Answer:
        async with open_stores(settings(), "meterline-notice", max_size=2) as stores:
            return await ask(Notices(stores.notices))

    return wait_for(work())
