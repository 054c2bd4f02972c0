"""Devices that are dead behind a broker that keeps what they said last, night after night."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from edge_agent.buffer.buffer import Buffer
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.event import EventKind
from firmware_bridge.contract.reading import TimeQuality
from tests.support.servers import mosquitto_program
from tests.support.small_centre import Office, office

from .conftest import GATEWAY

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.agent import Agent

DEAD = b'{"energy":80.747,"last_seen":"2024-04-06T15:44:10.643Z"}'
TIMELESS = b'{"energy":80.747}'
needs_mosquitto = pytest.mark.skipif(mosquitto_program() is None, reason="no mosquitto here")


def table(folder: Path, port: int, *topics: str, **further: object) -> dict[str, Any]:
    return {
        "gateway": GATEWAY,
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "buffer": {"path": str(folder / "buffer.db")},
        "clock": {"source": "trusted"},
        "meters": [
            {
                "name": "plug",
                "protocol": "mqtt_native",
                "host": "127.0.0.1",
                "port": port,
                "topics": list(topics or ("zigbee2mqtt/plug",)),
                "timeout_s": 0.5,
                "period_s": 1,
                **further,
            }
        ],
    }


async def publish(port: int, topic: str, payload: bytes, *, retain: bool = True) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(topic, payload, qos=1, retain=retain)


async def fails(agent: Agent, code: str | None) -> None:
    """Until the meter's failure is that one."""
    async with asyncio.timeout(60):
        while (await agent.health()).meters["plug"].failure != code:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def notes(folder: Path, *codes: str) -> list[str]:
    """What the gateway's own log says."""
    buffer = await Buffer.open(folder / "buffer.db", GATEWAY, datetime.now(UTC))
    rows = await buffer.engine.database.rows("SELECT code, detail FROM event ORDER BY id")
    await buffer.close()
    return [detail for code, detail in rows if code in codes]


def shown(centre: Office) -> list[int]:
    return [
        mantissa * 10**exponent
        for batch in centre.batches
        for mantissa, exponent in zip(batch.columns.mantissa, batch.columns.exponent, strict=True)
    ]


async def speaks(centre: Office, port: int, topic: str, payload: bytes) -> None:
    """Publish until one more reading of it has come."""
    before = len(centre.rows)
    async with asyncio.timeout(60):
        while len(centre.rows) == before:
            await publish(port, topic, payload, retain=False)
            await asyncio.sleep(0.2)


@needs_mosquitto
@pytest.mark.parametrize(
    ("dead", "named"), [(DEAD, "2024-04-06T15:44:10"), (TIMELESS, "retained message")]
)
async def test_a_dead_value_is_no_reading_over_restarts_of_gateway_and_broker(
    tmp_path: Path, dead: bytes, named: str
) -> None:
    home = tmp_path / "broker"
    broker = EmbeddedBroker(home, kind=BrokerKind.MOSQUITTO, persistent=True)
    with broker:
        await publish(broker.port, "zigbee2mqtt/plug", dead)
        config = parse_config(table(tmp_path, broker.port))
        async with office(broker.port) as centre:
            async with running_agent(config) as agent:
                await fails(agent, "METER_STALE")
                assert (await agent.health()).meters["plug"].last_good_read is None
            # The second night: both come back, and the value with them.
            async with running_agent(config) as agent:
                await fails(agent, "METER_STALE")
            assert centre.rows == []
    again = EmbeddedBroker(home, kind=BrokerKind.MOSQUITTO, persistent=True, port=broker.port)
    async with running_agent(config) as agent:
        await fails(agent, "METER_CONNECTION")
        with again:
            async with office(again.port) as centre:
                await fails(agent, "METER_STALE")
                assert centre.rows == []
                # It speaks, without its time: that is a present value.
                await speaks(centre, again.port, "zigbee2mqtt/plug", b'{"energy":80.75}')
                assert set(shown(centre)) == {80_750}
    assert any(named in note for note in await notes(tmp_path, "meter_stale"))


async def test_a_kept_value_whose_own_time_is_now_is_a_reading_of_that_time(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    seen = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)
    payload = json.dumps({"energy": 81, "last_seen": seen.isoformat()}).encode()
    with mosquitto:
        await publish(mosquitto.port, "zigbee2mqtt/plug", payload)
        config = parse_config(table(tmp_path, mosquitto.port))
        async with office(mosquitto.port) as centre:
            for _ in range(2):
                async with running_agent(config):
                    await centre.shows(lambda: len(centre.rows) >= 1)
    # One reading, however often it is told: the second start sends the same, a duplicate.
    assert set(centre.rows) == {(seen, TimeQuality.METER)}
    assert len(await centre.stores.peek.readings()) == 1


