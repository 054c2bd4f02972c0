"""What meters say is shown as it comes, with what was refused and why."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import aiomqtt
import pytest
from typer.testing import CliRunner

from central.adapters.embedded.broker import EmbeddedBroker
from edge_agent.cli import app
from edge_agent.config.settings import MeterSettings
from edge_agent.errors import UnknownMeterError
from edge_agent.listen.lines import as_line, as_text
from edge_agent.listen.outcomes import FAILED_PAUSE_S, Outcome, chosen, listen
from edge_agent.polling.claims import Claims
from firmware_bridge.driver.interface import ReadOut
from firmware_bridge.mqtt_native.driver import MqttNativeDriver

NATIVE = (
    b'{"v":1,"manufacturer":"ACME","serial":"42","at":"2026-03-01T12:00:00Z","readings":'
    b'[{"obis":"1-0:1.8.0","value":"5","unit":"Wh","quality":"estimated"}]}'
)


def meter(name: str, port: int, **keys: object) -> MeterSettings:
    settings = {"host": "127.0.0.1", "port": port, "topics": ["t/#"], "timeout_s": 5, **keys}
    return MeterSettings.model_validate({"name": name, "protocol": "mqtt_native", **settings})


async def first(
    meters: list[MeterSettings], port: int, wanted: str, claims: Claims | None = None
) -> Outcome:
    """The first outcome that has a wanted code among its faults, while a device publishes."""
    async with aiomqtt.Client("127.0.0.1", port) as device:

        async def publish() -> None:
            while True:
                await device.publish("t/a", b'{"v":1,', qos=1)
                await device.publish("t/a", NATIVE, qos=1)
                await asyncio.sleep(0.05)

        publishing = asyncio.create_task(publish())
        try:
            async with asyncio.timeout(60), aclosing(listen(meters, 0.0, claims)) as outcomes:
                async for outcome in outcomes:
                    if any(fault.code == wanted for fault in outcome.faults):
                        return outcome
        finally:
            publishing.cancel()
    raise AssertionError


async def test_values_and_refusals_are_shown_together(mosquitto: EmbeddedBroker) -> None:
    outcome = await first([meter("cellar", mosquitto.port)], mosquitto.port, "TELEGRAM_SYNTAX")
    text = as_text(outcome)
    assert "cellar  ACME/42" in text
    assert "1-0:1.8.0*255      5 Wh  estimated  2026-03-01T12:00:00+00:00" in text
    assert "TELEGRAM_SYNTAX" in text
    assert b'{"v":1,'.hex() in text
    table = json.loads(as_line(outcome))
    assert (table["values"][0]["value"], table["values"][0]["unit"]) == ("5", "Wh")
    assert table["refused"][0]["code"] == "TELEGRAM_SYNTAX"


async def test_one_meter_that_is_silent_keeps_no_other_waiting(mosquitto: EmbeddedBroker) -> None:
    silent = meter("silent", 1, timeout_s=0.1)
    outcome = await first(
        [silent, meter("cellar", mosquitto.port)], mosquitto.port, "METER_CONNECTION"
    )
    assert outcome.meter == "silent"
    assert "METER_CONNECTION: The broker at 127.0.0.1:1 cannot be used." in as_text(outcome)
    assert json.loads(as_line(outcome))["values"] == []


def test_a_meter_that_is_not_configured_is_named() -> None:
    meters = [meter("a", 1), meter("b", 1)]
    assert chosen(meters, []) == tuple(meters)
    assert [one.name for one in chosen(meters, ["b"])] == ["b"]
    with pytest.raises(UnknownMeterError, match="'c'"):
        chosen(meters, ["c"])
    with pytest.raises(UnknownMeterError, match="No meter is configured"):
        chosen([], [])


async def test_a_fault_of_a_driver_is_shown_and_the_meter_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_: MqttNativeDriver) -> ReadOut:
        message = "a register that no profile has"
        raise KeyError(message)

    monkeypatch.setattr(MqttNativeDriver, "read", broken)
    async with asyncio.timeout(60), aclosing(listen([meter("odd", 1)], 0.0)) as outcomes:
        for _ in range(2):
            outcome = await anext(outcomes)
            assert "DRIVER_FAULT: KeyError" in as_text(outcome)


async def test_what_comes_after_a_failed_read_is_shown(mosquitto: EmbeddedBroker) -> None:
    quiet = meter("cellar", mosquitto.port, timeout_s=0.2)
    async with (
        asyncio.timeout(60),
        aclosing(listen([quiet], 0.0)) as outcomes,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as device,
    ):
        outcome = await anext(outcomes)
        assert [fault.code for fault in outcome.faults] == ["METER_TIMEOUT"]
        begun = asyncio.get_running_loop().time()
        # The line stays open in the pause.
        await device.publish("t/a", NATIVE, qos=1)
        outcome = await anext(outcomes)
        assert outcome.read_out is not None
        assert outcome.read_out.meter.serial == "42"
        assert asyncio.get_running_loop().time() - begun >= 0.9 * FAILED_PAUSE_S


async def test_a_register_that_another_table_holds_is_refused_as_the_agent_would(
    mosquitto: EmbeddedBroker,
) -> None:
    claims = Claims({"claim\tattic\town\tACME\t42\t1-0:1.8.0*255\tt/a": 1})
    claims.configure(["attic", "cellar"])
    outcome = await first(
        [meter("cellar", mosquitto.port)], mosquitto.port, "METER_IDENTITY_SHARED", claims
    )
    assert "attic" in as_text(outcome)


@pytest.mark.parametrize("content", [b"no database" * 1000, None])
def test_a_buffer_that_cannot_be_read_is_said_and_one_that_is_not_there_is_not(
    tmp_path: Path, content: bytes | None
) -> None:
    buffer, file = tmp_path / "buffer.db", tmp_path / "edge.toml"
    if content is not None:
        buffer.write_bytes(content)
    file.write_text(
        f"""
gateway = "gw-1"
broker = {{ url = "mqtt://127.0.0.1:1" }}
buffer = {{ path = "{buffer}" }}
[[meters]]
name = "cellar"
protocol = "mqtt_native"
host = "127.0.0.1"
port = 1
topics = ["t"]
timeout_s = 1
"""
    )
    result = CliRunner().invoke(app, ["listen", "--config", str(file), "--count", "1", "--json"])
    assert json.loads(result.stdout)["refused"][0]["code"] == "METER_CONNECTION"
    is_said = "BUFFER_UNAVAILABLE" in result.stderr and "METER_IDENTITY_SHARED" in result.stderr
    assert is_said == (content is not None)
    assert content is None or buffer.read_bytes() == content
