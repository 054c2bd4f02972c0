"""`meterline-central account erase`: erase what is personal of an account."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    settings,
    show,
    wait_for,
)
from central.process.stores import open_stores
from central.service.registry.erase_account import EraseAccount

accounts = group("Erase what is personal of accounts.")


@accounts.command("erase")
@answered
def erase_command(
    number: Annotated[str, typer.Argument(help="Number of the account.")],
    reason: Annotated[
        str, typer.Option(help="Reason, for the audit log; do not name the person in it.")
    ],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Erase an account's name, address, tax number and contact, for ever.

    Refused while it is billed, and until the retention of its issued bills is over; they, and
    their documents, keep what they say.
    """

    async def work() -> int:
        async with open_stores(settings(), "meterline-registry") as stores:
            erase = EraseAccount(stores.registry, stores.settings, actor_of(actor))
            return await erase(number, reason)

    issued = wait_for(work())
    if as_json:
        show({"erased": number, "issued_bills": issued})
    else:
        bills = f"; {issued} issued bills say what they said" if issued else ""
        typer.echo(f"{number}: erased{bills}")
