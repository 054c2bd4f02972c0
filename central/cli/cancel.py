"""`meterline-central bill cancel`: propose credit notes of issued bills."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli.bill import Final
from central.cli.discard import app
from central.cli.output import ActingAs, AsJson, actor_of, answered, settings, show, wait_for
from central.process.stores import open_stores
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.find_bill import find_bill

__all__ = ["app"]


@app.command("cancel")
@answered
def cancel_command(  # noqa: PLR0913 - one option each
    bills: Annotated[
        list[str], typer.Argument(help="Issued bills, such as INV-000007 or A-1001/2026-10.")
    ],
    reason: Annotated[str, typer.Option(help="Reason, which is kept.")],
    point: Annotated[
        list[str] | None,
        typer.Option("--point", help="Only what the bills say of this service point; repeatable."),
    ] = None,
    actor: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Propose credit notes of issued bills, the last ones of their customer, in one decision.

    Somebody else approves them with `bill approve`, and `bill issue` issues them together. Then
    their days are free, and the next run bills them anew.
    """

    async def work() -> list[str]:
        async with open_stores(settings(), "meterline-bill") as stores:
            uids = [(await find_bill(stores.bills, name, final=final)).uid for name in bills]
            use_case = CancelBills(stores.bills, stores.cancellations)
            drafts = await use_case(uids, actor_of(actor), reason, point or ())
            return [str(uid) for uid in drafts]

    drafts = wait_for(work())
    if as_json:
        show({"proposed": drafts})
    else:
        for draft in drafts:
            typer.echo(f"Credit note {draft} is a draft. Approve it with `bill approve {draft}`.")
