"""Apply a new configuration to a running agent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from edge_agent.reconfigure import Applied, ReloadRefusal
from firmware_bridge.contract.reading import Source
from tests.support.edge_centre import Centre, listening
from tests.support.servers import free_port

from .conftest import GATEWAY, VirtualMeters, as_toml, health_of, virtual_meters
from .test_agent_figures import scrape
from .test_agent_process import agent_process, cli
from .test_agent_whole_path import settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_agent.agent import Agent


def live_times(centre: Centre, serial: str) -> list[int]:
    """When a meter's import register was read, in ms."""
    return sorted(
        at_ms
        for ledger in centre.epochs.values()
        for batch in ledger.batches.values()
        for channel, at_ms in zip(batch.columns.channel, batch.columns.at_ms, strict=True)
        if batch.channels[channel].serial == serial
        and batch.channels[channel].source is Source.LIVE
        and batch.channels[channel].obis.code[2] == 1
    )


def assert_goes_on(times: list[int], record: Callable[[str, object], None]) -> None:
    """No read twice, and no long silence; tests/chaos/test_changing_meters.py counts each boundary.

    On a busy machine a read may begin late, and then takes the latest boundary.
    """
    record("reads of the meter that stays", len(times))
    assert len(set(times)) == len(times) >= 3
    assert max(after - before for before, after in pairwise(times)) < 30_000


async def until(agent: Agent, name: str) -> None:
    async with asyncio.timeout(60):
        while (await agent.health()).meters[name].last_good_read is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


