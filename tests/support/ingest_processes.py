"""Ingest processes on a real broker and database, which must not end by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import psycopg

from central.adapters.embedded.broker import EmbeddedBroker
from firmware_bridge.contract.topics import ALL_DOWN, QOS
from tests.support.servers import Database

PATIENCE_S = 60.0


def enrol(database: Database, *names: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for name in names:
            connection.execute(
                "INSERT INTO gateway (name, enrolled_at) VALUES (%s, now())", (name,)
            )


def ask(database: Database, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def environment(database: Database, broker: EmbeddedBroker, **settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "METERLINE_DATABASE": database.dsn,
        "METERLINE_BROKER_PORT": str(broker.port),
        **settings,
    }


@asynccontextmanager
async def processes(
    count: int, database: Database, broker: EmbeddedBroker, **settings: str
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Real ingest processes, each once it has announced its start; they must not end by itself."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(ALL_DOWN, QOS)
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "central.process.ingest",
                env=environment(database, broker, **settings),
                stdout=asyncio.subprocess.DEVNULL,
            )
            for _ in range(count)
        ]  # fmt: skip
        try:
            started: set[bytes] = set()
            async with asyncio.timeout(PATIENCE_S):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    started.add(message.payload)
                    if len(started) == count:
                        break
            yield workers
            assert [worker.returncode for worker in workers] == [None] * count
        finally:
            for worker in workers:
                if worker.returncode is None:
                    worker.send_signal(signal.SIGTERM)
            await asyncio.gather(*(worker.wait() for worker in workers))
