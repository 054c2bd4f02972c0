"""A reconciliation for a spreadsheet: one line per sum, amount and run of faulty days."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

from central.domain.billing.coverage import BALANCED
from central.service.billing.reconciliation_report import Reconciliation
from central.service.ports.account_money import AccountMoney
from central.service.spreadsheet import harmless_cell

HEADING = (
    "row", "service", "coverage", "service_point", "obis", "first", "last", "balanced",
    "intervals", "missing", "total", "unit",
)  # fmt: skip
_YES = {True: "yes", False: "no"}


def reconciliation_csv(report: Reconciliation) -> str:
    """The report as CSV with a heading; the same figures as the command prints."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADING)
    for row in _rows(report):
        writer.writerow([harmless_cell(value) for value in row])
    return text.getvalue()


def _rows(report: Reconciliation) -> Iterator[tuple[object, ...]]:
    first, last = report.days.first, report.days.last
    for (service, unit, coverage), total in sorted(report.sums.items()):
        balanced = _YES[coverage in BALANCED]
        yield (
            "energy", service, coverage.value, "", "", first, last, balanced, total.intervals,
            total.missing, f"{total.total:f}", unit,
        )  # fmt: skip
    for money in report.money:
        balanced = _YES[money.balanced]
        sums = {"totals": money.totals, "lines": money.lines, "tallied": money.given}
        for name, amount in sums.items():
            if amount is not None:
                yield (
                    f"money {name}", "", "", "", "", first, last, balanced, "", "",
                    f"{amount:f}", money.currency,
                )  # fmt: skip
    for row in report.ledger:
        yield from _ledger("ledger", "", row, first, last)
    for row in report.unbalanced_accounts:
        yield from _ledger("account", row.account, row, first, last)
    for day in report.changed:
        yield (
            "changed since billed", day.service, "", day.point, day.obis, day.day, day.day,
            _YES[True], "", "", f"{day.difference:f}", day.unit,
        )  # fmt: skip
    for days in (*report.decided, *report.faults):
        yield (
            "days", days.service, days.coverage.value, days.point, days.obis, days.days.first,
            days.days.last, _YES[days.coverage in BALANCED], "", "", f"{days.total:f}", days.unit,
        )  # fmt: skip


def _ledger(
    kind: str, account: str, row: AccountMoney, first: date, last: date
) -> Iterator[tuple[object, ...]]:
    """Money of accounts until the last day; an account's number stands for its points."""
    amounts = {
        "received": row.received,
        "applied": row.applied,
        "refunded": row.refunded,
        "expired": row.expired,
        "balance": row.balance,
    }
    for name, amount in amounts.items():
        yield (
            f"{kind} {name}", "", "", account, "", first, last, _YES[row.balanced], "", "",
            f"{amount:f}", row.currency,
        )  # fmt: skip
