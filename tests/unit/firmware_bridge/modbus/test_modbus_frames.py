"""Registers become integers exactly as the map says, or a named absence."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.driver.interface import Absence
from firmware_bridge.modbus.frames import (
    Coding,
    RegisterSpan,
    RegisterType,
    ScaledInteger,
    WordOrder,
    decode,
    encode,
    plan,
    to_bytes,
    to_words,
)

FLOAT_KWH = Coding(RegisterType.FLOAT32, scale=3, resolution=1)


def float_words(value: float) -> tuple[int, ...]:
    return struct.unpack(">HH", struct.pack(">f", value))


@pytest.mark.parametrize(
    ("kind", "words", "mantissa"),
    [
        (RegisterType.U16, [0xFFFE], 65534),
        (RegisterType.I16, [0xFFFE], -2),
        (RegisterType.U32, [0x0001, 0x0000], 65536),
        (RegisterType.I32, [0xFFFF, 0xFFFF], -1),
        (RegisterType.U64, [0, 0, 1, 2], 65538),
        (RegisterType.I64, [0xFFFF, 0xFFFF, 0xFFFF, 0xFF00], -256),
    ],
)
def test_integers_keep_all_their_digits(
    kind: RegisterType, words: Sequence[int], mantissa: int
) -> None:
    assert decode(words, Coding(kind, scale=-2)) == ScaledInteger(mantissa, -2)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (WordOrder.ABCD, [0x0102, 0x0304]),
        (WordOrder.CDAB, [0x0304, 0x0102]),
        (WordOrder.BADC, [0x0201, 0x0403]),
        (WordOrder.DCBA, [0x0403, 0x0201]),
    ],
)
def test_each_order_finds_the_same_number(order: WordOrder, words: Sequence[int]) -> None:
    assert to_bytes(words, order) == b"\x01\x02\x03\x04"
    assert to_words(b"\x01\x02\x03\x04", order) == tuple(words)
    assert decode(words, Coding(RegisterType.U32, order)) == ScaledInteger(0x01020304, 0)


def test_a_float_shows_no_binary_noise() -> None:
    # The nearest float32 to 2.3 is 2.2999999523...
    assert decode(float_words(2.3), FLOAT_KWH) == ScaledInteger(230, 1)
    assert decode(float_words(-12345.67), FLOAT_KWH) == ScaledInteger(-1234567, 1)


def test_a_float_coarser_than_its_resolution_claims_fewer_digits() -> None:
    assert decode(float_words(131_071.99), FLOAT_KWH) == ScaledInteger(13_107_199, 1)
    # From 2**17 kWh on, neighbouring floats are 15.6 Wh apart: 10 Wh cannot be told any more.
    assert decode(float_words(131_072.5), FLOAT_KWH) == ScaledInteger(1_310_725, 2)


@pytest.mark.parametrize(
    ("words", "absence"),
    [
        ([0x7FC0, 0x0000], Absence.NOT_A_NUMBER),
        ([0xFFC0, 0x0001], Absence.NOT_A_NUMBER),
        ([0x7F80, 0x0000], Absence.INFINITE),
        ([0xFF80, 0x0000], Absence.INFINITE),
        ([0x7F00, 0x0000], Absence.OUT_OF_RANGE),
    ],
)
def test_a_float_without_a_value_is_a_named_absence(words: Sequence[int], absence: Absence) -> None:
    assert decode(words, FLOAT_KWH) is absence


def test_an_absent_marker_is_no_value_and_the_number_beside_it_is() -> None:
    coding = Coding(RegisterType.U32, absent=frozenset({0xFFFFFFFF}))
    assert decode([0xFFFF, 0xFFFF], coding) is Absence.NOT_AVAILABLE
    assert decode([0xFFFF, 0xFFFE], coding) == ScaledInteger(0xFFFFFFFE, 0)


def test_an_unsigned_counter_beyond_64_bits_signed_is_out_of_range() -> None:
    assert decode([0x8000, 0, 0, 0], Coding(RegisterType.U64)) is Absence.OUT_OF_RANGE
    assert decode([0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF], Coding(RegisterType.U64)) == ScaledInteger(
        2**63 - 1, 0
    )


@pytest.mark.parametrize(
    ("number", "coding"),
    [
        (ScaledInteger(65536, 0), Coding(RegisterType.U16)),
        (ScaledInteger(-1, 0), Coding(RegisterType.U32)),
        (ScaledInteger(15, -1), Coding(RegisterType.U32)),
        (ScaledInteger(10**40, 0), Coding(RegisterType.FLOAT32)),
    ],
)
def test_a_value_that_does_not_fit_is_refused(number: ScaledInteger, coding: Coding) -> None:
    with pytest.raises(InvalidValueError):
        encode(number, coding)


def test_neighbours_share_a_request_and_function_codes_do_not() -> None:
    wanted = [
        RegisterSpan(4, 10, 2),
        RegisterSpan(4, 12, 4),
        RegisterSpan(3, 16, 2),
        RegisterSpan(4, 0, 2),
    ]
    assert plan(wanted) == (RegisterSpan(3, 16, 2), RegisterSpan(4, 0, 2), RegisterSpan(4, 10, 6))


def test_gaps_are_read_only_as_far_as_allowed() -> None:
    wanted = [RegisterSpan(4, 0, 2), RegisterSpan(4, 6, 2), RegisterSpan(4, 20, 2)]
    assert plan(wanted, max_gap=4) == (RegisterSpan(4, 0, 8), RegisterSpan(4, 20, 2))


def test_a_request_never_exceeds_what_the_meter_gives() -> None:
    wanted = [RegisterSpan(4, address, 2) for address in range(0, 300, 2)]
    blocks = plan(wanted, max_registers=80)
    assert [block.count for block in blocks] == [80, 80, 80, 60]
    with pytest.raises(InvalidValueError):
        plan([RegisterSpan(4, 0, 126)])


def test_a_value_is_never_split_between_two_requests() -> None:
    blocks = plan([RegisterSpan(4, 0, 3), RegisterSpan(4, 3, 4)], max_registers=5)
    assert blocks == (RegisterSpan(4, 0, 3), RegisterSpan(4, 3, 4))
