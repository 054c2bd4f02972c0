"""Push lists: which value belongs to which OBIS code.

How it works: makers send the same facts in five shapes. Codes and values alternate (Kamstrup,
Landis+Gyr, Kaifa in Sweden), each may be followed by scaler and unit (Austria), or a structure
holds each triple (Aidon, Iskra); a value may follow an attribute descriptor (Sagemcom, Czechia);
the list of the pushed objects may come first and their values after it; or there are no codes at
all and the place decides (Kaifa in Norway, Slovenia), where `layouts` knows the list.

Sources: DLMS UA Green Book 10; NVE/NEK HAN lists (Aidon, Kaifa, Kamstrup); Oesterreichs Energie
customer interface; CZ EGD push setup; SODO I1 interface (Slovenia).
"""
# ruff: noqa: PLR2004 - shapes of the lists

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.axdr import Descriptor, Node, Tag
from firmware_bridge.dlms.layouts import Scales, layout_of


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list.

    Args:
        obis: Its code; None for a bare text that names the list.
        node: Its value.
        scaler: Power of ten, where the list says it.
        unit: Number of the unit, where the list says it. Source: IEC 62056-6-2, table 4.
    """

    obis: Obis | None
    node: Node
    scaler: int | None = None
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class PushList:
    """A list as far as its own bytes explain it.

    Args:
        items: Its entries, in order.
        scales: How its quantities are sent, where only the place of its members says what they
            are; None for a list with codes.
    """

    items: tuple[Item, ...]
    scales: Scales | None = None


def read_list(body: Node, maker: str = "") -> PushList:
    """The entries of a list of any shape, in order.

    Args:
        body: The list.
        maker: Three letters of the system title; empty for a list that came plain.
    """
    pushed = _pushed_objects(body.items)
    if pushed:
        return PushList(pushed)
    layout = layout_of(body.items, maker)
    if layout is not None and not any(_code(node) for node in body.items):
        return PushList(tuple(map(Item, layout.codes, body.items)), layout.scales)
    return PushList(tuple(_walk(body)))


def _walk(node: Node) -> Iterator[Item]:
    """Entries of a structure or array, and of those in it. Depth is bounded by the parser."""
    members = node.items
    at = 0
    while at < len(members):
        member = members[at]
        code = _code(member)
        if code is not None and at + 1 < len(members):
            # Whatever follows a code is its value, also six bytes that look like a code.
            scale = _scale(members[at + 2]) if at + 2 < len(members) else None
            value = members[at + 1]
            yield Item(code, value, *(scale or (None, None)))
            if value.items and _scale(value) is None:
                # What stands in a coded structure without a code of its own is a part of it.
                yield from (inner for inner in _walk(value) if inner.obis is not None)
            at += 3 if scale else 2
            continue
        if member.items:
            yield from _walk(member)
        elif member.tag is not Tag.NULL:
            yield Item(None, member)
        at += 1


def _code(node: Node) -> Obis | None:
    if isinstance(node.value, Descriptor):
        return Obis(node.value.instance)
    raw = node.value
    if node.tag is not Tag.OCTETS or not isinstance(raw, bytes) or len(raw) != 6:
        return None
    return Obis(raw) if raw[5] == 0xFF or raw[0] <= 1 else None


def _scale(node: Node) -> tuple[int, int] | None:
    """Scaler and unit of `structure(2) { integer, enum }`."""
    if node.tag is not Tag.STRUCTURE or len(node.items) != 2:
        return None
    scaler, unit = node.items
    if scaler.tag is not Tag.INT8 or unit.tag is not Tag.ENUM:
        return None
    power, number = scaler.value, unit.value
    return (power, number) if isinstance(power, int) and isinstance(number, int) else None


def _pushed_objects(members: Sequence[Node]) -> tuple[Item, ...]:
    """A list whose first member is the array of what is pushed, itself included."""
    if not members or members[0].tag is not Tag.ARRAY or len(members[0].items) != len(members):
        return ()
    codes = []
    for entry in members[0].items:
        parts = entry.items
        if len(parts) < 4 or parts[0].tag is not Tag.UINT16:
            return ()
        code = _code(parts[1])
        if code is None:
            return ()
        codes.append(code)
    return tuple(Item(code, node) for code, node in list(zip(codes, members, strict=True))[1:])
