"""A-XDR data of the COSEM model, parsed within bounds of depth, count and size.

Source: IEC 61334-6 (A-XDR), IEC 62056-5-3 (type tags), DLMS UA Green Book 10, 9.5.
"""
# ruff: noqa: PLR2004 - tags and sizes of the standard

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from firmware_bridge.codec.shortest_decimal import shortest_decimal
from firmware_bridge.driver.telegram import (
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)

DEPTH_MAX = 12
NODES_MAX = 8192
_DESCRIPTOR_SIZE = 9


class Tag(IntEnum):
    """Type tags that push lists use."""

    NULL = 0x00
    ARRAY = 0x01
    STRUCTURE = 0x02
    BOOLEAN = 0x03
    BIT_STRING = 0x04
    INT32 = 0x05
    UINT32 = 0x06
    OCTETS = 0x09
    VISIBLE = 0x0A
    UTF8 = 0x0C
    BCD = 0x0D
    INT8 = 0x0F
    INT16 = 0x10
    UINT8 = 0x11
    UINT16 = 0x12
    COMPACT = 0x13
    INT64 = 0x14
    UINT64 = 0x15
    ENUM = 0x16
    FLOAT32 = 0x17
    FLOAT64 = 0x18
    DATE_TIME = 0x19
    DATE = 0x1A
    TIME = 0x1B
    # No type of the standard: an attribute descriptor that some lists send bare in its place.
    DESCRIPTOR = 0x100


