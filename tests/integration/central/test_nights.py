"""The jobs of the night in worker processes that are restarted, killed, frozen and misled."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.run_bills import RunBills
from central.service.registry.cycles import BillingCycles
from central.service.schedules.run_jobs import LEASE, RETRY
from tests.support.actors import CHIEF, CLERK, OPERATOR
from tests.support.books import Utility, month, timescale_utility
from tests.support.servers import Database
from tests.support.turned_workers import TurnedWorkers, turned_workers

JOBS = (
    "extend_cycles",
    "keep_holidays",
    "retry_held",
    "final_bills",
    "estimate_held",
    "retry_estimated",
    "find_candidates",
    "drop_expired",
    "delete_past_term",
)
DAY = timedelta(days=1)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
BEHIND = timedelta(seconds=5)

# One channel whose estimates the database refuses.
POISON = """\
CREATE FUNCTION poisoned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'nobody thought of this' USING ERRCODE = 'check_violation'; END $$;
CREATE TRIGGER poisoned BEFORE INSERT ON day_block
FOR EACH ROW WHEN (NEW.channel_id = 2 AND NEW.edited) EXECUTE FUNCTION poisoned();
"""


def night(day: int) -> datetime:
    """A little after two on a day of November."""
    return datetime(2026, 11, day, 2, tzinfo=UTC) + BEHIND


async def fill(utility: Utility) -> None:
    """Three customers: two have gaps in October, the third's bill is issued."""
    utility.now = NOON
    edge = await utility.found(3)
    gaps = {1200: 200}
    await utility.deliver(edge, month("S1", gaps=gaps), month("S2", gaps=gaps), month("S3"))
    await utility.validate()
    change = SettingsChange(window_days=5, estimates_in_a_row=2)
    await ChangeSettings(utility.settings, lambda: NOON)(change, OPERATOR, "our terms")
    cycles = BillingCycles(utility.registry, OPERATOR, lambda: NOON - 60 * DAY)
    await cycles.add(BillingCycle("odd", date(2026, 10, 1), 2))
    run = (await RunBills(utility.billing, lambda: NOON)(Cycle(2026, 10), CLERK)).run
    assert (await ApproveBills(utility.billing, lambda: NOON).run(run, CHIEF)).count == 1
    assert (await IssueBills(utility.billing, lambda: NOON).run(run, CHIEF)).count == 1


