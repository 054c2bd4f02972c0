"""Pulses of a virtual meter, counted by the driver: on the kernel's simulated GPIO where it has it.

Where the kernel has no gpio-sim the same pulses come through a pipe, whose far end the driver's
event loop waits on as on a line's; all but libgpiod itself is then the real thing.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from central.adapters.embedded.broker import EmbeddedBroker
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.pulse.count_file import load_count
from firmware_bridge.pulse.driver import PulseDriver, PulseSettings
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter, VirtualMeterError
from firmware_bridge.simulator.pulse.gpio import CONFIGFS, PulseTrain, SimulatedChip
from tests.support.bridge import agent, configure, rows_of, run_edge, simulating
from tests.support.edge_centre import Centre, listening

START = datetime(2026, 3, 1, tzinfo=UTC)
_EDGE = struct.Struct("<q?")


class Wire(SimulatedChip):
    """A chip whose one line is a pipe."""

    def __init__(self) -> None:
        super().__init__(1)
        self._far, self._near = os.pipe()
        os.set_blocking(self._far, False)

    def pull(self, line: int, *, closed: bool) -> None:
        assert line == 0
        os.write(self._near, _EDGE.pack(time.monotonic_ns(), closed))

    def fileno(self) -> int:
        return self._far

    def read(self) -> Iterable[tuple[int, bool]]:
        with suppress(BlockingIOError):
            yield from _EDGE.iter_unpack(os.read(self._far, _EDGE.size * 100))

    def close(self) -> None:
        for end in (self._far, self._near):
            os.close(end)


def virtual(clock: ManualClock) -> VirtualMeter:
    load = from_kw([Decimal(36)], 3600)  # 10 Wh a second
    return compose("4711", load, script=Script(start=START, loop=True), clock=clock)


@pytest.mark.parametrize(("pulses", "given"), [(1000, 12), (500, 6)])
async def test_each_pulse_of_a_meter_is_counted_once(
    pulses: int, given: int, tmp_path: Path
) -> None:
    clock = ManualClock(START + timedelta(hours=1))
    meter = virtual(clock)
    before = meter.register_wh(ACTIVE_IMPORT, clock.now)
    wire = Wire()
    settings = PulseSettings(line=0, pulses=pulses, count_file=tmp_path / "count", serial="4711")
    train = PulseTrain(meter, pulses)
    playing = asyncio.create_task(train.play(wire, 0))
    try:
        async with PulseDriver(settings, lambda: wire) as driver:
            assert (await driver.read()).values[0].quantity.decimal() == 0
            clock.advance(timedelta(seconds=1.2))
            async with asyncio.timeout(60):
                while load_count(tmp_path / "count") < given:
                    await asyncio.sleep(0.1)
                    value = (await driver.read()).values[0]
            await asyncio.sleep(0.2)
            value = (await driver.read()).values[0]
    finally:
        playing.cancel()
    shown = meter.register_wh(ACTIVE_IMPORT, clock.now)
    assert shown - before == 12
    assert value.quantity.decimal() == Decimal(shown - before)
    assert str(value.quantity.unit) == "Wh"


def test_a_kernel_without_simulated_lines_says_what_it_lacks(tmp_path: Path) -> None:
    with (
        pytest.raises(VirtualMeterError, match="modprobe gpio-sim"),
        SimulatedChip(1, tmp_path / "none"),
    ):
        pass


@pytest.mark.skipif(
    not CONFIGFS.is_dir() or not os.access(CONFIGFS, os.W_OK),
    reason=f"{CONFIGFS} is not there: needs root, CONFIG_GPIO_SIM, `modprobe gpio-sim`, configfs",
)
async def test_pulses_on_the_kernel_s_line_reach_the_centre(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    load = tmp_path / "load.csv"
    load.write_text("start,kWh\n2026-03-01T00:00:00Z,0.01\n2026-03-01T00:00:10Z,0.01\n")
    options = ("--protocol", "pulse", "--load", str(load), "--loop", "--serial", "21")
    centre = Centre("gw-1")
    with mosquitto:
        async with AsyncExitStack() as stack:
            made = await stack.enter_async_context(simulating(*options))
            await stack.enter_async_context(listening(centre, mosquitto.port))
            tables = made.configuration.replace("/var/lib/meterline", str(tmp_path))
            config = configure(tmp_path, "gw-1", mosquitto.port, tables)
            assert (await run_edge("check-config", "--config", str(config)))[0] == 0
            async with agent(config):
                await asyncio.sleep(12)
    values = [row.value for row in rows_of(centre)]
    assert values == sorted(values)
    assert 8 <= values[-1] - values[0] <= 13
    assert values[-1] == load_count(tmp_path / "21.count")
