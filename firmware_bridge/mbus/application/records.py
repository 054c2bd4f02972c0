"""Data records: data information, value information, data.

How it works: a record opens with DIF and up to ten DIFE (data type, function, storage number,
tariff, subunit), then VIF and up to ten VIFE (quantity, unit, corrections), then the data. Numbers
stay integers or exact decimals. A 32-bit float becomes the shortest decimal that rounds back to
the same float: those are the digits the meter can have meant, and never more than nine.

Source: EN 13757-3:2018, clause 6, annexes A and C.
"""
# ruff: noqa: PLR2004 - bit masks and codes of the standard's figures

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import TypeAlias

from firmware_bridge.codec.shortest_decimal import shortest_decimal
from firmware_bridge.driver.telegram import (
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
    shift,
)
from firmware_bridge.mbus.application.dates import WallTime, type_f, type_g, type_i
from firmware_bridge.mbus.application.units import (
    FIRST,
    MAKER,
    PRIMARY,
    RESERVED,
    SECOND,
    Direction,
    Form,
    Meaning,
)
from firmware_bridge.mbus.application.vifes import NO_ERROR, Orthogonal

EXTENSIONS_MAX = 10
RECORDS_MAX = 300
_EXTENDED = 0x80
_IDLE = 0x2F
_MAKER_TAIL = 0x0F
_MORE_FOLLOW = 0x1F
_BYTES_OF = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 8: 0, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6}
_REAL = 5
_SELECTION = 8
_VARIABLE = 13
_TEXT_VIF_MAX = 64


class Function(IntEnum):
    """Bits 4 and 5 of the DIF."""

    INSTANTANEOUS = 0
    MAXIMUM = 1
    MINIMUM = 2
    ERROR_STATE = 3


@dataclass(frozen=True, slots=True)
class DataRecord:
    """One data record.

    Args:
        function: Momentary, extreme, or taken in an error state.
        storage: 0 is the present value.
        tariff: 0 is the total of all.
        subunit: 0 is the device itself.
        meaning: Quantity and unit; corrections of the VIFEs are in it.
        data: Integer or exact decimal as sent, text, bytes, a time; None where the meter says
            that it has no value or the digits are none.
        raw: The data's bytes as sent.
        vifes: VIFEs after the unit's own, without extension bits.
        phase: 1 .. 3 where a VIFE names the phase, else 0.
        direction: Which contributions are counted.
        error: The record's error code, 0 for none.
        qualified: Whether a VIFE changes the meaning in a way that is not followed here.
        tail: Whether this is the maker's own tail and no record.
        more_follow: Whether the tail says that another telegram continues.
        head: DIF to last VIFE as sent.
    """

    function: Function = Function.INSTANTANEOUS
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    meaning: Meaning = MAKER
    data: int | Decimal | str | bytes | date | WallTime | None = None
    raw: bytes = b""
    vifes: tuple[int, ...] = ()
    phase: int = 0
    direction: Direction = Direction.ANY
    error: int = NO_ERROR
    qualified: bool = False
    tail: bool = False
    more_follow: bool = False
    head: bytes = b""

    @property
    def value(self) -> Decimal | None:
        """The number in the meaning's unit, exactly; None where there is none."""
        if self.error or isinstance(self.data, bool) or not isinstance(self.data, int | Decimal):
            return None
        return shift(Decimal(self.data) * self.meaning.factor, self.meaning.power)


class RecordCutError(TelegramTruncatedError):
    """The telegram ends within a record.

    Args:
        message: At what.
        before: The whole records before it.
        value: Its place. [byte]
    """

    def __init__(self, message: str, before: tuple[DataRecord, ...], value: object) -> None:
        super().__init__(message, value=value)
        self.before = before


class RecordUnreadableError(TelegramSyntaxError):
    """A record is of a kind that is not assigned, so nobody knows where the next begins.

    Args:
        message: Why.
        before: The whole records before it.
        value: What is not assigned.
    """

    def __init__(self, message: str, before: tuple[DataRecord, ...], value: object) -> None:
        super().__init__(message, value=value)
        self.before = before


