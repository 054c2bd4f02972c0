"""What processes say of themselves: live while they answer, ready while they can do their work."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from httpx import AsyncClient, TransportError
from pydantic import SecretStr

from central.adapters.embedded.broker import EmbeddedBroker
from central.config.ingest import IngestSettings
from central.config.settings import Settings
from central.process import health
from central.process.health import HealthPortError
from central.process.ingest import run_ingest
from central.process.serve import run_serve
from central.process.worker import run_worker
from tests.support.servers import Database

PATIENCE_S = 60.0
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def running(work: Awaitable[None], port: int) -> AsyncIterator[AsyncClient]:
    task = asyncio.ensure_future(work)
    try:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as web:
            yield web
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(web: AsyncClient, path: str, is_so: Callable[[int, str], bool]) -> str:
    """Ask until the answer is so; the answer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(TransportError):  # it does not listen yet
                answer = await web.get(path)
                if is_so(answer.status_code, answer.text):
                    return answer.text
            await asyncio.sleep(0.05)


async def test_ingest_says_which_of_what_it_needs_is_away(
    plain_migrated: Database, mosquitto: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_FRESH_S", 0.0)
    port = free_port()
    dsn = SecretStr(plain_migrated.dsn)
    settings = IngestSettings(database=dsn, broker_port=mosquitto.port, health_port=port)
    async with running(run_ingest(settings), port) as web:
        whole = json.loads(await until(web, "/ready", lambda status, _: status == 200))
        assert whole == {"status": "ready", "database": "ok", "schema": "ok", "broker": "ok"}
        figures = (await web.get("/metrics")).text
        assert 'meterline_ingest_ready{check="broker"} 1' in figures
        assert 'meterline_ingest_messages_total{outcome="stored"} 0' in figures
        await asyncio.to_thread(mosquitto.stop)
        without = json.loads(await until(web, "/ready", lambda status, _: status == 503))
        assert without == {**whole, "status": "not ready", "broker": "not connected"}
        with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
            connection.execute("UPDATE schema_migration SET version = version + 1000")
        other = await until(web, "/ready", lambda _, text: "SCHEMA_NEW" in text)
        assert json.loads(other)["database"] == "ok"
        assert (await web.get("/live")).json() == {"status": "live"}


@pytest.mark.parametrize("process", ["ingest", "worker"])
async def test_a_process_whose_database_is_away_is_live_and_not_ready(process: str) -> None:
    port, dsn = free_port(), SecretStr(NOBODY)
    work = (
        run_ingest(IngestSettings(database=dsn, health_port=port))
        if process == "ingest"
        else run_worker(Settings(database=dsn, health_port=port))
    )
    async with running(work, port) as web:
        assert json.loads(await until(web, "/live", lambda status, _: status == 200))
        answer = await web.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["database"].startswith("STORE_UNAVAILABLE")
        assert answer.json()["schema"] == "unknown"


async def test_the_port_that_is_taken_is_named(plain_migrated: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        settings = Settings(database=SecretStr(plain_migrated.dsn), health_port=port)
        with pytest.raises(HealthPortError, match=str(port)):
            await run_worker(settings)


async def test_the_pages_are_live_without_a_database_and_say_what_keeps_them(
    plain_migrated: Database,
) -> None:
    port = free_port()
    async with running(run_serve(Settings(database=SecretStr(NOBODY)), port=port), port) as web:
        await until(web, "/api/v1/health/live", lambda status, _: status == 200)
    port = free_port()
    settings = Settings(database=SecretStr(plain_migrated.dsn))
    async with running(run_serve(settings, port=port), port) as web:
        ready = json.loads(
            await until(web, "/api/v1/health/ready", lambda status, _: status == 200)
        )
        assert ready == {"status": "ready", "database": "ok", "schema_version": "ok"}
        with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
            connection.execute("UPDATE schema_migration SET version = version + 1000")
        answer = await web.get("/api/v1/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "SCHEMA_NEW")
        assert (await web.get("/api/v1/health/live")).status_code == 200
