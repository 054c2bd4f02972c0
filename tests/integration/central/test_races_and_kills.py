"""One bill each, byte for byte that of an undisturbed run, whatever happens to who makes them.

Two workers share a run while they are killed and frozen at random and the database is killed under
them; then two approvers and two issuers do the same bills at once.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import psycopg
import pytest
from psycopg import sql

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillingStore
from central.service.ports.billing_errors import StaleBillError
from tests.support.actors import CHIEF, CLERK, TRADER
from tests.support.books import NOW
from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.run_workers import RunWorkers, run_workers
from tests.support.servers import Database
from tests.support.size import sized

ACCOUNTS = sized("METERLINE_RACE_ACCOUNTS", 1_000, 10_000)
KILLS = sized("METERLINE_RACE_KILLS", 2, 20)
FREEZES = sized("METERLINE_RACE_FREEZES", 1, 5)
RESTARTS = sized("METERLINE_RACE_RESTARTS", 1, 3)
SEED = int(os.environ.get("METERLINE_CHAOS_SEED", "20261129"))
SHARD = max(5, ACCOUNTS // 50)
OCTOBER = Cycle(2026, 10)

# All that a bill says, and what its issue gave it; not the keys of its rows.
CONTENT = """\
SELECT
    bill.approver, account.number, bill.cycle, bill.state, encode(bill.sha256, 'hex'),
    bill.document::text, bill.total, bill.kwh, bill.validated_kwh, bill.creator, bill.series,
    bill.legal_number, bill.made_at, lines.content
FROM bill
JOIN account ON account.id = bill.account_id
JOIN LATERAL (
    SELECT md5(string_agg(
        concat_ws('|', number, service_point, charge, kind, name, quantity, price, amount, lineage),
        '/' ORDER BY number
    )) AS content
    FROM bill_line WHERE bill_id = bill.id
) AS lines ON true
ORDER BY account.number, bill.id
"""


@contextmanager
def copied(database: Database) -> Iterator[Database]:
    """A second database with the same content."""
    twin = Database(f"{database.name}_twin", database.server, database.kind)
    names = {"twin": sql.Identifier(twin.name), "of": sql.Identifier(database.name)}
    with psycopg.connect(database.server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {twin} TEMPLATE {of}").format(**names))
    try:
        yield twin
    finally:
        with psycopg.connect(database.server.dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {twin} WITH (FORCE)").format(**names))


@dataclass(frozen=True, slots=True)
class Books:
    """What a run left: bills, who approved them, and which days are claimed."""

    bills: list[tuple[object, ...]]
    approvers: set[object]
    claims: list[tuple[object, ...]]


def books(database: Database) -> Books:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        rows = connection.execute(CONTENT).fetchall()
        claims = connection.execute(
            "SELECT occupancy_id, first_day, end_day FROM billed_period ORDER BY 1, 3"
        ).fetchall()
    return Books([row[1:] for row in rows], {row[0] for row in rows}, claims)


async def undisturbed(database: Database) -> Books:
    """What one worker, one approver and one issuer make of it."""
    async with make_pool(database.dsn, max_size=2) as pool:
        store = TimescaleBillingStore(pool)
        run = (await RunBills(store, lambda: NOW, SHARD)(OCTOBER, CLERK)).run
        assert (await ApproveBills(store, lambda: NOW).run(run, CHIEF)).count == ACCOUNTS
        assert (await IssueBills(store, lambda: NOW).run(run, CHIEF)).count == ACCOUNTS
    return books(database)


class Watch:
    """How many shards are done, asked often; on one connection until the server is killed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[tuple[int, int]] | None = None

    def __call__(self) -> tuple[int, int]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._database.dsn, autocommit=True)
        row = self._connection.execute("SELECT count(done_at), count(*) FROM bill_shard").fetchone()
        assert row is not None
        return row

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def disturb(database: Database, workers: RunWorkers, fate: Random) -> None:
    """Let two workers finish the run, and do all that is planned to them on the way."""

    watch = Watch(database)

    def restart() -> None:
        watch.close()
        database.server.kill()
        database.server.start()

    def kill() -> None:
        workers.kill(fate.randrange(len(workers.at_work)))

    def freeze() -> None:
        workers.freeze(fate.randrange(len(workers.at_work)))

    plan = [kill] * KILLS + [freeze] * FREEZES + [restart] * RESTARTS
    fate.shuffle(plan)
    done, shards = watch()
    # Nothing in the last fifth: what is planned happens while there is work.
    due = sorted(fate.uniform(0, shards * 0.8) for _ in plan)
    for _ in range(2):
        workers.start()
    deadline = time.monotonic() + 120 + ACCOUNTS / 20
    while done < shards or workers.at_work:
        assert time.monotonic() < deadline, (done, shards, len(plan))
        workers.bring_back()
        while plan and due[0] <= done:
            time.sleep(fate.uniform(0, 0.03))
            due.pop(0)
            plan.pop()()
        time.sleep(0.005)
        done, _ = watch()
    watch.close()
    assert not plan, "everything planned happened"


