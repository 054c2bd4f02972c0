"""`meterline-central ledger`: money of accounts, posted once and consumed by one bill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import (
    EXIT_HELD,
    ActingAs,
    AsJson,
    actor_of,
    answered,
    group,
    listed,
    settings,
    show,
    wait_for,
)
from central.domain.billing.ledger import BANKED, DEFAULT_BANK, EntryKind, LedgerEntry
from central.process.stores import open_stores
from central.service.billing.import_entries import entries_of_file, post_all
from central.service.billing.post_entries import AccountLedger
from central.service.billing.trace_money import TracedDrawdown, TraceMoney
from central.service.knowledge_time import KnowledgeTime
from central.service.ports.ledger import PostedEntry
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.plain_number import plain_decimal

ledger = group("Post money to accounts, and show what became of it.")
Answer = TypeVar("Answer")
Key = Annotated[str, typer.Argument(help="Key of the entry, given by its sender.")]


@ledger.command("post")
@answered
def post_command(  # noqa: PLR0913, PLR0917 - one option each
    key: Annotated[
        str, typer.Argument(help="Key of the entry, unique for ever: posted again it is the same.")
    ],
    account: Annotated[str, typer.Option(help="Number of the account.")],
    kind: Annotated[EntryKind, typer.Option(help="What it is.")],
    amount: Annotated[str, typer.Option(help="Exact amount above zero, such as 50.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 letters.")],
    day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Local day from which it counts.")
    ],
    reason: Annotated[str, typer.Option(help="Reason for the audit log.")],
    bank: Annotated[
        str | None,
        typer.Option(help="Bank of the tariff that a pay-in or grant goes into; default: prepaid."),
    ] = None,
    point: Annotated[
        str, typer.Option(help="Service point whose bills alone consume it; default: any.")
    ] = "",
    bill: Annotated[
        str,
        typer.Option(help="Legal number or identifier of the issued bill that a payment is for."),
    ] = "",
    of: Annotated[str, typer.Option(help="Key of the entry that is refunded or expires.")] = "",
    name: Annotated[
        str, typer.Option(help="Charge or credit as the invoice prints it, such as Reconnection.")
    ] = "",
    tax: Annotated[
        list[str] | None,
        typer.Option(help="Id of a tax of the tariff that a charge or credit bears; may repeat."),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Local day from which a pay-in or grant pays no bill that begins then or later;"
            " default: as its bank says.",
        ),
    ] = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Post money, or a charge or credit of the next bill. Posting it again changes nothing."""
    default = DEFAULT_BANK if kind in BANKED else ""
    entry = LedgerEntry(
        key,
        account,
        kind,
        day.date(),
        currency,
        _amount(amount),
        default if bank is None else bank,
        point,
        bill,
        of,
        name,
        tuple(tax or ()),
        None if expires is None else expires.date(),
    )
    new = _asked(lambda use: use.post(entry, actor_of(actor), reason))
    if as_json:
        show({"key": key, "effect": "added" if new else "unchanged"})
    else:
        typer.echo(f"{key}: {'posted' if new else 'posted before, unchanged'}.")


@ledger.command("import")
@answered
def import_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: key, account, kind, amount, currency, day; also bank, point, bill, of, name,"
            " taxes, expires and reason."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Reason for the audit log, where a line says none.")],
    actor: ActingAs = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each; keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Post the entries of a file, each once. Posting the file again changes nothing.

    Where some are refused the others are posted, and the command ends with 3.
    """
    lines = list(entries_of_file(file.read_text(encoding="utf-8"), file.name))
    results = _asked(
        lambda use: post_all(use, iter(lines), actor_of(actor), reason, keep=not dry_run)
    )
    refused = [result for result in results if result.error is not None]
    counts = {
        effect: sum(result.effect == effect for result in results)
        for effect in ("added", "unchanged", "refused")
    }
    if as_json:
        show({**counts, "dry_run": dry_run, "refusals": [row.to_json() for row in refused]})
    else:
        for result in refused:
            error = result.error
            typer.echo(f"line {result.line}: {'' if error is None else error.as_text()}")
        typer.echo(", ".join(f"{count} {effect}" for effect, count in counts.items()) + ".")
    if refused:
        raise typer.Exit(EXIT_HELD)


@ledger.command("list")
@answered
def list_command(
    account: Annotated[
        str | None, typer.Option(help="Number of an account; default: all accounts.")
    ] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List entries in the order in which they were posted, with what became of them."""
    knowledge = known_time(as_of)
    rows = [entry.to_json() for entry in _asked(lambda use: use.listed(account), knowledge)]
    listed(rows, as_json=as_json, nothing="Nothing is posted.")


@ledger.command("show")
@answered
def show_command(key: Key, *, as_json: AsJson = False) -> None:
    """Show an entry and the bill that has consumed it."""
    entry: PostedEntry | None = _asked(lambda use: use.show(key))
    fields = require(entry, "entry", key).to_json()
    if as_json:
        show(fields)
        return
    for name, value in fields.items():
        typer.echo(f"{name}: {value or 'none'}")


@ledger.command("trace")
@answered
def trace_command(
    account: Annotated[str, typer.Argument(help="Number of the account.")],
    entry: Annotated[str | None, typer.Option(help="Key of the only entry.")] = None,
    bill: Annotated[
        str | None, typer.Option(help="Identifier or legal number of the only bill.")
    ] = None,
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show which money paid what: from an entry to bills, and from a bill to entries."""
    knowledge = known_time(as_of)

    async def work() -> Sequence[TracedDrawdown]:
        name = "meterline-ledger"
        async with open_stores(settings(), name, max_size=1, knowledge=knowledge) as stores:
            return await TraceMoney(stores.drawdowns)(account, entry, bill)

    rows = [each.to_json() for each in wait_for(work())]
    listed(rows, as_json=as_json, nothing="No bill has drawn on money.")


def _amount(text: str) -> Decimal:
    amount = plain_decimal(text)
    if amount is None:
        message = f"{text!r} is not an amount, such as 50.00."
        raise InvalidValueError(message, value=text)
    return amount


def _asked(
    ask: Callable[[AccountLedger], Awaitable[Answer]], knowledge: KnowledgeTime | None = None
) -> Answer:
    async def work() -> Answer:
        name = "meterline-ledger"
        async with open_stores(settings(), name, max_size=2, knowledge=knowledge) as stores:
            return await ask(AccountLedger(stores.ledger, stores.bills))

    return wait_for(work())
