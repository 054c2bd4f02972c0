"""`meterline-central correction rebill`: cancel issued bills and bill their days anew, as one."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli.corrections import Account, FromBill, asked, correction
from central.cli.output import ActingAs, AsJson, actor_of, answered, show
from central.process.stores import Stores
from central.service.billing.find_bill import find_bill
from central.service.billing.rebill_bills import RebillBills

__all__ = ["correction"]


@correction.command("rebill")
@answered
def rebill_command(  # noqa: PLR0913 - one option each
    account: Account,
    reason: Annotated[str, typer.Option(help="Reason, which is kept.")],
    from_bill: FromBill = None,
    actor: ActingAs = None,
    *,
    only_changed: Annotated[
        bool,
        typer.Option("--only-changed", help="Of each bill only the service points that differ."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Propose credit notes of an account's issued bills, and new bills in their place.

    Somebody else approves one of the drafts with `bill approve`, and `bill issue` issues all of
    them together.
    """

    async def work(stores: Stores) -> list[str]:
        uid = None if from_bill is None else (await find_bill(stores.bills, from_bill)).uid
        use_case = RebillBills(stores.bills, stores.cancellations, stores.rebills)
        drafts = await use_case(account, actor_of(actor), reason, uid, only_changed=only_changed)
        return [str(draft) for draft in drafts]

    drafts = asked(work)
    if as_json:
        show({"proposed": drafts})
    else:
        for draft in drafts:
            typer.echo(f"{draft} is a draft. Look at it with `bill show {draft}`.")
        typer.echo(f"Approve them together with `bill approve {drafts[0]}`.")
