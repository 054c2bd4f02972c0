"""A reconciliation for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

from central.domain.billing.coverage import Coverage
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile_csv import reconciliation_csv
from central.service.billing.reconciliation_report import (
    IntervalSum,
    NamedDays,
    Reconciliation,
)
from central.service.ports.reconciliation import BilledMoney

OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))


def read(report: Reconciliation) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reconciliation_csv(report))))


def test_each_sum_amount_and_run_of_days_is_a_line() -> None:
    report = Reconciliation(OCTOBER, 1)
    report.sums["electricity", "Wh", Coverage.HOLE] = IntervalSum(96, 2, Decimal("-1200.5"))
    report.money = (BilledMoney("EUR", 1, Decimal("-3.10"), Decimal("-3.10"), Decimal("-3.00")),)
    rows = read(report)
    assert [row["row"] for row in rows] == [
        "energy",
        "money totals",
        "money lines",
        "money tallied",
    ]
    assert (rows[0]["total"], rows[0]["intervals"], rows[0]["last"]) == (
        "-1200.5",
        "96",
        "2026-10-31",
    )
    assert {row["balanced"] for row in rows} == {"no"}
    assert [row["total"] for row in rows[1:]] == ["-3.10", "-3.10", "-3.00"]


def test_no_name_is_a_formula() -> None:
    report = Reconciliation(OCTOBER)
    for name in ("=1+1", "@cmd", "+49", "-x", "-1.5"):
        report.faults.append(
            NamedDays(name, "gas", "7-0:3.0.0*255", OCTOBER, Coverage.DUE, Decimal(1), "L")
        )
    names = [row["service_point"] for row in read(report)]
    assert names == ["'=1+1", "'@cmd", "'+49", "'-x", "-1.5"]
