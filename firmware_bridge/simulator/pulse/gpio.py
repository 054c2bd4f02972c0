"""S0 pulses on a GPIO line of the kernel's own simulator, gpio-sim.

How it works: a chip is made under configfs, then each of its lines has a file `pull`: `pull-up`
opens the contact, `pull-down` closes it. The pulses are those that are due
since the last ones, by the meter's constant.

Source: Linux Documentation/admin-guide/gpio/gpio-sim.rst.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.simulator.meter import VirtualMeter, VirtualMeterError

CONFIGFS = Path("/sys/kernel/config/gpio-sim")
DEVICES = Path("/sys/devices/platform")
WIDTH_S = 0.04
_TICK_S = 0.2


class SimulatedChip:
    """A GPIO chip of gpio-sim, for as long as the context lasts.

    Args:
        lines: How many lines it has.
        configfs: Where gpio-sim is configured.
        devices: Where the kernel shows platform devices.
    """

    def __init__(self, lines: int, configfs: Path = CONFIGFS, devices: Path = DEVICES) -> None:
        self._lines = lines
        self._configfs = configfs
        self._devices = devices
        self._folder = configfs / f"meterline-{os.getpid()}"
        self._device = Path()
        self.path = ""

    def __enter__(self) -> Self:
        if not self._configfs.is_dir():
            message = "This kernel has no simulated GPIO lines."
            remedy = (
                "Load the module gpio-sim (`modprobe gpio-sim`), mount configfs on "
                "/sys/kernel/config, and run as root."
            )
            raise VirtualMeterError(message, value=str(self._configfs), remedy=remedy)
        bank = self._folder / "bank0"
        try:
            bank.mkdir(parents=True)
            (bank / "num_lines").write_text(str(self._lines))
            (self._folder / "live").write_text("1")
            self._device = self._devices / (self._folder / "dev_name").read_text().strip()
            chip = (bank / "chip_name").read_text().strip()
        except OSError as error:
            self.__exit__()
            message = f"A simulated GPIO chip cannot be created: {error.strerror}."
            remedy = "Run the command as root."
            raise VirtualMeterError(message, value=str(self._folder), remedy=remedy) from error
        self._device /= chip
        self.path = f"/dev/{chip}"
        for line in range(self._lines):
            self.pull(line, closed=False)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            (self._folder / "live").write_text("0")
        for folder in (self._folder / "bank0", self._folder):
            with suppress(OSError):
                folder.rmdir()

    def pull(self, line: int, *, closed: bool) -> None:
        """Close or open the contact between a line and ground."""
        pull = self._device / f"sim_gpio{line}" / "pull"
        pull.write_text("pull-down" if closed else "pull-up")


class PulseTrain:
    """The pulses of a meter's S0 output.

    Args:
        meter: What is counted.
        per_kwh: Pulses per kWh.
    """

    def __init__(self, meter: VirtualMeter, per_kwh: int = 1000) -> None:
        self._meter = meter
        self._per_kwh = per_kwh
        self._given = self._counted()

    def _counted(self) -> int:
        shown = self._meter.register_wh(ACTIVE_IMPORT, self._meter.clock())
        return shown * self._per_kwh // 1000

    def due(self) -> int:
        """Pulses that have not been given yet; asking for them takes them."""
        counted = self._counted()
        due, self._given = counted - self._given, counted
        return max(due, 0)

    async def play(self, chip: SimulatedChip, line: int) -> None:
        """Give pulses until cancelled; more than ten a second come late, none is lost."""
        while True:
            for _ in range(self.due()):
                chip.pull(line, closed=True)
                await asyncio.sleep(WIDTH_S)
                chip.pull(line, closed=False)
                await asyncio.sleep(WIDTH_S)
            await asyncio.sleep(_TICK_S)
