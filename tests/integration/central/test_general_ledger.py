"""Postings of bills and money balance, and come to what customers owe."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, pool_of, timescale_utility
from tests.support.daily_books import bill, found, measured, settle
from tests.support.how_to_scripts import TOKEN, months_back, ran, script_of, served
from tests.support.servers import Database

TARIFF = """\
tariff: FLAT
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
cycle: {normal_days: cycle}
charges: [{id: fee, name: Fee, price: 100, per: month}]
taxes: [{id: vat, name: VAT, percent: 21, of: [all], point: interval}]
settlement: [prepaid]
"""
Row = dict[str, str]


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def amount(row: Row) -> Decimal:
    """Of a posting, debits above zero; never both sides, and none below zero."""
    sides = [Decimal(row[side]) for side in ("debit", "credit") if row[side]]
    assert len(sides) == 1
    assert sides[0] >= 0
    return sides[0] if row["debit"] else -sides[0]


def balances(rows: list[Row]) -> dict[str, Decimal]:
    """What stands on each account; every document sums to nothing."""
    documents: dict[str, Decimal] = defaultdict(Decimal)
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        documents[row["key"].rpartition("/")[0]] += amount(row)
        accounts[row["account"]] += amount(row)
    assert set(documents.values()) <= {0}
    return {account: total for account, total in accounts.items() if total}


async def posted(address: str, key: str, kind: str, sum_of: str, **more: str) -> None:
    day = datetime.now(UTC).date() if kind == "payment" else months_back(2)
    entry = {"key": key, "account": "A-1", "kind": kind, "currency": "EUR", "reason": "bank file"}
    entry |= {"amount": sum_of, "day": day.isoformat(), **more}
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        answer = await client.post("/api/v1/ledger", json=entry)
    assert answer.status_code == 201, answer.text


async def cancelled(utility: Utility, period: str) -> None:
    issued = await bill(utility, "A-1", period)
    store = TimescaleCancellations(pool_of(utility))
    use_case = CancelBills(utility.billing, store, lambda: utility.now)
    (note,) = await use_case([issued.uid], CLERK, "wrong tariff")
    await ApproveBills(utility.billing, lambda: utility.now).one(note, CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(note, CHIEF)


async def test_postings_balance_and_come_once_to_what_is_owed(
    plain_migrated: Database, tmp_path: Path
) -> None:
    first, end = months_back(2), months_back(1)
    period = f"{first:%Y-%m}"
    files = tmp_path / "postings.csv", tmp_path / "since.json"
    script = script_of("post-to-a-general-ledger.md")

    async def run(address: str) -> list[Row]:
        printed = await ran(script, address, *files)
        rows = await asyncio.to_thread(rows_of, files[0])
        assert printed == f"{len(rows)} postings\n"
        return rows

    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        utility.now = datetime.now(UTC) - timedelta(hours=1)
        await found(utility, 1, since=first)
        await utility.enrol.tariff(TARIFF, reason="a fee, prepaid")
        await measured(utility, first, end)
        async with served(utility) as address:
            await posted(address, "in-1", "pay_in", "50.00")
            await posted(address, "gift-1", "grant", "6.00")
            await posted(address, "gift-2", "grant", "4.00")
            await posted(address, "gone-2", "expiry", "4.00", of="gift-2")
            await settle(utility, period)
            one = await run(address)
            two = await run(address)
            utility.now = datetime.now(UTC)
            number = (await bill(utility, "A-1", period)).number or ""
            await posted(address, "paid-1", "payment", "65.00", bill=number)
            three = await run(address)
            await cancelled(utility, period)
            four = await run(address)
    # 121.00 with taxes, of which 56.00 were paid in or given.
    assert balances(one) == {
        "4300": Decimal("65.00"),
        "7000": Decimal(-100),
        "4770": Decimal(-21),
        "5720": Decimal(50),
        "6270": Decimal(6),
    }
    assert two == []
    assert balances(three) == {"5720": Decimal(65), "4300": Decimal(-65)}
    # The credit note takes all of the bill back: what was paid in, and paid, is open again.
    every = {row["key"]: row for row in [*one, *three, *four]}
    assert Counter(row["key"] for row in [*one, *four]).most_common(1)[0][1] == 1
    assert balances(list(every.values())) == {
        "5720": Decimal(115),
        "6270": Decimal(6),
        "4380": Decimal(-56),
        "4300": Decimal(-65),
    }
    assert {row["customer"] for row in every.values()} == {"A-1"}
