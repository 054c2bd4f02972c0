"""`meterline-central correction`: what issued bills would say today, and what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
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
    wait_for,
)
from central.domain.billing.correction import CorrectionWay
from central.process.stores import Stores, open_stores
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.find_bill import find_bill
from central.service.ports.corrections import Correction

correction = group("Compare issued bills with what they would say today, and correct them.")
Answer = TypeVar("Answer")
Account = Annotated[str, typer.Option("--account", help="Number of the account.")]
FromBill = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="First bill, by identifier, legal number or ACCOUNT/CYCLE; default: the first of"
        " which an input is another.",
    ),
]

Identifier = Annotated[UUID, typer.Argument(help="Identifier of the correction.")]
Reason = Annotated[str, typer.Option(help="Reason, for the audit log and the reconciliation.")]


@correction.command("preview")
@answered
def preview_command(
    account: Account, from_bill: FromBill = None, *, as_json: AsJson = False
) -> None:
    """Rate an account's issued bills again, and show what would differ. Nothing is changed."""

    async def work(stores: Stores) -> CorrectionReport:
        uid = None if from_bill is None else (await find_bill(stores.bills, from_bill)).uid
        return await CorrectBills(stores.corrections).preview(account, uid)

    report = asked(work)
    if as_json:
        show(report.to_json())
    else:
        print_report(report)


@correction.command("decide")
@answered
def decide_command(  # noqa: PLR0913 - one option each
    account: Account,
    way: Annotated[
        CorrectionWay,
        typer.Option(
            help="`adjust` charges the difference on the next bill; `leave` charges nothing."
        ),
    ],
    reason: Reason,
    from_bill: FromBill = None,
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Decide what becomes of issued bills that would say something else; another approves it."""

    async def work(stores: Stores) -> UUID:
        since = None if from_bill is None else (await find_bill(stores.bills, from_bill)).uid
        use_case = CorrectBills(stores.corrections)
        return await use_case.decide(account, way, actor_of(actor), reason, since)

    uid = asked(work)
    if as_json:
        show({"correction": str(uid)})
    else:
        typer.echo(f"Correction {uid} waits for another person to approve it.")


@correction.command("approve")
@answered
def approve_command(
    identifier: Identifier, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Approve a decision that somebody else made, and carry it out."""

    async def work(stores: Stores) -> Sequence[UUID]:
        return await CorrectBills(stores.corrections).approve(identifier, actor_of(actor))

    withdrawn = asked(work)
    if as_json:
        show({"correction": str(identifier), "withdrawn": list(map(str, withdrawn))})
        return
    typer.echo(f"Correction {identifier} is approved.")
    for bill in withdrawn:
        typer.echo(f"Bill {bill} is a draft again: run its cycle, then approve it anew.")


@correction.command("withdraw")
@answered
def withdraw_command(
    identifier: Identifier, reason: Reason, actor: ActingAs = None, *, as_json: AsJson = False
) -> None:
    """Withdraw a decision that is not approved yet. Nothing else changes."""

    async def work(stores: Stores) -> None:
        await CorrectBills(stores.corrections).withdraw(identifier, actor_of(actor), reason)

    asked(work)
    if as_json:
        show({"correction": str(identifier), "state": "withdrawn"})
    else:
        typer.echo(f"Correction {identifier} is withdrawn.")


@correction.command("list")
@answered
def list_command(
    account: Annotated[
        str | None, typer.Option("--account", help="Number of an account; default: all accounts.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List decisions about issued bills, newest first."""

    async def work(stores: Stores) -> Sequence[Correction]:
        return await CorrectBills(stores.corrections).listed(account)

    decisions = [each.to_json() for each in asked(work)]
    if not as_json:
        for row in decisions:
            sums = row["difference"].get("amounts", ())
            row["difference"] = ", ".join(f"{each['amount']} {each['currency']}" for each in sums)
    listed(decisions, as_json=as_json, nothing="Nothing is decided.")


def asked(ask: Callable[[Stores], Awaitable[Answer]]) -> Answer:
    """Ask on open stores."""

    async def work() -> Answer:
        async with open_stores(settings(), "meterline-correction", max_size=2) as stores:
            return await ask(stores)

    return wait_for(work())


def print_report(report: CorrectionReport) -> None:
    """Print what bills would say, line by line."""
    if not report.differs:
        typer.echo(f"The issued bills of {report.account} say what they would say today.")
        return
    for bill in report.bills:
        why = "; ".join(map(str, bill.causes)) or "the state that it opens with"
        typer.echo(f"{bill.head.number} {bill.head.period}: {why}")
    rows = [
        {
            "bill": bill.head.number,
            "service point": each.service_point,
            "line": f"{each.name} {each.label}".strip(),
            "unit": each.unit,
            "was": _text(each.old_quantity),
            "is": _text(each.new_quantity),
            "amount was": _text(each.old_amount),
            "amount is": _text(each.new_amount),
            "difference": _text(each.amount),
        }
        for bill in report.bills
        for each in bill.differences
    ]
    listed(rows, as_json=False, nothing="No line differs.")
    for each in report.amounts:
        taxes = "".join(
            f", {tax.name} {tax.rate.normalize():f} %: {tax.amount:f}" for tax in each.taxes
        )
        typer.echo(
            f"{each.currency}: net {each.net:f}{taxes}, settlements {each.settled:f},"
            f" together {each.amount:f}"
        )
    typer.echo(f"Energy: {report.kwh:f} kWh")
    if report.leaves_other:
        typer.echo("What comes behind these bills opens with another state.")
    for behind in report.behind:
        typer.echo(f"Behind them: {behind.name}, {behind.state}")


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")
