"""The queue of exceptions with a million findings that wait: pages, filters, deep pages, one.

`make bench`, or `pytest tests/benchmarks/test_exception_queue.py --bench -s`. The budget is
100 ms a page; counting all of it may take as long as reading it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg

from central.adapters.timescale.exceptions.queue import TimescaleExceptions
from central.adapters.timescale.pool import make_pool
from central.domain.vee.finding import Severity
from central.service.ports.exceptions import ExceptionFilter, ExceptionKey, ExceptionKind
from tests.support.servers import Database

FINDINGS = int(os.environ.get("METERLINE_BENCH_FINDINGS", "1000000"))
BUDGET_MS = 100.0
ROUNDS = 7
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POINTS = 10_000
# A hundred nights of findings, each of one instant; one in a hundred is critical, as many are of a
# rare code, and one in ten thousand has an owner.
FILL = (
    """\
    INSERT INTO service_point (uid, name, zone, created_at)
    SELECT gen_random_uuid(), 'Q-' || n, 'UTC', %(now)s FROM generate_series(1, %(points)s) AS n
    """,
    """\
    INSERT INTO point_channel (service_point_id, obis, period_s, unit)
    SELECT id, '\\x0100010800ff', 900, 'Wh' FROM service_point WHERE name LIKE 'Q-%%'
    """,
    """\
    INSERT INTO vee_finding (
        channel_id, day, code, severity, from_at, until_at, message, evidence, raised_at
    )
    SELECT
        channel.id, '2026-11-19'::date - night, CASE WHEN n %% 100 = 7 THEN 'RARE' ELSE 'SPIKE' END,
        CASE WHEN n %% 100 = 7 THEN 'critical' ELSE 'warning' END,
        %(now)s - make_interval(days => night), %(now)s - make_interval(days => night, hours => -1),
        'It is high.', '{}', %(now)s - make_interval(days => night)
    FROM generate_series(1, %(findings)s) AS n
    CROSS JOIN LATERAL (SELECT n / (%(findings)s / 100) AS night, n %% %(points)s AS place) AS of
    JOIN (
        SELECT point_channel.id, row_number() OVER (ORDER BY point_channel.id) - 1 AS place
        FROM point_channel
    ) AS channel ON channel.place = of.place
    ON CONFLICT DO NOTHING
    """,
    """\
    INSERT INTO exception_owner (
        kind, number, revision, owner, reason_code, reason, recorded_by, recorded_at
    )
    SELECT 'finding', id, 1, 'ana', 'other', 'hers', 'test', %(now)s
    FROM vee_finding WHERE id %% 10000 = 3
    """,
)


async def timed(name: str, work: Callable[[], Awaitable[object]]) -> float:
    """The usual time of some work. [ms]."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        await work()
        times.append((time.perf_counter() - start) * 1000)
    usual = statistics.median(times)
    print(f"{usual:7.1f} ms median {max(times):7.1f} ms worst  {name}")
    return usual


async def test_a_page_of_a_million_findings_takes_its_budget(plain_migrated: Database) -> None:
    values = {"now": NOW, "points": POINTS, "findings": FINDINGS}
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        for statement in FILL:
            owner.execute(statement, values)
        owner.execute("VACUUM ANALYZE")
        row = owner.execute("SELECT count(*), min(id) FROM vee_finding").fetchone()
    assert row is not None
    print(f"\n{row[0]:,} findings")
    async with make_pool(plain_migrated.dsn, max_size=2) as pool:
        queue = TimescaleExceptions(pool)
        after: str | None = None
        for _ in range(60):
            after = (await queue.page(ExceptionFilter(), after, 500)).after
        asked = {
            "first page": ExceptionFilter(),
            "shown today": ExceptionFilter(shown_on=NOW.date()),
            "critical": ExceptionFilter(severity=Severity.CRITICAL),
            "a rare code": ExceptionFilter(code="RARE"),
            "older than a week": ExceptionFilter(raised_before=NOW - timedelta(days=7)),
            "findings alone": ExceptionFilter(kinds=(ExceptionKind.FINDING,)),
            "of nobody": ExceptionFilter(owner=""),
            "of somebody": ExceptionFilter(owner="ana"),
        }
        slow: dict[str, float] = {}
        for name, filtered in asked.items():
            usual = await timed(name, partial(queue.page, filtered, None, 50))
            slow |= {name: usual} if usual > BUDGET_MS else {}
        deep = await timed("page 600", partial(queue.page, ExceptionFilter(), after, 50))
        slow |= {"page 600": deep} if deep > BUDGET_MS else {}
        key = ExceptionKey(ExceptionKind.FINDING, row[1])
        one = await timed("one", partial(queue.one, key))
        slow |= {"one": one} if one > BUDGET_MS else {}
        await timed("counts", queue.counts)
    assert slow == {}
