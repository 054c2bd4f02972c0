"""Kinds of values: how each is read, written and described, in one cursor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.node import Items, Scalar
from central.domain.tariff.refusal import Code

Schema: TypeAlias = dict[str, Any]
Json: TypeAlias = dict[str, Any]

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,24})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,126}")
_MINUTES = re.compile(r"\d{1,4}m")
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Args:
        read: From the node at a cursor to the value; refuses what is not of the kind.
        write: From the value to the text, list or mapping that `read` takes.
        shape: What the JSON Schema says of it.
        ref: Its name among the schema's definitions, "" where the shape is written out.
    """

    read: Callable[[Cursor], object]
    write: Callable[[Any], object]
    shape: Schema
    ref: str = ""

    @property
    def schema(self) -> Schema:
        """The shape, or a reference to it."""
        return {"$ref": f"#/$defs/{self.ref}"} if self.ref else self.shape


def map_shape(values: Schema) -> Schema:
    """The shape of a mapping of names to values."""
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
        "additionalProperties": values,
    }


def list_shape(items: Schema) -> Schema:
    """The shape of a list."""
    return {"type": "array", "items": items}


def read_text(cursor: Cursor) -> str:
    """The text of a scalar that is not null."""
    node = cursor.node
    if not isinstance(node, Scalar) or node.is_null:
        cursor.refuse(Code.WRONG_TYPE, "A text is expected here.", "Write a word.")
    return node.text


def read_name(cursor: Cursor) -> str:
    """A word of letters, digits and underscores."""
    text = read_text(cursor)
    if not _NAME.fullmatch(text):
        remedy = "Use letters, digits and underscores, beginning with a letter."
        cursor.refuse(Code.BAD_NAME, f"{text!r} is not a name.", remedy)
    return text


def read_number(cursor: Cursor) -> Decimal:
    """An exact decimal number: digits, an optional sign and point; no exponent, no separators."""
    text = read_text(cursor)
    if not _NUMBER.fullmatch(text):
        message = f"{text!r} is not a plain decimal number."
        cursor.refuse(Code.NOT_A_NUMBER, message, "Write digits with a point, as 0.1234.")
    return Decimal(text)


def read_date(cursor: Cursor) -> date:
    """A date written as 2026-07-01."""
    text = read_text(cursor)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        cursor.refuse(Code.NOT_A_DATE, f"{text!r} is not a date.", "Write it as 2026-07-01.")
    return day


def read_texts(cursor: Cursor) -> tuple[str, ...]:
    """One text, or a list of them."""
    if isinstance(cursor.node, Items):
        return tuple(map(read_text, cursor.items()))
    return (read_text(cursor),)


def read_comma_texts(cursor: Cursor) -> tuple[str, ...]:
    """Texts, each of which may hold several between commas."""
    return tuple(part.strip() for text in read_texts(cursor) for part in text.split(","))


def read_entries(cursor: Cursor) -> tuple[Cursor, ...]:
    """The cursors of the entries of a mapping of names."""
    nodes = cursor.fields("Write `name: value`.")
    for key in nodes:
        read_name(cursor.inside(key, Scalar(key, cursor.key_line(key))))
    return tuple(cursor.inside(key, node) for key, node in nodes.items())


def _read_id(cursor: Cursor) -> str:
    text = read_text(cursor)
    if not _ID.fullmatch(text):
        remedy = "Use letters, digits, dots, colons, slashes, hyphens and underscores."
        cursor.refuse(Code.BAD_NAME, f"{text!r} is not an identifier.", remedy)
    return text


def _write_number(value: Decimal) -> str:
    return format(value, "f")


TEXT = Kind(read_text, str, {"type": "string"})
NAME = Kind(read_name, str, {"type": "string", "pattern": f"^{_NAME.pattern}$"})
# An identifier is a name that may hold dots, colons, slashes and hyphens.
ID = Kind(_read_id, str, {"type": "string"})
NUMBER = Kind(
    read_number,
    _write_number,
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^{_NUMBER.pattern}$"}]},
    ref="number",
)
DATE = Kind(read_date, date.isoformat, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})
TEXTS = Kind(read_texts, list, {"anyOf": [{"type": "string"}, list_shape({"type": "string"})]})


def whole(low: int, high: int) -> Kind:
    """A whole number within bounds."""

    def read(cursor: Cursor) -> int:
        value = read_number(cursor)
        if value != int(value) or not low <= value <= high:
            message = f"{value} is not a whole number from {low} to {high}."
            cursor.refuse(Code.OUT_OF_RANGE, message, "Write a whole number in that range.")
        return int(value)

    return Kind(
        read, str, {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+$"}]}
    )


def number(low: int, high: int | None, message: str, remedy: str) -> Kind:
    """A number within bounds; what lies beyond them is refused with that message."""

    def read(cursor: Cursor) -> Decimal:
        value = read_number(cursor)
        if value < low or (high is not None and value > high):
            cursor.refuse(Code.OUT_OF_RANGE, message, remedy, line=cursor.record.line)
        return value

    return Kind(read, _write_number, NUMBER.shape, ref=NUMBER.ref)


def words(meanings: dict[str, Any], also: tuple[Any, ...] = ()) -> Kind:
    """One of several words, each with what it means.

    Args:
        meanings: Word to its value.
        also: What a file may hold instead of a word, since it loads as that word.
    """
    by_value = {value: word for word, value in meanings.items()}

    def read(cursor: Cursor) -> object:
        text = read_text(cursor)
        if text not in meanings:
            message = f"{text!r} is not a choice here."
            cursor.refuse(Code.NOT_A_CHOICE, message, f"Use {' or '.join(meanings)}.")
        return meanings[text]

    return Kind(read, by_value.__getitem__, {"enum": [*also, *meanings]})


def one_of(*choices: str) -> Kind:
    """One of several words."""
    return words({word: word for word in choices})


FLAG = words({"true": True, "false": False}, also=(True, False))


def minutes(what: str) -> Kind:
    """A length such as `15m` that divides a day. [s]."""

    def read(cursor: Cursor) -> int:
        text = read_text(cursor)
        length = int(text[:-1]) if _MINUTES.fullmatch(text) else 0
        if length == 0 or _DAY_MINUTES % length:
            message = f"{text!r} is not a {what} that divides a day."
            cursor.refuse(Code.BAD_WINDOW, message, "Write 15m or 60m.", line=cursor.record.line)
        return length * 60

    def write(seconds: int) -> str:
        return f"{seconds // 60}m"

    return Kind(
        read,
        write,
        {"type": "string", "pattern": f"^{_MINUTES.pattern}$".replace("(", "").replace(")", "")},
    )