class Nights:
    """What the database says of the nights."""

    def __init__(self, database: Database, workers: TurnedWorkers) -> None:
        self._database = database
        self.workers = workers

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database.dsn, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def until(self, there: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not there():
            if time.monotonic() >= deadline:
                nights = "\n".join(map(str, self.ask("TABLE night_job")))
                pytest.fail(f"{nights}\n{self.workers.said()}")
            time.sleep(0.05)

    def done(self, day: int) -> Counter[str]:
        rows = self.ask(
            "SELECT job, attempts, night FROM night_job"
            " WHERE done_at IS NOT NULL AND job NOT LIKE '%@%'"
        )
        return Counter({str(job): int(count) for job, count, on in rows if on.day == day})

    def wait(self, day: int, **more: int) -> None:
        """Until all is done in a night, each job once but for those named."""
        self.until(lambda: len(self.done(day)) == len(JOBS))
        assert self.done(day) == Counter({**dict.fromkeys(JOBS, 1), **more})

    def turn(self, now: datetime) -> None:
        self.workers.turn(now)

    def quiet(self) -> None:
        """Long enough for each to look a few times; nothing more is done."""
        query = (
            "SELECT * FROM night_job WHERE done_at IS NOT NULL AND job NOT LIKE '%@%'"
            " ORDER BY night, job"
        )
        before, logged = self.ask(query), self.workers.jobs_done()

        def nothing_is_logged() -> bool:
            # What was done before is in the log a moment after it is in the database.
            nonlocal logged
            time.sleep(0.4)
            last, logged = logged, self.workers.jobs_done()
            return logged == last

        self.until(nothing_is_logged)
        assert self.ask(query) == before

    def bills(self) -> dict[str, str]:
        rows = self.ask(
            "SELECT account.number, state FROM bill JOIN account ON account.id = bill.account_id"
        )
        assert len(rows) == 3
        return dict(rows)

    def findings(self) -> Counter[tuple[str, int]]:
        rows = self.ask(
            "SELECT code, channel_id FROM vee_finding"
            " WHERE closed_at IS NULL AND day BETWEEN '2026-10-01' AND '2026-10-31'"
        )
        return Counter((str(code), int(channel)) for code, channel in rows)


async def test_each_night_is_done_once_whatever_happens_to_its_workers(
    plain_migrated: Database, tmp_path: Path
) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        await fill(utility)
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        owner.execute(POISON)
    dsn = plain_migrated.dsn_as("meterline_app")
    with turned_workers(dsn, tmp_path, NOON, idle_s=2) as workers:
        await asyncio.to_thread(live, Nights(plain_migrated, workers), plain_migrated)


def live(nights: Nights, database: Database) -> None:
    workers = nights.workers
    for _ in range(2):
        workers.start()
    restarted(nights)
    killed(nights)
    frozen(nights)
    bereft_of_its_database(nights, database)
    by_a_wrong_clock(nights)
    away_for_a_week(nights)
    # The bill and its documents, the log and its seals: nothing waits, and nothing is there twice.
    assert nights.bills() == {"A-1": "draft", "A-2": "draft", "A-3": "issued"}
    assert nights.ask("SELECT count(*) FROM bill_document") == [(1,)]
    assert nights.ask("SELECT count(*) FROM document_job") == [(0,)]
    nights.until(lambda: nights.ask("SELECT count(*) FROM audit_unsealed") == [(0,)])
    actions = dict(nights.ask("SELECT action, count(*) FROM audit_log GROUP BY 1"))
    assert actions["cycle.extended"] == 1
    assert actions["run.started"] == 1
    assert nights.ask(
        "SELECT max(count) FROM (SELECT count(*) FROM bill_shard GROUP BY run_id) AS s"
    ) == [(1,)]
    assert len(nights.ask("TABLE night_job")) <= 12 * len(["close_days", "keep_unbilled", *JOBS])


def restarted(nights: Nights) -> None:
    """Each day at another hour, by day and right after midnight."""
    workers = nights.workers
    nights.wait(3)  # what a night before the first start left undone is made up for
    nights.turn(night(4) - 2 * BEHIND)
    nights.quiet()
    nights.turn(night(4))
    nights.wait(4)
    for now in (datetime(2026, 11, 4, 12, tzinfo=UTC), datetime(2026, 11, 5, 0, 1, tzinfo=UTC)):
        nights.turn(now)
        for process in list(workers.all):
            workers.end(process)
            workers.start()
        nights.quiet()
    nights.turn(night(5))
    nights.wait(5)
    assert nights.bills() == {"A-1": "held", "A-2": "held", "A-3": "issued"}
    assert nights.findings() == Counter({("MISSING_INTERVALS", 1): 3, ("MISSING_INTERVALS", 2): 3})


def killed(nights: Nights) -> None:
    """The next goes on, but not before the dead one's time is over."""
    workers = nights.workers
    workers.stand("before estimate_held")
    nights.turn(night(6))
    workers.end(workers.standing(), signal.SIGKILL)
    workers.stand()
    nights.quiet()
    assert set(nights.done(6)) == {*("extend_cycles", "keep_holidays", "retry_held", "final_bills")}
    nights.turn(night(6) + LEASE)
    nights.wait(6, estimate_held=2)
    workers.start()
    # One channel fails and is named; the other is estimated, and its bill is made.
    assert "gap_not_estimated" in workers.said()
    assert nights.bills() == {"A-1": "draft", "A-2": "held", "A-3": "issued"}
    assert nights.findings()["ESTIMATED_GAP", 1] == 3
    assert nights.findings()["ESTIMATED_GAP", 2] == 0


def frozen(nights: Nights) -> None:
    """Another does what the frozen one has; when it goes on, it is broken off."""
    workers = nights.workers
    workers.stand("before retry_held")
    nights.turn(night(7))
    asleep = workers.standing()
    assert asleep.pid is not None
    os.kill(asleep.pid, signal.SIGSTOP)
    workers.stand()
    nights.turn(night(7) + LEASE)
    nights.wait(7, retry_held=2)
    os.kill(asleep.pid, signal.SIGCONT)
    nights.until(lambda: "nightly_job_lost" in workers.said())
    nights.quiet()
    assert workers.jobs_done()["retry_held"] == 5


def bereft_of_its_database(nights: Nights, database: Database) -> None:
    """The job is done again as soon as the database is back."""
    workers = nights.workers
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        owner.execute("SET meterline.migrating = 'on'")
        owner.execute("DROP TRIGGER poisoned ON day_block")
    workers.stand("after estimate_held")
    nights.turn(night(8))
    workers.standing()
    database.server.kill()
    workers.stand()
    time.sleep(0.3)
    database.server.start()
    nights.until(lambda: len(nights.done(8)) == len(JOBS))
    assert nights.done(8)["estimate_held"] <= 2
    assert nights.bills() == {"A-1": "draft", "A-2": "draft", "A-3": "issued"}
    assert nights.findings() == Counter({("ESTIMATED_GAP", 1): 3, ("ESTIMATED_GAP", 2): 3})


def by_a_wrong_clock(nights: Nights) -> None:
    """An hour back does nothing again; a day ahead does the next night early, and again in time."""
    nights.turn(night(8) + timedelta(minutes=10))
    nights.turn(night(8) - timedelta(minutes=50))
    nights.quiet()
    nights.turn(night(9) + timedelta(hours=7))
    nights.wait(9)
    nights.turn(night(8) + timedelta(hours=8))
    nights.quiet()
    nights.turn(night(9))
    nights.until(lambda: nights.done(9) == Counter(dict.fromkeys(JOBS, 2)))
    nights.turn(night(9) + RETRY)
    nights.quiet()


def away_for_a_week(nights: Nights) -> None:
    """Whoever comes back does once what seven nights left undone."""
    workers = nights.workers
    for process in list(workers.all):
        workers.end(process)
    nights.turn(night(17) + timedelta(hours=3))
    workers.start()
    nights.wait(17)
    assert nights.ask(
        "SELECT count(*) FROM night_job WHERE night BETWEEN '2026-11-10' AND '2026-11-16'"
    ) == [(0,)]
    # Their days are closed, too.
    nights.until(
        lambda: (
            nights.ask("SELECT DISTINCT closed_through FROM point_channel")
            == [(date(2026, 11, 16),)]
        )
    )
    nights.turn(night(18))
    nights.wait(18)
