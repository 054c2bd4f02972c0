"""The sheet of a bill's usage has what the bill was made from, and says when it is out of date."""

from __future__ import annotations

import asyncio
import csv
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from central.adapters.timescale.billing.corrections import TimescaleCorrections
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.domain.billing.correction import CorrectionWay
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.billing.correct_bills import CorrectBills
from tests.support.actors import CHIEF, CLERK
from tests.support.books import pool_of, timescale_utility
from tests.support.daily_books import at, bill, found, measured, settle
from tests.support.how_to_scripts import ran, script_of, served
from tests.support.servers import Database

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_a_sheet_has_the_intervals_of_its_bill_and_is_marked_after_a_correction(
    plain_migrated: Database, tmp_path: Path
) -> None:
    script, path = script_of("back-a-bill-with-its-usage.md"), tmp_path / "sheet.csv"
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        utility.now = at(OCTOBER) + timedelta(days=1)
        await found(utility, 1, since=AUGUST)
        await measured(utility, AUGUST, OCTOBER)
        await settle(utility, "2026-08")
        await settle(utility, "2026-09")
        numbers = [(await bill(utility, "A-1", f"2026-0{n}")).number or "" for n in (8, 9)]
        async with served(utility) as address:

            async def sheet(number: str) -> tuple[str, list[dict[str, str]]]:
                printed = await ran(script, address, number, path)
                rows = await asyncio.to_thread(rows_of, path)
                (state,) = {row["state"] for row in rows}
                assert printed == f"{number} is {state}: {len(rows)} intervals\n"
                return state, rows

            state, first = await sheet(numbers[0])
            assert state == "current"
            assert len(first) == 31
            assert {row["series"] for row in first} == {"import"}
            assert {row["billed"] for row in first} == {"310"}
            assert sum(Fraction(row["value"]) for row in first) == 310
            assert first[0]["start"] == "2026-08-01T00:00:00Z"
            # A day is another than it was: the sheet keeps what the bill was made from.
            utility.now += timedelta(hours=1)
            day = date(2026, 8, 5)
            await measured(utility, day, day + timedelta(days=1), wh=20_000, version=2)
            state, rows = await sheet(numbers[0])
            assert state == "stale"
            assert [row["value"] for row in rows] == [row["value"] for row in first]
            assert (await sheet(numbers[1]))[0] == "current"
            correct = CorrectBills(TimescaleCorrections(pool_of(utility)), lambda: utility.now)
            decision = await correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "late readings")
            await correct.approve(decision, CHIEF)
            assert (await sheet(numbers[0]))[0] == "corrected"
            store = TimescaleCancellations(pool_of(utility))
            cancel = CancelBills(utility.billing, store, lambda: utility.now)
            newest = await bill(utility, "A-1", "2026-09")
            (note,) = await cancel([newest.uid], CLERK, "wrong tariff")
            await ApproveBills(utility.billing, lambda: utility.now).one(note, CHIEF)
            assert (await sheet(numbers[1]))[0] == "current"
            await IssueBills(utility.billing, lambda: utility.now).one(note, CHIEF)
            assert (await sheet(numbers[1]))[0] == "cancelled by CN-000001"
            assert sum(Decimal(row["value"]) for row in (await sheet(numbers[1]))[1]) == 300
