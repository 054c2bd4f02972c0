"""`meterline-central correction`: what issued bills would say today, and what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, TypeVar

import typer

from central.cli.output import AsJson, answered, group, listed, settings, show, wait_for
from central.process.stores import Stores, open_stores
from central.service.billing.correct_bills import CorrectBills
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.find_bill import find_bill

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
