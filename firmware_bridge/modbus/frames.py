"""Registers to integers and back, exactly.

How it works: a register map names a type, a word order and a decimal scale for each value. Integer
types keep their digits: mantissa = the integer, exponent = the scale. So do decimals (`bcd32`: a
digit in each half byte) and integers that bring their power of ten along (`e8u24`: a signed byte of
exponent, then 24 bits). A float is decoded to the
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
_DIGITS = 10
_MANTISSA_BITS = 24
_POWER_MAX = 127


class RegisterType(StrEnum):
    """How many registers a value takes, and how they are read."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BCD64 = "bcd64"
    E8U24 = "e8u24"
    E8I24 = "e8i24"

    @property
    def words(self) -> int:
        """Registers per value."""
        return {"16": 1, "24": 2, "32": 2, "64": 4}[self.value[-2:]]

    @property
    def signed(self) -> bool:
        """Whether the integer is a two's complement."""
        return self.value.startswith("i")

    @property
    def is_float(self) -> bool:
        """Whether it is binary, so that its map says the decimals."""
        return self in _FLOATS


@dataclass(frozen=True, slots=True)
class _FloatForm:
    """A binary form of IEEE 754: bits of its fraction, and what its exponent is above."""

    fraction_bits: int
    bias: int

    @property
    def ones(self) -> int:
        return 2 * self.bias + 1


_FLOATS = {
    RegisterType.FLOAT32: _FloatForm(23, 127),
    RegisterType.FLOAT64: _FloatForm(52, 1023),
}
_BCD = frozenset({RegisterType.BCD16, RegisterType.BCD32, RegisterType.BCD64})


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
        resolution: For floats only: the exponent that values are decoded to, in the unit. A
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
    if coding.type.is_float:
        return _decode_float(bits, coding, _FLOATS[coding.type])
    if coding.type in _BCD:
        return _decode_digits(raw, coding.scale)
    if coding.type in (RegisterType.E8U24, RegisterType.E8I24):
        return _decode_power(raw, coding)
    mantissa = int.from_bytes(raw, "big", signed=coding.type.signed)
    return _bounded(mantissa, coding.scale)


def _bounded(mantissa: int, exponent: int) -> ScaledInteger | Absence:
    if not INT64_MIN <= mantissa <= INT64_MAX or abs(exponent) > EXPONENT_MAX:
        return Absence.OUT_OF_RANGE
    return ScaledInteger(mantissa, exponent)


def _decode_digits(raw: bytes, scale: int) -> ScaledInteger | Absence:
    digits = raw.hex()
    return _bounded(int(digits), scale) if digits.isdigit() else Absence.NOT_A_NUMBER


def _decode_power(raw: bytes, coding: Coding) -> ScaledInteger | Absence:
    power = int.from_bytes(raw[:1], "big", signed=True)
    mantissa = int.from_bytes(raw[1:], "big", signed=coding.type is RegisterType.E8I24)
    return _bounded(mantissa, power + coding.scale)


def _decode_float(bits: int, coding: Coding, form: _FloatForm) -> ScaledInteger | Absence:
    fraction = bits & ((1 << form.fraction_bits) - 1)
    biased = bits >> form.fraction_bits & form.ones
    if biased == form.ones:
        return Absence.NOT_A_NUMBER if fraction else Absence.INFINITE
    significand = fraction | (1 << form.fraction_bits if biased else 0)
    power = max(biased, 1) - form.bias - form.fraction_bits
    step = Fraction(2) ** power * Fraction(10) ** coding.scale
    exponent = coding.resolution
    while step > Fraction(10) ** exponent:
        exponent += 1
        if exponent > EXPONENT_MAX:
            return Absence.OUT_OF_RANGE
    magnitude = round(significand * step / Fraction(10) ** exponent)
    is_negative = bits >> (8 * coding.words * _WORD - 1)
    return _bounded(-magnitude if is_negative else magnitude, exponent)


def encode(number: ScaledInteger, coding: Coding) -> tuple[int, ...]:
    """The registers that show a value; what a virtual meter sends.

    A float shows the nearest one, ties to even; a value of its own power of ten keeps its digits.

    Raises:
        InvalidValueError: The value does not fit the type, or has digits below an integer's scale.
    """
    scaled = Fraction(number.mantissa) * Fraction(10) ** (number.exponent - coding.scale)
    try:
        raw = _encoded(scaled, number, coding).to_bytes(
            coding.words * _WORD, "big", signed=coding.type.signed
        )
    except OverflowError:
        message = f"{number} does not fit a {coding.type} register."
        raise InvalidValueError(message, value=number) from None
    return to_words(raw, coding.order)


def _encoded(scaled: Fraction, number: ScaledInteger, coding: Coding) -> int:
    """The register's bits as an integer. Raises OverflowError where they are too few."""
    if coding.type.is_float:
        return _encode_float(scaled, _FLOATS[coding.type])
    if coding.type in (RegisterType.E8U24, RegisterType.E8I24):
        return _encode_power(number, coding)
    if scaled.denominator != 1:
        message = f"{number} has more decimals than the register's 10**{coding.scale}."
        raise InvalidValueError(message, value=number)
    if coding.type in _BCD:
        if scaled < 0:
            raise OverflowError
        return int(str(scaled.numerator), 16)
    return scaled.numerator


def _encode_power(number: ScaledInteger, coding: Coding) -> int:
    mantissa, power = number.mantissa, number.exponent - coding.scale
    while mantissa % _DIGITS == 0 and mantissa and power < _POWER_MAX:
        mantissa, power = mantissa // _DIGITS, power + 1
    signed = coding.type is RegisterType.E8I24
    size = _MANTISSA_BITS // 8
    raw = power.to_bytes(1, "big", signed=True) + mantissa.to_bytes(size, "big", signed=signed)
    return int.from_bytes(raw, "big")


def _encode_float(value: Fraction, form: _FloatForm) -> int:
    if value == 0:
        return 0
    bits = form.fraction_bits
    sign = (form.ones + 1) << bits if value < 0 else 0
    magnitude = abs(value)
    power = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if Fraction(2) ** power > magnitude:
        power -= 1
    power = max(power, 1 - form.bias)
    significand = round(magnitude / Fraction(2) ** (power - bits))
    if significand == 1 << (bits + 1):
        significand, power = significand >> 1, power + 1
    if power > form.bias:
        message = f"{value} is outside the range of the float."
        raise InvalidValueError(message, value=value)
    biased = power + form.bias if significand >> bits else 0
    return sign | biased << bits | significand & ~(1 << bits)


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

    def moved(self, by: int) -> RegisterSpan:
        """The span that many registers further on."""
        return RegisterSpan(self.function, self.address + by, self.count)

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