async def at_once(
    stores: tuple[BillingStore, BillingStore],
    act: Callable[[BillingStore, int], Awaitable[int]],
    left: Callable[[], Awaitable[int]],
) -> int:
    """Two act on the same bills until none is left; how many were done in all."""
    done = 0
    for _ in range(20):
        both = await asyncio.gather(
            *(act(store, place) for place, store in enumerate(stores)), return_exceptions=True
        )
        for one in both:
            if isinstance(one, int):
                done += one
            else:
                assert isinstance(one, StaleBillError), one
        if not await left():
            return done
    pytest.fail("neither got through")


async def in_state(store: BillingStore, run: RunRecord, state: BillState) -> int:
    return sum(head.state is state for head in await store.heads(run))


async def approve_and_issue(database: Database) -> None:
    """Two approve at once, then two issue at once."""
    async with make_pool(database.dsn) as one, make_pool(database.dsn) as two:
        stores = TimescaleBillingStore(one), TimescaleBillingStore(two)
        run = await stores[0].find_run(OCTOBER, RunType.REGULAR)
        assert run is not None
        assert run.finished_at is not None

        async def approve(store: BillingStore, place: int) -> int:
            actor = (CHIEF, TRADER)[place]
            return (await ApproveBills(store, lambda: NOW).run(run, actor)).count

        async def issue(store: BillingStore, place: int) -> int:
            actor = (CHIEF, TRADER)[place]
            return (await IssueBills(store, lambda: NOW).run(run, actor)).count

        async def drafts() -> int:
            return await in_state(stores[0], run, BillState.DRAFT)

        async def approved() -> int:
            return await in_state(stores[0], run, BillState.APPROVED)

        # Counted by whoever did it: a bill that two approve is an error here.
        assert await at_once(stores, approve, drafts) <= ACCOUNTS
        assert await at_once(stores, issue, approved) <= ACCOUNTS
        assert await in_state(stores[0], run, BillState.ISSUED) == ACCOUNTS


def check_books(database: Database) -> None:
    """Each account and each day of it is billed once, and every sum is right."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:

        def ask(query: str) -> tuple[object, ...]:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return row

        bills = "SELECT count(*), count(DISTINCT account_id), sum(kwh), sum(validated_kwh)"
        kwh = october_kwh(list(range(1, ACCOUNTS + 1)))
        assert ask(f"{bills} FROM bill") == (ACCOUNTS, ACCOUNTS, kwh, kwh)
        tally = "SELECT sum(bills), sum(total) FROM bill_tally WHERE state = 'issued'"
        assert ask(tally) == ask("SELECT count(*), sum(total) FROM bill")
        numbers = "SELECT min(legal_number), max(legal_number), count(DISTINCT legal_number)"
        assert ask(f"{numbers} FROM bill") == (1, ACCOUNTS, ACCOUNTS)
        torn = (
            "SELECT count(*) FROM bill WHERE total IS DISTINCT FROM"
            " (SELECT sum(amount) FROM bill_line WHERE bill_id = bill.id)"
        )
        assert ask(torn) == (0,)


async def test_whatever_happens_every_account_has_its_one_bill(
    plain_migrated: Database, record_property: Callable[[str, object], None]
) -> None:
    await seed_customers(plain_migrated.dsn, ACCOUNTS)
    with copied(plain_migrated) as twin:
        expected = await undisturbed(twin)
    async with make_pool(plain_migrated.dsn) as pool:
        await RunBills(TimescaleBillingStore(pool), lambda: NOW, SHARD).start(OCTOBER, CLERK)
    with run_workers(plain_migrated.dsn_as("meterline_app"), str(OCTOBER)) as workers:
        await asyncio.to_thread(disturb, plain_migrated, workers, Random(SEED))  # noqa: S311 - repeatable
        before = books(plain_migrated)
        ends = workers.thaw()
        assert books(plain_migrated) == before, "the frozen changed nothing when they went on"
    record_property("frozen workers ended", ends)
    await approve_and_issue(plain_migrated)
    found = books(plain_migrated)
    assert found.approvers <= {CHIEF.key, TRADER.key}
    assert found.bills == expected.bills
    assert found.claims == expected.claims
    check_books(plain_migrated)
