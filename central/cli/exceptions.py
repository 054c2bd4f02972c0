"""`meterline-central exceptions`: what waits for a clerk, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from central.cli.act_on_exceptions import Expect, Keys, Matching, Preview, Why, WhyCode, act_on
from central.cli.output import (
    ActingAs,
    AsJson,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.domain.reason_code import ReasonCode
from central.domain.vee.finding import Severity
from central.process.stores import open_stores
from central.service.exceptions.accept import accept, decide
from central.service.exceptions.assign import assign, suppress
from central.service.exceptions.field_order import field_order
from central.service.exceptions.release import release
from central.service.exceptions.rerun import rerun
from central.service.exceptions.show import ExceptionDocument, show_exception
from central.service.ports.decisions import Choice
from central.service.ports.exceptions import (
    ExceptionCount,
    ExceptionFilter,
    ExceptionKey,
    ExceptionKind,
    ExceptionRow,
)
from central.service.ports.field_orders import FieldOrder
from central.service.views.paging import MAX_LIMIT, Page

exceptions = group("List what waits for a clerk, and do something about it.")
_NAME = "meterline-exceptions"


def _rows(rows: Sequence[ExceptionRow]) -> list[dict[str, Any]]:
    return [
        {
            "key": str(row.key),
            "kind": row.key.kind.value,
            "severity": row.severity.value,
            "since": row.raised_at.isoformat(timespec="seconds"),
            "subject": row.subject,
            "code": row.code,
            "owner": row.owner,
            "due": None if row.due_on is None else row.due_on.isoformat(),
            "message": row.message,
        }
        for row in rows
    ]


@exceptions.command("list")
@answered
def list_command(  # noqa: PLR0913, PLR0917 - one option each
    kind: Annotated[
        list[ExceptionKind] | None, typer.Option(help="Where they come from; default: all.")
    ] = None,
    severity: Annotated[Severity | None, typer.Option(help="What they do.")] = None,
    code: Annotated[str | None, typer.Option(help="What they are.")] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who has them; 'nobody' for those that nobody has.")
    ] = None,
    older: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="They wait for so long. [days]")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Point, gateway, meter, or account and period.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Cursor from the previous page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Maximum number.")] = 50,
    *,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Those too that are hidden until a later day.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits, the oldest first."""
    now = datetime.now(UTC)
    asked = ExceptionFilter(
        tuple(kind or ()),
        severity,
        code,
        "" if owner == "nobody" else owner,
        None if older is None else now - timedelta(days=older),
        subject,
        None if hidden else now.date(),
    )

    async def work() -> Page[ExceptionRow]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await stores.exceptions.page(asked, after, limit)

    page = wait_for(work())
    if as_json:
        show({"exceptions": _rows(page.rows), "after": page.after})
        return
    listed(_rows(page.rows), as_json=False, nothing="Nothing waits.")
    if page.after is not None:
        typer.echo(f"More wait: --after {page.after}")


@exceptions.command("counts")
@answered
def counts_command(*, as_json: AsJson = False) -> None:
    """Count what waits by kind and code, and say since when."""

    async def work() -> Sequence[ExceptionCount]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await stores.exceptions.counts()

    rows = [
        {
            "kind": entry.kind.value,
            "code": entry.code,
            "severity": entry.severity.value,
            "waiting": entry.waiting,
            "oldest": entry.oldest.isoformat(timespec="seconds"),
        }
        for entry in wait_for(work())
    ]
    listed(rows, as_json=as_json, nothing="Nothing waits.")


@exceptions.command("show")
@answered
def show_command(
    key: Annotated[str, typer.Argument(help="Key in `exceptions list`, such as v12.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show an exception and its evidence: values, register, same days of other weeks."""
    named = ExceptionKey.parse(key)

    async def work() -> ExceptionDocument:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await show_exception(stores.exceptions, stores.evidence, named)

    document = wait_for(work())
    if as_json:
        show(document.to_json())
        return
    listed(_rows([document.row]), as_json=False, nothing="")
    for title, rows in document.evidence.tables.items():
        typer.echo(f"\n{title}")
        listed([dict(row) for row in rows], as_json=False, nothing="Nothing is known.")
    typer.echo(f"\nWhat can be done: {', '.join(document.actions)}.")


@exceptions.command("orders")
@answered
def orders_command(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Those too that a reading has closed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List readings that are ordered on site, the earliest due first."""

    async def work() -> Sequence[FieldOrder]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            return await stores.field_orders.orders(None, every=every)

    orders = wait_for(work())
    if as_json:
        show([order.to_json() for order in orders])
        return
    rows = [
        {
            "order": str(order.uid),
            "exception": str(order.key),
            "point": order.point,
            "due": order.due_on.isoformat(),
            "meters": ", ".join(meter.meter for meter in order.meters),
            "read": None if order.read_at is None else order.read_at.isoformat(),
        }
        for order in orders
    ]
    listed(rows, as_json=False, nothing="No reading is ordered.")


@exceptions.command("assign")
@answered
def assign_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    to: Annotated[str | None, typer.Option(help="Who; default: nobody.")] = None,
    due: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until when it is to be done.")
    ] = None,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Give exceptions to somebody, with a due date, or to nobody."""
    action = assign(to, None if due is None else due.date())
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("suppress")
@answered
def suppress_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which they are shown again.")
    ],
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Hide exceptions from the queue until a day; what they hold is held all the same."""
    action = suppress(until.date(), datetime.now(UTC).date())
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("accept")
@answered
def accept_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Answer for findings: they hold no bill any more."""
    act_on(
        (keys, matching, expect),
        accept,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("decide")
@answered
def decide_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    value: Annotated[Choice, typer.Option(help="Which of both values the readings have.")],
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Decide which of two values readings have; their days are validated again."""
    act_on(
        (keys, matching, expect),
        decide(value),
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("release")
@answered
def release_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Let bills go on that checks hold, for what they say now."""
    act_on(
        (keys, matching, expect),
        release,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("rerun")
@answered
def rerun_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Validate the days of findings again, or rate held bills again."""
    act_on(
        (keys, matching, expect),
        rerun,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )


@exceptions.command("field-order")
@answered
def field_order_command(  # noqa: PLR0913 - one option each
    *,
    keys: Keys = None,
    matching: Matching = None,
    expect: Expect = None,
    reason: Why,
    due: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Until when the meters are to be read.")
    ],
    reason_code: WhyCode = ReasonCode.OTHER,
    actor: ActingAs = None,
    preview: Preview = False,
    as_json: AsJson = False,
) -> None:
    """Order a reading on site; the first reading since then closes the order."""
    action = field_order(due.date(), datetime.now(UTC).date())
    act_on(
        (keys, matching, expect),
        action,
        reason,
        reason_code,
        actor,
        preview=preview,
        as_json=as_json,
    )