_INTEGERS = {
    Tag.INT8: (1, True),
    Tag.UINT8: (1, False),
    Tag.INT16: (2, True),
    Tag.UINT16: (2, False),
    Tag.INT32: (4, True),
    Tag.UINT32: (4, False),
    Tag.INT64: (8, True),
    Tag.UINT64: (8, False),
    Tag.ENUM: (1, False),
    Tag.BCD: (1, False),
}
NUMBERS = frozenset({*_INTEGERS, Tag.FLOAT32, Tag.FLOAT64}) - {Tag.ENUM, Tag.BCD}
_FLOATS = {Tag.FLOAT32: (4, ">f"), Tag.FLOAT64: (8, ">d")}
_FIXED = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A COSEM attribute descriptor.

    Args:
        class_id: Interface class.
        instance: The object's OBIS code, six bytes.
        attribute: Attribute number.
    """

    class_id: int
    instance: bytes
    attribute: int


@dataclass(frozen=True, slots=True)
class Node:
    """One datum.

    Args:
        tag: Its type.
        value: int, bool, Decimal (floats, exactly as meant), bytes, str, Descriptor or None.
        items: Members of an array or structure.
    """

    tag: Tag
    value: int | bool | Decimal | bytes | str | Descriptor | None = None
    items: tuple[Node, ...] = ()


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """A length in BER form, and the place after it.

    Raises:
        TelegramTruncatedError: It is cut.
        TelegramTooLargeError: It needs more than four bytes.
    """
    if at >= len(data):
        message = "The data ends before a length."
        raise TelegramTruncatedError(message)
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not 1 <= size <= 4:
        message = f"A length of {size} bytes is not supported."
        raise TelegramTooLargeError(message)
    if at + 1 + size > len(data):
        message = "The data ends within a length."
        raise TelegramTruncatedError(message)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def parse(data: bytes, at: int = 0) -> tuple[Node, int]:
    """One datum and the place after it.

    Raises:
        TelegramTruncatedError: The data ends within it.
        TelegramSyntaxError: A tag is not assigned.
        TelegramTooLargeError: It is nested deeper, or has more members, than any real list.
    """
    parser = _AxdrParser(data, at)
    node = parser.node(0)
    return node, parser.at


@dataclass(frozen=True, slots=True)
class _Form:
    """The type of a compact array's members: of an array with its count, of a structure's parts."""

    tag: Tag
    parts: tuple[_Form, ...] = ()
    count: int = 0


class _AxdrParser:
    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self._left = NODES_MAX

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            message = "The data ends within a value."
            raise TelegramTruncatedError(message, value=self.at)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def node(self, depth: int) -> Node:
        self._count(depth)
        tag = self._tag()
        if tag in (Tag.ARRAY, Tag.STRUCTURE):
            return self._members(tag, depth)
        if tag is Tag.COMPACT:
            return self._compact(depth)
        return self._simple(tag)

    def _count(self, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > DEPTH_MAX:
            message = "The data has more nested levels or members than the limit."
            raise TelegramTooLargeError(message)

    def _tag(self) -> Tag:
        code = self.take(1)[0]
        try:
            return Tag(code)
        except ValueError:
            message = f"The type tag {code:02X} is not assigned."
            raise TelegramSyntaxError(message, value=code) from None

    def _compact(self, depth: int) -> Node:
        """An array whose members' type is told once, before their bare values."""
        form = self._form(depth + 1)
        size, self.at = read_length(self.data, self.at)
        end = self.at + size
        if end > len(self.data):
            message = "The data ends within a compact array."
            raise TelegramTruncatedError(message, value=self.at)
        items: list[Node] = []
        while self.at < end:
            before = self.at
            items.append(self._bare(form, depth + 1))
            if not before < self.at <= end:
                message = "The members of a compact array do not fill its length."
                raise TelegramSyntaxError(message, value=self.at)
        return Node(Tag.ARRAY, None, tuple(items))

    def _form(self, depth: int) -> _Form:
        self._count(depth)
        tag = self._tag()
        if tag is Tag.ARRAY:
            count = int.from_bytes(self.take(2), "big")
            return _Form(tag, (self._form(depth + 1),), count)
        if tag is Tag.STRUCTURE:
            count, self.at = read_length(self.data, self.at)
            if count > self._left:
                message = f"A structure of {count} members exceeds the limit."
                raise TelegramTooLargeError(message, value=count)
            return _Form(tag, tuple(self._form(depth + 1) for _ in range(count)))
        if tag is Tag.COMPACT:
            message = "A compact array within a compact array is not supported."
            raise TelegramSyntaxError(message)
        return _Form(tag)

    def _bare(self, form: _Form, depth: int) -> Node:
        self._count(depth)
        if form.tag is Tag.ARRAY:
            items = (self._bare(form.parts[0], depth + 1) for _ in range(form.count))
            return Node(form.tag, None, tuple(items))
        if form.tag is Tag.STRUCTURE:
            return Node(form.tag, None, tuple(self._bare(part, depth + 1) for part in form.parts))
        return self._simple(form.tag)

    def _members(self, tag: Tag, depth: int) -> Node:
        count, self.at = read_length(self.data, self.at)
        if count > self._left:
            message = f"A list of {count} members exceeds the limit."
            raise TelegramTooLargeError(message, value=count)
        items: list[Node] = []
        for place in range(count):
            if place == 0 and tag is Tag.STRUCTURE and count == 2:
                descriptor = self._descriptor()
                if descriptor is not None:
                    items.append(Node(Tag.DESCRIPTOR, descriptor))
                    continue
            items.append(self.node(depth + 1))
        return Node(tag, None, tuple(items))

    def _descriptor(self) -> Descriptor | None:
        """Class (0 .. 255), instance ending in 255, attribute: sent without any tag.

        As data the nine bytes would be a null and what follows, which no pair in a list is.
        """
        raw = self.data[self.at : self.at + _DESCRIPTOR_SIZE]
        if len(raw) < _DESCRIPTOR_SIZE or raw[0] != 0 or raw[1] == 0 or raw[7] != 0xFF:
            return None
        if not 1 <= raw[8] <= 32:
            return None
        self.at += _DESCRIPTOR_SIZE
        return Descriptor(raw[1], raw[2:8], raw[8])

    def _simple(self, tag: Tag) -> Node:
        if tag in _INTEGERS:
            size, signed = _INTEGERS[tag]
            return Node(tag, int.from_bytes(self.take(size), "big", signed=signed))
        if tag is Tag.NULL:
            return Node(tag)
        if tag is Tag.BOOLEAN:
            return Node(tag, self.take(1) != b"\x00")
        if tag in _FLOATS:
            size, form = _FLOATS[tag]
            return Node(tag, shortest_decimal(self.take(size), form))
        if tag in _FIXED:
            return Node(tag, self.take(_FIXED[tag]))
        if tag in (Tag.OCTETS, Tag.VISIBLE, Tag.UTF8, Tag.BIT_STRING):
            size, self.at = read_length(self.data, self.at)
            raw = self.take((size + 7) // 8 if tag is Tag.BIT_STRING else size)
            return Node(tag, raw)
        message = f"The type {tag.name} is not supported."
        raise TelegramSyntaxError(message, value=tag)
