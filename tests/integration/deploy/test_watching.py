"""The alerts and dashboards of `deploy/`, judged by promtool and asked of a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from httpx import AsyncClient, TransportError
from pydantic import SecretStr

from central.adapters.authority import FileAuthority
from central.adapters.embedded.broker import EmbeddedBroker
from central.adapters.signing_key import FileKey
from central.config.ingest import IngestSettings
from central.config.settings import Settings
from central.process.ingest import run_ingest
from central.process.serve import run_serve
from central.process.worker import run_worker
from tests.support.data import REPOSITORY
from tests.support.given_commands import CENTRAL, LIVING
from tests.support.servers import Database, free_port, fresh_folder

PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
RULES = PROMETHEUS / "alerts.yml"
RULE_TESTS = PROMETHEUS / "alerts.test.yml"
DASHBOARDS = sorted((REPOSITORY / "deploy" / "grafana").glob("*.json"))
NAME = re.compile(r"\bmeterline_[a-z0-9_]+\b(?!_\()")
PATIENCE_S = 60.0


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian's package prometheus): `make test` does it")
    return found


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [program("promtool"), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def rules() -> list[dict[str, object]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def expressions(dashboard: Path) -> list[str]:
    panels = json.loads(dashboard.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_promtool_accepts_the_alerts_and_how_prometheus_is_set_up() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stderr
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stderr


def test_each_alert_comes_and_stays_away_where_it_is_to() -> None:
    done = promtool("test", "rules", RULE_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    asked: dict[str, set[bool]] = {}
    for case in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for row in case["alert_rule_test"]:
            asked.setdefault(row["alertname"], set()).add(bool(row["exp_alerts"]))
    assert asked == {str(rule["alert"]): {True, False} for rule in rules()}


def test_the_commands_that_an_alert_names_are_there() -> None:
    named = re.findall(r"`meterline-central ([a-z -]+?)(?: --[^`]*)?`", RULES.read_text())
    assert named
    assert [words for words in named if words not in {**CENTRAL, **LIVING}] == []


@dataclass(frozen=True)
class Watched:
    """A centre that is watched: its pages, and the Prometheus that scrapes it."""

    pages: AsyncClient
    prometheus: AsyncClient

    async def ask(self, expression: str) -> list[object]:
        answer = await self.prometheus.get("/api/v1/query", params={"query": expression})
        body = answer.json()
        assert body["status"] == "success", (expression, body)
        result: list[object] = body["data"]["result"]
        return result

    async def asked_until(self, expression: str, limit_s: float = PATIENCE_S) -> list[object]:
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while not (result := await self.ask(expression)) and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        return result


@contextmanager
def prometheus(folder: Path, port: int, targets: dict[str, int]) -> Iterator[None]:
    """A Prometheus that scrapes the processes of `deploy/prometheus/prometheus.yml` elsewhere."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "300ms", "scrape_timeout": "300ms"}
    config["rule_files"] = [str(RULES)]
    for job in config["scrape_configs"]:
        target = targets[job["job_name"].removeprefix("meterline-")]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{target}"]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    argv = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(argv, cwd=folder) as process:
        try:
            yield
        finally:
            process.kill()


@asynccontextmanager
async def watched(
    database: Database, broker: EmbeddedBroker, doors: Mapping[str, Any]
) -> AsyncIterator[Watched]:
    dsn, port, pages_port = SecretStr(database.dsn), free_port(), free_port()
    targets = {name: free_port() for name in ("ingest", "worker", "serve")}
    tasks = [
        asyncio.ensure_future(work)
        for work in (
            run_ingest(
                IngestSettings(database=dsn, broker_port=broker.port, health_port=targets["ingest"])
            ),
            run_worker(Settings(database=dsn, health_port=targets["worker"], **doors)),
            run_serve(
                Settings(database=dsn, health_port=targets["serve"], **doors), port=pages_port
            ),
        )
    ]
    try:
        with fresh_folder() as folder, prometheus(folder, port, targets):
            async with client(pages_port) as pages, client(port) as asked:
                await answers(pages, "/api/v1/health/ready")
                await answers(asked, "/-/ready")
                yield Watched(pages, asked)
        assert [task for task in tasks if task.done()] == []
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def doors(folder: Path) -> dict[str, Any]:
    """Settings of what lets people and gateways in, and a signed head of the audit log."""
    now, month = datetime.now(UTC), timedelta(days=30)
    authority = FileAuthority.make(folder, "gateways", month, now)
    listed = folder / "revoked.crl"
    listed.write_text(authority.revocation_list([], now, now + month))
    FileKey.make(folder / "heads.pem")
    (folder / "heads").mkdir()
    (folder / "heads" / f"audit-head-{now:%Y-%m-%d}.json").write_text("{}")
    return {
        "authority_key": folder / "authority.key",
        "authority_certificate": folder / "authority.crt",
        "gateway_brokers": ("mqtts://broker.example:8883",),
        "gateway_broker_ca": folder / "authority.crt",
        "gateway_revocation_list": listed,
        "audit_head_folder": folder / "heads",
        "audit_head_key": folder / "heads.pem",
    }


def client(port: int) -> AsyncClient:
    return AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)


async def answers(web: AsyncClient, path: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(TransportError):  # it does not listen yet
                if (await web.get(path)).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def test_prometheus_answers_each_expression_of_the_dashboards(
    plain_migrated: Database, mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    asked = [expr for dashboard in DASHBOARDS for expr in expressions(dashboard)]
    assert asked
    async with watched(plain_migrated, mosquitto, doors(tmp_path)) as centre:
        await centre.asked_until('sum(up{job=~"meterline-.*"}) == 3')
        # A rate needs two samples of what was counted.
        ready = "min(count_over_time(up[1m])) > 2"
        await centre.asked_until(ready)
        assert [expr for expr in asked if not await centre.asked_until(expr)] == []
        # What the alerts ask for has a name that somebody says.
        names = sorted({name for rule in rules() for name in NAME.findall(str(rule["expr"]))})
        assert names
        assert [name for name in names if not await centre.ask(f'{{__name__="{name}"}}')] == []


async def test_each_request_has_an_id_and_counts_for_its_route(plain_migrated: Database) -> None:
    port, health = free_port(), free_port()
    settings = Settings(database=SecretStr(plain_migrated.dsn), health_port=health)
    task = asyncio.ensure_future(run_serve(settings, port=port))
    try:
        async with client(port) as pages, client(health) as asked:
            await answers(pages, "/api/v1/health/ready")
            given = await pages.get("/api/v1/meters/9", headers={"X-Request-Id": "proxy-12345"})
            assert given.headers["X-Request-Id"] == "proxy-12345"
            other = await pages.get("/nowhere", headers={"X-Request-Id": "not plain"})
            assert re.fullmatch("[0-9a-f]{32}", other.headers["X-Request-Id"])
            text = (await asked.get("/metrics")).text
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    counted = 'meterline_serve_request_seconds_count{{method="GET",route="{}",status="4xx"}} 1'
    assert counted.format("/api/v1/meters/{meter}") in text
    assert counted.format("none") in text
