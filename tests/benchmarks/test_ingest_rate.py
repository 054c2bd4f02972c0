"""From MQTT to committed rows, beside raw binary COPY into the same table in the same run.

Real mosquitto, real PostgreSQL with fsync on, ingest and gateways as processes of their own; the
clock stops when every batch is acknowledged, which is after its commit. Where others use the
machine, processor time says more: of ingest, database, broker, and of the gateways that send.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.ingest.rows import copy_rows, timestamps
from central.adapters.timescale.migrate import migrate
from tests.support.effort import by_program
from tests.support.servers import PostgresKind, fresh_folder, mosquitto_program, postgres_servers

ROUNDS = int(os.environ.get("METERLINE_BENCH_ROUNDS", "3"))
COPY = "COPY reading (channel_id, at, mantissa, batch_id, span_ms, exponent, flags)"
QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class Load:
    """So many gateways, each sending batches of channels x times readings."""

    gateways: int
    batches: int
    channels: int
    times: int

    @property
    def size(self) -> int:
        return self.channels * self.times

    @property
    def sent(self) -> int:
        """Batches that are measured; the first of each gateway makes its channels appear."""
        return self.gateways * (self.batches - 1)

    @property
    def measured(self) -> int:
        return self.sent * self.size


_PROGRAMS = {
    "central.process.ingest": "ingest",
    "postgres": "database",
    "mosquitto": "broker",
    "tests.benchmarks.edges": "gateways",
}
LOADS = (Load(20, 26, 10, 100), Load(500, 25, 10, 1))


@pytest.mark.parametrize("kind", postgres_servers(), ids=str)
def test_ingest_rate(kind: PostgresKind, capsys: pytest.CaptureFixture[str]) -> None:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed")
    raw: list[float] = []
    rates: dict[Load, list[float]] = {load: [] for load in LOADS}
    used: dict[Load, list[dict[str, float]]] = {load: [] for load in LOADS}
    with fresh_folder() as home, _servers(home, kind) as (dsn, port):
        for number in range(ROUNDS):
            for load in LOADS:
                raw.append(_copy(dsn, load, number))
                per_s, cpu_s = _send(dsn, port, load, f"r{number}-{load.size}")
                rates[load].append(per_s)
                used[load].append(cpu_s)
        _check(dsn)
    baseline = statistics.median(raw)
    lines = [
        f"{kind}, fsync on, {ROUNDS} rounds, {os.cpu_count()} cores; median (least .. most)",
        f"  raw binary COPY, same table     {_spread(raw)} readings/s",
    ]
    for load, found in rates.items():
        ratio = statistics.median(found) / baseline
        rate = f"{_spread(found)} readings/s = {ratio:.2f} of COPY"
        lines.append(f"  MQTT to committed, {load.size:>4} a batch  {rate}")
        for name in sorted(used[load][0]):
            each_us = [cpu_s[name] * 1e6 / load.sent for cpu_s in used[load]]
            lines.append(f"    {name:<10} {_spread(each_us)} us of CPU a batch")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _spread(found: list[float]) -> str:
    return f"{statistics.median(found):>9,.0f} ({min(found):,.0f} .. {max(found):,.0f})"


@contextmanager
def _servers(home: Path, kind: PostgresKind) -> Iterator[tuple[str, int]]:
    settings = {"shared_buffers": "512MB", "max_wal_size": "8GB"}
    postgres = EmbeddedPostgres(home / "pg", kind.binaries, durable=True, settings=settings)
    broker = EmbeddedBroker(home / "broker", kind=BrokerKind.MOSQUITTO)
    with postgres, broker:
        migrate(postgres.dsn)
        environment = {
            **os.environ,
            "METERLINE_DATABASE": postgres.dsn,
            "METERLINE_BROKER_PORT": str(broker.port),
        }
        log = (home / "ingest.log").open("w")
        with (
            log,
            subprocess.Popen(
                [sys.executable, "-m", "central.process.ingest"],
                env=environment,
                stdout=log,
                stderr=log,
            ) as ingest,
        ):
            try:
                yield postgres.dsn, broker.port
            finally:
                ingest.terminate()


def _send(dsn: str, port: int, load: Load, prefix: str) -> tuple[float, dict[str, float]]:
    """Readings a second, and what each program used of the processors meanwhile."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO gateway (name, enrolled_at)"
            " SELECT %s || '-' || n, now() FROM generate_series(0, %s) AS n",
            (prefix, load.gateways - 1),
        )
    shape = [load.gateways, load.batches, load.channels, load.times]
    command = [sys.executable, "-m", "tests.benchmarks.edges", str(port), *map(str, shape), prefix]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as edges:
        assert edges.stdin is not None
        assert edges.stdout is not None
        assert edges.stdout.readline() == "ready\n"
        before = by_program()
        edges.stdin.write("\n")
        edges.stdin.flush()
        took_s = float(edges.stdout.readline())
        after = by_program()
        cpu_s = {_PROGRAMS[name]: after[name] - before[name] for name in _PROGRAMS}
        return load.measured / took_s, cpu_s


def _copy(dsn: str, load: Load, number: int) -> float:
    """The same readings as the load's, in chunks of a window, by one connection."""
    now_ms = int(time.time() * 1000) // QUARTER_MS * QUARTER_MS
    channels = load.gateways * load.channels
    first = 10_000_000 * (1 + number) + 1_000_000 * LOADS.index(load)
    times = load.measured // channels
    channel = first + np.tile(np.arange(channels), times)
    at_ms = np.repeat(now_ms - QUARTER_MS * np.arange(times)[::-1], channels)
    if load.times > 1:
        order = np.lexsort((at_ms, channel, at_ms // (QUARTER_MS * load.times)))
        channel, at_ms = channel[order], at_ms[order]
    chunks = [
        copy_rows(
            [
                ("i8", channel[i : i + 10_000]),
                ("i8", timestamps(at_ms[i : i + 10_000])),
                ("i8", np.arange(len(channel[i : i + 10_000]))),
                ("i8", channel[i : i + 10_000]),
                *(("i8", np.zeros(len(channel[i : i + 10_000]), np.int64)),),
                *((("i2", np.zeros(len(channel[i : i + 10_000]), np.int64)),) * 2),
            ]
        )
        for i in range(0, len(channel), 10_000)
    ]
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        for chunk in chunks:
            with cursor.copy(f"{COPY} FROM STDIN (FORMAT binary)") as copy:
                copy.write(chunk)
        return len(channel) / (time.perf_counter() - began)


def _check(dsn: str) -> None:
    """What was measured is what is there."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT sum(stored) FROM batch),"
            " (SELECT count(*) FROM reading WHERE channel_id < 10000000)"
        ).fetchone()
    sent = ROUNDS * sum(load.gateways * load.batches * load.size for load in LOADS)
    assert row == (sent, sent)
