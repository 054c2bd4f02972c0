"""Push lists: which value belongs to which OBIS code.

How it works: makers send the same facts in five shapes. Codes and values alternate (Kamstrup,
Landis+Gyr, Kaifa in Sweden), each may be followed by scaler and unit (Austria), or a structure
holds each triple (Aidon, Iskra); a value may follow an attribute descriptor (Sagemcom, Czechia);
the list of the pushed objects may come first and their values after it (both name attributes, of
which `attributes` knows what they are); or there are no codes at
all and the place decides (Kaifa in Norway, Slovenia), where `layouts` knows the list.

Sources: DLMS UA Green Book 10; NVE/NEK HAN lists (Aidon, Kaifa, Kamstrup); Oesterreichs Energie
customer interface; CZ EGD push setup; SODO I1 interface (Slovenia).
"""
# ruff: noqa: PLR2004 - shapes of the lists

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.attributes import Item, by_object, scale_of
from firmware_bridge.dlms.axdr import NUMBERS, Descriptor, Node, Tag
from firmware_bridge.dlms.layouts import Scales, layout_of
from firmware_bridge.dlms.list_files import NOTHING_TAUGHT, TaughtLists, shipped_lists

_BYTES = frozenset({Tag.INT8, Tag.UINT8, Tag.ENUM})


@dataclass(frozen=True, slots=True)
class PushList:
    """A list as far as its own bytes explain it.

    Args:
        items: Its entries, in order.
        others: Attributes of objects that are no values, in order.
        scales: How its quantities are sent, where only the place of its members says what they
            are; None for a list with codes.
    """

    items: tuple[Item, ...]
    others: tuple[Item, ...] = ()
    scales: Scales | None = None


def read_list(body: Node, maker: str = "", taught: TaughtLists = NOTHING_TAUGHT) -> PushList:
    """The entries of a list of any shape, in order.

    Args:
        body: The list.
        maker: As in `layout_of`.
        taught: What the gateway's own files explain; it goes before what comes with Meterline.
    """
    explained = taught.by_position(body.items, maker)
    if explained is None and not any(_code(node) for node in body.items):
        explained = shipped_lists().by_position(body.items, maker)
    if explained is not None:
        return PushList(explained, scales={})
    pushed_list = _explained_list(body, maker)
    if pushed_list.scales is not None:
        return pushed_list
    return replace(pushed_list, items=taught.scaled(pushed_list.items, body.items, maker))


def _explained_list(body: Node, maker: str) -> PushList:
    """A list by what it says itself, or by the layouts that are built in."""
    pushed = _pushed_objects(body.items)
    if pushed:
        return PushList(*by_object(pushed))
    layout = layout_of(body.items, maker)
    if layout is not None and not any(_code(node) for node in body.items):
        return PushList(tuple(map(Item, layout.codes, body.items)), scales=layout.scales)
    return PushList(*by_object(_walk(body)))


def _walk(node: Node) -> Iterator[Item]:
    """Entries of a structure or array, and of those in it. Depth is bounded by the parser."""
    members = node.items
    at = 0
    while at < len(members):
        member = members[at]
        code = _code(member)
        if code is not None and at + 1 < len(members):
            # Whatever follows a code is its value, also six bytes that look like a code.
            value, after = members[at + 1], members[at + 2 : at + 3]
            scaler, unit = (scale_of(after[0]) if after else None) or (None, None)
            source = member.value if isinstance(member.value, Descriptor) else None
            doubt = unit is None and any(map(_may_be_scale, after)) and value.tag in NUMBERS
            why = f"what follows {code} is not a scaler and unit in a known form" if doubt else ""
            yield Item(code, value, scaler, unit, source, why)
            if value.items and scale_of(value) is None:
                # What stands in a coded structure without a code of its own is a part of it.
                yield from (inner for inner in _walk(value) if inner.obis is not None)
            at += 2 if unit is None else 3
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


def _may_be_scale(node: Node) -> bool:
    """Whether it is made of what scalers and units are made of, in whatever form."""
    return node.tag in _BYTES or (bool(node.items) and all(one.tag in _BYTES for one in node.items))


def _pushed_objects(members: Sequence[Node]) -> tuple[Item, ...]:
    """A list whose first member is the array of what is pushed, itself included."""
    if not members or members[0].tag is not Tag.ARRAY or len(members[0].items) != len(members):
        return ()
    sources = [_attribute(entry.items) for entry in members[0].items]
    if None in sources:
        return ()
    pairs = list(zip(sources, members, strict=True))[1:]
    return tuple(Item(Obis(one.instance), node, source=one) for one, node in pairs if one)


def _attribute(parts: Sequence[Node]) -> Descriptor | None:
    """The attribute that an entry of a list of pushed objects names."""
    if len(parts) < 4 or parts[0].tag is not Tag.UINT16 or parts[2].tag is not Tag.INT8:
        return None
    kind, attribute, code = parts[0].value, parts[2].value, _code(parts[1])
    if code is None or not isinstance(kind, int) or not isinstance(attribute, int):
        return None
    return Descriptor(kind, code.code, attribute)
