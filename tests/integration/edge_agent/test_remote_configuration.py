"""Configurations from the centre over a real broker, to an agent that reads a virtual meter."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from edge_agent.cancellation import end
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from edge_agent.remote.service import RemoteService
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import Status, decode_status
from firmware_bridge.contract.reports import ConfigurationState
from tests.support.edge_centre import Centre, listening
from tests.support.signing import Signer

from .conftest import GATEWAY, VirtualMeters, as_toml, virtual_meters
from .test_agent_process import agent_process, cli

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from edge_agent.agent import Agent

SIGNER, STRANGER = Signer(1), Signer(2)
PROBATION_S = 1.0
# On a machine that is busy with other tests.
LATE_S, PATIENCE_S = 40.0, 60.0


def meters(site: VirtualMeters, *names: str, port: int | None = None, period_s: int = 1) -> str:
    """What the centre says of the meters."""
    return "".join(
        f'[[meters]]\nname = "{name}"\nprotocol = "modbus"\nperiod_s = {period_s}\n'
        f'host = "127.0.0.1"\nport = {port or site.server.port}\nunit_id = 1\n'
        'profile = "meterline-virtual"\nload_profile = false\nread_timeout_s = 1\n'
        for name in names
    )


@dataclass
class Office:
    """Publishes, and reads the gateway's status."""

    client: aiomqtt.Client
    seen: list[Status] = field(default_factory=list)
    read: int = 0

    async def publish(self, payload: bytes) -> None:
        await self.client.publish(topics.configuration(GATEWAY), payload, qos=1, retain=True)

    async def until(self, wanted: Callable[[Status], bool]) -> Status:
        """The next status that is as wanted; the last one that was looked at counts too."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for index in range(self.read, len(self.seen)):
                    if wanted(self.seen[index]):
                        self.read = index
                        return self.seen[index]
                await asyncio.sleep(0.02)

    def forget(self) -> None:
        self.read = len(self.seen)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.seen.append(decode_status(message.payload))


@asynccontextmanager
async def office(port: int) -> AsyncIterator[Office]:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(topics.status(GATEWAY), qos=1)
        desk = Office(client)
        task = asyncio.create_task(desk.listen())
        try:
            yield desk
        finally:
            await end(task)


def table(site: VirtualMeters, folder: Path, port: int, **remote: Any) -> dict[str, Any]:  # noqa: ANN401 - settings
    own = site.config(folder, port, period_s=1, load_profile=False)
    return own | {
        "remote": {
            "keys": [SIGNER.public.hex()],
            "probation_s": PROBATION_S,
            "late_s": LATE_S,
            "starts": 2,
        }
        | remote
    }


@asynccontextmanager
async def governed(settings: dict[str, Any]) -> AsyncIterator[tuple[Agent, RemoteService]]:
    """An agent as the command line runs it, in this process."""
    local = parse_config(settings)
    desk = RemoteService(local)
    async with running_agent(desk.begin(local), listener=desk) as agent:
        task = asyncio.create_task(desk.run(agent))
        try:
            yield agent, desk
        finally:
            await end(task)
            desk.stop()


def names(agent: Agent) -> list[str]:
    return [station.name for station in agent.meters]


def is_in(state: ConfigurationState, version: int) -> Callable[[Status], bool]:
    def found(status: Status) -> bool:
        config = status.config
        return config is not None and (config.state, config.version) == (state, version)

    return found


def is_refused(code: str) -> Callable[[Status], bool]:
    return lambda status: status.config is not None and status.config.code == code


async def test_a_configuration_proves_itself_and_survives_a_restart(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            settings = table(site, tmp_path, mosquitto.port)
            centre = Centre(GATEWAY)
            async with listening(centre, mosquitto.port), office(mosquitto.port) as desk:
                async with governed(settings) as (agent, own):
                    await desk.until(is_in(ConfigurationState.LOCAL, 0))
                    assert names(agent) == ["m1"]
                    await desk.publish(SIGNER.configuration(7, meters(site, "a", "b")))
                    await desk.until(is_in(ConfigurationState.PROBATION, 7))
                    await desk.until(is_in(ConfigurationState.GOOD, 7))
                    assert names(agent) == ["a", "b"]
                    health = await agent.health()
                    assert health.remote is not None
                    assert health.remote["configuration"]["version"] == 7
                    assert "meterline_edge_remote_configuration_version 7" in await agent.metrics()
                    # The gateway's own file read anew does not undo what the centre said.
                    await agent.reloader.reload(lambda: own.over(parse_config(settings)), "file")
                    assert names(agent) == ["a", "b"]
                async with governed(settings) as (agent, _):
                    assert names(agent) == ["a", "b"]
                    # The retained message comes again, and changes nothing.
                    desk.forget()
                    await desk.until(is_in(ConfigurationState.GOOD, 7))


async def test_one_with_which_no_meter_answers_is_taken_back(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            async with (
                office(mosquitto.port) as desk,
                governed(table(site, tmp_path, mosquitto.port, late_s=5.0)) as (agent, _),
            ):
                await desk.publish(SIGNER.configuration(1, meters(site, "a")))
                await desk.until(is_in(ConfigurationState.GOOD, 1))
                await desk.publish(SIGNER.configuration(2, meters(site, "a", "b", port=1)))
                await desk.until(is_in(ConfigurationState.PROBATION, 2))
                status = await desk.until(is_refused("CONFIGURATION_UNHEALTHY"))
                assert status.config is not None
                assert (status.config.version, status.config.refused) == (1, 2)
                await asyncio.sleep(0.1)
                assert names(agent) == ["a"]
                # Nor does it come back when the broker says it again.
                await desk.publish(SIGNER.configuration(2, meters(site, "a", "b", port=1)))
                await desk.publish(SIGNER.configuration(3, meters(site, "c")))
                await desk.until(is_in(ConfigurationState.GOOD, 3))
                assert names(agent) == ["c"]


async def test_what_is_not_to_be_believed_is_refused_by_name_and_changes_nothing(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            async with (
                office(mosquitto.port) as desk,
                governed(table(site, tmp_path, mosquitto.port)) as (agent, _),
            ):
                good = meters(site, "a")
                await desk.publish(SIGNER.configuration(5, good))
                await desk.until(is_in(ConfigurationState.GOOD, 5))
                kept = (tmp_path / "buffer.db.remote").read_bytes()
                bent = bytearray(SIGNER.configuration(6, good))
                bent[-1] ^= 1
                hostile = {
                    "SIGNING_KEY_UNKNOWN": STRANGER.configuration(6, good),
                    "BAD_SIGNATURE": bytes(bent),
                    "OTHER_GATEWAY": SIGNER.configuration(6, good, gateway="gw-2"),
                    "CONFIGURATION_STALE": SIGNER.configuration(4, good),
                    "OVERSIZE": SIGNER.configuration(6, good)[:14] + bytes(70_000),
                    "BAD_MAGIC": b"{}",
                    "CONFIGURATION_INVALID": SIGNER.configuration(6, "[broker]\nurl = 'x'"),
                    "UNKNOWN_PROTOCOL": SIGNER.configuration(
                        6, "[[meters]]\nname = 'a'\nprotocol = 'none'\n"
                    ),
                }
                for code, payload in hostile.items():
                    await desk.publish(payload)
                    status = await desk.until(is_refused(code))
                    assert status.config is not None
                    assert status.config.version == 5
                # A hostile broker may go on for ever; the gateway's record of events does not grow.
                told: list[str] = []
                note, agent.buffer.note = agent.buffer.note, lambda *said: told.append(said[1])  # type: ignore[method-assign]
                for _ in range(3):
                    for code in ("BAD_MAGIC", "OTHER_GATEWAY"):
                        await desk.publish(hostile[code])
                        await desk.until(is_refused(code))
                agent.buffer.note = note  # type: ignore[method-assign]
                assert told == []
                # The same version again, with another content.
                await desk.publish(SIGNER.configuration(5, meters(site, "b")))
                await desk.until(is_refused("CONFIGURATION_STALE"))
                assert names(agent) == ["a"]
                # Nobody without the key makes the card wear.
                assert (tmp_path / "buffer.db.remote").read_bytes() == kept
                refused = f"meterline_edge_remote_configurations_refused_total {len(hostile) + 7}"
                assert refused in await agent.metrics()
                await desk.publish(SIGNER.configuration(6, meters(site, "b")))
                await desk.until(is_in(ConfigurationState.GOOD, 6))


async def test_a_gateway_without_a_key_takes_nothing(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            settings = table(site, tmp_path, mosquitto.port, keys=[])
            async with office(mosquitto.port) as desk, governed(settings) as (agent, own):
                assert own.topics == ()
                status = await desk.until(lambda _: True)
                await desk.publish(SIGNER.configuration(1, meters(site, "a")))
                await asyncio.sleep(0.2)
                assert status.config is None
                assert names(agent) == ["m1"]


async def test_a_damaged_record_takes_nothing_new_and_reads_on(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=1) as site:
        with mosquitto:
            settings = table(site, tmp_path, mosquitto.port)
            async with office(mosquitto.port) as desk:
                async with governed(settings):
                    await desk.publish(SIGNER.configuration(3, meters(site, "a")))
                    await desk.until(is_in(ConfigurationState.GOOD, 3))
                for copy in ("buffer.db.remote", "buffer.db.remote.copy"):
                    (tmp_path / copy).write_bytes(b"torn")
                async with governed(settings) as (agent, _):
                    await desk.until(is_refused("REMOTE_STATE_DAMAGED"))
                    await desk.publish(SIGNER.configuration(4, meters(site, "b")))
                    await asyncio.sleep(0.2)
                    assert names(agent) == ["m1"]


@pytest.mark.parametrize("kills", [1, 3])
async def test_kills_in_its_probation(
    mosquitto: EmbeddedBroker, tmp_path: Path, kills: int
) -> None:
    """Two starts are its share: after one kill it may still prove itself, after three it is out."""
    async with virtual_meters(days=1) as site:
        with mosquitto:
            settings = table(site, tmp_path, mosquitto.port, probation_s=4.0)
            config = tmp_path / "edge.toml"
            config.write_text(as_toml(settings) + _remote(settings["remote"]))
            async with office(mosquitto.port) as desk:
                await desk.publish(SIGNER.configuration(1, meters(site, "a")))
                for _ in range(kills):
                    async with agent_process(config) as process:
                        desk.forget()
                        await desk.until(is_in(ConfigurationState.PROBATION, 1))
                        os.kill(process.pid, signal.SIGKILL)
                        await process.wait()
                        await desk.until(lambda status: status.config is None)
                async with agent_process(config) as process:
                    if kills == 1:
                        await desk.until(is_in(ConfigurationState.GOOD, 1))
                        code, shown = await cli("status", "--config", str(config))
                        assert (code, "configuration 1, good" in shown) == (0, True), shown
                    else:
                        status = await desk.until(is_refused("CONFIGURATION_DIED"))
                        assert is_in(ConfigurationState.LOCAL, 0)(status)
                    process.send_signal(signal.SIGTERM)
                    assert await asyncio.wait_for(process.wait(), 60) == 0


def _remote(settings: dict[str, Any]) -> str:
    return "[remote]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
