"""Stored rows that cannot be read, bills that the database refuses, and connections that end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.hold import Hold
from central.service.billing import run_bills
from central.service.billing.rate_accounts import rate_accounts
from central.service.billing.run_bills import RunBills
from central.service.ports.bill_shard import NewBill
from central.service.ports.billing import RunSummary
from central.service.ports.ingest import StoreUnavailableError
from tests.integration.central.test_bill_run_processes import start
from tests.support.actors import CLERK
from tests.support.books import NOW
from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.servers import Database

CYCLE = Cycle.parse("2026-10")
ACCOUNTS = 9
# Shorter than a shard takes.
LOOK_S = 0.005
BAD_FACTS = """\
UPDATE agreement SET facts = '[{"name": "x", "kind": "colour"}]'
WHERE account_id = (SELECT id FROM account WHERE number = %s)
"""


async def bill(dsn: str) -> RunSummary:
    async with make_pool(dsn, max_size=2) as pool:
        return await RunBills(TimescaleBillingStore(pool), lambda: NOW)(CYCLE, CLERK)


def holds(summary: RunSummary) -> dict[str, Hold]:
    return {head.account: head.holds[0] for head in summary.held}


def alter(database: Database, statement: str, *values: object) -> list[Any]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


async def test_what_cannot_be_read_of_an_account_holds_it_alone(plain_migrated: Database) -> None:
    await seed_customers(plain_migrated.dsn, ACCOUNTS)
    alter(plain_migrated, BAD_FACTS, "A-4")
    alter(plain_migrated, "UPDATE service_point SET zone = 'Mars/Olympus' WHERE name = 'SP-7'")
    summary = await bill(plain_migrated.dsn)
    assert summary.bills == {BillState.DRAFT: ACCOUNTS - 2, BillState.HELD: 2}
    assert {name: one.code for name, one in holds(summary).items()} == {
        "A-4": "RATING_FAILED",
        "A-7": "RATING_FAILED",
    }
    assert holds(summary)["A-4"].evidence.startswith("KeyError: ")
    assert "Mars/Olympus" in holds(summary)["A-7"].evidence
    others = [number for number in range(1, ACCOUNTS + 1) if number not in {4, 7}]
    assert summary.kwh == october_kwh(others)
    alter(plain_migrated, "UPDATE agreement SET facts = '[]'")
    alter(plain_migrated, "UPDATE service_point SET zone = 'Europe/Madrid'")
    assert (await bill(plain_migrated.dsn)).bills == {BillState.DRAFT: ACCOUNTS}


async def test_a_bill_that_the_database_refuses_is_held_without_its_lines(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed_customers(plain_migrated.dsn, ACCOUNTS)

    def made(*given: Any) -> list[NewBill]:  # noqa: ANN401 - whatever it takes
        return [_with_nul(one) if one.account_id == 5 else one for one in rate_accounts(*given)]

    monkeypatch.setattr(run_bills, "rate_accounts", made)
    summary = await bill(plain_migrated.dsn)
    assert summary.bills == {BillState.DRAFT: ACCOUNTS - 1, BillState.HELD: 1}
    ((_, hold),) = holds(summary).items()
    assert hold.code == "RATING_FAILED"
    assert hold.evidence.startswith("PoisonError: The database refused the data")
    (row,) = alter(
        plain_migrated,
        "SELECT count(*) FROM bill_line WHERE bill_id IN"
        " (SELECT id FROM bill WHERE state = 'held')",
    )
    assert row == (0,)


def _with_nul(new: NewBill) -> NewBill:
    first, *rest = new.bill.lines
    line = first.line._replace(name="Base\x00")
    return replace(new, bill=replace(new.bill, lines=(replace(first, line=line), *rest)))


async def test_a_connection_that_ends_is_nobodys_fault(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed_customers(plain_migrated.dsn, ACCOUNTS)
    alter(plain_migrated, BAD_FACTS, "A-2")
    ended = 0

    async def save(*given: Any) -> int:  # noqa: ANN401 - whatever it takes
        nonlocal ended
        if not ended:
            ended = len(
                alter(
                    plain_migrated,
                    "SELECT pg_terminate_backend(pid)"
                    " FROM pg_stat_activity WHERE application_name = 'meterline'",
                )
            )
        return await saved(*given)

    saved = run_bills._save
    monkeypatch.setattr(run_bills, "_save", save)
    with pytest.raises(StoreUnavailableError):
        await bill(plain_migrated.dsn)
    assert ended
    assert alter(plain_migrated, "SELECT count(*) FROM bill") == [(0,)]
    summary = await bill(plain_migrated.dsn)
    assert summary.bills == {BillState.DRAFT: ACCOUNTS - 1, BillState.HELD: 1}
    assert set(holds(summary)) == {"A-2"}


def test_a_run_with_poison_that_is_killed_goes_on(plain_migrated: Database) -> None:
    asyncio.run(seed_customers(plain_migrated.dsn, 40))
    for number in (3, 4, 17, 40):
        alter(plain_migrated, BAD_FACTS, f"A-{number}")
    first = start(plain_migrated)
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM bill OFFSET 5 LIMIT 1").fetchone() is None:
            assert first.poll() is None
            time.sleep(LOOK_S)
    first.kill()
    assert first.wait() < 0
    assert start(plain_migrated).wait(timeout=120) == 3
    found = alter(
        plain_migrated,
        "SELECT account.number, holds FROM bill JOIN account ON account.id = account_id"
        " WHERE state = 'held'",
    )
    assert {number for number, _ in found} == {"A-3", "A-4", "A-17", "A-40"}
    assert {one["code"] for _, listed in found for one in listed} == {"RATING_FAILED"}
    (whole,) = alter(plain_migrated, "SELECT count(*), count(DISTINCT account_id) FROM bill")
    assert whole == (40, 40)
