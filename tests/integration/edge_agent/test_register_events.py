"""What registers of a real meter on the wire do, from the device to the centre."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edge_agent.buffer.buffer import Buffer
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from firmware_bridge.contract.event import EventKind, MeterEvent
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.reading import Source
from tests.support.edge_centre import Centre, listening

from .conftest import GATEWAY, virtual_meters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker
    from edge_agent.agent import Agent
    from firmware_bridge.simulator.meter import VirtualMeter


def events(centre: Centre) -> list[MeterEvent]:
    """Of the live import register, in the order of their readings."""
    found = [
        event
        for ledger in centre.epochs.values()
        for _, batch in sorted(ledger.batches.items())
        for event in batch.events
    ]
    return [
        event
        for event in found
        if event.channel.obis == ACTIVE_IMPORT and event.channel.source is Source.LIVE
    ]


async def reads(centre: Centre, count: int = 2) -> None:
    """Until so many more live readings have come."""
    there = live(centre)
    async with asyncio.timeout(60):
        while live(centre) < there + count:  # noqa: ASYNC110 - a broker lies between
            await asyncio.sleep(0.02)


def live(centre: Centre) -> int:
    return sum("live" in row[0] and "1.8.0" in row[0] for row in centre.rows())


async def shows(centre: Centre, count: int) -> list[MeterEvent]:
    async with asyncio.timeout(60):
        while len(events(centre)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return events(centre)


def set_register(meter: VirtualMeter, register_wh: int) -> None:
    """Let it show that from now on, as the same device."""
    meter.exchange(meter.serial_at(meter.clock()), register_wh)


async def settled(agent: Agent) -> None:
    async with asyncio.timeout(60):
        while agent.buffer.backlog:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_glitch_a_rollover_a_backward_step_and_an_exchange_over_a_restart(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    centre = Centre(GATEWAY)
    async with virtual_meters(days=1) as site:
        meter = site.meters[1]
        set_register(meter, 5_000_000)
        with mosquitto:
            # A rollover within seconds takes a connection that carries megawatts.
            table = site.config(
                tmp_path, mosquitto.port, period_s=1, load_profile=False, capacity_w=20_000_000
            )
            config = parse_config(table)
            async with listening(centre, mosquitto.port):
                async with running_agent(config) as agent:
                    await reads(centre)
                    meter.faults.glitch_zero = True
                    await reads(centre, 1)
                    meter.faults.glitch_zero = False
                    await shows(centre, 1)
                    set_register(meter, 10**15 - 2_000)
                    await reads(centre)
                    set_register(meter, 1_000)
                    await shows(centre, 3)
                    set_register(meter, 500_000_000)
                    await reads(centre)
                    set_register(meter, 400_000_000)
                    await shows(centre, 5)
                    await settled(agent)
                old = meter.serial
                meter.exchange("4999", 70)
                async with running_agent(config) as agent:
                    await shows(centre, 6)
                    await reads(centre)
                    await settled(agent)
                    health = await agent.health()
                    figures = await agent.metrics()
    kinds = [event.kind for event in events(centre)]
    _, leap, rollover, _, _, exchange = events(centre)
    assert kinds == [
        EventKind.ZERO_GLITCH,
        EventKind.LEAP,
        EventKind.ROLLOVER,
        EventKind.LEAP,
        EventKind.BACKWARD,
        EventKind.EXCHANGE,
    ]
    assert leap.before is not None
    assert leap.before.mantissa < 10**7 < leap.after.mantissa
    assert rollover.before is not None
    assert (rollover.before.mantissa > 10**15 - 3_000, rollover.after.mantissa < 2_000) == (
        True,
    ) * 2
    assert exchange.replaced is not None
    assert (exchange.replaced.serial, exchange.channel.serial) == (old, "4999")
    assert exchange.before is not None
    assert exchange.before.mantissa >= 400_000_000 > exchange.after.mantissa >= 70
    # Every reading went out as it was, those of the glitch too.
    values = Counter(row[2] for row in centre.rows() if "1.8.0" in row[0])
    assert values[0] >= 1
    record_property("events of a register", dict(Counter(k.name.lower() for k in kinds)))
    # The export register of the same meter has its own.
    assert health.events == {
        "zero_glitch": 2, "rollover": 2, "backward": 2, "exchange": 2, "reset": 0, "leap": 4,
        "withheld": 0, "clock_wrong": 0, "clock_right": 0,
    }  # fmt: skip
    assert "meterline_edge_register_rollover_total 2" in figures
    assert health.readings["reconcile"]
    told = await told_here(tmp_path / "buffer.db")
    assert any(f"MLN/{old} was installed before" in detail for detail in told)


async def told_here(path: Path) -> list[str]:
    """What the gateway's own event log says of exchanges."""
    buffer = await Buffer.open(path, GATEWAY, datetime.now(UTC))
    rows = await buffer.engine.database.rows(
        "SELECT detail FROM event WHERE code = 'meter_exchange'"
    )
    await buffer.close()
    return [row[0] for row in rows]
