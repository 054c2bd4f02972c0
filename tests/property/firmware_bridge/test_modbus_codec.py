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

FLOATS = {RegisterType.FLOAT32: ">f", RegisterType.FLOAT64: ">d"}
INTEGERS = [kind for kind in RegisterType if kind.value[0] in "ui"]
DIGITS = {RegisterType.BCD16: 4, RegisterType.BCD32: 8, RegisterType.BCD64: 16}
ORDERS = st.sampled_from(WordOrder)


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


@given(st.data())
def test_digits_come_back_and_other_half_bytes_are_none(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(DIGITS)))
    coding = Coding(kind, data.draw(ORDERS), data.draw(st.integers(-6, 6)))
    number = ScaledInteger(data.draw(st.integers(0, 10 ** DIGITS[kind] - 1)), coding.scale)
    assert decode(encode(number, coding), coding) == number
    raw = data.draw(st.binary(min_size=2 * coding.words, max_size=2 * coding.words))
    got = decode(to_words(raw, coding.order), coding)
    if set(raw.hex()) <= set("0123456789"):
        assert got == ScaledInteger(int(raw.hex()), coding.scale)
    else:
        assert got is Absence.NOT_A_NUMBER


@given(
    st.sampled_from([RegisterType.E8U24, RegisterType.E8I24]),
    ORDERS,
    st.integers(-20, 20),
    st.binary(min_size=4, max_size=4),
)
def test_a_value_with_its_own_power_of_ten_is_exact(
    kind: RegisterType, order: WordOrder, scale: int, raw: bytes
) -> None:
    coding = Coding(kind, order, scale)
    power = struct.unpack(">b", raw[:1])[0] + scale
    mantissa = int.from_bytes(raw[1:], "big", signed=kind is RegisterType.E8I24)
    got = decode(to_words(raw, order), coding)
    if abs(power) > 30:
        assert got is Absence.OUT_OF_RANGE
        return
    assert got == ScaledInteger(mantissa, power)
    again = decode(encode(got, coding), coding)
    if isinstance(again, ScaledInteger):
        value = again.mantissa * Fraction(10) ** again.exponent
        assert value == mantissa * Fraction(10) ** power
    else:
        assert abs(power + 8) > 30  # trailing zeros went into a power that no quantity has


@given(st.integers(0, 10**15), ORDERS)
def test_watt_hours_in_a_float64_come_back_to_the_watt_hour(wh: int, order: WordOrder) -> None:
    coding = Coding(RegisterType.FLOAT64, order, scale=3, resolution=0)
    assert decode(encode(ScaledInteger(wh, 0), coding), coding) == ScaledInteger(wh, 0)


@given(
    st.sampled_from(sorted(FLOATS)),
    st.integers(0, 2**64 - 1),
    st.integers(-6, 6),
    st.integers(-4, 4),
)
def test_a_float_is_decoded_to_within_half_a_step(
    kind: RegisterType, bits: int, scale: int, resolution: int
) -> None:
    coding = Coding(kind, scale=scale, resolution=resolution)
    raw = bits.to_bytes(8, "big")[: 2 * kind.words]
    value = struct.unpack(FLOATS[kind], raw)[0]
    got = decode(to_words(raw), coding)
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


@given(st.sampled_from(sorted(FLOATS)), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_nearest_float_is_sent(kind: RegisterType, value: float) -> None:
    exact = Fraction(value)
    coding = Coding(kind)
    mantissa, exponent = exact.numerator, 0
    if exact.denominator != 1:
        exponent = -exact.denominator.bit_length() + 1
        mantissa = exact.numerator * 5**-exponent
    words = encode(ScaledInteger(mantissa, exponent), coding)
    expected = struct.unpack(f">{kind.words}H", struct.pack(FLOATS[kind], value or 0.0))
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
