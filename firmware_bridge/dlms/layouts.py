"""Lists whose members only their maker's document explains: by place, or by scales it prints.

How it works: a list is known by the number, the names and the types of all its members, never by
its length alone: twelve numbers of another maker are twelve other quantities. Types are exactly
those that the maker sends, and makers those whose lists are known. What fits no layout is refused,
and the refusal says what the list holds, so that its maker's document can be found.

Sources: Kaifa and Kamstrup HAN list descriptions; SODO I1 interface (Slovenia).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.axdr import NUMBERS, Node, Tag
from firmware_bridge.driver.telegram import TelegramUnsupportedError
from firmware_bridge.iec62056_21.datasets import checked_obis

KAIFA_MAKER = "KFM"
_KAIFA_NAME = "KFM_001"
_KAMSTRUP_NAME = "Kamstrup_V0001"
_KAMSTRUP_MAKER = "KAM"
# Iskraemeco's lists are known; other makers' meters in Slovenia may order theirs otherwise.
_SLOVENIAN_MAKERS = frozenset({"ISK"})
_LOGICAL_NAME_SIZE = 16

_STRING = frozenset({Tag.OCTETS})
_WORD = frozenset({Tag.UINT16})
_LONG = frozenset({Tag.UINT32})
_WIDE = frozenset({Tag.UINT32, Tag.INT32, Tag.UINT64, Tag.INT64})
_ANY_WORD = frozenset({Tag.UINT16, Tag.INT16})
# A switch says whether it is closed, or what state it is in.
_STATE = frozenset({Tag.BOOLEAN, Tag.ENUM})
# Counts of a byte are states more often than measurements.
_MEASURED = NUMBERS - {Tag.INT8, Tag.UINT8}

Types = frozenset[Tag]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a list sends a kind of quantity.

    Args:
        power: Power of ten between what is sent and the base unit.
        types: Those that it is sent in.
    """

    power: int
    types: Types


Scales = Mapping[str, Scale]
# Energies and powers whose code says enough: whole base units.
PLAIN: Scales = {"energy": Scale(0, _WIDE), "power": Scale(0, _WIDE | _ANY_WORD)}
_KAMSTRUP: Scales = {
    "energy": Scale(1, _LONG),
    "power": Scale(0, _LONG),
    "current": Scale(-2, _LONG),
    "voltage": Scale(0, _WORD),
    "factor": Scale(-2, _WORD),
}
_KAIFA: Scales = {
    "energy": Scale(0, _LONG),
    "power": Scale(0, _LONG),
    "current": Scale(-3, _LONG),
    "voltage": Scale(-1, _LONG),
    "factor": Scale(-3, _LONG),
}
_SLOVENIA: Scales = {
    "energy": Scale(0, _LONG),
    "power": Scale(0, _LONG),
    "current": Scale(-2, _WORD),
    "voltage": Scale(-1, _WORD),
}
_BY_NAME = {_KAMSTRUP_NAME: _KAMSTRUP, _KAIFA_NAME: _KAIFA}
# Their lists have scales of their own, so that one without a known name is not in base units.
_OWN_SCALES = frozenset({KAIFA_MAKER, _KAMSTRUP_MAKER})


@dataclass(frozen=True, slots=True)
class Layout:
    """A list without codes, as its maker describes it.

    Args:
        codes: Of its members, in order.
        types: That each of them may have.
        scales: How its quantities are sent.
    """

    codes: tuple[Obis, ...]
    types: tuple[Types, ...]
    scales: Scales

    def fits(self, members: Sequence[Node]) -> bool:
        """Whether all members have the types of this list."""
        return len(members) == len(self.types) and all(
            node.tag in types for node, types in zip(members, self.types, strict=True)
        )


def _layout(scales: Scales, *parts: tuple[Types, Sequence[str]]) -> Layout:
    codes = tuple(checked_obis(code) for _, texts in parts for code in texts)
    return Layout(codes, tuple(types for types, texts in parts for _ in texts), scales)