@pytest.mark.parametrize(
    ("about", "word", "topic", "live"),
    [
        ("zigbee2mqtt/plug/availability", b"offline", "zigbee2mqtt/plug", b'{"energy":2}'),
        ("zigbee2mqtt/plug/availability", b'{"state":"offline"}', "zigbee2mqtt/plug",
         b'{"energy":2}'),
        ("zigbee2mqtt/plug/online", b"false", "zigbee2mqtt/plug", b'{"energy":2}'),
        ("tele/plug/LWT", b"Offline", "tele/plug/SENSOR", b'{"ENERGY":{"Total":2}}'),
        ("shellies/plug/online", b"false", "shellies/plug/emeter/0/total", b"2000"),
        ("plug/online", b"false", "plug/status/switch:0", b'{"aenergy":{"total":2000}}'),
    ],
)  # fmt: skip
async def test_an_offline_device_yields_nothing_but_the_word_of_it(  # noqa: PLR0913, PLR0917 - one case
    mosquitto: EmbeddedBroker, tmp_path: Path, about: str, word: bytes, topic: str, live: bytes
) -> None:
    back = word.replace(b"offline", b"online").replace(b"Off", b"On").replace(b"false", b"true")
    with mosquitto:
        port = mosquitto.port
        await publish(port, about, word)
        await publish(port, topic, live)
        config = parse_config(table(tmp_path, port, topic))
        async with office(port) as centre:
            for _ in range(2):
                async with running_agent(config) as agent:
                    await fails(agent, "METER_OFFLINE")
                    await publish(port, topic, live, retain=False)
                    await asyncio.sleep(1.5)
                    assert centre.rows == []
            async with running_agent(config) as agent:
                await fails(agent, "METER_OFFLINE")
                await publish(port, about, back)
                await speaks(centre, port, topic, live)
                await fails(agent, None)
    assert set(shown(centre)) == {2_000}
    assert any("as offline" in note for note in await notes(tmp_path, "meter_offline"))


async def test_a_last_will_silences_a_device_and_no_other_under_the_same_name(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    value = b'{"ENERGY":{"Total":2}}'
    with mosquitto:
        port = mosquitto.port
        config = parse_config(table(tmp_path, port, "tele/+/SENSOR"))
        async with office(port) as centre, running_agent(config) as agent:
            will = aiomqtt.Will("tele/a/LWT", b"Offline", qos=1, retain=True)
            dying = aiomqtt.Client("127.0.0.1", port, will=will)
            async with dying:
                await dying.publish("tele/a/LWT", b"Online", qos=1, retain=True)
                await speaks(centre, port, "tele/a/SENSOR", value)
                dying._client._sock_close()  # as a power cut ends it
                await asyncio.sleep(0.5)
                before = [row for batch in centre.batches for row in batch.channels]
                await publish(port, "tele/a/SENSOR", value, retain=False)
                await speaks(centre, port, "tele/b/SENSOR", value)
                await speaks(centre, port, "tele/b/SENSOR", value)
            health = await agent.health()
    assert {channel.serial for channel in before} == {"a"}
    last = centre.batches[-1]
    assert {channel.serial for channel in last.channels} == {"b"}
    assert health.meters["plug"].failure is None
    assert await notes(tmp_path, "device_offline") == [
        "plug: The broker reports tele/a as offline."
    ]


async def test_a_bridge_whose_clock_is_wrong_gives_readings_with_the_gateways_time(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    with mosquitto:
        port = mosquitto.port
        config = parse_config(table(tmp_path, port))
        async with office(port) as centre, running_agent(config):
            async with asyncio.timeout(60):
                while len(centre.rows) < 2:
                    seen = datetime.now(UTC) - timedelta(days=700)
                    payload = json.dumps({"energy": 3, "last_seen": seen.isoformat()}).encode()
                    await publish(port, "zigbee2mqtt/plug", payload, retain=False)
                    await asyncio.sleep(0.3)
    assert all(
        began <= at <= datetime.now(UTC) and quality is TimeQuality.SYNCHRONISED
        for at, quality in centre.rows
    )
    assert [event.kind for event in centre.events] == [EventKind.CLOCK_WRONG]
