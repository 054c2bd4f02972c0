"""Winners and losers of prices that are tried, as a histogram."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.impact import accounts_of, histogram_of
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.pilot import PilotRow, PilotSide

OCTOBER = DayRange(date(2026, 10, 1), date(2026, 11, 1))


def row(account: str, before: str, after: str, *held: str) -> PilotRow:
    return PilotRow(
        PilotSide.PILOT,
        account,
        "p",
        "s",
        "HOME",
        OCTOBER,
        Decimal(1),
        "EUR",
        Decimal(before),
        Decimal(after),
        held,
    )


def bins(*differences: str) -> list[tuple[str, str, int]]:
    rows = [row(f"A-{place}", "100.00", str(Decimal(100) + Decimal(each)))
            for place, each in enumerate(differences)]  # fmt: skip
    return [
        (f"{each.low:f}", f"{each.high:f}", each.accounts)
        for each in histogram_of(accounts_of(rows))
    ]


def test_an_account_counts_once_with_all_of_its_agreements() -> None:
    rows = [row("A-2", "1", "2"), row("A-1", "10", "8"), row("A-2", "5", "1")]
    assert [(each.account, each.difference) for each in accounts_of(rows)] == [
        ("A-1", Decimal(-2)),
        ("A-2", Decimal(-3)),
    ]


def test_an_account_of_which_something_is_held_is_in_no_bin() -> None:
    assert accounts_of([row("A-1", "1", "2"), row("A-1", "0", "0", "MISSING")]) == []


def test_a_bin_begins_at_zero_and_none_between_is_left_out() -> None:
    assert bins("-7.25", "-0.01", "0", "0.50", "11.99") == [
        ("-8", "-6", 1),
        ("-6", "-4", 0),
        ("-4", "-2", 0),
        ("-2", "0", 1),
        ("0", "2", 2),
        ("2", "4", 0),
        ("4", "6", 0),
        ("6", "8", 0),
        ("8", "10", 0),
        ("10", "12", 1),
    ]


def test_alike_accounts_are_one_bin() -> None:
    assert bins("3", "3", "3") == [("3.00", "3.01", 3)]


def test_nobody_has_no_bins() -> None:
    assert histogram_of([]) == []


@pytest.mark.parametrize("spread", ["0.03", "0.11", "1", "97", "123456.78"])
def test_there_are_at_most_twelve_bins_and_all_are_counted(spread: str) -> None:
    found = bins("0", spread, f"-{spread}", str(Decimal(spread) / 2))
    assert len(found) <= 12
    assert sum(accounts for *_, accounts in found) == 4
