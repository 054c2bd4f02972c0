"""Strict msgpack: what two readers could understand differently is refused, each kind by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import msgpack

from firmware_bridge.contract.errors import (
    DuplicateKeyError,
    MalformedError,
    NestingError,
    NotANumberError,
    SchemaError,
)

T = TypeVar("T")


def pack(value: object) -> bytes:
    """Encode lists, maps, integers, bytes, text, booleans and None."""
    return bytes(msgpack.packb(value, use_bin_type=True))


def unpack(data: bytes) -> Any:  # noqa: ANN401 - the shape is the caller's to check
    """Decode exactly one msgpack value.

    Raises:
        MalformedError: No msgpack, bytes left over, an extension type, or a key that is no text.
        DuplicateKeyError: A map holds a key twice.
        NestingError: Deeper than any reader should follow.
    """
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_pairs,
            ext_hook=_refuse_extension,
        )
    except (msgpack.StackError, RecursionError):
        message = "The message is nested deeper than the format has levels."
        raise NestingError(message) from None
    except (msgpack.ExtraData, msgpack.FormatError, ValueError) as error:
        message = f"The message is not one msgpack value ({type(error).__name__}: {error})."
        raise MalformedError(message) from None


def _pairs(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        message = f"The key {twice!r} stands twice in one map."
        raise DuplicateKeyError(message, value=twice)
    return fields


def _refuse_extension(code: int, _data: bytes) -> NoReturn:
    message = f"The message holds the msgpack extension type {code}."
    raise MalformedError(message, value=code)


def refuse(name: str, value: object, wanted: str) -> NoReturn:
    """Say why `value` cannot stand in the field `name`, with the most telling error there is."""
    if isinstance(value, float) and not math.isfinite(value):
        message = f"{name} is {value}, not a number."
        raise NotANumberError(message, value=value)
    if isinstance(value, list | dict):
        message = f"{name} holds a {type(value).__name__} where the format has {wanted}."
        raise NestingError(message, value=name)
    shown = repr(value)
    message = f"{name} must be {wanted}, not {shown[:80]}."
    raise SchemaError(message, value=value)


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


def text(name: str, value: object, longest: int) -> str:
    """`value` as text of at most `longest` characters.

    Raises:
        SchemaError: It is none, or longer.
    """
    if not isinstance(value, str) or len(value) > longest:
        refuse(name, value, f"text of at most {longest} characters")
    return value


def sequence(name: str, value: object, longest: int) -> list[Any]:
    """`value` as a list of at most `longest` items.

    Raises:
        SchemaError: It is none, or longer.
    """
    if not isinstance(value, list):
        if isinstance(value, dict):
            refuse(name, value, "a list")
        message = f"{name} must be a list, not {value!r}."
        raise SchemaError(message, value=value)
    if len(value) > longest:
        message = f"{name} holds {len(value)} items; {longest} is the bound."
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
        SchemaError: It is no map, a key is missing, or one is unknown.
    """
    if not isinstance(value, Mapping):
        message = f"{name} must be a map, not a {type(value).__name__}."
        raise SchemaError(message, value=type(value).__name__)
    if missing := required - value.keys():
        message = f"{name} lacks {', '.join(sorted(missing))}."
        raise SchemaError(message, value=sorted(missing))
    if unknown := value.keys() - required - optional:
        message = f"{name} has the unknown key {min(unknown)!r}."
        raise SchemaError(message, value=sorted(unknown))
    return value


def optional(value: object, check: Callable[[object], T]) -> T | None:
    """None stays None; anything else must pass `check`."""
    return None if value is None else check(value)
