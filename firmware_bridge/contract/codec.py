"""Strict msgpack: what two readers could understand differently is refused, each kind by name.

So is text that a store or a screen could not hold, see `plain_text`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import msgpack

from firmware_bridge.contract.errors import (
    BadTextError,
    DuplicateKeyError,
    MalformedError,
    NestingError,
    NotANumberError,
    SchemaError,
)
from firmware_bridge.contract.plain_text import flaw
from firmware_bridge.contract.reading import AT_MAX_MS, to_ms

T = TypeVar("T")
_SHOWN_MAX = 80


def pack(value: object) -> bytes:
    """Encode lists, maps, integers, bytes, text, booleans and None."""
    return bytes(msgpack.packb(value, use_bin_type=True))


def unpack(data: bytes) -> Any:  # noqa: ANN401 - the shape is the caller's to check
    """Decode exactly one msgpack value.

    Raises:
        MalformedError: Not msgpack, bytes left over, an extension type, or a key that is not text.
        DuplicateKeyError: A map holds a key twice.
        NestingError: Deeper than any reader should follow.
    """
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=pairs,
            ext_hook=_refuse_extension,
        )
    except (msgpack.StackError, RecursionError):
        message = "The message has more nested levels than the format."
        raise NestingError(message) from None
    except (msgpack.ExtraData, msgpack.FormatError, ValueError) as error:
        message = f"The message is not one msgpack value ({type(error).__name__}: {error})."
        raise MalformedError(message) from None


def unpack_json(data: bytes) -> Any:  # noqa: ANN401 - the shape is the caller's to check
    """Decode exactly one JSON value.

    Raises:
        MalformedError: No JSON, or a number of more digits than any field has.
        DuplicateKeyError: An object holds a key twice.
        NotANumberError: NaN or an infinity.
        NestingError: Deeper than any reader should follow.
    """
    try:
        return json.loads(data, object_pairs_hook=pairs, parse_constant=_refuse_constant)
    except RecursionError:
        message = "The message has more nested levels than the format."
        raise NestingError(message) from None
    except ValueError as error:
        message = f"The message is not valid JSON ({type(error).__name__}: {error})."
        raise MalformedError(message) from None


def pairs(items: Sequence[tuple[object, object]]) -> dict[str, object]:
    """A map whose keys are text and stand once each.

    Raises:
        MalformedError: A key is not text.
        DuplicateKeyError: A key stands twice.
    """
    fields: dict[str, object] = {}
    for key, value in items:
        if not isinstance(key, str):
            message = f"A map has the key {shown(key)}, which is not text."
            raise MalformedError(message, value=key)
        if key in fields:
            message = f"A map has the key {shown(key)} twice."
            raise DuplicateKeyError(message, value=key)
        fields[key] = value
    return fields


def _refuse_constant(constant: str) -> NoReturn:
    message = f"The message holds {constant}, not a number."
    raise NotANumberError(message, value=constant)


def _refuse_extension(code: int, _data: bytes) -> NoReturn:
    message = f"The message holds the msgpack extension type {code}."
    raise MalformedError(message, value=code)


def refuse(name: str, value: object, wanted: str) -> NoReturn:
    """Say why `value` cannot stand in the field `name`, with the most telling error there is."""
    if isinstance(value, float) and not math.isfinite(value):
        message = f"{name} is {value}, not a number."
        raise NotANumberError(message, value=value)
    if isinstance(value, list | dict):
        message = f"{name} has a {type(value).__name__} where the format has {wanted}."
        raise NestingError(message, value=name)
    message = f"{name} must be {wanted}, not {shown(value)}."
    raise SchemaError(message, value=value)


def shown(value: object) -> str:
    """`value` as a sentence can quote it: short, and nothing in it that cannot be kept."""
    return repr(value)[:_SHOWN_MAX]


def integer(name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer of low .. high.

    Raises:
        SchemaError: It is none (a boolean is none). NotANumberError, NestingError likewise.
    """
    if type(value) is not int or not low <= value <= high:
        refuse(name, value, f"an integer of {low} .. {high}")
    return value


def octets(name: str, value: object, length: int | None = None) -> bytes:
    """`value` as bytes, of exactly `length` where that is given.

    Raises:
        SchemaError: It is none, or of another length.
    """
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        refuse(name, value, "bytes" if length is None else f"{length} bytes")
    return value


def instant(name: str, value: object) -> datetime:
    """`value` as an aware time of the years 1970 to 9999, written as ISO 8601 has it.

    Args:
        name: The field.
        value: What stands there.

    Raises:
        SchemaError: It is none.
    """
    try:
        moment = datetime.fromisoformat(text(name, value, 40))
    except ValueError:
        refuse(name, value, "an ISO 8601 time")
    if moment.tzinfo is None:
        refuse(name, value, "a time with a zone")
    if not 0 <= to_ms(moment) <= AT_MAX_MS:
        refuse(name, value, "a time of the years 1970 to 9999")
    return moment


def text(name: str, value: object, longest: int, *, lines: bool = False) -> str:
    """`value` as text of at most `longest` characters.

    Args:
        name: The field.
        value: What stands there.
        longest: Most characters.
        lines: Whether it is a document, in which tabs and line ends belong.

    Raises:
        SchemaError: It is none, or longer.
        BadTextError: It holds what no store or screen can.
    """
    if not isinstance(value, str) or len(value) > longest:
        refuse(name, value, f"text of at most {longest} characters")
    if (bad := flaw(value, lines=lines)) is not None:
        message = f"{name} holds {bad}: {shown(value)}."
        raise BadTextError(message, value=value)
    return value


def sequence(name: str, value: object, longest: int) -> list[Any]:
    """`value` as a list of at most `longest` items.

    Raises:
        SchemaError: It is none, or longer.
    """
    if not isinstance(value, list):
        if isinstance(value, dict):
            refuse(name, value, "a list")
        message = f"{name} must be a list, not {shown(value)}."
        raise SchemaError(message, value=value)
    if len(value) > longest:
        message = f"{name} has {len(value)} items; the limit is {longest}."
        raise SchemaError(message, value=len(value))
    return value


def fixed(name: str, value: object, length: int) -> list[Any]:
    """`value` as a list of exactly `length` items.

    Raises:
        SchemaError: It is none, shorter or longer.
    """
    items = sequence(name, value, length)
    if len(items) != length:
        message = f"{name} has {len(items)} fields, not {length}."
        raise SchemaError(message, value=len(items))
    return items


def mapping(name: str, value: object, required: frozenset[str], optional: frozenset[str]) -> Any:  # noqa: ANN401 - fields are checked one by one
    """`value` as a map that has every required key and none but those named.

    Raises:
        SchemaError: It is not a map, a key is missing, or one is unknown.
    """
    if not isinstance(value, Mapping):
        message = f"{name} must be a map, not a {type(value).__name__}."
        raise SchemaError(message, value=type(value).__name__)
    if missing := required - value.keys():
        message = f"{name} lacks {', '.join(sorted(missing))}."
        raise SchemaError(message, value=sorted(missing))
    if unknown := value.keys() - required - optional:
        message = f"{name} has the unknown key {shown(min(unknown))}."
        raise SchemaError(message, value=sorted(unknown))
    return value


def optional(value: object, check: Callable[[object], T]) -> T | None:
    """None stays None; anything else must pass `check`."""
    return None if value is None else check(value)
