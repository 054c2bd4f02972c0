"""A run and a bill as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rich.table import Column, Table

from central.cli.output import out
from central.domain.actor import printed_name
from central.domain.billing.bill import Bill
from central.domain.rating.hold import Hold
from central.process.stores import Stores
from central.service.billing.lineage import ExplainedLine
from central.service.billing.reconciliation_report import Reconciliation
from central.service.billing.run_balance import run_balance
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillHead, BillRecord, RunSummary
from central.service.ports.cancellations import ChainedBill
from central.service.views.billing import spell_fraction

BILLS_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class RunReport:
    """What is printed of a run.

    Args:
        summary: The run in numbers.
        heads: Its bills, where they are few enough to be listed.
        balance: Its days reconciled; None where no bill holds any.
        seconds: How long it took; None leaves it out. [s]
    """

    summary: RunSummary
    heads: tuple[BillHead, ...]
    balance: Reconciliation | None
    seconds: float | None = None

    @classmethod
    async def read(cls, stores: Stores, run: RunRecord) -> RunReport:
        """Sum up a run and reconcile its days."""
        summary = await stores.bills.summary(run)
        heads = await stores.bills.heads(run) if summary.bill_count <= BILLS_LISTED else ()
        return cls(summary, heads, await run_balance(stores.reconciliation, summary))


def summary_object(report: RunReport) -> dict[str, Any]:
    """A run as JSON: amounts and quantities as strings."""
    summary, heads, seconds = report.summary, report.heads, report.seconds
    made: dict[str, Any] = {
        "run": str(summary.run.uid),
        "cycle": str(summary.run.cycle),
        "creator": printed_name(summary.run.creator),
        "accounts": summary.accounts,
        "billed": summary.bill_count - summary.held_count,
        "held": summary.held_count,
        "states": {state.value: count for state, count in summary.bills.items()},
        "totals": {currency: format(total, "f") for currency, total in summary.totals.items()},
        "settled": {currency: format(amount, "f") for currency, amount in summary.settled.items()},
        "kwh_billed": format(summary.kwh, "f"),
        "kwh_validated": format(summary.validated_kwh, "f"),
        "balanced": None if report.balance is None else report.balance.balanced,
        "charges": [
            {
                "charge": charge.charge,
                "name": charge.name,
                "currency": charge.currency,
                "lines": charge.lines,
                "amount": format(charge.amount, "f"),
            }
            for charge in summary.charges
        ],
        "held_bills": [
            {**_head(head), "reasons": [hold.to_json() for hold in head.holds]}
            for head in summary.held
        ],
        "held_elsewhere": [
            {**_head(head), "reasons": [hold.to_json() for hold in head.holds]}
            for head in summary.held_elsewhere
        ],
        "bills": [_head(head) for head in heads],
        "not_billed": [
            {
                "account": entry.account,
                "point": entry.days.point,
                "code": entry.days.code,
                "first": entry.days.first.isoformat(),
                "end": entry.days.end.isoformat(),
                "message": entry.days.message,
            }
            for entry in summary.left_out
        ],
        "not_billed_count": summary.left_out_count,
    }
    return made if seconds is None else {**made, "seconds": f"{seconds:.3f}"}


def _head(head: BillHead) -> dict[str, Any]:
    return {
        "bill": str(head.uid),
        "account": head.account,
        "period": head.period,
        "state": head.state.value,
        "currency": head.currency,
        "total": None if head.total is None else format(head.total, "f"),
        "kwh": None if head.kwh is None else format(head.kwh, "f"),
    }


def bill_object(
    record: BillRecord, chain: Sequence[ChainedBill], explained: Sequence[ExplainedLine] = ()
) -> dict[str, Any]:
    """A bill as JSON, with its lineage, what is before and after it, and what was proven."""
    proven = {
        entry.entry.position: {
            "intervals": entry.interval_count,
            **({"events": [event.to_json() for event in entry.events]} if entry.events else {}),
            **({} if entry.worth is None else {"worth": spell_fraction(entry.worth)}),
        }
        for entry in explained
    }
    return {
        "bill": str(record.uid),
        "run": str(record.run),
        "number": record.number,
        "issue": None if record.issue is None else record.issue.to_json(),
        "sha256": record.sha256,
        "content_sha256": record.content_sha256,
        "kwh": None if record.kwh is None else format(record.kwh, "f"),
        "creator": printed_name(record.creator),
        "contributors": [printed_name(key) for key in record.contributors],
        "approver": None if record.approver is None else printed_name(record.approver),
        "made_at": record.made_at.isoformat(),
        "issued_at": None if record.issued_at is None else record.issued_at.isoformat(),
        "chain": [link.to_json() for link in chain],
        **record.bill.to_json(),
        "due": format(record.bill.amounts.due, "f"),
        **({"proven": proven} if proven else {}),
    }


def print_summary(report: RunReport) -> None:
    """Print a run for people."""
    summary, seconds = report.summary, report.seconds
    took = "" if seconds is None else f" in {seconds:.1f} s"
    out.print(
        f"Cycle {summary.run.cycle}: {summary.accounts} accounts,"
        f" {summary.bill_count - summary.held_count} billed, {summary.held_count} held{took}."
    )
    if summary.charges:
        table = Table("charge", *_numbers("lines", "amount"), "", box=None)
        for charge in summary.charges:
            table.add_row(charge.name, str(charge.lines), f"{charge.amount:,}", charge.currency)
        for currency, total in summary.totals.items():
            table.add_row("total", "", f"{total:,}", currency)
        for currency, settled in summary.settled.items():
            table.add_row("settlements", "", f"{settled:,}", currency)
        out.print(table)
    out.print(f"kWh on the lines {summary.kwh:,}, in the days read {summary.validated_kwh:,}")
    _print_balance(report)
    for head in summary.held:
        _print_whole(f"held {head.account}/{head.period}")
        _print_holds(head.holds)
    for head in summary.held_elsewhere:
        _print_whole(f"held {head.account}/{head.period}, a bill of another run that is tried too")
        _print_holds(head.holds)
    for entry in summary.left_out:
        last = entry.days.end - timedelta(days=1)
        _print_whole(
            f"not billed {entry.account}, {entry.days.first} to {last}, {entry.days.point}"
        )
        _print_whole(f"   {entry.days.code}: {entry.days.message}")
    if summary.left_out_count > len(summary.left_out):
        out.print(f"... and {summary.left_out_count - len(summary.left_out)} more.")


def _print_balance(report: RunReport) -> None:
    if report.balance is None:
        return
    if report.balance.balanced:
        _print_whole("Reconciled, its days balance.")
    else:
        again = f"meterline-central reconcile --run {report.summary.run.uid}"
        _print_whole(f"ITS DAYS DO NOT BALANCE: look with `{again}`.")


def print_bill(
    record: BillRecord, explained: Sequence[ExplainedLine], chain: Sequence[ChainedBill]
) -> None:
    """Print a bill for people; `explained` are its lines with what was proven of each."""
    proven = {entry.entry.position: entry for entry in explained}
    bill = record.bill
    out.print(
        f"{bill.account} {bill.period} {bill.state} {record.number or ''} {bill.buyer.name}",
        markup=False,
    )
    _print_chain(bill, chain)
    if not bill.lines:
        _print_whole("It is not rated.")
    table = Table("", "charge", *_numbers("quantity"), "", *_numbers("price", "amount"), box=None)
    if proven:
        table.add_column("intervals", justify="right")
        table.add_column("at their prices", justify="right")
    for entry in bill.lines:
        line = entry.line
        unit = " %" if line.note == "percent" or line.kind == "tax" else ""
        row = [
            str(entry.position),
            " ".join(filter(None, (line.name, line.label, line.note * bool(line.adjusts)))),
            "" if line.quantity is None else f"{line.quantity:,}",
            "" if line.quantity is None else line.unit,
            "" if line.price is None else f"{line.price}{unit}",
            f"{line.amount:,}",
        ]
        table.add_row(*row, *(_proven(proven[entry.position]) if proven else []))
    if bill.lines:
        out.print(table)
        for amount in bill.amounts.rows:
            out.print(f"{amount.name} {amount.amount:,} {bill.currency}")
    for text in bill.carried_texts:
        _print_whole(text)
    if record.sha256 is not None:
        _print_whole(f"sha256 {record.sha256}")
    if bill.holds:
        _print_whole("held")
        _print_holds(bill.holds)


def _proven(line: ExplainedLine) -> tuple[str, str]:
    return str(line.interval_count), "" if line.worth is None else spell_fraction(line.worth)


def _print_chain(bill: Bill, chain: Sequence[ChainedBill]) -> None:
    if bill.cancels is not None:
        _print_whole(f"Credit note of {bill.cancels.number}")
    for link in chain:
        _print_whole(f"   {link}")


def _numbers(*headings: str) -> tuple[Column, ...]:
    return tuple(Column(heading, justify="right") for heading in headings)


def _print_holds(holds: Iterable[Hold]) -> None:
    for hold in holds:
        _print_whole(f"   {hold.code}: {hold.message}")


def _print_whole(text: str) -> None:
    """Print what may look like markup as it is."""
    out.print(text, highlight=False, markup=False)
