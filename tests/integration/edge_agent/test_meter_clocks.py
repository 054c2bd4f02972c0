"""A meter whose clock is wrong, from its line to what the centre accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from central.service.ports.ingest_records import FindingCode
from edge_agent.buffer.batches import readings_of
from edge_agent.buffer.buffer import Buffer
from edge_agent.config.settings import parse_config
from edge_agent.main import running_agent
from edge_agent.meter_clock import Trust
from edge_agent.polling.recorder import Recorder
from edge_agent.sample import Sample
from firmware_bridge.contract.event import EventKind
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, TimeQuality
from firmware_bridge.driver.interface import MeterIdentity, MeterValue
from firmware_bridge.simulator.polled import ReplyPart, VirtualPolledPort
from tests.support.edge_clock import HandClock
from tests.support.small_centre import office

from .conftest import GATEWAY

if TYPE_CHECKING:
    from pathlib import Path

    from central.adapters.embedded.broker import EmbeddedBroker

# SEC 12345678 shows 123456 Wh, and says that it is 21:00 on 6 November 2000.
LOST = bytes.fromhex("681b1b6808017278563412a34c130201000000040340e20100046d0015060b5516")
RESET = 0x40


def lost_meter(held: bytes) -> tuple[tuple[ReplyPart, ...], int]:
    """A slave whose clock starts anew with every power cut."""
    if len(held) < 5:
        return (), 0
    return (ReplyPart(b"\xe5" if held[1] == RESET else LOST),), 5


def table(folder: Path, broker: int, meter: int, **further: object) -> dict[str, Any]:
    return {
        "gateway": GATEWAY,
        "broker": {"url": f"mqtt://127.0.0.1:{broker}"},
        "buffer": {"path": str(folder / "buffer.db")},
        "clock": {"source": "trusted"},
        "meters": [
            {
                "name": "lost",
                "protocol": "mbus",
                "host": "127.0.0.1",
                "port": meter,
                "address": 1,
                "timeout_s": 1,
                "period_s": 1,
                **further,
            }
        ],
    }


async def test_a_meter_that_dates_itself_to_2000_gives_readings_that_the_centre_accepts(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    with mosquitto:
        async with VirtualPolledPort(lost_meter) as line, office(mosquitto.port) as centre:
            config = parse_config(table(tmp_path, mosquitto.port, line.port))
            async with running_agent(config) as agent:
                await centre.shows(lambda: len(centre.rows) >= 2)
                health, figures = await agent.health(), await agent.metrics()
            before = len(centre.rows)
            async with running_agent(config):
                await centre.shows(lambda: len(centre.rows) >= before + 2)
            batches = await centre.stores.peek.batches()
            findings = await centre.stores.ingest.open_findings()
    assert all(
        began <= at <= datetime.now(UTC) and quality is TimeQuality.SYNCHRONISED
        for at, quality in centre.rows
    )
    assert {row[1] for row in batches} == {"stored"}
    # Once, also over a restart.
    assert [event.kind for event in centre.events] == [EventKind.CLOCK_WRONG]
    assert [one.code for one in findings] == [FindingCode.EDGE_CLOCK_WRONG]
    assert "SEC/12345678 is wrong: it showed 2000-11-06T20:00:00" in findings[0].message
    assert health.events["clock_wrong"] == 1
    assert "meterline_edge_meter_clocks_wrong 1" in figures
    assert "meterline_edge_meter_clock_wrong_total 1" in figures


async def test_a_meter_whose_clock_is_never_to_be_asked_tells_no_event(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    with mosquitto:
        async with VirtualPolledPort(lost_meter) as line, office(mosquitto.port) as centre:
            settings = table(tmp_path, mosquitto.port, line.port, use_gateway_time=True)
            async with running_agent(parse_config(settings)):
                await centre.shows(lambda: len(centre.rows) >= 2)
    assert {quality for _, quality in centre.rows} == {TimeQuality.SYNCHRONISED}
    assert centre.events == []


def sample(clock: HandClock, own: datetime, count: int, trust: Trust | None = None) -> Sample:
    meter = MeterIdentity("SEC", "12345678")
    shown = Quantity(count, 0, Unit.WATT_HOUR)
    value = MeterValue(meter, ACTIVE_IMPORT, Kind.REGISTER, shown, meter_time=own)
    return Sample("lost", meter, (value,), clock.monotonic(), 900, trust or Trust())


async def sealed(path: Path, clock: HandClock) -> list[tuple[int, datetime, TimeQuality]]:
    """What stands in the buffer's batches: value, time, where the time is from."""
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    found = [
        (reading.mantissa, reading.at, reading.time_quality)
        async for batch in buffer.newest(1_000)
        for reading in readings_of(batch)
    ]
    await buffer.close()
    return found


@pytest.mark.parametrize("days_off", [-9_500, 400 * 30])
async def test_an_absurd_date_waits_until_the_gateways_clock_is_known(
    tmp_path: Path, days_off: int
) -> None:
    path = tmp_path / "buffer.db"
    clock = HandClock(now=datetime(1970, 1, 1, tzinfo=UTC), known=TimeQuality.UNSYNCHRONISED)
    true = datetime(2026, 11, 25, 12, tzinfo=UTC)
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    recorder = Recorder(buffer, clock, lambda: None)
    await recorder.record([sample(clock, true + timedelta(days=days_off), 1)])
    await recorder.record([sample(clock, true, 2)])
    assert await buffer.waiting_count() == 1
    clock.turn(60)
    clock.now, clock.known = true + timedelta(seconds=60), TimeQuality.SYNCHRONISED
    await recorder.record([sample(clock, true + timedelta(days=days_off), 3)])
    counts = await buffer.counts()
    events = buffer.marks["event.clock_wrong"]
    await buffer.close()
    assert await sealed(path, clock) == [
        (2, true, TimeQuality.METER),
        (1, true, TimeQuality.HOLDOVER),
        (3, true + timedelta(seconds=60), TimeQuality.SYNCHRONISED),
    ]
    assert counts.reconcile
    assert events == 1


async def test_a_clock_goes_wrong_and_right_again_over_kills(tmp_path: Path) -> None:
    path, clock = tmp_path / "buffer.db", HandClock()
    hour = timedelta(hours=1)

    async def live(*offsets: timedelta) -> None:
        """One life of an agent, ended by a kill."""
        buffer = await Buffer.open(path, GATEWAY, clock.now)
        recorder = Recorder(buffer, clock, lambda: None)
        await recorder.recall()
        for offset in offsets:
            await recorder.record([sample(clock, clock.now + offset, round(clock.passed))])
            clock.turn(900)
        await buffer.close(flush=False)

    await live(timedelta(0), hour)
    await live(hour)
    await live(*[timedelta(0)] * 3)
    await live(*[timedelta(0)] * 6)
    await live(timedelta(0))
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    kinds = [e.kind async for batch in buffer.newest(1_000) for e in batch.events]
    offset_ms = buffer.marks["clock\tSEC\t12345678"]
    await buffer.close()
    assert kinds == [EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT]
    assert offset_ms == 0
    meter, gateway = TimeQuality.METER, TimeQuality.SYNCHRONISED
    qualities = [quality for *_, quality in await sealed(path, clock)]
    # Since when it is right is not kept over a kill: the hour begins anew.
    assert qualities == [meter, *[gateway] * 9, *[meter] * 3]
