"""The queue that wakes workers, as the application's role: what it does, and what it may not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from central.adapters.timescale import job_queue as module
from central.adapters.timescale.job_queue import JobQueue, job_queue
from central.adapters.timescale.migrate import migrate
from central.adapters.timescale.queue_schema import QueueLibraryError, missing_steps
from central.config.connection_limits import ConnectionLimits
from central.service.ports.faults import StoreUnfitError
from tests.support.servers import Database

Work = Callable[[str, str], Awaitable[None]]


async def nothing(job: str, night: str) -> None: ...


@asynccontextmanager
async def serving(database: Database, work: Work = nothing) -> AsyncIterator[JobQueue]:
    """A queue and the worker that takes from it."""
    dsn = database.dsn_as("meterline_app")
    async with job_queue(dsn, work, ConnectionLimits()) as queue:
        worker = asyncio.create_task(queue.serve())
        yield queue
        worker.cancel()
        await asyncio.wait([worker])


def asked(database: Database, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not there():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_each_name_is_done_once_by_one_of_the_workers_and_leaves_nothing(
    plain_migrated: Database,
) -> None:
    done: list[tuple[str, str, str]] = []

    def worker(name: str) -> Work:
        async def work(job: str, night: str) -> None:
            await asyncio.sleep(0.01)
            done.append((name, job, night))

        return work

    jobs = [f"job-{number}" for number in range(30)]
    async with (
        serving(plain_migrated, worker("one")) as queue,
        serving(plain_migrated, worker("two")) as other,
    ):
        for job in jobs:
            await queue.put(job, "2026-11-20")
            await other.put("render", "")
        await until(lambda: {job for _, job, _ in done} >= {*jobs, "render"})
        counts = Counter(job for _, job, _ in done)
        assert [counts[job] for job in jobs] == [1] * len(jobs)
        assert {night for _, job, night in done if job != "render"} == {"2026-11-20"}
    assert asked(plain_migrated, "SELECT count(*) FROM meterline_jobs.procrastinate_jobs") == [(0,)]


async def test_what_waits_is_not_put_in_twice(plain_migrated: Database) -> None:
    dsn = plain_migrated.dsn_as("meterline_app")
    async with job_queue(dsn, nothing, ConnectionLimits()) as queue:
        assert await queue.put("count", "2026-11-20")
        assert not await queue.put("count", "2026-11-20")
        assert await queue.put("count", "2026-11-21")


async def test_entries_of_a_worker_that_is_silent_are_swept(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def work(job: str, night: str) -> None:
        del job, night
        begun.set()
        await asyncio.Event().wait()

    async with serving(plain_migrated, work) as queue:
        await queue.put("count", "2026-11-20")
        await begun.wait()
        assert await queue.sweep() == 0
        monkeypatch.setattr(module, "SILENT_S", 0.0)
        assert await queue.sweep() == 1
        assert await queue.put("count", "2026-11-20")


async def test_the_application_may_hand_out_jobs_and_nothing_more(
    plain_migrated: Database,
) -> None:
    refused = [
        "TRUNCATE procrastinate_events",
        "DELETE FROM procrastinate_events",
        "INSERT INTO procrastinate_periodic_defers (task_name) VALUES ('a')",
        "DROP TABLE procrastinate_jobs",
        "ALTER TABLE procrastinate_jobs DISABLE TRIGGER ALL",
        "CREATE TABLE more ()",
        "SELECT procrastinate_cancel_job_v1(1, true, true)",
    ]
    with psycopg.connect(plain_migrated.dsn_as("meterline_app"), autocommit=True) as connection:
        connection.execute("SET search_path TO meterline_jobs")
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    public = asked(
        plain_migrated,
        "SELECT has_schema_privilege('public', 'meterline_jobs', 'USAGE')"
        " OR has_function_privilege('public',"
        " 'meterline_jobs.procrastinate_register_worker_v1()', 'EXECUTE')",
    )
    assert public == [(False,)]


async def test_rights_that_are_missing_are_a_fault_of_the_deployment(
    plain_migrated: Database,
) -> None:
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        owner.execute("REVOKE USAGE ON SCHEMA meterline_jobs FROM meterline_app")
    dsn = plain_migrated.dsn_as("meterline_app")
    async with job_queue(dsn, nothing, ConnectionLimits()) as queue:
        with pytest.raises(StoreUnfitError):
            await queue.put("count")
        with pytest.raises(StoreUnfitError):
            await queue.serve()


async def test_a_database_of_another_library_is_refused(plain_migrated: Database) -> None:
    assert migrate(plain_migrated.dsn) == []
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        owner.execute("DELETE FROM queue_migration WHERE name LIKE '03.04%'")
        rows = owner.execute("SELECT name, sha256 FROM queue_migration").fetchall()
        assert [step.name[:5] for step in missing_steps(dict(rows))] == ["03.04", "03.04"]
        owner.execute("UPDATE queue_migration SET sha256 = 'other' WHERE name LIKE '03.03%'")
    with pytest.raises(QueueLibraryError, match=r"03\.03.*is applied"):
        migrate(plain_migrated.dsn)
