"""What all rules add to closing a night, against the rules that look at the day alone.

Real PostgreSQL; `METERLINE_BENCH_CHANNELS` sets how many channels of quarter-hours are closed each
night. Nights take turns, so that both ratios are of one run: of ordinary days, on which no rule
asks for history, and of days on which a tenth of the channels stands at zero.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from types import MappingProxyType

import numpy as np
import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.vee import policy_document
from central.domain.vee.channel_class import DEFAULT_POLICIES
from central.domain.vee.policy import Policy
from central.domain.vee.rules import RULES
from central.service.validation.validate import Validate
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from tests.support.books import ZONE
from tests.support.servers import MIGRATED, fresh_database, fresh_folder, postgres_servers

CHANNELS = int(os.environ.get("METERLINE_BENCH_CHANNELS", "400"))
NIGHTS = int(os.environ.get("METERLINE_BENCH_NIGHTS", "24"))
FIRST, DAY = date(2026, 9, 1), timedelta(days=1)
FEW = frozenset(rule.code for rule in RULES if rule.history is not None) | {
    "SUM_CHECK",
    "MULTIPLIER_MISMATCH",
    "INACTIVE_POINT",
}
_SEED = """\
WITH gateway AS (
    INSERT INTO gateway (name, enrolled_at) VALUES ('gw-bench', %(since)s) RETURNING id
), point AS (
    INSERT INTO service_point (uid, name, zone, created_at)
    SELECT gen_random_uuid(), 'SP-' || n, %(zone)s, %(since)s
    FROM generate_series(1, %(count)s) AS n
    RETURNING id, name
), counted AS (
    INSERT INTO point_channel (service_point_id, obis, period_s, unit)
    SELECT id, %(obis)s, 900, 'Wh' FROM point ORDER BY id
), device AS (
    INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)
    SELECT 'MTL', 'S' || n, gateway.id, %(since)s FROM gateway, generate_series(1, %(count)s) AS n
    RETURNING id, serial
), installed AS (
    INSERT INTO installation (uid, service_point_id, meter_id, during)
    SELECT gen_random_uuid(), point.id, device.id, tstzrange(%(since)s, NULL)
    FROM point JOIN device ON substr(device.serial, 2) = substr(point.name, 4)
)
INSERT INTO channel (meter_id, obis, kind, source, period_s, unit, first_seen_at)
SELECT id, %(obis)s, 0, 1, 900, 'Wh', %(since)s FROM device ORDER BY id
"""
# A register that advances by 50 to 149 Wh, and in the second half of the nights not at all where
# the number of its channel ends with a zero.
_READ = """\
INSERT INTO reading (channel_id, at, mantissa, exponent, flags)
SELECT
    id, at,
    sum(CASE WHEN at > %(still)s AND id %% 10 = 0 THEN 0 ELSE 50 + (id * 31 + n * 17) %% 100 END)
        OVER (PARTITION BY id ORDER BY at),
    0, 0
FROM channel, generate_series(%(since)s, %(until)s, interval '15 minutes')
    WITH ORDINALITY AS edge (at, n)
"""


def _same(now: datetime) -> datetime:
    return now


def _seed(dsn: str) -> None:
    since, until = local_day(FIRST, ZONE).start, local_day(FIRST + NIGHTS * DAY, ZONE).start
    values = {
        "zone": ZONE, "obis": ACTIVE_IMPORT.code, "count": CHANNELS, "since": since,
        "until": until, "still": local_day(FIRST + NIGHTS // 2 * DAY, ZONE).start,
    }  # fmt: skip
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT reading_attach(%(since)s, %(until)s, %(until)s)", values)
        connection.execute(_SEED, values)
        connection.execute(_READ, values)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


async def _nights(
    dsn: str, use_few: Callable[[bool], None]
) -> tuple[list[tuple[float, float, int]], list[int]]:
    """What each night took, by the clock and of this process, and its findings; and memory. [kB].

    With few rules on every other one.
    """
    took, grown = [], []
    async with make_pool(dsn, max_size=2) as pool:
        store = TimescaleValidationStore(pool)
        for number in range(NIGHTS):
            use_few(number % 2 == 0)
            now = local_day(FIRST + (number + 1) * DAY, ZONE).start + timedelta(minutes=30)
            begun, used = time.perf_counter(), time.process_time()
            tally = await Validate(store, partial(_same, now)).until_idle()
            cpu_s = time.process_time() - used
            took.append((time.perf_counter() - begun, cpu_s, tally.findings))
            assert tally.closed == CHANNELS
            if number + 1 in {NIGHTS // 2, NIGHTS}:
                grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return took, grown


def test_vee_night(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    few = MappingProxyType(
        {name: Policy(policy.limits, policy.off | FEW) for name, policy in DEFAULT_POLICIES.items()}
    )

    def use_few(is_few: bool) -> None:  # noqa: FBT001 - one of two
        policies = few if is_few else DEFAULT_POLICIES
        monkeypatch.setattr(policy_document, "DEFAULT_POLICIES", policies)
        policy_document.class_policy.cache_clear()

    server_kind = postgres_servers()[0]
    with (
        fresh_folder() as home,
        EmbeddedPostgres(home / "pg", server_kind.binaries) as server,
        fresh_database(server, server_kind, MIGRATED) as database,
    ):
        _seed(database.dsn)
        took, grown = asyncio.run(_nights(database.dsn, use_few))
    half = NIGHTS // 2
    quiet, standing = took[:half], took[half:]
    assert sum(findings for *_, findings in quiet) == 0
    shown = []
    for name, nights in (("quiet", quiet), ("standing", standing)):
        (few_s, few_cpu), (all_s, all_cpu) = (
            (
                float(np.median([seconds for seconds, *_ in nights[turn::2]])),
                float(np.median([cpu_s for _, cpu_s, _ in nights[turn::2]])),
            )
            for turn in (0, 1)
        )
        shown.append(
            f"{name} {few_s:.2f} s with few rules, {all_s:.2f} s with all ({all_s / few_s:.3f} x;"
            f" of this process {few_cpu:.2f} s and {all_cpu:.2f} s, {all_cpu / few_cpu:.3f} x)"
        )
    intervals = CHANNELS * 96
    every = float(np.median([cpu_s for _, cpu_s, _ in quiet[1::2]]))
    with capsys.disabled():
        print(f"\nvee night: {CHANNELS:,} channels; " + "; ".join(shown))
        print(
            f"with all rules {intervals / every:,.0f} intervals a second of this process's CPU;"
            f" memory at most {grown[0]:,} kB after half of the nights, {grown[1]:,} kB after all;"
            f" load of the machine {os.getloadavg()[0]:.1f}"
        )
