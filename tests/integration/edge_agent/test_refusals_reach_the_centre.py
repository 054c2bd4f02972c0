"""What a meter sends and nobody can read is a finding at the centre, with what to do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiomqtt
from structlog.testing import capture_logs

from central.adapters.mqtt.retained import BrokerLine
from central.adapters.mqtt.worker import BrokerAddress
from central.service.ingest.statuses import Statuses
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.messages import encode_status
from tests.support.actors import noted
from tests.support.memory.ingest import MemoryIngestStore

from .conftest import GATEWAY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from edge_agent.config.settings import EdgeConfig
    from firmware_bridge.contract.messages import Status

BARE = {
    "gateway": GATEWAY,
    "buffer": {"path": "buffer.sqlite"},
    "broker": {"url": "mqtt://127.0.0.1:1"},
}
SPOILT = b"/XYZ5X\r\n\r\n1-0:1.8.0(000001.000*kWh)\r\n!0000\r\n"


def configuration(broker: int, meter: int, folder: Path) -> EdgeConfig:
    return parse_config(
        {
            "gateway": GATEWAY,
            "buffer": {"path": str(folder / "buffer.sqlite")},
            "broker": {"url": f"mqtt://127.0.0.1:{broker}"},
            "clock": {"source": "trusted"},
            "meters": [
                {
                    "name": "house", "protocol": "dsmr", "host": "127.0.0.1", "port": meter,
                    "period_s": 1, "timeout_s": 1.0,
                }
            ],
        }
    )  # fmt: skip


@asynccontextmanager
async def sending(telegram: bytes) -> AsyncIterator[int]:
    """A port that sends a telegram ten times a second to whoever comes; closes all of it."""
    tasks: set[asyncio.Task[None]] = set()

    async def send(writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(telegram)
                await writer.drain()
                await asyncio.sleep(0.1)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def come(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(send(writer)))

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()


async def test_a_telegram_with_a_wrong_checksum_is_found_at_the_centre(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    with mosquitto:
        line = BrokerLine(BrokerAddress("127.0.0.1", mosquitto.port))
        async with (
            sending(SPOILT) as port,
            running_agent(configuration(mosquitto.port, port, tmp_path)) as agent,
        ):
            status = await _refusing(line)
            health = await agent.health()
            figures = await agent.metrics()
    assert (health.refused[0]["meter"], health.refused[0]["code"]) == ("house", "CHECKSUM")
    assert "meterline_edge_refused_checksum_total " in figures
    store, now = MemoryIngestStore(), datetime.now(UTC)
    await store.enrol(GATEWAY, noted(now))
    assert await Statuses(store, store, lambda: now).note(GATEWAY, encode_status(status))
    (finding,) = store.state.findings.values()
    assert finding.key == f"EDGE_REFUSED:{GATEWAY}:house:CHECKSUM"
    assert "cannot read what its meter house sends" in finding.message
    assert SPOILT[:20].hex() in finding.message


async def test_a_malformed_message_leaves_a_line_in_the_log(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    """Beside a good reading and alone; with the table's name, the topic and the reason."""
    reading = b'{"obis":"1-0:1.8.0","value":"5","unit":"Wh"}'
    good = b'{"v":1,"serial":"42","readings":[' + reading + b"]}"
    bad = b'{"v":1,"serial":"43","readings":['
    with mosquitto, capture_logs() as lines:
        table = {
            "name": "plugs", "protocol": "mqtt_native", "host": "127.0.0.1",
            "port": mosquitto.port, "topics": ["site/#"], "period_s": 1, "timeout_s": 2.0,
        }  # fmt: skip
        config = configuration(mosquitto.port, 1, tmp_path).model_copy(
            update={"meters": parse_config({**BARE, "meters": [table]}).meters}
        )
        async with (
            running_agent(config) as agent,
            aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
            asyncio.timeout(30),
        ):
            while not any(line["event"] == "telegram_refused" for line in lines):
                await client.publish("site/good", good)
                await client.publish("site/bad", bad)
                await asyncio.sleep(0.05)
            while not any(line["event"] == "read_failed" for line in lines):
                await client.publish("site/bad", bad)
                await asyncio.sleep(0.05)
            figures = await agent.metrics()
    for event in ("telegram_refused", "read_failed"):
        line = next(one for one in lines if one["event"] == event)
        assert (line["log_level"], line["meter"]) == ("warning", "plugs")
    beside = next(one for one in lines if one["event"] == "telegram_refused")
    assert beside["code"] == "TELEGRAM_SYNTAX"
    assert beside["reason"].startswith("Topic site/bad: ")
    assert "meterline_edge_refused_telegram_syntax_total " in figures


async def _refusing(line: BrokerLine) -> Status:
    async with asyncio.timeout(30):
        while True:
            status = (await line.statuses([GATEWAY])).get(GATEWAY)
            if status is not None and status.refused:
                return status