_POWERS = ("1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_VOLTAGES = ("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
_CURRENTS = ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0")
_TOTALS = ("1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")
_NAMES = (_STRING, ("1-1:0.2.129", "0-0:96.1.0", "0-0:96.1.7"))
_ONE_PHASE = (_LONG, (*_POWERS, "1-0:31.7.0", "1-0:32.7.0"))
_THREE_PHASES = (_LONG, (*_POWERS, *_CURRENTS, *_VOLTAGES))
_HOURLY = ((_STRING, ("0-0:1.0.0",)), (_LONG, _TOTALS))
_POWER_ALONE = _layout(_KAIFA, (_LONG, ("1-0:1.7.0",)))
_OF_KAIFA = (
    _layout(_KAIFA, _NAMES, _ONE_PHASE),
    _layout(_KAIFA, _NAMES, _THREE_PHASES),
    _layout(_KAIFA, _NAMES, _ONE_PHASE, *_HOURLY),
    _layout(_KAIFA, _NAMES, _THREE_PHASES, *_HOURLY),
)
_OF_SLOVENIA = (
    _layout(
        _SLOVENIA,
        (_STRING, ("0-0:42.0.0", "0-0:96.1.2")),
        (_LONG, _POWERS),
        (_WORD, (*_VOLTAGES, *_CURRENTS)),
        (_LONG, ("1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0")),
        (_LONG, ("1-0:22.7.0", "1-0:42.7.0", "1-0:62.7.0")),
    ),
    _layout(
        _SLOVENIA,
        (_STRING, ("0-0:42.0.0", "0-0:96.1.3")),
        (_STATE, ("0-0:96.3.10",)),
        (_STRING, ("0-0:96.14.0",)),
        (_LONG, ("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2")),
        (_LONG, ("1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2", "1-0:3.8.0", "1-0:4.8.0")),
    ),
)


def _is_logical_name(name: str) -> bool:
    """Whether it is a maker's three letters and thirteen places. Source: Green Book 10, 4.6.2."""
    letters, rest = name[:3], name[3:]
    return len(name) == _LOGICAL_NAME_SIZE and letters.isupper() and rest.isalnum()


def _is_slovenian(name: str) -> bool:
    return _is_logical_name(name) and name[:3] in _SLOVENIAN_MAKERS


_FAMILIES: tuple[tuple[Callable[[str], bool], tuple[Layout, ...]], ...] = (
    (_KAIFA_NAME.__eq__, _OF_KAIFA),
    (_is_slovenian, _OF_SLOVENIA),
)


def layout_of(members: Sequence[Node], maker: str) -> Layout | None:
    """The layout of a list without codes; None where it has codes, or fits none.

    Args:
        members: Of the list.
        maker: Three letters of whoever sent it, as far as something beside the list says so; empty
            where nothing does.
    """
    if len(members) == 1:  # it names nobody, and so does many a list of one number
        return _POWER_ALONE if maker == KAIFA_MAKER and _POWER_ALONE.fits(members) else None
    name = text_of(members[0]) if members else ""
    for is_named, layouts in _FAMILIES:
        if is_named(name):
            return next((layout for layout in layouts if layout.fits(members)), None)
    return None


def scales_by_name(name: str, maker: str) -> Scales | None:
    """The scales of a list with codes, by its name; `PLAIN` for one that bears none.

    None for a name that is not known to the letter, and for a nameless list of a maker whose lists
    have scales of their own.

    Args:
        name: Of the list; empty where it bears none.
        maker: Three letters, or whatever else names it; empty where nothing does.
    """
    if not name:
        return None if maker in _OWN_SCALES else PLAIN
    return _BY_NAME.get(name)


def is_measured(node: Node) -> bool:
    """Whether a member without a code can be nothing but an unexplained measurement."""
    return node.tag in _MEASURED


def unsupported(members: Sequence[Node], maker: str, why: str) -> TelegramUnsupportedError:
    """The refusal of a list, which says what it holds."""
    kinds = ((kind, len(list(group))) for kind, group in groupby(map(_type_name, members)))
    held = ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in kinds)
    by = (maker[:3] if _is_logical_name(maker) else maker) or "an unnamed maker"
    message = f"The list of {len(members)} members by {by} is unknown: {why}. It has {held}."
    remedy = (
        "Write its members into a file, as the maker's description explains them, and name the file"
        " in `lists` of the meter's table."
    )
    return TelegramUnsupportedError(message, value=held, remedy=remedy)


# As the standard calls them.
TYPE_NAMES = {
    Tag.NULL: "null",
    Tag.OCTETS: "octet-string",
    Tag.VISIBLE: "visible-string",
    Tag.UTF8: "utf8-string",
    Tag.BIT_STRING: "bit-string",
    Tag.INT8: "integer",
    Tag.UINT8: "unsigned",
    Tag.INT16: "long",
    Tag.UINT16: "long-unsigned",
    Tag.INT32: "double-long",
    Tag.UINT32: "double-long-unsigned",
    Tag.INT64: "long64",
    Tag.UINT64: "long64-unsigned",
    Tag.DATE_TIME: "date-time",
}


def _type_name(node: Node) -> str:
    """A type as the standard calls it."""
    return TYPE_NAMES.get(node.tag, node.tag.name.lower())


def text_of(node: Node) -> str:
    """The printable text of a string; empty for anything else."""
    if not isinstance(node.value, bytes) or node.tag is Tag.BIT_STRING:
        return ""
    raw = node.value.rstrip(b"\x00")
    text = raw.decode("latin-1")
    return text if text.isascii() and text.isprintable() else ""
