"""What began before bills were made or compared, and commits after, is seen as a change of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from central.domain.actor import Actor
from central.domain.billing.candidate import CauseKind
from central.domain.metering.block import DayBlock
from central.service.knowledge_time import SETTLED_AFTER
from firmware_bridge.contract.quantity import Unit
from tests.support.books import Utility
from tests.support.candidate_books import SWEPT, Swept, swept_utility
from tests.support.corrected_books import NOVEMBER, OCTOBER, metered
from tests.support.daily_books import DAY, at, settle
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(SWEPT)
HOUR = timedelta(hours=1)
LONGEST = SETTLED_AFTER - timedelta(seconds=1)
"""No transaction lasts longer."""


@pytest.fixture
async def swept(migrated: Database) -> AsyncIterator[Swept]:
    async with swept_utility(migrated.dsn) as made:
        yield made


@asynccontextmanager
async def writing(utility: Utility, day: date) -> AsyncIterator[None]:
    """A day is validated anew in a transaction that begins now, and commits at the end."""
    began = utility.now
    block = DayBlock(
        channel_id=1,
        day=day,
        zone="UTC",
        start=at(day, 0),
        period_s=86_400,
        exponent=0,
        unit=Unit.WATT_HOUR,
        values=np.array([30_000], dtype=np.int64),
        quality=np.zeros(1, dtype=np.uint8),
        version=2,
    )
    async with utility.validation.transaction() as work:
        await work.add_blocks([block], Actor.job("validate"), began)
        yield


async def _asked_twice(swept: Swept, day: date) -> None:
    """The change is a candidate with its cause; asked once more, nothing is rated again."""
    utility = swept.books.utility
    await swept.on_change()
    (candidate,) = await swept.open()
    (cause,) = candidate.causes
    assert (cause["kind"], cause["detail"]) == (CauseKind.READINGS, f"{day} validated anew")
    again = utility.now
    for later in (LONGEST, HOUR, 40 * HOUR, 60 * HOUR):
        utility.now = again + later
        await swept.sweep()
    assert [each.uid for each in await swept.open()] == [candidate.uid]
    assert (await swept.sweep()).rated == 0


async def test_a_bill_that_was_made_and_issued_meanwhile(swept: Swept) -> None:
    utility = swept.books.utility
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    await metered(utility, NOVEMBER, 10, 0)
    utility.now += HOUR
    async with writing(utility, NOVEMBER + DAY):
        utility.now += LONGEST
        await settle(utility, "2026-11")
        await swept.on_change()
        assert await swept.open() == []
    utility.now += timedelta(minutes=1)
    await _asked_twice(swept, NOVEMBER + DAY)


async def test_an_account_that_was_compared_meanwhile(swept: Swept) -> None:
    utility = swept.books.utility
    async with writing(utility, OCTOBER):
        utility.now += LONGEST
        await swept.on_change()
        await swept.sweep()
        assert await swept.open() == []
    utility.now += timedelta(minutes=1)
    await _asked_twice(swept, OCTOBER)
