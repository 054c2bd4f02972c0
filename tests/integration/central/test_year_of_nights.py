"""A small utility and one worker through many nights: what grows, and what must not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.run_bills import RunBills
from central.service.registry.cycles import BillingCycles
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK, OPERATOR
from tests.support.books import QUARTER, Utility, timescale_utility
from tests.support.ingest import Edge, channel
from tests.support.servers import Database
from tests.support.size import sized
from tests.support.turned_workers import TurnedWorkers, turned_workers

NIGHTS = sized("METERLINE_NIGHTS", 8, 400)
FIRST = date(2026, 10, 28)
DAY = timedelta(days=1)
LAST_JOB = "delete_past_term"

# What grows with the days, the bills or the deeds of people, and why.
GROWS = {
    "reading": "each value that a meter sends",
    "batch": "each batch of a gateway, by which it is known again",
    "batch_signature": "each batch that its gateway signed",
    "day_block": "a block a channel and day, kept for ever",
    "block_heading": "where clocks change, one a zone and length of interval",
    "vee_finding": "a finding a fault; those of silent meters one a day",
    "bill": "a bill an account and period",
    "bill_figures": "with the bill",
    "line_form": "a line that no bill had so far, of a tariff and period",
    "bill_part": "with the bill",
    "billed_period": "with the bill",
    "bill_document": "with the bill",
    "bill_run": "a run a month",
    "bill_shard": "one of each run; of a continued run only the newest",
    "bill_tally": "a row a run and state",
    "run_note": "what a run left out, as the run's newest pass says",
    "audit_log": "a row a deed",
    "audit_seal": "a seal a row of the log",
    "cycle_period": "a row a period of a generated list",
    "meter_seen": "a row a meter and month",
    "unbilled_span": "a version of what is not billed, of an occupancy",
    "unbilled_day": "a day that is not billed, as it was known",
    "night_job": "until 63 nights are kept",
}


@dataclass(frozen=True)
class Look:
    """What a number of nights has left."""

    rows: Counter[str]
    memory_kib: int
    connections: int


class Year:
    """The utility, its worker, and the days that go by."""

    def __init__(
        self, utility: Utility, edge: Edge, database: Database, workers: TurnedWorkers
    ) -> None:
        self._utility = utility
        self._edge = edge
        self._database = database
        self._workers = workers
        self._worker = workers.start()
        self._shown = 1_000

    async def live(self, day: date) -> None:
        """A day's readings, the month's bills, and the night after it."""
        utility = self._utility
        night = datetime(day.year, day.month, day.day, 2, tzinfo=UTC) + DAY
        utility.now = night
        await self._deliver(day)
        if day.day == 2:
            month = day - 5 * DAY
            use_case = RunBills(utility.billing, lambda: night)
            run = (await use_case(Cycle(month.year, month.month), CLERK)).run
            await ApproveBills(utility.billing, lambda: night).run(run, CHIEF)
            await IssueBills(utility.billing, lambda: night).run(run, CHIEF)
        self._workers.turn(night)
        await asyncio.to_thread(self._until, lambda: self._is_over(day + DAY))

    async def _deliver(self, day: date) -> None:
        """The first meter sends all, the second nothing around noon, the third nothing at all."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        shown = [(start + place * QUARTER, self._shown + place * 25) for place in range(1, 97)]
        self._shown += 96 * 25
        whole = [Reading(channel("S1"), at, value, 0) for at, value in shown]
        holed = [Reading(channel("S2"), at, value, 0) for at, value in shown if at.hour != 12]
        await self._utility.deliver(self._edge, whole, holed)

    def _until(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not there():
            assert time.monotonic() < deadline, self._workers.said()
            assert self._worker.is_alive(), self._workers.said()
            time.sleep(0.05)

    def _is_over(self, night: date) -> bool:
        with psycopg.connect(self._database.dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT (SELECT count(done_at) FROM night_job WHERE night = %s AND job = %s),"
                " (SELECT min(closed_through) FROM point_channel),"
                " (SELECT count(*) FROM document_job) + (SELECT count(*) FROM touched)"
                " + (SELECT count(*) FROM audit_unsealed)",
                (night, LAST_JOB),
            ).fetchone()
        # Madrid's day ended hours ago.
        return row == (1, night - DAY, 0)

    def look(self) -> Look:
        with psycopg.connect(self._database.dsn, autocommit=True) as connection:
            names = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
            ).fetchall()
            rows: Counter[str] = Counter()
            for (name,) in names:
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
                found = connection.execute(query).fetchone()
                assert found is not None
                rows[name] = found[0]
            sessions = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'meterline-worker'"
            ).fetchone()
        assert sessions is not None
        status = Path(f"/proc/{self._worker.pid}/status").read_text()
        memory = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return Look(rows, int(memory), sessions[0])


async def fill(utility: Utility) -> Edge:
    utility.now = datetime(FIRST.year, FIRST.month, FIRST.day, 2, tzinfo=UTC)
    edge = await utility.found(3)
    change = SettingsChange(window_days=3, estimates_in_a_row=2)
    await ChangeSettings(utility.settings, lambda: utility.now)(change, OPERATOR, "our terms")
    cycles = BillingCycles(utility.registry, OPERATOR, lambda: utility.now)
    await cycles.add(BillingCycle("odd", FIRST, 1))
    return edge


def most_repeated(database: Database) -> int:
    """How often the same was found of the same interval."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT max(times) FROM (SELECT count(*) AS times FROM vee_finding"
            " GROUP BY channel_id, day, code, from_at) AS found"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_nothing_grows_from_night_to_night_but_what_is_kept(
    plain_migrated: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        edge = await fill(utility)
        dsn = plain_migrated.dsn_as("meterline_app")
        with turned_workers(dsn, tmp_path, utility.now) as workers:
            year, looks = Year(utility, edge, plain_migrated, workers), []
            for number in range(NIGHTS):
                await year.live(FIRST + number * DAY)
                if (number + 1) % (NIGHTS // 4) == 0:
                    looks.append(year.look())
                    record_property(f"after {number + 1} nights", str(looks[-1]))
    *_, before, last = looks
    grown = {name for name, rows in last.rows.items() if rows > before.rows[name]}
    assert grown <= set(GROWS), grown - set(GROWS)
    assert last.rows["night_job"] <= 63 * 5
    assert last.rows["bill_shard"] <= last.rows["bill_run"]
    assert last.connections <= 5
    assert last.memory_kib < looks[0].memory_kib + 20_000
    assert most_repeated(plain_migrated) <= 2