class RecordTooLargeError(TelegramTooLargeError):
    """A record has more extensions, or a telegram more records, than the standard allows.

    Args:
        message: What is too large.
        before: The whole records before it.
        value: How large it is.
    """

    def __init__(self, message: str, before: tuple[DataRecord, ...], value: object) -> None:
        super().__init__(message, value=value)
        self.before = before


RecordError: TypeAlias = RecordCutError | RecordUnreadableError | RecordTooLargeError


@dataclass(slots=True)
class _Cursor:
    data: bytes
    at: int = 0

    def take(self, count: int, what: str) -> bytes:
        end = self.at + count
        if end > len(self.data):
            message = f"The telegram ends within a record, at its {what}."
            raise TelegramTruncatedError(message, value=self.at)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def byte(self, what: str) -> int:
        return self.take(1, what)[0]


def parse_records(data: bytes) -> tuple[DataRecord, ...]:
    """All records of a variable data structure, the maker's tail as the last.

    Raises:
        RecordCutError: A record ends early; carries those before it.
        RecordUnreadableError: A data field or length is not assigned; carries those before it.
        RecordTooLargeError: More extensions or records than the standard allows; carries those
            before.
    """
    cursor = _Cursor(data)
    records: list[DataRecord] = []
    while cursor.at < len(data):
        if data[cursor.at] == _IDLE:
            cursor.at += 1
            continue
        if len(records) == RECORDS_MAX:
            message = f"The telegram holds more than {RECORDS_MAX} records."
            raise RecordTooLargeError(message, tuple(records), RECORDS_MAX)
        dif = cursor.byte("DIF")
        try:
            if dif & 0x0F == 0x0F:
                records.append(_special(dif, cursor))
                break
            records.append(_record(dif, cursor))
        except TelegramTruncatedError as error:
            raise RecordCutError(error.message, tuple(records), error.value) from None
        except TelegramSyntaxError as error:
            raise RecordUnreadableError(error.message, tuple(records), error.value) from None
        except TelegramTooLargeError as error:
            raise RecordTooLargeError(error.message, tuple(records), error.value) from None
    return tuple(records)


def _special(dif: int, cursor: _Cursor) -> DataRecord:
    if dif not in (_MAKER_TAIL, _MORE_FOLLOW):
        message = f"The special DIF {dif:02X} is not assigned."
        raise TelegramSyntaxError(message, value=dif)
    tail = cursor.take(len(cursor.data) - cursor.at, "tail")
    return DataRecord(data=tail, raw=tail, tail=True, more_follow=dif == _MORE_FOLLOW)


def _record(dif: int, cursor: _Cursor) -> DataRecord:
    start, storage, tariff, subunit = cursor.at - 1, dif >> 6 & 1, 0, 0
    for place, dife in enumerate(_extensions(dif, cursor, "DIFE")):
        storage |= (dife & 0x0F) << 1 + 4 * place
        tariff |= (dife >> 4 & 0x03) << 2 * place
        subunit |= (dife >> 6 & 0x01) << place
    meaning, vifes = _value_information(cursor)
    coding = Orthogonal.of(vifes)
    meaning = coding.apply(meaning)
    head = cursor.data[start : cursor.at]
    raw, number = _data(dif & 0x0F, cursor)
    return DataRecord(
        function=Function(dif >> 4 & 0x03),
        storage=storage,
        tariff=tariff,
        subunit=subunit,
        meaning=meaning,
        data=_typed(meaning, raw, number),
        raw=raw,
        vifes=vifes,
        phase=coding.phase,
        direction=coding.direction,
        error=coding.error,
        qualified=coding.qualified,
        head=head,
    )


def take_head(data: bytes, at: int) -> int:
    """Bytes of the head, DIF to last VIFE, that begins there.

    Raises:
        TelegramTruncatedError: It is cut.
        TelegramTooLargeError: More extensions than the standard allows.
    """
    cursor = _Cursor(data, at)
    _extensions(cursor.byte("DIF"), cursor, "DIFE")
    _value_information(cursor)
    return cursor.at - at


def take_data(dif: int, data: bytes, at: int) -> int:
    """Bytes of the data, its length byte included, that a DIF announces.

    Raises:
        TelegramTruncatedError: It is cut.
        TelegramSyntaxError: The length is not assigned.
    """
    cursor = _Cursor(data, at)
    _data(dif & 0x0F, cursor)
    return cursor.at - at


