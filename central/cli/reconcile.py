"""`meterline-central reconcile`: what is validated against what is billed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer

from central.cli.as_of import AsOf, known_time
from central.cli.output import EXIT_HELD, AsJson, answered, settings, show, wait_for
from central.domain.billing.coverage import BALANCED
from central.domain.billing.cycle import Cycle
from central.process.stores import open_stores
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import (
    FAULTS_NAMED,
    ReconciledScope,
    Reconciliation,
)
from central.service.ports.account_money import AccountMoney


@answered
def reconcile_command(  # noqa: PLR0913 - one option each
    *,
    month: Annotated[
        str | None, typer.Option(help="Local month to reconcile, such as 2026-10.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Identifier of a bill run, or its cycle such as 2026-10.")
    ] = None,
    tariff: Annotated[
        str | None, typer.Option(help="Select the days on which this tariff is agreed.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Select the days of this group's points or accounts.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Select the days of this account's agreements, its number.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Show that every validated interval is billed once, or why it is not yet.

    Exit codes: 0 it balances, 2 refused, 3 it does not balance.
    """
    days = None if month is None else Cycle.parse(month).days
    knowledge = known_time(as_of)

    async def work() -> Reconciliation:
        name, scope = "meterline-reconcile", ReconciledScope(days, run, tariff, group, account)
        async with open_stores(settings(), name, max_size=2, knowledge=knowledge) as stores:
            # What was due then, not now.
            now = datetime.now(UTC) if knowledge is None else knowledge.at
            return await Reconcile(stores.reconciliation, lambda: now)(scope)

    report = wait_for(work())
    if as_json:
        show(report.to_json())
    else:
        _print(report)
    if not report.balanced:
        raise typer.Exit(EXIT_HELD)


def _print(report: Reconciliation) -> None:
    typer.echo(f"{report.days.first} to {report.days.last}, {report.services} services.")
    _print_energy(report)
    _print_money(report)
    for days in (*report.decided, *report.adjusted, *report.faults):
        typer.echo(
            f"{days.point}, {days.service}, {days.obis}: {days.days.first} to {days.days.last}"
            f" {days.coverage}: {_spelled(days.total)} {days.unit}"
        )
        if days.decisions:
            typer.echo(f"   {days.decisions}")
    for coverage in sorted({days.coverage for days in report.faults}):
        typer.echo(f"{coverage}: {coverage.remedy}")
    typer.echo("It balances." if report.balanced else "It does not balance.")


def _print_energy(report: Reconciliation) -> None:
    for (service, unit, coverage), total in sorted(report.sums.items()):
        mark = "" if coverage in BALANCED else "   DOES NOT BALANCE"
        typer.echo(
            f"{service}: {coverage}: {_spelled(total.total)} {unit}"
            f" in {total.intervals:,} intervals, {total.missing:,} missing{mark}"
        )
    if report.sums:
        typer.echo(f"   {report.covers['energy']}")
    for day in report.changed[:FAULTS_NAMED]:
        typer.echo(
            f"{day.point}, {day.service}, {day.obis}: {day.day} changed since billed:"
            f" {_spelled(day.billed)} {day.unit} billed, {_spelled(day.validated)} validated,"
            f" difference {_spelled(day.difference)}"
        )
        if day.written_off is not None:
            written_off = day.written_off
            typer.echo(f"   written off, correction {written_off.correction}: {written_off.reason}")


def _print_money(report: Reconciliation) -> None:
    for money in report.money:
        mark = "" if money.balanced else "   DOES NOT BALANCE"
        typer.echo(
            f"{money.bills} bills: {_spelled(money.totals)} {money.currency},"
            f" their lines {_spelled(money.lines)}{mark}"
        )
    if report.money:
        typer.echo(f"   {report.covers['money']}")
    for row in report.ledger:
        mark = "" if row.balanced else "   DOES NOT BALANCE"
        typer.echo(f"{row.account} accounts: {_money(row)}{mark}")
    if report.ledger:
        typer.echo(f"   {report.covers['ledger']}")
    for row in report.unbalanced_accounts:
        typer.echo(f"{row.account}: {_money(row)}; difference {_spelled(row.difference)}")


def _money(row: AccountMoney) -> str:
    return (
        f"received {_spelled(row.received)} {row.currency}, applied {_spelled(row.applied)},"
        f" refunded {_spelled(row.refunded)}, expired {_spelled(row.expired)},"
        f" balance {_spelled(row.balance)}"
    )


def _spelled(value: Decimal) -> str:
    return f"{value:,f}"
