"""Adapters that are pulled out and put back while an agent runs: readings go on by themselves."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.bridge import agent, configure, rows_of, run_edge, simulating
from tests.support.edge_centre import Centre, listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

GATEWAY = "gw-1"
PROTOCOLS = ("dsmr", "mbus", "wmbus", "modbus")
LOAD = "start,kWh\n2026-03-01T00:00:00Z,0.01\n2026-03-01T00:00:10Z,0.02\n"


async def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)


async def failing(config: Path) -> set[str]:
    """Meters of which the agent says that they fail."""
    _, said = await run_edge("status", "--json", "--config", str(config))
    return {name for name, facts in json.loads(said)["meters"].items() if facts["failure"]}


async def test_meters_come_back_after_their_adapters_were_unplugged(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    load = tmp_path / "load.csv"
    load.write_text(LOAD)
    centre = Centre(GATEWAY)

    def playing(protocol: str, number: int) -> tuple[str, ...]:
        link = str(tmp_path / protocol)
        line = ("--protocol", protocol, "--pty", "--link", link, "--loop")
        return (*line, "--load", str(load), "--serial", str(number))

    def since(moment: datetime) -> set[int]:
        return {int(row.channel.serial) for row in rows_of(centre) if row.at > moment}

    numbers = {protocol: 11 + place for place, protocol in enumerate(PROTOCOLS)}
    with mosquitto:
        async with listening(centre, mosquitto.port), AsyncExitStack() as running:
            tables = []
            played = []
            for protocol, number in numbers.items():
                made = await running.enter_async_context(simulating(*playing(protocol, number)))
                played.append(made)
                tables.append(made.configuration)
            config = configure(tmp_path, GATEWAY, mosquitto.port, "\n".join(tables))
            async with agent(config):
                await until(lambda: since(datetime(2026, 1, 1, tzinfo=UTC)) == {*numbers.values()})
                for made in played:
                    made.process.kill()
                    await made.process.wait()
                async with asyncio.timeout(120):
                    while len(await failing(config)) < len(PROTOCOLS):  # noqa: ASYNC110 - other processes
                        await asyncio.sleep(0.5)
                pulled_out = datetime.now(UTC)
                async with AsyncExitStack() as again:
                    for protocol, number in numbers.items():
                        options = playing(protocol, number)
                        await again.enter_async_context(simulating(*options))
                    await until(lambda: since(pulled_out) == {*numbers.values()})
