"""A second run of a month writes nothing where nothing changed, and rates what did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from central.domain.billing.bill import Party
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.service.billing import run_bills
from central.service.billing.rate_accounts import rate_accounts
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import AccountWork, NewBill
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from tests.support.actors import CHIEF
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import TARIFF, approve, at, bill, found, heads, measured, run
from tests.support.servers import Database

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))
_TABLES = ("bill", "bill_part", "bill_figures", "billed_period", "run_note")


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which bills are rated from now on, by account and period."""
    names: list[str] = []

    def rate(
        works: Sequence[AccountWork], period: BillingPeriod, tariffs: Tariffs
    ) -> list[NewBill]:
        made = rate_accounts(works, period, tariffs)
        names.extend(f"{one.bill.account}/{one.bill.period}" for one in made)
        return made

    monkeypatch.setattr(run_bills, "rate_accounts", rate)
    return names


async def _three_months(utility: Utility) -> None:
    """Two customers with September and October; A-2's October is held, for days are missing."""
    await found(utility, 2, since=SEPTEMBER)
    await measured(utility, SEPTEMBER, NOVEMBER)
    await measured(utility, SEPTEMBER, date(2026, 10, 20), channel=2)
    await run(utility, "2026-10")


async def test_only_what_is_held_is_tried_again(utility: Utility, rated: list[str]) -> None:
    await _three_months(utility)
    before = [
        await bill(utility, *name)
        for name in (("A-1", "2026-09"), ("A-1", "2026-10"), ("A-2", "2026-10"))
    ]
    rated.clear()
    summary = await run(utility, "2026-10")
    assert rated == ["A-2/2026-10"]
    after = [
        await bill(utility, *name)
        for name in (("A-1", "2026-09"), ("A-1", "2026-10"), ("A-2", "2026-10"))
    ]
    assert after == before
    assert summary.held_count == 1


async def test_what_follows_a_changed_draft_is_rated_and_nothing_else(
    utility: Utility, rated: list[str]
) -> None:
    await _three_months(utility)
    untouched = await bill(utility, "A-2", "2026-09")
    await measured(utility, SEPTEMBER, date(2026, 9, 2), wh=20_000, version=2)
    rated.clear()
    summary = await run(utility, "2026-10")
    assert rated == ["A-1/2026-09", "A-1/2026-10", "A-2/2026-10"]
    assert (await bill(utility, "A-1", "2026-09")).kwh == Decimal(310)
    assert await bill(utility, "A-2", "2026-09") == untouched
    assert await approve(utility, summary) == []


async def test_a_new_price_reaches_every_draft(utility: Utility, rated: list[str]) -> None:
    await _three_months(utility)
    dearer = TARIFF.format(name="FLAT", price="0.40")
    await utility.enrol.tariff(dearer, reason="typing error")
    rated.clear()
    await run(utility, "2026-10")
    assert sorted(rated) == ["A-1/2026-09", "A-1/2026-10", "A-2/2026-09", "A-2/2026-10"]
    assert (await bill(utility, "A-1", "2026-10")).bill.amounts.billed == Decimal("124.00")


async def test_a_held_bill_is_released_though_no_revision_rose(utility: Utility) -> None:
    await _three_months(utility)
    # The first closing of a day raises none.
    await measured(utility, date(2026, 10, 20), NOVEMBER, channel=2)
    summary = await run(utility, "2026-10")
    assert summary.held_count == 0
    assert {head.state.value for head in await heads(utility, summary)} == {"draft"}


async def test_a_second_run_writes_no_row(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        await found(utility, 2, since=SEPTEMBER)
        utility.now = at(date(2026, 11, 10))
        await measured(utility, SEPTEMBER, NOVEMBER)
        await measured(utility, SEPTEMBER, date(2026, 10, 20), channel=2)
        await utility.enrol.account(AccountRecord("A-3", Party("Third")))
        # What is not over yet at the point is noted.
        utility.now = at(NOVEMBER, 1)
        await utility.enrol.service_point(PointRecord("SP-3", "America/Bogota"))
        await utility.enrol.agreement(AgreementRecord("A-3", "SP-3", "FLAT", OCTOBER))
        await run(utility, "2026-10")
        before = _rows(migrated)
        assert all(before.values())
        utility.now = at(NOVEMBER, 2)
        assert (await run(utility, "2026-10", actor=CHIEF)).held_count == 1
        assert _rows(migrated) == before


def _rows(server: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the bills with the transaction that wrote it."""
    with psycopg.connect(server.dsn) as connection:
        return {
            table: connection.execute(
                f"SELECT xmin::text, ctid::text, * FROM {table} ORDER BY ctid"  # noqa: S608
            ).fetchall()
            for table in _TABLES
        }
