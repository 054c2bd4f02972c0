"""`meterline-central bill discard` and `bill withdraw`: undo what is not issued yet."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli.bill import Final, bill_store
from central.cli.list_bills import app
from central.cli.output import ActingAs, AsJson, actor_of, answered, show, wait_for
from central.service.billing.approve_bills import DiscardBills, WithdrawBills
from central.service.billing.find_bill import find_bill

__all__ = ["app"]


@app.command("discard")
@answered
def discard_command(
    bills: Annotated[
        list[str], typer.Argument(help="Drafts or held bills, such as A-1001/2026-10.")
    ],
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.")] = "",
    actor: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Discard drafts and held bills: the next run bills their days anew. All or none."""
    count = _undone(DiscardBills, bills, actor, reason, final=final)
    if as_json:
        show({"discarded": count})
    else:
        typer.echo(f"{count} discarded.")


@app.command("withdraw")
@answered
def withdraw_command(
    bills: Annotated[list[str], typer.Argument(help="Approved bills, such as A-1001/2026-10.")],
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.")],
    actor: ActingAs = None,
    *,
    final: Final = False,
    as_json: AsJson = False,
) -> None:
    """Take approvals back before issue: these bills and those behind are drafts. All or none."""
    count = _undone(WithdrawBills, bills, actor, reason, final=final)
    if as_json:
        show({"withdrawn": count})
    else:
        typer.echo(f"{count} drafts again.")


def _undone(
    use_case: type[DiscardBills | WithdrawBills],
    bills: list[str],
    actor: str | None,
    reason: str,
    *,
    final: bool,
) -> int:
    async def work() -> int:
        async with bill_store() as store:
            uids = [(await find_bill(store, name, final=final)).uid for name in bills]
            return await use_case(store)(uids, actor_of(actor), reason)

    return wait_for(work())
