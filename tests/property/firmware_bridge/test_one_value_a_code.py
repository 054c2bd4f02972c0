"""No read-out holds two values of one code: by any decoder, from any recording or at random."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind
from firmware_bridge.driver.interface import MeterIdentity, MeterValue, ReadOut, distinct
from firmware_bridge.driver.line import MeterLine, TcpAddress
from firmware_bridge.driver.polled import PolledDriver, SharedLine
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.telegram import UNKNOWN, Observation, Telegram
from tests.support.telegrams import Capture, all_captures

ASKED = {"mbus", "iec62056_21"}
METERS = [MeterIdentity("ABC", "1"), MeterIdentity("ABC", "1", "model"), MeterIdentity("ABC", "2")]
CODES = [Obis.parse("1-0:1.8.0"), Obis.parse("1-0:2.8.0")]

values = st.builds(
    MeterValue,
    st.sampled_from(METERS),
    st.sampled_from(CODES),
    st.sampled_from(Kind),
    st.builds(Quantity, st.integers(-5, 5), st.just(0), st.sampled_from([Unit.WATT_HOUR])),
    approximate=st.booleans(),
)


def check(out: ReadOut) -> None:
    counts = Counter(value.register for value in out.values)
    assert set(counts.values()) <= {1}
    for rest in out.repeated:
        (kept,) = (value for value in out.values if value.register == rest.register)
        assert not kept.approximate or rest.approximate


@given(st.lists(values, max_size=12))
def test_any_values_become_one_a_code(shown: list[MeterValue]) -> None:
    out = ReadOut(METERS[0], tuple(shown))
    check(out)
    together = (*out.values, *out.repeated)
    assert Counter(map(repr, together)) == Counter(map(repr, shown))
    for kept in out.values:
        alike = [value for value in shown if value.register == kept.register]
        exact = [value for value in alike if not value.approximate]
        assert kept == (exact or alike)[0]
    assert distinct(out.values) == (out.values, ())


class Recorded:
    """A place whose line gives a recording and then is silent."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def open(self, timeout_s: float) -> MeterLine:
        assert timeout_s > 0
        return self

    async def receive(self) -> bytes:
        data, self.data = self.data, b""
        if not data:
            await asyncio.Event().wait()
        return data

    async def send(self, data: bytes) -> None: ...
    def set_speed(self, baudrate: int) -> None: ...
    def close(self) -> None: ...


class Once:
    """A scanner that gives telegrams that were scanned already."""

    def __init__(self, telegrams: list[Telegram]) -> None:
        self._telegrams = telegrams

    def feed(self, data: bytes) -> list[Telegram]:
        assert data
        return self._telegrams

    def close(self) -> list[Telegram]:
        return []


def is_readable(telegrams: list[Telegram]) -> bool:
    seen = [value for telegram in telegrams for value in telegram.observations]
    named = any(value.meter.serial != UNKNOWN for value in seen)
    return named and any(value.meter_value() is not None for value in seen)


@pytest.mark.parametrize("capture", all_captures(), ids=str)
async def test_every_recording_becomes_one_a_code(capture: Capture) -> None:
    telegrams = capture.scan()
    if not is_readable(telegrams):
        return
    if capture.protocol in ASKED:
        for telegram in filter(lambda t: not t.error and not t.silence, telegrams):

            async def ask(_: SharedLine, told: Telegram = telegram) -> tuple[Telegram, ...]:
                return (told,)

            async with PolledDriver(TcpAddress("127.0.0.1", 1), ask, 1.0) as asked:
                check(await asked.read())
        return
    place = Recorded(capture.data)
    async with PushDriver(place, lambda: Once(telegrams), 5.0) as pushing:  # type: ignore[arg-type, return-value]
        check(await pushing.read())


async def test_a_push_that_says_a_code_twice_reports_the_second() -> None:
    meter, code = METERS[0], CODES[0]
    seen = [
        Observation(meter, code, Decimal(number), "Wh", approximate=is_float)
        for number, is_float in ((5, True), (6, False), (7, False))
    ]
    place = Recorded(b"x")
    telegrams = [Telegram(b"x", tuple(seen))]
    async with PushDriver(place, lambda: Once(telegrams), 5.0) as pushing:  # type: ignore[arg-type, return-value]
        out = await pushing.read()
    assert [value.quantity.mantissa for value in out.values] == [6]
    assert {value.quantity.mantissa for value in out.repeated} == {7} | {5}
