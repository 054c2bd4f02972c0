from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.contract.quantity import Unit
from firmware_bridge.driver.interface import DriverSettingError, MeterConnectionError
from firmware_bridge.pulse.count_file import (
    CountFileError,
    CountNotStoredError,
    load_count,
    store_count,
)
from firmware_bridge.pulse.driver import PulseDriver, PulseSettings
from firmware_bridge.pulse.frames import PulseConstant, PulseCounter

MS = 1_000_000


def test_only_closures_of_full_width_count() -> None:
    counter = PulseCounter()
    edges = [
        (0, True, False),
        (2, False, False),  # bounce
        (3, True, False),
        (40, False, True),
        (41, False, False),  # a second opening without a closure
        (100, True, False),
        (101, True, False),  # a closure whose opening was missed keeps the first's time
        (130, False, True),
    ]
    for at, closed, completed in edges:
        assert counter.edge(at * MS, closed=closed) is completed
    assert counter.count == 2


@given(st.integers(1, 100_000), st.integers(0, 10**12))
def test_the_register_never_drifts_from_the_count(pulses: int, count: int) -> None:
    constant = PulseConstant(pulses, 1000, Unit.WATT_HOUR)
    shown = constant.register(count).mantissa
    assert 0 <= count * 1_000_000 - shown * pulses < pulses
    assert constant.register(count + pulses).mantissa == shown + 1_000_000


@pytest.mark.parametrize(
    ("pulses", "count", "text"), [(1000, 5, "5.000"), (800, 5, "6.250"), (375, 4, "10.666")]
)
def test_constants(pulses: int, count: int, text: str) -> None:
    assert str(PulseConstant(pulses, 1000, Unit.WATT_HOUR).register(count)) == f"{text} Wh"


class Contact:
    """A line whose edges a test makes; a pipe wakes the driver as the kernel does."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.at = 0

    def pulse(self, width_ms: int = 30) -> None:
        for closed, pause in ((True, width_ms), (False, 30)):
            os.write(self.writer, struct.pack("<q?", self.at, closed))
            self.at += pause * MS

    def fileno(self) -> int:
        return self.reader

    def read(self) -> Iterable[tuple[int, bool]]:
        return struct.iter_unpack("<q?", os.read(self.reader, 9 * 1000))

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


def settings(path: Path) -> PulseSettings:
    return PulseSettings(line=17, pulses=500, count_file=path, serial="4711")


async def test_pulses_are_counted_and_outlive_the_driver(tmp_path: Path) -> None:
    path = tmp_path / "count"
    for begun in (0, 3):
        contact = Contact()
        async with PulseDriver(settings(path), lambda contact=contact: contact) as driver:  # type: ignore[misc]
            (value,) = (await driver.read()).values
            assert str(value.quantity) == f"{2 * begun}.000 Wh"
            for _ in range(3):
                contact.pulse()
                contact.pulse(width_ms=5)
            await asyncio.sleep(0.02)
            (value,) = (await driver.read()).values
            assert str(value.quantity) == f"{2 * begun + 6}.000 Wh"
            assert load_count(path) == begun + 3


def test_a_damaged_file_is_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "count"
    assert load_count(path) == 0
    for content in ("", "{}", '{"count": -1}', '{"count": true}', "[]", '{"count": 1e3}'):
        path.write_text(content)
        with pytest.raises(CountFileError):
            load_count(path)
        assert path.read_text() == content
    store_count(path, 5)
    assert load_count(path) == 5
    with pytest.raises(CountNotStoredError):
        store_count(tmp_path / "missing" / "count", 1)


async def test_a_missing_line_or_library_is_a_connection_error(tmp_path: Path) -> None:
    base = {"line": 1, "pulses": 1000, "count_file": str(tmp_path / "count"), "serial": "1"}
    async with PulseDriver.from_settings(base | {"chip": "/dev/no-such-chip"}) as driver:
        with pytest.raises(MeterConnectionError):
            await driver.read()
    for wrong in ({"pulses": 0}, {"obis": "x"}, {"colour": "red"}, {"serial": ""}):
        with pytest.raises(DriverSettingError):
            PulseDriver.from_settings(base | wrong)
