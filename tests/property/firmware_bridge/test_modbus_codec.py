"""What a virtual meter encodes, a driver decodes to the same digits; plans read all, once."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.driver.interface import Absence
from firmware_bridge.modbus.answer import ModbusRequest, judge
from firmware_bridge.modbus.frames import (
    Coding,
    RegisterSpan,
    RegisterType,
    ScaledInteger,
    WordOrder,
    decode,
    encode,
    plan,
    to_words,
)

INTEGERS = [kind for kind in RegisterType if kind is not RegisterType.FLOAT32]


@st.composite
def integers(draw: st.DrawFn) -> tuple[int, Coding]:
    kind = draw(st.sampled_from(INTEGERS))
    bits = 16 * kind.words - (1 if kind.signed or kind.words == 4 else 0)
    low = -(2**bits) if kind.signed else 0
    coding = Coding(kind, draw(st.sampled_from(WordOrder)), draw(st.integers(-6, 6)))
    return draw(st.integers(low, 2**bits - 1)), coding


@given(integers())
def test_every_integer_comes_back(case: tuple[int, Coding]) -> None:
    mantissa, coding = case
    number = ScaledInteger(mantissa, coding.scale)
    words = encode(number, coding)
    assert len(words) == coding.words
    assert decode(words, coding) == number


@given(st.integers(0, 13_107_199), st.sampled_from(WordOrder))
def test_every_ten_watt_hours_of_a_float_meter_come_back(tens: int, order: WordOrder) -> None:
    coding = Coding(RegisterType.FLOAT32, order, scale=3, resolution=1)
    assert decode(encode(ScaledInteger(tens, 1), coding), coding) == ScaledInteger(tens, 1)


@given(st.integers(0, 2**32 - 1), st.integers(-6, 6), st.integers(-4, 4))
def test_a_float_is_decoded_to_within_half_a_step(bits: int, scale: int, resolution: int) -> None:
    coding = Coding(RegisterType.FLOAT32, scale=scale, resolution=resolution)
    value = struct.unpack(">f", bits.to_bytes(4, "big"))[0]
    got = decode(to_words(bits.to_bytes(4, "big")), coding)
    if math.isnan(value):
        assert got is Absence.NOT_A_NUMBER
    elif math.isinf(value):
        assert got is Absence.INFINITE
    elif isinstance(got, ScaledInteger):
        exact = Fraction(value) * Fraction(10) ** scale
        assert abs(exact - got.mantissa * Fraction(10) ** got.exponent) * 2 <= (
            Fraction(10) ** got.exponent
        )
        assert got.exponent >= resolution
    else:
        assert got is Absence.OUT_OF_RANGE
        assert abs(value) > 1e15


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_nearest_float_is_sent(value: float) -> None:
    exact = Fraction(value)
    coding = Coding(RegisterType.FLOAT32)
    mantissa, exponent = exact.numerator, 0
    if exact.denominator != 1:
        exponent = -exact.denominator.bit_length() + 1
        mantissa = exact.numerator * 5**-exponent
    words = encode(ScaledInteger(mantissa, exponent), coding)
    expected = struct.unpack(">HH", struct.pack(">f", value or 0.0))
    assert words == expected


SPANS = st.builds(RegisterSpan, st.sampled_from([3, 4]), st.integers(0, 2000), st.integers(1, 8))


@given(st.lists(SPANS, max_size=40), st.integers(8, 125), st.integers(0, 20))
def test_a_plan_reads_everything_within_the_limit(
    spans: list[RegisterSpan], max_registers: int, max_gap: int
) -> None:
    blocks = plan(spans, max_registers, max_gap)
    assert all(any(block.holds(span) for block in blocks) for span in spans)
    assert all(block.count <= max_registers for block in blocks)
    assert list(blocks) == sorted(blocks)
    assert len(blocks) <= len(set(spans))


@given(st.binary(max_size=300), st.integers(0, 65535), st.integers(0, 255), st.integers(1, 125))
def test_any_bytes_are_judged_without_an_exception(
    data: bytes, transaction: int, unit: int, count: int
) -> None:
    judge(ModbusRequest(transaction, unit, 4, count), data)
