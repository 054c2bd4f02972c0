"""Which money paid what, from the entry to the bill and back, as live bills say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.drawdowns import TimescaleDrawdowns
from central.domain.billing.ledger import EntryKind
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.trace_money import TraceMoney
from central.service.views.lookup import NotFoundError
from tests.contract.billing.test_ledger import PAY_IN, customers, post
from tests.support.actors import CHIEF, CLERK
from tests.support.books import pool_of, timescale_utility
from tests.support.daily_books import at, bill, settle
from tests.support.servers import Database


async def test_each_drawdown_is_of_an_entry_and_of_a_bill(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        trace = TraceMoney(TimescaleDrawdowns(pool_of(utility)))

        async def drawn(entry: str | None = None, of_bill: str | None = None) -> list[str]:
            return [
                f"{each.entry} {each.billed.first:%b}: {each.drawdown.applied},"
                f" {each.drawdown.left} left"
                for each in await trace("A-1", entry, of_bill)
            ]

        await customers(utility)
        assert await trace("A-1") == []
        with pytest.raises(NotFoundError):
            await trace("A-0")
        # The later day is posted first; the bill of 93.00 takes the earlier day first.
        await post(
            utility, replace(PAY_IN, key="pay-2", day=date(2026, 10, 20), amount=Decimal(100))
        )
        await post(utility, PAY_IN)
        utility.now = at(date(2026, 11, 2))
        await settle(utility, "2026-10")
        await post(
            utility,
            replace(
                PAY_IN, key="gift", day=date(2026, 11, 5), kind=EntryKind.GRANT, amount=Decimal(10)
            ),
        )
        utility.now = at(date(2026, 12, 2))
        await settle(utility, "2026-11")
        assert await drawn() == [
            "pay-1 Oct: 50.00, 0 left",
            "pay-2 Oct: 43.00, 57.00 left",
            "pay-2 Nov: 57.00, 0 left",
            "gift Nov: 10, 0 left",
        ]
        assert await drawn("pay-2") == ["pay-2 Oct: 43.00, 57.00 left", "pay-2 Nov: 57.00, 0 left"]
        november = await bill(utility, "A-1", "2026-11")
        assert november.number is not None
        for name in (str(november.uid), november.number):
            assert await drawn(of_bill=name) == ["pay-2 Nov: 57.00, 0 left", "gift Nov: 10, 0 left"]
        # What it paid of a bill that is cancelled is there again, and pays the one in its place.
        cancel = CancelBills(
            utility.billing, TimescaleCancellations(pool_of(utility)), lambda: utility.now
        )
        (note,) = await cancel([november.uid], CLERK, "wrong tariff agreed")
        await ApproveBills(utility.billing, lambda: utility.now).one(note, CHIEF)
        await IssueBills(utility.billing, lambda: utility.now).one(note, CHIEF)
        assert await drawn("pay-2") == ["pay-2 Oct: 43.00, 57.00 left"]
        assert await drawn("gift") == []
        await settle(utility, "2026-11")
        again = await bill(utility, "A-1", "2026-11")
        assert again.uid != november.uid
        assert await drawn(of_bill=str(again.uid)) == [
            "pay-2 Nov: 57.00, 0 left",
            "gift Nov: 10, 0 left",
        ]


async def test_money_with_a_day_of_its_own_is_drawn_before_the_rest_and_lapses(
    migrated: Database,
) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        await customers(utility)
        # Of 93.00 in October the 60.00 that lapse first are drawn whole, then of the 40.00, then
        # of the 250.00; what is left of the 40.00 pays no November, which begins on their day.
        gift = replace(PAY_IN, kind=EntryKind.GRANT)
        for key, amount, expires in (
            ("never", 250, None),
            ("november", 40, date(2026, 11, 1)),
            ("midst", 60, date(2026, 10, 15)),
        ):
            await post(utility, replace(gift, key=key, amount=Decimal(amount), expires=expires))
        utility.now = at(date(2026, 11, 2))
        await settle(utility, "2026-10")
        utility.now = at(date(2026, 12, 2))
        await settle(utility, "2026-11")
        traced = await TraceMoney(TimescaleDrawdowns(pool_of(utility)))("A-1")
        assert [
            (
                f"{each.billed.first:%b}",
                each.entry,
                *map(str, (each.drawdown.applied, each.drawdown.expired, each.drawdown.left)),
            )
            for each in traced
        ] == [
            ("Oct", "midst", "60", "0", "0"),
            ("Oct", "november", "33.00", "0", "7.00"),
            ("Oct", "never", "0", "0", "250"),
            ("Nov", "november", "0", "7.00", "0"),
            ("Nov", "never", "90.00", "0", "160.00"),
        ]
        (line,) = (
            entry.line
            for entry in (await bill(utility, "A-1", "2026-11")).bill.lines
            if entry.line.id == "prepaid"
        )
        assert line.note == "expired 7.00, paid in 0.00, drawn 90.00, left 160.00 EUR"
