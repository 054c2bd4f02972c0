"""Usage events from HTTP to committed rows, beside raw binary COPY into the same table.

Real PostgreSQL with fsync on; service and sender share one process and talk over a socket. The
clock stops when every request is answered, which is after its commit. Where others use the machine,
processor time says more: of the process, and of the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from central.adapters.documents.invoice import render_invoice
from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.migrate import migrate
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.process.services import timescale_services
from tests.support.servers import PostgresKind, fresh_folder, postgres_servers

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BATCH = 1_000
BATCHES = int(os.environ.get("METERLINE_BENCH_BATCHES", "60"))
SINGLES = 2_000
SENDERS = 4
SUBJECTS = 500
COPY = (
    "COPY usage_event (at, subject_id, receipt_id, type_id, source_id, version, cancelled,"
    " event_id, value, attributes) FROM STDIN (FORMAT binary)"
)


def event(name: str, number: int) -> dict[str, object]:
    at = NOW - timedelta(seconds=number % 40_000)
    return {
        "specversion": "1.0",
        "source": "https://api.example.com/eu",
        "id": f"{name}-{number:08}",
        "type": "com.example.api.call",
        "subject": f"customer-{number * 7 % SUBJECTS}",
        "time": at.isoformat(),
        "data": {"value": "1.5", "region": "eu", "plan": "pro"},
    }


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of processor time in this process and the database."""

    clock: float
    process: float
    database: float

    def line(self, what: str, events: int) -> str:
        each = 1e6 / events
        return (
            f"{what:24} {events / self.clock:9,.0f}/s;"
            f" {self.process * each:6.1f} us service and sender,"
            f" {self.database * each:6.1f} us database an event"
        )


def database_s(folder: Path) -> float:
    """Processor time of a server's processes so far. [s]"""
    ticks = 0
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and folder in (process / "cwd").readlink().parents:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


async def measured(folder: Path, work: Callable[[], Awaitable[None]]) -> Spent:
    began = time.perf_counter(), time.process_time(), database_s(folder)
    await work()
    ended = time.perf_counter(), time.process_time(), database_s(folder)
    return Spent(*(after - before for before, after in zip(began, ended, strict=True)))


async def post(address: str, bodies: Sequence[bytes]) -> None:
    """Send bodies over one connection, each after the answer to the one before."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for body in bodies:
        head = f"POST /api/v1/usage-events HTTP/1.1\r\nHost: {host}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert answer.startswith("HTTP/1.1 200"), answer
        size = int(answer.lower().partition("content-length: ")[2].partition("\r\n")[0])
        counts = json.loads(await reader.readexactly(size))
        assert counts["stored"] == len(counts["results"])
    writer.close()


async def send(address: str, bodies: Sequence[bytes]) -> None:
    shares = [bodies[first::SENDERS] for first in range(SENDERS)]
    await asyncio.gather(*(post(address, share) for share in shares))


async def copy(dsn: str, rows: Sequence[Sequence[object]]) -> None:
    types = ("timestamptz", "int8", "int8", "int4", "int4", "int4", "bool", "text", "numeric")
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for first in range(0, len(rows), BATCH):
            async with connection.cursor() as cursor, cursor.copy(COPY) as copied:
                copied.set_types([*types, "jsonb"])
                for row in rows[first : first + BATCH]:
                    await copied.write_row(row)
            await connection.commit()


@pytest.mark.parametrize("kind", postgres_servers(), ids=str)
async def test_usage_events_beside_raw_copy(kind: PostgresKind) -> None:
    with fresh_folder() as home:
        postgres = EmbeddedPostgres(home / "pg", kind.binaries, durable=True)
        postgres.start()
        try:
            await asyncio.to_thread(migrate, postgres.dsn)
            await measure(home, postgres.dsn, kind)
        finally:
            postgres.stop()


async def measure(home: Path, dsn: str, kind: PostgresKind) -> None:
    batches = [
        json.dumps([event(f"b{batch}", number) for number in range(BATCH)]).encode()
        for batch in range(BATCHES + SENDERS)
    ]
    singles = [json.dumps(event("s", number)).encode() for number in range(SINGLES)]
    async with make_pool(dsn, max_size=SENDERS + 2) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        web = WebSettings(port=0)
        async with serving(create_app(services, web), services, web) as address:
            await send(address, batches[:SENDERS])  # names and plans
            many = await measured(home, lambda: send(address, batches[SENDERS:]))
            single = await measured(home, lambda: send(address, singles))
    rows = [
        (NOW, number % SUBJECTS + 1, 1, 1, 1, 1, False, f"c-{number:08}", Decimal("1.5"), None)
        for number in range(BATCHES * BATCH)
    ]
    raw = await measured(home, lambda: copy(dsn, rows))
    print(f"\n{kind}")
    print(many.line(f"batches of {BATCH:,}", BATCHES * BATCH))
    print(single.line("one a request", SINGLES))
    print(raw.line("raw COPY", len(rows)))
    share = (many.process + many.database) / (raw.process + raw.database)
    clock = many.clock / raw.clock
    print(f"a batch takes {clock:.1f} times raw COPY by the clock, {share:.1f} in processor time")