def _extensions(first: int, cursor: _Cursor, what: str) -> list[int]:
    found: list[int] = []
    last = first
    while last & _EXTENDED:
        if len(found) == EXTENSIONS_MAX:
            message = f"A record has more than {EXTENSIONS_MAX} {what}."
            raise TelegramTooLargeError(message)
        last = cursor.byte(what)
        found.append(last)
    return found


def _value_information(cursor: _Cursor) -> tuple[Meaning, tuple[int, ...]]:
    vif = cursor.byte("VIF")
    code = vif & 0x7F
    text = None
    if code == 0x7C:
        size = cursor.byte("VIF text length")
        if size > _TEXT_VIF_MAX:
            message = f"A unit in plain text of {size} characters exceeds the limit."
            raise TelegramTooLargeError(message, value=size)
        text = cursor.take(size, "VIF text")[::-1].decode("latin-1")
    vifes = [vife & 0x7F for vife in _extensions(vif, cursor, "VIFE")]
    if text is not None:
        return Meaning(text, text), tuple(vifes)
    if vif in (0xFB, 0xFD):
        table = SECOND if vif == 0xFB else FIRST
        return table.get(vifes[0], RESERVED), tuple(vifes[1:])
    if code == 0x7F:
        return MAKER, ()
    return PRIMARY.get(code, RESERVED), tuple(vifes)


_Number = int | Decimal | str | bytes | None


def _data(field: int, cursor: _Cursor) -> tuple[bytes, _Number]:
    if field == _VARIABLE:
        return _variable(cursor)
    raw = cursor.take(_BYTES_OF[field], "data")
    if field == _REAL:
        return raw, real32(raw)
    if field >= 9:
        return raw, bcd(raw)
    if field in (0, _SELECTION):
        return raw, None
    number = int.from_bytes(raw, "little", signed=True)
    # Type B: the most negative number says that there is none.
    return raw, None if number == -1 << 8 * len(raw) - 1 else number


def _variable(cursor: _Cursor) -> tuple[bytes, _Number]:
    length = cursor.byte("LVAR")
    if length <= 0xBF:
        raw = cursor.take(length, "text")
        return raw, raw[::-1].decode("latin-1")
    if 0xC0 <= length <= 0xC9 or 0xD0 <= length <= 0xD9:
        raw = cursor.take(length & 0x0F, "digits")
        digits = bcd(raw)
        return raw, -digits if digits and length >= 0xD0 else digits
    if 0xE0 <= length <= 0xEF:
        raw = cursor.take(length & 0x0F, "binary number")
        return raw, int.from_bytes(raw, "little", signed=True) if raw else None
    if 0xF0 <= length <= 0xF6:
        size = {0xF5: 48, 0xF6: 64}.get(length, 4 * (length - 0xEC))
        raw = cursor.take(size, "binary number")
        return raw, raw[::-1]
    message = f"The variable length {length:02X} is not assigned."
    raise TelegramSyntaxError(message, value=length)


def _typed(
    meaning: Meaning, raw: bytes, number: _Number
) -> int | Decimal | str | bytes | date | WallTime | None:
    if meaning.form is Form.DATE and len(raw) == 2:
        return type_g(raw)
    if meaning.form in (Form.DATE, Form.DATE_TIME) and len(raw) == 4:
        return type_f(raw)
    if meaning.form in (Form.DATE, Form.DATE_TIME) and len(raw) == 6:
        return type_i(raw)
    if meaning.form is Form.DATE_TIME and len(raw) == 2:
        return type_g(raw)
    return number


def bcd(raw: bytes) -> int | None:
    """The number of packed digits, least significant byte first.

    F in the highest digit is a minus. Any other digit above 9 is the meter's way to say that it
    has no value (or to show an error code), so there is none. Source: EN 13757-3 annex A, type A.
    """
    digits = raw[::-1].hex()
    negative = digits[:1] == "f"
    if negative:
        digits = digits[1:]
    if not digits.isdigit():
        return None
    return -int(digits) if negative else int(digits)


def real32(raw: bytes) -> Decimal | None:
    """The shortest decimal that rounds to the same 32-bit float; None for NaN and infinities."""
    return shortest_decimal(raw, "<f")
