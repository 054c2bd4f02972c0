"""Registers to integers and back, exactly.

How it works: a register map names a type, a word order and a decimal scale for each value. Integer
types keep their digits: mantissa = the integer, exponent = the scale. A float32 is decoded to the
decimal resolution that its map documents, by integer arithmetic on its bits, so that binary noise
(2.2999999523 for 2.3) never becomes a digit of a reading. Where the float itself is coarser than
that resolution the exponent rises instead, so that no digit is claimed that the meter did not send.

Nothing here knows of a socket. Source: Modbus Application Protocol V1.1b3; IEEE 754.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.quantity import EXPONENT_MAX, INT64_MAX, INT64_MIN
from firmware_bridge.driver.interface import Absence

REGISTERS_PER_REQUEST = 125
REGISTER_SPACE = 65_536
_WORD = 2
_FLOAT_FRACTION_BITS = 23
_FLOAT_BIAS = 127
_FLOAT_EXPONENT_ONES = 0xFF
_FLOAT_MAX_SIGNIFICAND = 1 << (_FLOAT_FRACTION_BITS + 1)


class RegisterType(StrEnum):
    """How many registers a value takes, and how they are read."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    FLOAT32 = "float32"

    @property
    def words(self) -> int:
        """Registers per value."""
        return {"16": 1, "32": 2, "64": 4}[self.value[-2:]]

    @property
    def signed(self) -> bool:
        """Whether the integer is a two's complement."""
        return self.value.startswith("i")