def meters(table: dict[str, Any], *names: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - settings
    chosen = [meter | changes.get(meter["name"], {}) for meter in table["meters"]]
    return table | {"meters": [meter for meter in chosen if meter["name"] in names]}


async def test_meters_come_go_and_change_while_another_keeps_its_beat(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with virtual_meters(days=1, meters=3) as site, asyncio.timeout(120):
        with mosquitto:
            table = site.config(tmp_path, mosquitto.port, period_s=1)
            centre = Centre(GATEWAY)
            first = parse_config(meters(table, "m1", "m2"))
            async with listening(centre, mosquitto.port), running_agent(first) as agent:
                await settled(agent)
                buffer, stays = agent.buffer, agent.meters[0].driver
                inode = (tmp_path / "buffer.db").stat().st_ino
                changed = meters(table, "m1", "m2", "m3", m2={"period_s": 2})
                applied = await agent.apply(parse_config(changed), "a test")
                assert isinstance(applied, Applied)
                assert str(applied) == "m3 added, m2 changed"
                kept = next(s for s in agent.meters if s.name == "m2")
                assert kept.period_s == 2
                await until(agent, "m3")
                moved = meters(changed, "m1", "m2", m2={"timeout_s": 0.5})
                applied = await agent.apply(parse_config(moved), "a test")
                assert str(applied) == "m2 changed, m3 removed"
                assert [s.name for s in agent.meters] == ["m1", "m2"]
                assert agent.meters[1] is not kept
                await asyncio.sleep(2.5)
                applied = await agent.apply(parse_config(moved), "a test")
                assert str(applied) == "nothing changed"
                await settled(agent)
                assert agent.meters[0].driver is stays
                assert agent.buffer is buffer
                assert (tmp_path / "buffer.db").stat().st_ino == inode
                health = await agent.health()
                assert health.readings["reconcile"]
                assert health.configuration is not None
                assert (health.configuration["applied"], health.configuration["refused"]) == (4, 0)
            one, two, three = (site.meters[unit].serial for unit in (1, 2, 3))
            assert_goes_on(live_times(centre, one), record_property)
            assert live_times(centre, two)
            assert live_times(centre, three)
            assert len(set(live_times(centre, two))) == len(live_times(centre, two))
            assert len(centre.epochs) == 1


async def test_what_cannot_be_is_refused_by_name_and_nothing_changes(tmp_path: Path) -> None:
    async with virtual_meters(days=1, meters=2) as site, asyncio.timeout(60):
        table = site.config(tmp_path, 1, period_s=1)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            busy = taken.getsockname()[1]
            refused: dict[str, dict[str, Any]] = {
                "SETTING_FIXED": table | {"gateway": "gw-2"},
                "DRIVER_SETTING": meters(table, "m1", "m2", m2={"unit_id": 999}),
                "UNKNOWN_PROTOCOL": meters(table, "m1", "m2", m2={"protocol": "semaphore"}),
                "METRICS_PORT": meters(table, "m1") | {"metrics": {"port": busy}},
                "BROKER_TLS": table
                | {"broker": {"url": "mqtts://127.0.0.1:1", "ca_file": str(tmp_path / "none")}},
            }
            async with running_agent(parse_config(table)) as agent:
                before = list(agent.meters)
                for code, wrong in refused.items():
                    answer = await agent.apply(parse_config(wrong), "a test")
                    assert isinstance(answer, ReloadRefusal)
                    assert answer.code == code
                    standing = (await agent.health()).configuration
                    assert standing is not None
                    assert standing["refusal"]["code"] == code
                assert agent.meters == before
                elsewhere = table | {"buffer": {"path": str(tmp_path / "other.db")}}
                answer = await agent.apply(parse_config(elsewhere), "a test")
                assert isinstance(answer, ReloadRefusal)
                assert "`buffer.path` cannot change" in answer.message
                assert "Restart the agent" in answer.message
                assert agent.reloader.config == parse_config(table)


async def health(folder: Path) -> dict[str, Any]:
    found = await health_of(folder)
    assert found is not None
    return found


def written(config: Path, site: VirtualMeters, broker: int, metrics: int, **meter: object) -> None:
    table = as_toml(site.config(config.parent, broker, **meter))
    config.write_text(f"metrics.port = {metrics}\n{table}")


async def test_a_process_reloads_on_sighup_and_says_what_came_of_it(
    mosquitto: EmbeddedBroker, server_home: Path, tmp_path: Path
) -> None:
    second = EmbeddedBroker(server_home / "second", kind=BrokerKind.MOSQUITTO)
    config, port = tmp_path / "edge.toml", free_port()
    async with virtual_meters(days=1, meters=2) as site, asyncio.timeout(180):
        with mosquitto, second:
            written(config, site, mosquitto.port, port, period_s=1)
            centre = Centre(GATEWAY)
            async with agent_process(config) as process:
                async with listening(centre, mosquitto.port):
                    while not centre.rows():  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.05)
                began = await health(tmp_path)
                moved_to = free_port()
                written(config, site, second.port, moved_to, period_s=2)
                process.send_signal(signal.SIGHUP)
                async with listening(centre, second.port):
                    there = len(centre.hellos)
                    while len(centre.hellos) == there:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.05)
                    while (await health(tmp_path))["backlog"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                after = await health(tmp_path)
                assert after["pid"] == began["pid"]
                assert after["configuration"]["applied"] == 2
                assert after["configuration"]["refusal"] is None
                figures = await scrape(moved_to)
                assert "meterline_edge_configurations_applied_total 2" in figures
                await refuses(config, process)
                figures = await scrape(moved_to)
                assert "meterline_edge_configurations_refused_total 1" in figures
                assert "meterline_edge_configuration_refused 1" in figures
                written(config, site, second.port, moved_to, period_s=1)
                code, out = await cli("reload", "--config", str(config))
                assert (code, "m1 changed, m2 changed" in out) == (0, True), out
                assert "meterline_edge_configuration_refused 0" in await scrape(moved_to)
            code, out = await cli("reload", "--config", str(config))
            assert (code, "AGENT_SILENT" in out) == (1, True), out
            assert centre.strangers == 0
            assert len(centre.epochs) == 1


def turn(config: Path, old: str, new: str) -> None:
    config.write_text(config.read_text().replace(f'protocol = "{old}"', f'protocol = "{new}"'))


async def refuses(config: Path, process: asyncio.subprocess.Process) -> None:
    """A file with a wrong key changes nothing, and the command line says why."""
    turn(config, "modbus", "morse")
    code, out = await cli("reload", "--config", str(config), "--json")
    assert code == 3, out
    assert json.loads(out)["refusal"]["code"] == "UNKNOWN_PROTOCOL"
    code, out = await cli("status", "--config", str(config))
    assert "REFUSED" in out
    os.kill(process.pid, 0)
    turn(config, "morse", "modbus")


async def test_systemd_hears_of_a_reload(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    config = tmp_path / "edge.toml"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        async with virtual_meters(days=1) as site, asyncio.timeout(90):
            config.write_text(as_toml(site.config(tmp_path, 1)))
            environment = {"NOTIFY_SOCKET": str(address)}
            async with agent_process(config, environment) as process:
                assert await loop.sock_recv(channel, 100) == b"READY=1"
                process.send_signal(signal.SIGHUP)
                reloading = await loop.sock_recv(channel, 100)
                assert reloading.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
                assert int(reloading.partition(b"USEC=")[2]) > 0
                assert await loop.sock_recv(channel, 100) == b"READY=1"
                config.write_text("gateway = ")
                process.send_signal(signal.SIGHUP)
                assert (await loop.sock_recv(channel, 100)).startswith(b"RELOADING=1")
                assert await loop.sock_recv(channel, 100) == b"READY=1"
                standing = (await health(tmp_path))["configuration"]
                assert standing["refusal"]["code"] == "CONFIGURATION_FILE"
                assert "is not valid TOML" in standing["refusal"]["message"]
                assert (standing["applied"], standing["refused"]) == (2, 1)
                process.terminate()
                assert await process.wait() == 0
