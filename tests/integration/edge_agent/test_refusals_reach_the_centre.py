"""What a meter sends and nobody can read is a finding at the centre, with what to do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from firmware_bridge.contract.messages import Status

SPOILT = b"/XYZ5X\r\n\r\n1-0:1.8.0(000001.000*kWh)\r\n!0000\r\n"


async def test_a_telegram_with_a_wrong_checksum_is_found_at_the_centre(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(SPOILT)
            await writer.drain()
            await asyncio.sleep(0.1)

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = parse_config(
        {
            "gateway": GATEWAY,
            "buffer": {"path": str(tmp_path / "buffer.sqlite")},
            "broker": {"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
            "clock": {"source": "trusted"},
            "meters": [
                {
                    "name": "house", "protocol": "dsmr", "host": "127.0.0.1", "port": port,
                    "period_s": 1, "timeout_s": 1.0,
                }
            ],
        }
    )  # fmt: skip
    with mosquitto:
        line = BrokerLine(BrokerAddress("127.0.0.1", mosquitto.port))
        async with running_agent(config) as agent:
            status = await _refusing(line)
            health = await agent.health()
            figures = await agent.metrics()
    server.close()
    assert (health.refused[0]["meter"], health.refused[0]["code"]) == ("house", "CHECKSUM")
    assert "meterline_edge_refused_checksum_total " in figures
    store, now = MemoryIngestStore(), datetime.now(UTC)
    await store.enrol(GATEWAY, noted(now))
    assert await Statuses(store, store, lambda: now).note(GATEWAY, encode_status(status))
    (finding,) = store.state.findings.values()
    assert finding.key == f"EDGE_REFUSED:{GATEWAY}:house:CHECKSUM"
    assert "cannot read what its meter house sends" in finding.message
    assert SPOILT[:20].hex() in finding.message


async def _refusing(line: BrokerLine) -> Status:
    async with asyncio.timeout(30):
        while True:
            status = (await line.statuses([GATEWAY])).get(GATEWAY)
            if status is not None and status.refused:
                return status
