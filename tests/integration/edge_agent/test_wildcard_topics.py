"""Devices under one table with a wildcard that show one serial never become one register."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from tests.support.small_centre import Office, office

from .test_kept_messages import notes, publish, shown, table

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from edge_agent.agent import Agent

OTHER = 900_000
MAPPING = """
[[devices]]
name = "inverter"
source = "the inverter's manual"
topic = "plant/{place}/state"
manufacturer = "SUN"
serial = "sn"
values = [{ path = "total", obis = "1-0:2.8.0", unit = "Wh" }]
"""
TOPICS = ("meters/+", "+/tele/plug/SENSOR", "plant/+/state")


def payloads(side: str, count: int) -> dict[str, str]:
    """By topic; the device on the other side has the same serial and counts elsewhere."""
    native = {
        "v": 1,
        "serial": "88",
        "readings": [{"obis": "1-0:1.8.0", "value": count, "unit": "Wh"}],
    }
    messages: dict[str, object] = {
        f"meters/{side}": native,
        f"meters/acme-{side}": native | {"manufacturer": "ACME"},
        f"{side}/tele/plug/SENSOR": {"ENERGY": {"Total": count / 1000}},
        f"plant/{side}/state": {"sn": "77", "total": count},
    }
    return {topic: json.dumps(message) for topic, message in messages.items()}


async def speak(port: int, side: str, count: int) -> None:
    for topic, payload in payloads(side, count).items():
        await publish(port, topic, payload.encode(), retain=False)


async def refused(agent: Agent) -> set[str]:
    """The topics of which `status` says that their device is another topic's."""
    rows = [row for row in (await agent.health()).refused if row["code"] == "METER_IDENTITY_SHARED"]
    return {row["reason"].split("'")[1] for row in rows if row["count"]}


async def until_refused(agent: Agent, port: int, *sides: str) -> None:
    wanted = {"meters/bb", "meters/acme-bb", "bb/plug", "plant/bb/state"}
    count = 0
    async with asyncio.timeout(60):
        while await refused(agent) != wanted:
            for side in sides:
                await speak(port, side, (OTHER if side == "bb" else 1000) + count)
            count += 1
            await asyncio.sleep(0.2)


async def until_read(centre: Office, port: int) -> None:
    """Until something that the first side says anew has come."""
    before, count = len(centre.rows), 0
    async with asyncio.timeout(60):
        while len(centre.rows) < before + 4:
            count += 1
            await speak(port, "aa", 2000 + count)
            await asyncio.sleep(0.2)


async def test_two_topics_with_one_serial_are_not_one_register(
    tmp_path: Path, mosquitto: EmbeddedBroker
) -> None:
    port, mapping = mosquitto.port, tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    settings = table(tmp_path, port, *TOPICS, mappings=[str(mapping)], availability=[])
    config = parse_config(settings)
    async with office(port) as centre:
        async with running_agent(config) as agent:
            await until_read(centre, port)
            await until_refused(agent, port, "aa", "bb")
            await until_read(centre, port)
        # Whoever speaks first after a restart takes nothing over.
        async with running_agent(config) as agent:
            await until_refused(agent, port, "bb")
            await until_read(centre, port)
        assert 1000 <= min(shown(centre)) <= max(shown(centre)) < OTHER
    said = await notes(tmp_path, "meter_identity_shared")
    assert len(said) == 2 * 4
    assert all("a table with its own topic" in one for one in said)
