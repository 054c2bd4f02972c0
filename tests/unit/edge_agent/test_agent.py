"""One agent inside this process: what it reports of itself, without a broker or a network."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent import agent as agent_module
from edge_agent.agent import Agent, agent_name
from edge_agent.agent_metrics import written_bytes
from edge_agent.buffer.records import Cycle
from edge_agent.cli import app
from edge_agent.config.settings import EdgeConfig, parse_config
from edge_agent.errors import (
    AgentSilentError,
    BrokerUnreachableError,
    BufferDamagedError,
    BufferUnavailableError,
)
from edge_agent.main import run_until_signal, running_agent
from edge_agent.monitoring.health import inspect_file
from edge_agent.monitoring.reload_request import ask_reload
from edge_agent.monitoring.status_socket import ask, listen, socket_path
from edge_agent.monitoring.systemd import Supervisor
from edge_agent.reconfigure import Applied, ReloadRefusal
from edge_agent.remote.service import AgentHost, RemoteService
from edge_agent.uplink import mqtt
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import GatewayState, Status
from firmware_bridge.contract.reports import ConfigurationState
from tests.support.edge_parts import NOON, entry
from tests.support.signing import Signer

SIGNER, UPDATE_SIGNER = Signer(1), Signer(5)


def table(folder: Path, **keys: object) -> dict[str, Any]:
    return {
        "gateway": "gw-1",
        "buffer": {"path": str(folder / "buffer.db")},
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "clock": {"source": "trusted"},
        "meters": [],
    } | keys


def toml(folder: Path) -> Path:
    file = folder / "edge.toml"
    file.write_text(
        f'gateway = "gw-1"\nbuffer.path = "{folder}/buffer.db"\n'
        'broker.url = "mqtt://127.0.0.1:1"\nclock.source = "trusted"\n'
    )
    return file


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_where: object) -> None:
        message = "Nobody listens."
        raise BrokerUnreachableError(message)

    monkeypatch.setattr(mqtt, "ask_version", unreachable)


@asynccontextmanager
async def running(config: EdgeConfig) -> AsyncIterator[Agent]:
    async with running_agent(config, "the test") as agent:
        await until(lambda: agent.uplink.failure is not None)
        yield agent


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_health_says_how_the_agent_does(tmp_path: Path) -> None:
    async with running(parse_config(table(tmp_path))) as agent:
        assert agent.caught_up
        readings = [entry(0), entry(1)]
        await agent.buffer.store(Cycle(NOON, readings, {"meter.m.read_ms": 1_000}))
        health = await agent.health()
        assert health.running
        assert (health.gateway, health.pid) == ("gw-1", os.getpid())
        assert (health.backlog, health.connected) == (1, False)
        assert health.broker_failure == "BROKER_UNREACHABLE"
        assert health.readings["unacknowledged"] == 2
        assert health.readings["reconcile"] is True
        assert health.meters["m"].last_good_read == "1970-01-01T00:00:01+00:00"
        assert health.configuration is not None
        assert health.configuration["origin"] == "the test"
        answer = await asyncio.to_thread(ask, socket_path(tmp_path / "buffer.db"))
        assert answer is not None
        assert json.loads(answer)["backlog"] == 1
    assert ask(socket_path(tmp_path / "buffer.db")) is None
    left = inspect_file(tmp_path / "buffer.db")
    assert not left.running
    assert (left.backlog, left.readings["reconcile"]) == (1, True)


async def test_figures_are_gathered_at_the_moment_of_a_scrape(tmp_path: Path) -> None:
    async with running(parse_config(table(tmp_path))) as agent:
        await agent.buffer.store(Cycle(NOON, [entry(0)]))
        text = await agent.metrics()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines["meterline_edge_connected"] == "0"
    assert lines["meterline_edge_backlog_batches"] == "1"
    assert lines["meterline_edge_clock_synchronised"] == "1"
    assert lines["meterline_edge_configurations_applied_total"] == "1"
    assert lines["meterline_edge_register_rollover_total"] == "0"
    assert float(lines["meterline_edge_disk_free_bytes"]) > 0


def test_a_kernel_that_counts_no_bytes_leaves_the_figure_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("edge_agent.agent_metrics._IO", tmp_path / "io")
    assert written_bytes() is None
    (tmp_path / "io").write_text("rchar: 1\nwrite_bytes: 42\n")
    assert written_bytes() == 42


async def test_another_configuration_is_put_in_force(tmp_path: Path) -> None:
    async with running(parse_config(table(tmp_path))) as agent:
        broker = {"url": "mqtt://127.0.0.1:2"}
        outcome = await agent.apply(parse_config(table(tmp_path, broker=broker)), "the centre")
        assert isinstance(outcome, Applied)
        assert outcome.broker
        refused = await agent.apply(parse_config(table(tmp_path, gateway="gw-2")), "the centre")
        assert isinstance(refused, ReloadRefusal)
        assert agent.reloader.standing.refused == 1


async def test_notes_are_written_though_no_cycle_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "KEEP_S", 0.01)
    monkeypatch.setattr(agent_module, "IDLE_FLUSH_S", 0.0)
    async with running(parse_config(table(tmp_path))) as agent:
        agent.buffer.note(NOON, "something", "It happened.")
        await until(lambda: not agent.buffer.engine.pending)


async def test_the_service_manager_hears_that_we_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Supervisor, "notify", lambda _self, state: said.append(state))
    monkeypatch.setattr(
        Supervisor, "from_environment", classmethod(lambda cls: cls("/nowhere", 0.03))
    )
    async with running(parse_config(table(tmp_path))):
        await until(lambda: said.count("WATCHDOG=1") >= 2)
    assert (said[0], said[-1]) == ("READY=1", "STOPPING=1")


async def test_a_buffer_that_takes_no_notes_still_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(parse_config(table(tmp_path))) as agent:
        close = agent.buffer.close

        async def fails() -> None:
            await close()
            message = "The disk fails."
            raise BufferUnavailableError(message)

        monkeypatch.setattr(agent.buffer, "close", fails)
    assert inspect_file(tmp_path / "buffer.db").gateway == "gw-1"


async def test_an_agent_whose_work_breaks_ends_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_agent: Agent) -> None:
        message = "It is beyond repair."
        raise BufferDamagedError(message)

    monkeypatch.setattr(Agent, "run", broken)
    with pytest.raises(BufferDamagedError):
        async with running_agent(parse_config(table(tmp_path))) as agent:
            await asyncio.wait({agent.task})


def test_its_name_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "software_version", lambda: "1.2")
    assert agent_name() == "meterline-edge 1.2"
    monkeypatch.setattr(agent_module, "software_version", lambda: None)
    assert agent_name() == "meterline-edge"


async def test_it_stops_on_a_signal_and_reads_its_file_anew_on_another(tmp_path: Path) -> None:
    reads = 0

    def read() -> EdgeConfig:
        nonlocal reads
        reads += 1
        return parse_config(table(tmp_path))

    work = asyncio.create_task(run_until_signal(read, "the test"))
    path = tmp_path / "buffer.db"
    await until(lambda: socket_path(path).exists())
    standing = await asyncio.to_thread(ask_reload, path, 60.0)
    assert (standing["applied"], standing["refusal"], reads) == (2, None, 2)
    code, out = await asyncio.to_thread(invoke, "reload", "--config", str(toml(tmp_path)))
    assert (code, "is in force: nothing changed" in out) == (0, True), out
    code, out = await asyncio.to_thread(invoke, "status", "--config", str(tmp_path / "edge.toml"))
    assert (code, "gw-1 (running)" in out) == (0, True), out
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(work, 60)
    assert ask(socket_path(path)) is None


def test_nobody_to_ask_is_said(tmp_path: Path) -> None:
    with pytest.raises(AgentSilentError, match="No agent"):
        ask_reload(tmp_path / "buffer.db")
    with pytest.raises(BufferUnavailableError, match=r"buffer\.db does not exist"):
        inspect_file(tmp_path / "buffer.db")
    (tmp_path / "buffer.db").write_text("Dear diary")
    with pytest.raises(BufferUnavailableError, match="cannot be read"):
        inspect_file(tmp_path / "buffer.db")


@pytest.mark.parametrize(
    ("pid", "match"), [(2**22 + 1, "cannot be signalled"), (None, "did not answer")]
)
async def test_an_agent_that_does_not_answer_is_said(
    tmp_path: Path, pid: int | None, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "buffer.db"

    async def answer() -> str:
        return json.dumps({"pid": pid, "configuration": {"attempts": 1}})

    if pid is None:
        monkeypatch.setattr(os, "kill", lambda *_: None)
    server = await listen(socket_path(path), answer)
    with pytest.raises(AgentSilentError, match=match):
        await asyncio.to_thread(ask_reload, path, 0.3)
    server.close()


async def test_a_socket_whose_path_is_too_long_is_named(tmp_path: Path) -> None:
    async def answer() -> str:
        return ""

    with pytest.raises(BufferUnavailableError, match="path too long"):
        await listen(tmp_path / ("x" * 120), answer)


def test_status_of_an_agent_that_is_down_reads_its_file(tmp_path: Path) -> None:
    asyncio.run(_leave_a_buffer(tmp_path))
    config = str(toml(tmp_path))
    code, out = invoke("status", "--config", config)
    assert code == 0, out
    assert "gw-1 (not running)" in out
    assert "meter     m: last good read 1970-01-01T00:00:01+00:00" in out
    code, out = invoke("status", "--config", config, "--json")
    assert json.loads(out)["backlog"] == 1
    assert invoke("check-config", "--config", config)[0] == 0
    assert json.loads(invoke("check-config", "--config", config, "--json")[1])["meters"] == []


async def _leave_a_buffer(folder: Path) -> None:
    async with running(parse_config(table(folder))) as agent:
        await agent.buffer.store(Cycle(NOON, [entry(0)], {"meter.m.read_ms": 1_000}))


@pytest.mark.parametrize("command", ["status", "reload", "check-config"])
def test_a_file_that_is_not_there_is_a_fault_of_the_configuration(
    command: str, tmp_path: Path
) -> None:
    code, out = invoke(command, "--config", str(tmp_path / "none.toml"))
    assert code == 3
    assert "none.toml" in out


def governed(folder: Path, **keys: object) -> EdgeConfig:
    remote = {"keys": [SIGNER.public.hex()]}
    update = {"keys": [UPDATE_SIGNER.public.hex()], "install": ["install"]}
    return parse_config(table(folder, remote=remote, update=update, **keys))


async def test_what_is_signed_reaches_whom_it_is_for(tmp_path: Path) -> None:
    service = RemoteService(governed(tmp_path))
    assert service.topics == (topics.configuration("gw-1"), topics.command("gw-1"))
    local = governed(tmp_path)
    assert service.begin(local).meters == ()
    assert service.over(local) is local
    async with running_agent(local, listener=service) as agent:
        work = asyncio.create_task(service.run(agent))
        service.on_message(topics.configuration("gw-1"), SIGNER.configuration(1, "meters = 1"))
        service.on_message(topics.command("gw-1"), b"{}")
        await until(lambda: len(agent.buffer.engine.notes._notes) >= 2)
        status = service.complete(Status(GatewayState.ONLINE, "agent"))
        assert status.config is not None
        assert status.config.state is ConfigurationState.LOCAL
        assert status.config.code == "CONFIGURATION_INVALID"
        assert [report.code for report in status.updates] == ["BAD_MAGIC"]
        health = await agent.health()
        assert health.remote is not None
        assert health.remote["configuration"]["code"] == "CONFIGURATION_INVALID"
        assert "remote_configurations_refused_total 1" in await agent.metrics()
        host = AgentHost(agent, agent.clock)
        assert host.vitals().period_s == 0
        assert isinstance(await host.apply(local, "the centre"), Applied)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        service.stop()


def test_a_gateway_without_a_key_takes_nothing(tmp_path: Path) -> None:
    local = parse_config(table(tmp_path))
    service = RemoteService(local)
    service.on_message(topics.configuration("gw-1"), b"x")
    service.stop()
    assert (service.topics, service.table(), service.figures()) == ((), None, ())
    assert service.begin(local) is local
    assert service.over(local) is local
    status = Status(GatewayState.ONLINE, "agent", NOON + timedelta(hours=1), 0)
    assert service.complete(status) == status
