"""Validation against approval on a real database: no approved bill rests on what was replaced.

A reading is corrected and validated and the bill approved at the same time, on connections of their
own, with pauses from a printed seed. Each approval is looked at by the database in its commit: the
newest blocks must then be those that the bill was made from. Without the lock on the inputs the
same races give approvals of which that is not so.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from central.adapters.timescale.billing import stamps
from central.domain.actor import Actor
from central.domain.billing.cycle import Cycle
from central.service.billing.approve_bills import ApproveBills
from central.service.billing.run_bills import RunBills
from central.service.validation.validate import Validate
from firmware_bridge.contract.errors import OperatorError
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, Utility, month, timescale_utility
from tests.support.servers import Database
from tests.support.size import sized

RACES = sized("METERLINE_APPROVAL_RACES", 40, 1_000)
CYCLE = Cycle.parse("2026-10")
LATER = NOW + timedelta(hours=1)
PAUSE_S = 0.2
CORRECTED = month(period_s=HOURLY)[250]

# What a bill was made from is written down while nothing else happens, and compared at the commit.
LOOK = """
CREATE TABLE rated (versions bigint NOT NULL);
CREATE TABLE replaced (bill uuid NOT NULL);
CREATE VIEW newest AS SELECT sum(version) AS versions FROM (
    SELECT max(version) AS version FROM day_block
    WHERE day >= '2026-10-01' AND day < '2026-11-01' GROUP BY channel_id, day
) AS day;
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO replaced SELECT NEW.uid FROM rated, newest WHERE rated.versions <> newest.versions;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER look AFTER UPDATE ON bill DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.state = 'approved') EXECUTE FUNCTION look();
"""
DECIDED = """
INSERT INTO audit_log (at, actor, via, action, subject, detail)
VALUES ('2026-11-20Z', 'person:ana', 'command', 'conflict.decided', 'conflict 1', '{}')
"""
CORRECT = """
WITH place AS (
    SELECT channel_id, at, max(revision) + 1 AS revision FROM reading
    WHERE at = %(at)s GROUP BY channel_id, at
), added AS (
    INSERT INTO reading (channel_id, at, revision, mantissa, exponent, flags)
    SELECT channel_id, at, revision, %(mantissa)s + revision %% 2, 0, 0 FROM place
)
INSERT INTO touched (channel_id, from_at, until_at)
SELECT channel_id, at, at + interval '1 millisecond' FROM place
"""


class Race:
    """One bill, corrected, validated and approved again and again.

    Args:
        clerk: Runs and corrects.
        other: The same utility on connections of its own.
        owner: A connection that looks.
        draw: The pauses.
    """

    def __init__(
        self,
        clerk: Utility,
        other: Utility,
        owner: psycopg.AsyncConnection[tuple[object, ...]],
        draw: random.Random,
    ) -> None:
        self._clerk = clerk
        self._other = other
        self._owner = owner
        self._draw = draw
        self._approve = ApproveBills(clerk.billing, lambda: LATER)
        self._took = PAUSE_S
        self.outcomes = Counter[str]()

    async def begin(self) -> None:
        """A utility with a month of readings."""
        await self._owner.execute(LOOK.encode())
        edge = await self._clerk.found(period_s=HOURLY)
        await self._clerk.deliver(edge, month(period_s=HOURLY))
        await self._clerk.validate()

    async def run(self, races: int, *, until_lost: bool) -> list[UUID]:
        """The bills that were approved although their blocks had been replaced."""
        for _ in range(races):
            if until_lost and (lost := await self._lost()):
                return lost
            uid = await self._draft()
            _, outcome = await asyncio.gather(self._correct(), self._approved(uid))
            self.outcomes[outcome] += 1
            if outcome == "approved":
                await self._clerk.billing.withdraw([uid], CHIEF, LATER)
        return await self._lost()

    async def _lost(self) -> list[UUID]:
        rows = await (await self._owner.execute("SELECT bill FROM replaced")).fetchall()
        return [row[0] for row in rows if isinstance(row[0], UUID)]

    async def _draft(self) -> UUID:
        await self._clerk.validate()
        summary = await RunBills(self._clerk.billing, lambda: NOW)(CYCLE, CLERK)
        async with self._owner.transaction():
            await self._owner.execute("DELETE FROM rated")
            await self._owner.execute("INSERT INTO rated SELECT versions FROM newest")
        (head,) = await self._clerk.billing.heads(summary.run)
        return head.uid

    async def _correct(self) -> None:
        await asyncio.sleep(self._draw.uniform(0, self._took + PAUSE_S))
        values = {"at": CORRECTED.at, "mantissa": CORRECTED.mantissa}
        async with self._owner.transaction():
            await self._owner.execute(DECIDED.encode())
            await self._owner.execute(CORRECT.encode(), values)
        await Validate(self._other.validation, lambda: NOW).until_idle()

    async def _approved(self, uid: UUID) -> str:
        began = time.monotonic()
        try:
            await self._approve.one(uid, CHIEF)
        except OperatorError as error:
            return error.code
        finally:
            # The next correction begins somewhere within such a time, or a little later.
            self._took = time.monotonic() - began
        return "approved"


async def races(
    database: Database, count: int, patch: pytest.MonkeyPatch, *, until_lost: bool = False
) -> list[UUID]:
    """Race, with a pause between comparing and approving; prints seed and outcomes."""
    seed = random.SystemRandom().randrange(2**32)
    draw = random.Random(seed)  # noqa: S311 - pauses, not secrets
    compared = stamps.contributions

    async def slowly(
        connection: psycopg.AsyncConnection[tuple[object, ...]], uids: Sequence[UUID], actor: Actor
    ) -> dict[UUID, str]:
        await asyncio.sleep(draw.choice((0, PAUSE_S)) * draw.random())
        return await compared(connection, uids, actor)

    patch.setattr(stamps, "contributions", slowly)
    async with AsyncExitStack() as stack:
        clerk = await stack.enter_async_context(timescale_utility(database.dsn))
        other = await stack.enter_async_context(timescale_utility(database.dsn))
        owner = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(database.dsn, autocommit=True)
        )
        race = Race(clerk, other, owner, draw)
        await race.begin()
        replaced = await race.run(count, until_lost=until_lost)
    print(f"seed {seed}: {dict(race.outcomes)}, {len(replaced)} on replaced blocks")  # noqa: T201 - for who repeats it
    assert race.outcomes["approved"] > race.outcomes.total() // 20
    assert set(race.outcomes) - {"approved"} <= {"BILL_STALE", "VALIDATION_PENDING"}
    return replaced


async def test_no_approved_bill_rests_on_what_validation_replaced(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await races(plain_migrated, RACES, monkeypatch) == []


async def test_without_the_lock_on_the_inputs_the_same_races_are_lost(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return

    monkeypatch.setattr(stamps, "hold_inputs", nothing)
    # One in eight is lost: so many in a row are not won by luck.
    assert await races(plain_migrated, 400, monkeypatch, until_lost=True)
