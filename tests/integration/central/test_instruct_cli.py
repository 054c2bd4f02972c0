"""Keys, configurations and updates from the command line, to the edge's own decoders."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from typer.testing import CliRunner, Result

from central.adapters.embedded.broker import EmbeddedBroker
from central.cli.app import app
from edge_agent.remote.key_ring import KeyRing
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import GatewayState, Status, encode_status
from firmware_bridge.contract.remote import decode_configuration, decode_update
from firmware_bridge.contract.reports import (
    ConfigurationReport,
    ConfigurationState,
    UpdateReport,
    UpdateState,
)
from firmware_bridge.contract.signed import Purpose

METERS = '[[meters]]\nname = "main"\nprotocol = "sml"\nperiod_s = 60\n'


def central(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["gateway", *(str(argument) for argument in arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.stderr
    return done


def said(done: Result) -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(done.stdout)


@pytest.fixture
def port(mosquitto: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with mosquitto:
        monkeypatch.setenv("METERLINE_BROKER_PORT", str(mosquitto.port))
        yield mosquitto.port


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / "signing.pem"
    return file, said(central("make-key", file, "--json"))["public"]


def retained(port: int, topic: str, seconds: float = 60) -> bytes:
    async def read() -> bytes:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe(topic, qos=1)
            async with asyncio.timeout(seconds):
                payload = (await anext(client.messages)).payload
        assert isinstance(payload, bytes)
        return payload

    return asyncio.run(read())


def leave(port: int, topic: str, payload: bytes) -> None:
    async def write() -> None:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.publish(topic, payload, qos=1, retain=True)

    asyncio.run(write())


def test_a_key_is_its_owners_alone_and_never_overwritten(key: tuple[Path, str]) -> None:
    file, public = key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(bytes.fromhex(public)) == 32
    before = file.read_bytes()
    assert "FILE" in central("make-key", file, code=2).stderr
    assert file.read_bytes() == before


def test_a_configuration_waits_for_its_gateway(
    port: int, key: tuple[Path, str], tmp_path: Path
) -> None:
    file, public = key
    (tmp_path / "meters.toml").write_text(METERS)
    first = said(central("configure", "gw-1", tmp_path / "meters.toml", "--key", file, "--json"))
    body = KeyRing(Purpose.CONFIGURATION, [public]).open(
        retained(port, topics.configuration("gw-1"))
    )
    message = decode_configuration(body)
    assert (message.gateway, message.version, message.toml) == ("gw-1", first["version"], METERS)
    assert first["version"] == int(message.made_at.timestamp())
    shown = central("configure", "gw-1", tmp_path / "meters.toml", "--key", file, "--version", 7)
    assert "version 7" in shown.stdout


@pytest.mark.parametrize(
    ("toml", "code"),
    [("[[meters", "GATEWAY_TABLE"), ("[broker]", "GATEWAY_TABLE"), ("", "GATEWAY_TABLE")],
)
def test_what_is_no_table_of_meters_goes_nowhere(
    port: int, key: tuple[Path, str], tmp_path: Path, toml: str, code: str
) -> None:
    (tmp_path / "meters.toml").write_text(toml)
    done = central("configure", "gw-1", tmp_path / "meters.toml", "--key", key[0], code=2)
    assert code in done.stderr
    # What a broker retains comes with the answer to the subscription.
    with pytest.raises(TimeoutError):
        retained(port, topics.configuration("gw-1"), seconds=0.5)


def test_an_update_is_announced_to_each_gateway(
    port: int, key: tuple[Path, str], tmp_path: Path
) -> None:
    file, public = key
    (tmp_path / "a.deb").write_bytes(b"package")
    url = "https://updates.example/a.deb"
    options = ["--artefact", tmp_path / "a.deb", "--url", url, "--version", "1.4.0", "--key", file]
    central("update", "gw-1", "gw-2", *options, "--minimum", "1.2")
    for name in ("gw-1", "gw-2"):
        body = KeyRing(Purpose.UPDATE, [public]).open(retained(port, topics.command(name)))
        message = decode_update(body)
        assert (message.gateway, message.component, message.url) == (name, "agent", url)
        assert (str(message.version), str(message.minimum)) == ("1.4", "1.2")
        assert (message.sha256, message.size) == (hashlib.sha256(b"package").digest(), 7)
    wrong = central("update", "gw-1", *options[:-3], "1.4-rc1", "--key", file, code=2)
    assert "INVALID_VALUE" in wrong.stderr


def test_what_gateways_report_is_shown(port: int) -> None:
    config = ConfigurationReport(ConfigurationState.GOOD, 7, 8, "CONFIGURATION_UNHEALTHY")
    done = (UpdateReport("agent", "1.4", UpdateState.ROLLED_BACK, "UPDATE_DIED"),)
    status = Status(GatewayState.ONLINE, "meterline-edge 1.3", None, 0, config, done)
    leave(port, topics.status("gw-1"), encode_status(status))
    leave(port, topics.status("gw-2"), encode_status(Status(GatewayState.OFFLINE, "a")))
    leave(port, topics.status("gw-3"), b"no status")
    assert [row["gateway"] for row in said(central("remote", "--json"))] == ["gw-1", "gw-2"]
    (row,) = said(central("remote", "gw-1", "--json"))
    assert (row["configuration"], row["version"], row["refused"]) == ("good", 7, 8)
    assert row["updates"] == "agent 1.4 rolled_back UPDATE_DIED"
    assert "CONFIGURATION_UNHEALTHY" in central("remote", "gw-1").stdout


def test_a_broker_that_is_away_and_a_key_that_is_none_are_said(
    key: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_BROKER_PORT", "1")
    (tmp_path / "meters.toml").write_text(METERS)
    configure = ["configure", "gw-1", tmp_path / "meters.toml", "--key"]
    assert "BROKER_UNAVAILABLE" in central(*configure, key[0], code=1).stderr
    assert "SIGNING_KEY" in central(*configure, tmp_path / "meters.toml", code=2).stderr
    assert "FILE" in central(*configure, tmp_path / "none", code=2).stderr
