"""`meterline-central bill list`: the bills of an account, now or as they were known at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.claim_conflicts import app
from central.cli.output import AsJson, answered, listed, settings, wait_for
from central.process.stores import open_stores
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.registry import NotRegisteredError
from central.service.views.billing import BillView

__all__ = ["app"]


@app.command("list")
@answered
def list_command(
    account: Annotated[str, typer.Argument(help="Number of the account.")],
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List an account's bills, oldest first."""
    knowledge = known_time(as_of)
    today = datetime.now(UTC).date()
    rows = [_row(view) for view in wait_for(_bills(account, today, knowledge))]
    listed(rows, as_json=as_json, nothing="No bills.")


async def _bills(number: str, today: date, knowledge: KnowledgeTime | None) -> list[BillView]:
    async with open_stores(settings(), "meterline-bills", knowledge=knowledge) as stores:
        views = stores.billing
        accounts = await views.accounts(today=today, search=number, limit=1)
        if not accounts.rows or accounts.rows[0].number != number:
            message = f"The registry has no account {number!r}."
            raise NotRegisteredError(message, value=number)
        bills: list[BillView] = []
        after: str | None = None
        while True:
            page = await views.bills(account=accounts.rows[0].account, after=after, limit=500)
            bills += page.rows
            after = page.after
            if after is None:
                return bills


def _row(view: BillView) -> dict[str, Any]:
    return {
        "bill": view.bill,
        "cycle": view.cycle,
        "kind": view.kind,
        "state": view.state,
        "number": view.number,
        "issued": None if view.issued_on is None else view.issued_on.isoformat(),
        "first": view.start.isoformat(),
        "last": view.last.isoformat(),
        "total": None if view.amounts is None else f"{view.amounts.total:f}",
        "due": None if view.amounts is None else f"{view.amounts.due:f}",
        "currency": view.currency,
    }
