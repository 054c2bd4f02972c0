"""Spans of what the centre does reach a collector where one is named; nothing waits for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import aiomqtt
import httpx
import pytest
from pydantic import SecretStr, ValidationError

from central.adapters.embedded.broker import EmbeddedBroker
from central.config.health import HealthSettings
from central.config.ingest import IngestSettings
from central.config.settings import Settings
from central.process.ingest import run_ingest
from central.process.serve import run_serve
from central.process.traces import TracesUnavailableError, tracing
from central.process.worker import run_worker
from central.service.tracing import is_traced, record, span
from firmware_bridge.contract.topics import QOS, up
from tests.support.collector import Collector, running_collector
from tests.support.commands import commands_on
from tests.support.ingest import Edge, channel, readings
from tests.support.ingest_processes import enrol
from tests.support.servers import Database, free_port

PATIENCE_S = 60.0


async def until(collector: Collector, *names: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not all(collector.named(name) for name in names):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)


async def test_a_batch_a_request_and_a_job_are_traced(
    plain_migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(plain_migrated, "gw1")
    edge, port = Edge("gw1"), free_port()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    batch = edge.seal(readings(3, hour, 0, channel("gw1")))
    dsn = SecretStr(plain_migrated.dsn)
    with running_collector() as collector:
        ready: dict[str, asyncio.Event] = {name: asyncio.Event() for name in ("ingest", "serve")}
        ingest = IngestSettings(
            database=dsn, broker_port=mosquitto.port, traces_endpoint=collector.endpoint
        )
        centre = Settings(database=dsn, traces_endpoint=collector.endpoint)
        tasks = [
            asyncio.ensure_future(run_ingest(ingest, ready=ready["ingest"])),
            asyncio.ensure_future(run_worker(centre)),
            asyncio.ensure_future(
                run_serve(centre, port=port, ready=lambda _: ready["serve"].set())
            ),
        ]
        try:
            async with asyncio.timeout(PATIENCE_S):
                for event in ready.values():
                    await event.wait()
            async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
                await client.publish(up("gw1"), batch.payload, QOS)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as web:
                address = f"http://127.0.0.1:{port}/api/v1/meters/9?secret=x"
                answer = await web.get(address, headers={"X-Request-Id": "proxy-12345"})
            await until(collector, "ingest batch", "GET /api/v1/meters/{meter}", "job")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    (stored,) = collector.named("ingest batch")
    assert stored.service == "meterline-ingest"
    assert stored.values == {
        "gateway": "gw1", "epoch": str(edge.epoch), "sequence": 1, "readings": 3,
    }  # fmt: skip
    windows = {each.span for each in collector.named("ingest window")}
    assert stored.parent in windows
    (request,) = collector.named("GET /api/v1/meters/{meter}")
    assert request.service == "meterline-serve"
    assert request.values == {
        "http.request.method": "GET",
        "http.route": "/api/v1/meters/{meter}",
        "http.response.status_code": answer.status_code,
        "request.id": "proxy-12345",
    }
    job = collector.named("job")[0]
    assert job.service == "meterline-worker"
    assert {"job", "night", "outcome"} == set(job.values)
    assert not [each for each in collector.spans if "secret" in str(each)]


async def test_what_is_raised_and_what_is_within_is_said(caplog: pytest.LogCaptureFixture) -> None:
    began = datetime(2026, 11, 4, 12, tzinfo=UTC)
    with running_collector() as collector:
        settings = HealthSettings(traces_endpoint=collector.endpoint)
        async with tracing(settings, "meterline-test"):
            with pytest.raises(ZeroDivisionError):
                await _outer(began)
        assert not is_traced()
    (whole,), (inner,), (past,) = (collector.named(name) for name in ("outer", "inner", "past"))
    assert whole.values == {"a.b_c": 1, "then": True}
    assert (whole.failed, inner.failed) == (True, False)
    assert (inner.parent, past.parent) == (whole.span, whole.span)
    assert past.seconds == 2
    assert "error" not in caplog.text.lower()


async def _outer(began: datetime) -> None:
    with span("outer", a_b__c=1) as outer:
        outer.set(then=True)
        await asyncio.create_task(asyncio.to_thread(_inner))
        record("past", began, began + timedelta(seconds=2))
        raise ZeroDivisionError


def _inner() -> None:
    with span("inner"):
        pass


async def test_a_share_of_the_traces_is_sent_whole_or_not_at_all() -> None:
    with running_collector() as collector:
        settings = HealthSettings(traces_endpoint=collector.endpoint, traces_ratio=0.5)
        async with tracing(settings, "meterline-test"):
            for _ in range(200):
                with span("outer"), span("inner"):
                    pass
    outer, inner = (collector.named(name) for name in ("outer", "inner"))
    assert {each.span for each in outer} == {each.parent for each in inner}
    assert 40 < len(outer) < 160


async def test_a_collector_that_is_away_ends_nothing() -> None:
    settings = HealthSettings(traces_endpoint=f"http://127.0.0.1:{free_port()}/v1/traces")
    began = time.monotonic()
    async with tracing(settings, "meterline-test"):
        for _ in range(10_000):
            with span("lost"):
                pass
    assert time.monotonic() - began < PATIENCE_S


def test_a_bill_run_is_traced_shard_by_shard(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands_on(plain_migrated, monkeypatch)
    with running_collector() as collector:
        monkeypatch.setenv("METERLINE_TRACES_ENDPOINT", collector.endpoint)
        report = json.loads(run("bill", "run", "--cycle", "2026-08", "--json").stdout)
    (whole,) = collector.named("bill run")
    assert whole.service == "meterline-bill"
    assert whole.values["bills"] == 0
    assert report
    shards = collector.named("shard of a run")
    assert shards
    assert {each.parent for each in shards} == {whole.span}


def test_nothing_of_it_is_imported_unless_a_collector_is_named() -> None:
    code = (
        "import sys, asyncio\n"
        "import central.process.ingest, central.process.serve, central.process.worker\n"
        "import central.process.jobs\n"
        "from central.config.health import HealthSettings\n"
        "from central.process.traces import tracing\n"
        "async def work():\n"
        "    async with tracing(HealthSettings(), 'x'): pass\n"
        "asyncio.run(work())\n"
        "print([n for n in sys.modules if n.startswith(('opentelemetry.sdk',"
        " 'opentelemetry.exporter', 'google.protobuf'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_where_it_is_not_installed_the_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "central.adapters.traces", None)
    settings = HealthSettings(traces_endpoint="http://127.0.0.1:4318/v1/traces")
    with pytest.raises(TracesUnavailableError, match=r"meterline\[traces\]|is missing"):
        async with tracing(settings, "x"):
            pytest.fail("it went on")


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://x/", ""])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        HealthSettings(traces_endpoint=endpoint)
