"""Priced bills as text: every line, what it is made from, and what all bills come to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import typer

from central.cli.output import listed
from central.cli.rate_request import RateAnswer
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.usage_event import Events
from central.domain.rating.lineage import IntervalUsed, explain
from central.domain.rating.rounding import printed
from central.service.rating.priced_bills import local_text, plain
from central.service.rating.rate_bills import PricedBill, total_of

Row = dict[str, object]


def print_bills(
    answer: RateAnswer, *, lines: Collection[str], explained: bool, totals_alone: bool
) -> None:
    """Print bills for people.

    Args:
        answer: The bills.
        lines: Ids or keys of the lines to print; all where empty.
        explained: Whether down to the intervals that they are made from.
        totals_alone: Whether lines are left out.
    """
    currency = answer.document.currency.code
    zone = ZoneInfo(answer.document.zone)
    for bill in () if totals_alone else answer.bills:
        print_lines(bill, currency, lines)
        if explained:
            _print_intervals(bill, currency, zone, lines, answer.events)
    for bill in answer.bills:
        name, amount = bill.billed.name, bill.rated.total
        typer.echo(f"{name}  {printed(bill.kwh):>14,.3f} kWh  {amount:>14,} {currency}")
    typer.echo(f"total    {'':>18}  {total_of(answer.bills):>14,} {currency}")


def print_lines(bill: PricedBill, currency: str, lines: Collection[str] = ()) -> None:
    """Print the lines of a bill, all or those of some ids and keys, and what they come to."""
    days = bill.billed.days
    typer.echo(f"{bill.billed.name}: {days.first} to {days.last}, {days.count} days")
    rows = [_row(bill, line) for line in bill.lines_of(lines)]
    listed(rows, as_json=False, nothing="No line.")
    for amount in bill.amounts.rows:
        typer.echo(f"{amount.name} {amount.amount:,} {currency}")
    typer.echo()


def _row(bill: PricedBill, line: RatedLine) -> Row:
    percent = " %" if line.note == "percent" or line.kind == "tax" else ""
    last = line.end - timedelta(days=1)
    return {
        "line": line.key,
        "name": line.name,
        "period": line.label,
        "tier": line.tier or "",
        "segment": line.segment,
        "days": f"{line.first} to {last}" if line.first <= last else "",
        "quantity": "" if line.quantity is None else f"{line.quantity:,}",
        "unit": "" if line.quantity is None else line.unit,
        "price": "" if line.price is None else f"{line.price}{percent}",
        "amount": f"{line.amount:,}",
        "taxes": " ".join(bill.taxes_on(line)),
        "note": "" if line.note == "percent" else line.note,
    }


def _print_intervals(
    bill: PricedBill, currency: str, zone: ZoneInfo, lines: Collection[str], events: Events
) -> None:
    for line in bill.lines_of(lines):
        for proof in explain(line, bill.billed.blocks, events):
            determinant = proof.determinant
            banked = (
                f", of which a bank {plain(determinant.adjusted)}" if determinant.adjusted else ""
            )
            worth = "" if proof.worth is None else f", worth {plain(proof.worth)} {currency}"
            of = f" of {', '.join(determinant.of)}" if determinant.of else ""
            typer.echo(
                f"{line.key}: {determinant.key} is {plain(determinant.value)} {determinant.unit},"
                f" {determinant.how}{of} over {len(proof.intervals)} intervals:"
                f" {plain(proof.sum)}{banked}{worth}"
            )
            rows: list[Row] = [
                {
                    "start": local_text(used.start, zone),
                    "minutes": (used.end - used.start) // timedelta(minutes=1),
                    "input": used.series,
                    "value": used.value,
                    "weight": _weight(used.weight),
                    "counted": plain(used.counted),
                    **_worth_of(used),
                    "quality": used.quality,
                }
                for used in proof.intervals
            ]
            if rows:
                listed(rows, as_json=False, nothing="")
    typer.echo()


def _worth_of(used: IntervalUsed) -> Row:
    if used.price is None or used.worth is None:
        return {}
    return {"price": plain(used.price), "amount": plain(used.worth)}


def _weight(weight: Fraction) -> Decimal | Fraction:
    return printed(weight) if weight.denominator == 1 else weight
