"""Push lists: which value belongs to which OBIS code.

How it works: makers send the same facts in five shapes. Codes and values alternate (Kamstrup,
Landis+Gyr, Kaifa in Sweden), each may be followed by scaler and unit (Austria), or a structure
holds each triple (Aidon, Iskra); a value may follow an attribute descriptor (Sagemcom, Czechia);
the list of the pushed objects may come first and their values after it; or there are no codes at
all and the place decides (Kaifa in Norway, Slovenia).

Sources: DLMS UA Green Book 10; NVE/NEK HAN lists (Aidon, Kaifa, Kamstrup); Oesterreichs Energie
customer interface; CZ EGD push setup; SODO I1 interface (Slovenia).
"""
# ruff: noqa: PLR2004 - shapes of the lists

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.axdr import Descriptor, Node, Tag
from firmware_bridge.iec62056_21.datasets import checked_obis

_NAMES = ("1-1:0.2.129", "0-0:96.1.0", "0-0:96.1.7")
_POWERS = ("1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_TOTALS = ("0-0:1.0.0", "1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")
_ONE_PHASE = ("1-0:31.7.0", "1-0:32.7.0")
_THREE_PHASES = (
    *("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0"),
    *("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0"),
)
# Kaifa's lists 1, 2 and 3 by their number of members.
_BY_PLACE = {
    len(codes): tuple(map(checked_obis, codes))
    for codes in (
        ("1-0:1.7.0",),
        _NAMES + _POWERS + _ONE_PHASE,
        _NAMES + _POWERS + _THREE_PHASES,
        _NAMES + _POWERS + _ONE_PHASE + _TOTALS,
        _NAMES + _POWERS + _THREE_PHASES + _TOTALS,
    )
}
PLACED_PREFIX = "KFM"
_LOGICAL_NAME = "0-0:42.0.0"
# Slovenia's momentary and daily lists, which begin with the logical name and a number.
_SLOVENIA = {
    len(codes): tuple(map(checked_obis, codes))
    for codes in (
        (
            *(_LOGICAL_NAME, "0-0:96.1.2", *_POWERS),
            *("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0"),
            *("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0"),
            *("1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0"),
            *("1-0:22.7.0", "1-0:42.7.0", "1-0:62.7.0"),
        ),
        (
            *(_LOGICAL_NAME, "0-0:96.1.3", "0-0:96.3.10", "0-0:96.14.0"),
            *("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2"),
            *("1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2"),
            *("1-0:3.8.0", "1-0:4.8.0"),
        ),
    )
}
_LOGICAL_NAME_SIZE = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list.

    Args:
        obis: Its code; None for a bare text that names the list.
        node: Its value.
        scaler: Power of ten, where the list says it.
        unit: Number of the unit, where the list says it. Source: IEC 62056-6-2, table 4.
        placed: Whether the code follows from the place only.
    """

    obis: Obis | None
    node: Node
    scaler: int | None = None
    unit: int | None = None
    placed: bool = False


def items_of(body: Node) -> tuple[Item, ...]:
    """The entries of a list of any shape, in order."""
    pushed = _pushed_objects(body.items)
    if pushed:
        return pushed
    placed = _by_place(body.items)
    return placed or tuple(_walk(body))


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
                yield from _walk(value)
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


def _by_place(members: Sequence[Node]) -> tuple[Item, ...]:
    codes = _BY_PLACE.get(len(members), ())
    if len(members) > 1:
        name = text_of(members[0])
        named = len(name) == _LOGICAL_NAME_SIZE and name[:3].isalpha()
        if not name.startswith(PLACED_PREFIX):
            codes = _SLOVENIA.get(len(members), ()) if named else ()
    if not codes or any(node.items or _code(node) for node in members):
        return ()
    return tuple(Item(code, node, placed=True) for code, node in zip(codes, members, strict=True))


def text_of(node: Node) -> str:
    """The printable text of a string; empty for anything else."""
    if not isinstance(node.value, bytes) or node.tag is Tag.BIT_STRING:
        return ""
    raw = node.value.rstrip(b"\x00")
    text = raw.decode("latin-1")
    return text if text.isascii() and text.isprintable() else ""
