"""`meterline-central unbilled`: what days that no issued bill says come to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import AsJson, answered, group, listed, settings, show, wait_for
from central.process.stores import Stores, open_stores
from central.service.billing.unbilled_revenue import UnbilledRevenue, UnbilledTally
from central.service.views.paging import MAX_LIMIT, Page

unbilled = group("Show what days that no issued bill says come to.")
Answer = TypeVar("Answer")
Account = Annotated[str | None, typer.Option(help="Number of the only account.")]
After = Annotated[str | None, typer.Option(help="Cursor from the previous page.")]
Limit = Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Maximum number of rows.")]


@unbilled.command("refresh")
@answered
def refresh_command(account: Account = None, *, as_json: AsJson = False) -> None:
    """Rate the accounts whose bill rests on something that changed, and keep what is another."""

    async def work(stores: Stores) -> UnbilledTally:
        return await UnbilledRevenue(stores.unbilled).refresh(account)

    tally = _asked(work)
    counts = {name: getattr(tally, name) for name in UnbilledTally.__slots__}
    if as_json:
        show(counts)
    else:
        typer.echo(
            f"{tally.looked} accounts, {tally.rated} rated again, {tally.held} held;"
            f" {tally.days} days are others."
        )


@unbilled.command("list")
@answered
def list_command(
    account: Account = None,
    after: After = None,
    limit: Limit = MAX_LIMIT,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what accounts are not billed yet, by service point."""
    page = _asked(lambda stores: stores.unbilled.accounts(after, limit, account), as_of)
    _listed(page.map(lambda row: {**row.to_json(), "holds": ", ".join(row.holds)}), as_json=as_json)


@unbilled.command("show")
@answered
def show_command(
    account: Annotated[str, typer.Argument(help="Account number.")],
    after: After = None,
    limit: Limit = MAX_LIMIT,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what each day of an account comes to, by charge."""
    page = _asked(lambda stores: stores.unbilled.days(account, after, limit), as_of)
    if as_json:
        _listed(page.map(lambda row: row.to_json()), as_json=True)
        return
    rows = page.map(
        lambda row: {
            **row.to_json(),
            "charges": ", ".join(f"{charge} {amount}" for charge, amount in row.charges.items()),
        }
    )
    _listed(rows, as_json=False)


@unbilled.command("charges")
@answered
def charges_command(as_of: AsOf = None, *, as_json: AsJson = False) -> None:
    """Sum what is not billed yet over all accounts, by currency and charge."""
    rows = [row.to_json() for row in _asked(lambda stores: stores.unbilled.charges(), as_of)]
    listed(rows, as_json=as_json, nothing="Nothing is unbilled.")


def _asked(ask: Callable[[Stores], Awaitable[Answer]], as_of: str | None = None) -> Answer:
    knowledge = known_time(as_of)

    async def work() -> Answer:
        name = "meterline-unbilled"
        async with open_stores(settings(), name, max_size=2, knowledge=knowledge) as stores:
            return await ask(stores)

    return wait_for(work())


def _listed(page: Page[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        show({"items": list(page.rows), "after": page.after})
        return
    listed(list(page.rows), as_json=False, nothing="Nothing is unbilled.")
    if page.after is not None:
        typer.echo(f"More follow: --after {page.after}")
