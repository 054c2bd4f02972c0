"""What a meter sends and nobody can read is a finding at the centre, with what to do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
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
    from collections.abc import AsyncIterator
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from edge_agent.config.settings import EdgeConfig
    from firmware_bridge.contract.messages import Status

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


async def _refusing(line: BrokerLine) -> Status:
    async with asyncio.timeout(30):
        while True:
            status = (await line.statuses([GATEWAY])).get(GATEWAY)
            if status is not None and status.refused:
                return status
