from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.agent import Agent
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.reading import Source, from_ms
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY, virtual_meters

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from firmware_bridge.simulator.meter import VirtualMeter


async def settled(agent: Agent, seconds: float = 60.0) -> None:
    """Until everything is read and acknowledged."""
    async with asyncio.timeout(seconds):
        while not agent.caught_up or agent.buffer.backlog:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


def profile_rows(centre: Centre) -> list[tuple[str, datetime, int]]:
    return [
        (batch.channels[channel].serial, from_ms(at_ms), mantissa)
        for ledger in centre.epochs.values()
        for batch in ledger.batches.values()
        for channel, at_ms, mantissa in zip(
            batch.columns.channel, batch.columns.at_ms, batch.columns.mantissa, strict=True
        )
        if batch.channels[channel].source is Source.PROFILE
        and batch.channels[channel].obis == ACTIVE_IMPORT
    ]


def assert_profile_is_whole(centre: Centre, meter: VirtualMeter, days: int) -> None:
    rows = [row for row in profile_rows(centre) if row[0] == meter.serial]
    times = Counter(at for _, at, _ in rows)
    assert max(times.values()) == 1
    assert max(times) - min(times) == timedelta(minutes=15) * (len(times) - 1)
    assert len(times) >= days * 96
    for _, at, value in rows:
        assert value == meter.register_wh(ACTIVE_IMPORT, at)


async def test_history_and_present_reach_the_centre_once(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    async with virtual_meters(days=20, meters=3) as site:
        with mosquitto:
            centre = Centre(GATEWAY)
            config = parse_config(site.config(tmp_path, mosquitto.port, period_s=1))
            async with listening(centre, mosquitto.port), running_agent(config) as agent:
                await settled(agent)
                health = await agent.health()
                assert health.connected
                assert health.readings["reconcile"]
                assert set(health.meters) == {"m1", "m2", "m3"}
            async with listening(centre, mosquitto.port), running_agent(config) as agent:
                await settled(agent)
            for meter in site.meters.values():
                assert_profile_is_whole(centre, meter, 20)


async def test_full_batches_carry_a_back_fill(mosquitto: EmbeddedBroker, tmp_path: Path) -> None:
    async with virtual_meters(days=40) as site:
        with mosquitto:
            centre = Centre(GATEWAY)
            config = parse_config(site.config(tmp_path, mosquitto.port))
            async with listening(centre, mosquitto.port), running_agent(config) as agent:
                await settled(agent)
            (ledger,) = centre.epochs.values()
            sizes = [len(batch.columns) for batch in ledger.batches.values()]
            assert sum(size == 1_000 for size in sizes) == sum(sizes) // 1_000


async def test_a_dead_meter_holds_up_nobody(mosquitto: EmbeddedBroker, tmp_path: Path) -> None:
    async with virtual_meters(days=1, meters=2) as site:
        site.meters[2].faults.silent = True
        with mosquitto:
            centre = Centre(GATEWAY)
            table = site.config(tmp_path, mosquitto.port, period_s=1, load_profile=False)
            async with (
                listening(centre, mosquitto.port),
                running_agent(parse_config(table)) as agent,
            ):
                await asyncio.sleep(6)
                health = await agent.health()
            rows = centre.rows()
            assert len(rows) >= 2 * 4
            assert all("4711" in row[0] for row in rows)
            assert health.meters["m1"].failure is None
            assert health.meters["m2"].failure is not None
            assert health.meters["m2"].last_good_read is None