class WordOrder(StrEnum):
    """In which order the bytes A (most significant) to D travel, four bytes as the example."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


@dataclass(frozen=True, slots=True)
class Coding:
    """How a value sits in its registers.

    Args:
        type: Width and kind.
        order: Byte and word order.
        scale: The register's number times 10 ** scale is the value in its unit.
        resolution: For float32 only: the exponent that values are decoded to, in the unit. A
            float32 in kWh that counts 10 Wh has scale 3 and resolution 1 in Wh.
        absent: Register contents, as big-endian integers, that say "no value".
    """

    type: RegisterType
    order: WordOrder = WordOrder.ABCD
    scale: int = 0
    resolution: int = 0
    absent: frozenset[int] = frozenset()

    @property
    def words(self) -> int:
        """Registers per value."""
        return self.type.words


@dataclass(frozen=True, slots=True)
class ScaledInteger:
    """`mantissa * 10 ** exponent`."""

    mantissa: int
    exponent: int


def to_bytes(words: Sequence[int], order: WordOrder = WordOrder.ABCD) -> bytes:
    """The bytes of registers, most significant first.

    Args:
        words: Registers as received, each 0 .. 65535.
        order: The order they travelled in.
    """
    if order in (WordOrder.CDAB, WordOrder.DCBA):
        words = words[::-1]
    raw = b"".join(word.to_bytes(_WORD, "big") for word in words)
    return _swap_bytes(raw) if order in (WordOrder.BADC, WordOrder.DCBA) else raw


def to_words(raw: bytes, order: WordOrder = WordOrder.ABCD) -> tuple[int, ...]:
    """The registers that `to_bytes` turns into `raw`."""
    if order in (WordOrder.BADC, WordOrder.DCBA):
        raw = _swap_bytes(raw)
    words = tuple(int.from_bytes(raw[at : at + _WORD], "big") for at in range(0, len(raw), _WORD))
    return words[::-1] if order in (WordOrder.CDAB, WordOrder.DCBA) else words


def _swap_bytes(raw: bytes) -> bytes:
    swapped = bytearray(raw)
    swapped[::2], swapped[1::2] = raw[1::2], raw[::2]
    return bytes(swapped)


def decode(words: Sequence[int], coding: Coding) -> ScaledInteger | Absence:
    """The value in registers, or why there is none.

    Args:
        words: `coding.words` registers as received.
        coding: How the map says they are to be read.
    """
    raw = to_bytes(words, coding.order)
    bits = int.from_bytes(raw, "big")
    if bits in coding.absent:
        return Absence.NOT_AVAILABLE
    if coding.type is RegisterType.FLOAT32:
        return _decode_float(bits, coding)
    mantissa = int.from_bytes(raw, "big", signed=coding.type.signed)
    if not INT64_MIN <= mantissa <= INT64_MAX:
        return Absence.OUT_OF_RANGE
    return ScaledInteger(mantissa, coding.scale)


def _decode_float(bits: int, coding: Coding) -> ScaledInteger | Absence:
    fraction = bits & ((1 << _FLOAT_FRACTION_BITS) - 1)
    biased = bits >> _FLOAT_FRACTION_BITS & _FLOAT_EXPONENT_ONES
    if biased == _FLOAT_EXPONENT_ONES:
        return Absence.NOT_A_NUMBER if fraction else Absence.INFINITE
    significand = fraction | (1 << _FLOAT_FRACTION_BITS if biased else 0)
    power = max(biased, 1) - _FLOAT_BIAS - _FLOAT_FRACTION_BITS
    step = Fraction(2) ** power * Fraction(10) ** coding.scale
    exponent = coding.resolution
    while step > Fraction(10) ** exponent:
        exponent += 1
    if exponent > EXPONENT_MAX:
        return Absence.OUT_OF_RANGE
    magnitude = round(significand * step / Fraction(10) ** exponent)
    mantissa = -magnitude if bits >> 31 else magnitude
    if not INT64_MIN <= mantissa <= INT64_MAX:
        return Absence.OUT_OF_RANGE
    return ScaledInteger(mantissa, exponent)


def encode(number: ScaledInteger, coding: Coding) -> tuple[int, ...]:
    """The registers that show a value; what a virtual meter sends.

    A float32 shows the nearest one, ties to even.

    Raises:
        InvalidValueError: The value does not fit the type, or has digits below an integer's scale.
    """
    if coding.type is RegisterType.FLOAT32:
        scaled = Fraction(number.mantissa) * Fraction(10) ** (number.exponent - coding.scale)
        bits = _encode_float(scaled)
    else:
        scaled = Fraction(number.mantissa) * Fraction(10) ** (number.exponent - coding.scale)
        if scaled.denominator != 1:
            message = f"{number} has more decimals than the register's 10**{coding.scale}."
            raise InvalidValueError(message, value=number)
        bits = scaled.numerator
    try:
        raw = bits.to_bytes(coding.words * _WORD, "big", signed=coding.type.signed)
    except OverflowError:
        message = f"{number} does not fit a {coding.type} register."
        raise InvalidValueError(message, value=number) from None
    return to_words(raw, coding.order)


def _encode_float(value: Fraction) -> int:
    if value == 0:
        return 0
    sign = (1 << 31) if value < 0 else 0
    magnitude = abs(value)
    power = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** power > magnitude:
        power -= 1
    power = max(power, 1 - _FLOAT_BIAS)
    significand = round(magnitude / Fraction(2) ** (power - _FLOAT_FRACTION_BITS))
    if significand == _FLOAT_MAX_SIGNIFICAND:
        significand, power = significand >> 1, power + 1
    if power > _FLOAT_BIAS:
        message = f"{value} is outside the range of float32."
        raise InvalidValueError(message, value=value)
    normal = significand >> _FLOAT_FRACTION_BITS
    biased = power + _FLOAT_BIAS if normal else 0
    return sign | biased << _FLOAT_FRACTION_BITS | significand & ~(1 << _FLOAT_FRACTION_BITS)


@dataclass(frozen=True, slots=True, order=True)
class RegisterSpan:
    """Consecutive registers of one function code.

    Args:
        function: 3 (holding) or 4 (input).
        address: The first register as it travels, 0 .. 65535.
        count: How many.
    """

    function: int
    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address after the span."""
        return self.address + self.count

    def holds(self, other: RegisterSpan) -> bool:
        """Whether `other` lies within this span."""
        return (
            self.function == other.function
            and self.address <= other.address
            and other.end <= self.end
        )


def plan(
    spans: Iterable[RegisterSpan], max_registers: int = REGISTERS_PER_REQUEST, max_gap: int = 0
) -> tuple[RegisterSpan, ...]:
    """The fewest ascending requests that read all spans, none of them split.

    Args:
        spans: What is wanted, in any order; overlaps are read once.
        max_registers: What the meter gives per request, at most 125.
        max_gap: Unwanted registers that may be read in between to save a request.

    Raises:
        InvalidValueError: A span alone is longer than a request.
    """
    blocks: list[RegisterSpan] = []
    for span in sorted(set(spans)):
        if span.count > max_registers:
            message = f"{span.count} registers at {span.address} exceed one request."
            raise InvalidValueError(message, value=span)
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.function == span.function
            and span.address - last.end <= max_gap
            and max(span.end, last.end) - last.address <= max_registers
        ):
            end = max(span.end, last.end)
            blocks[-1] = RegisterSpan(last.function, last.address, end - last.address)
        else:
            blocks.append(span)
    return tuple(blocks)
