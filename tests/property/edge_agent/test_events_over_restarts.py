"""Whenever an agent is killed, and whatever epoch follows: each event once, with its reading."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.buffer.buffer import Buffer
from edge_agent.polling.recorder import Recorder
from edge_agent.sample import Sample
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, TimeQuality
from firmware_bridge.driver.interface import MeterIdentity, MeterValue
from tests.support.edge_clock import HandClock
from tests.support.size import sized

GATEWAY = "gw-1"
LIVES = sized("METERLINE_EVENT_LIVES", 20, 2_000)
MODULUS = Quantity(10_000, 0, Unit.WATT_HOUR)
# A register of four digits behind 4 kW: up to 1,100 Wh in a quarter of an hour.
registers = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 5, 500, 900, 9_500, 9_999]), st.sampled_from(["1", "1", "1", "2"])
    ),
    min_size=1,
    max_size=12,
)
breaks = st.lists(st.sampled_from(["", "", "killed", "epoch", "unsynchronised"]), max_size=12)


def sample(clock: HandClock, value: int, serial: str) -> Sample:
    meter = MeterIdentity("EAS", serial)
    shown = Quantity(value, 0, Unit.WATT_HOUR)
    values = (MeterValue(meter, ACTIVE_IMPORT, Kind.REGISTER, shown, modulus=MODULUS),)
    return Sample("main", meter, values, clock.monotonic(), 900, capacity_w=4_000)


async def told(shows: list[tuple[int, str]], between: list[str], folder: Path) -> list[object]:
    """The events that stand in the batches after such a life."""
    clock, path = HandClock(), folder / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    recorder = Recorder(buffer, clock, lambda: None)
    for number, (value, serial) in enumerate(shows):
        await recorder.record([sample(clock, value, serial)])
        clock.turn(900)
        happens = between[number] if number < len(between) else ""
        clock.known = TimeQuality.SYNCHRONISED
        if happens == "killed":
            await buffer.close(flush=False)
            buffer = await Buffer.open(path, GATEWAY, clock.now)
            recorder = Recorder(buffer, clock, lambda: None)
            await recorder.recall()
        elif happens == "epoch":
            await buffer.new_epoch(buffer.current, clock.now)
        elif happens == "unsynchronised":
            clock.known = TimeQuality.UNSYNCHRONISED
    clock.known = TimeQuality.SYNCHRONISED
    await recorder.record()
    events = [event async for batch in buffer.newest(1_000) for event in batch.events]
    counted = sum(v for k, v in buffer.marks.items() if k.startswith("event."))
    counts = await buffer.counts()
    await buffer.close()
    assert counts.reconcile
    assert counted == len(events)
    return [(event.kind, event.channel.serial, event.after, event.before) for event in events]


# A rollover to 0 once became a reset, for an agent that had not yet read its meter's limits again.
@example([(9_500, "1"), (0, "1"), (0, "1")], ["", "killed"])
# What waited for the clock is released before the meter is read again: its limits must be known.
@example([(500, "1"), (5, "1")], ["unsynchronised", "killed"])
@given(registers, breaks)
@settings(max_examples=LIVES, deadline=None)
def test_kills_and_new_epochs_neither_lose_nor_repeat_an_event(
    shows: list[tuple[int, str]], between: list[str]
) -> None:
    calm = [one if one == "unsynchronised" else "" for one in between]
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        undisturbed = asyncio.run(told(shows, calm, Path(first)))
        disturbed = asyncio.run(told(shows, between, Path(second)))
    assert disturbed == undisturbed
