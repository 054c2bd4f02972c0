"""JSON and msgpack payloads within bounds: numbers exact, nesting and size limited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite

import msgpack

from firmware_bridge.driver.telegram import TelegramSyntaxError, TelegramTooLargeError

PAYLOAD_MAX = 65_536
DEPTH_MAX = 12
_DIGITS_MAX = 40
_EXPONENT_MAX = 30
# A string that never ends is passed over whole: looked at from each quote in it, it would cost the
# square of its length.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
# Programs in C print what is no number in their own way, which JSON does not have.
_NO_NUMBER = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?|(?<![\w.])[+-]?(?:nan|inf(?:inity)?)(?![\w.])',
    re.DOTALL | re.IGNORECASE,
)
_NONE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII)
_MSGPACK_MAPS = frozenset(bytes([code]) for code in (*range(0x80, 0x90), 0xDE, 0xDF))


def parse_payload(payload: bytes) -> object:
    """The value of a payload: a map or number of JSON, or a map of msgpack.

    What a device writes for a value that it does not have (NaN, nan, -inf, Infinity) is null.

    Raises:
        TelegramTooLargeError: It is larger or deeper than any device's.
        TelegramSyntaxError: It is neither.
    """
    if len(payload) > PAYLOAD_MAX:
        message = f"The payload has {len(payload)} bytes; the limit is {PAYLOAD_MAX}."
        raise TelegramTooLargeError(message)
    if payload[:1] in _MSGPACK_MAPS:
        return _msgpack(payload)
    _check_depth(payload)
    try:
        return _json(payload)
    except (ValueError, RecursionError):
        plain = _NO_NUMBER.sub(lambda word: word[0] if word[0][:1] == b'"' else b"null", payload)
    try:
        return _json(plain)
    except (ValueError, RecursionError) as error:
        message = "The payload is not valid JSON."
        raise TelegramSyntaxError(message, value=payload[:200]) from error


def _json(payload: bytes) -> object:
    return json.loads(
        payload, parse_float=_decimal, parse_int=_decimal, parse_constant=lambda _: None
    )


def _check_depth(payload: bytes) -> None:
    depth = 0
    for match in _BRACKETS.finditer(payload):
        token = match[0]
        depth += (token in b"[{") - (token in b"]}") if len(token) == 1 else 0
        if depth > DEPTH_MAX:
            message = f"The payload has more than {DEPTH_MAX} nested levels."
            raise TelegramTooLargeError(message)


def _msgpack(payload: bytes) -> object:
    try:
        return msgpack.unpackb(payload, strict_map_key=True, raw=False)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        message = "The payload is not valid msgpack."
        raise TelegramSyntaxError(message, value=payload[:200]) from error


def _decimal(text: str) -> Decimal | str:
    """The number; of one with more digits than any device counts its text, which is none."""
    if len(text) > _DIGITS_MAX:
        return text
    found = Decimal(text)
    return text if abs(found.adjusted()) > _EXPONENT_MAX else found


def dumped(value: object) -> bytes:
    """A parsed value as JSON again, every digit kept."""
    return "".join(_pieces(value)).encode()


def _pieces(value: object) -> Iterator[str]:
    # The standard library would write a Decimal as a binary float.
    if isinstance(value, dict):
        yield "{"
        for place, (key, item) in enumerate(value.items()):
            yield f"{',' if place else ''}{json.dumps(str(key))}:"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield "," if place else ""
            yield from _pieces(item)
        yield "]"
    else:
        yield str(value) if isinstance(value, Decimal) else json.dumps(value)


def mapping(value: object) -> dict[str, object]:
    """The value where it is a map with text keys, else an empty one."""
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str)}


def number(value: object) -> Decimal | None:
    """The exact number a field holds, None where it holds none. Binary floats are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str) and len(value) <= _DIGITS_MAX:
        return _text_number(value)
    return None


def has_no_value(value: object) -> bool:
    """Whether a device says that it has none: null, or what is no number in any spelling."""
    if isinstance(value, float):
        return not isfinite(value)
    return value is None or (isinstance(value, str) and _NONE.fullmatch(value.strip()) is not None)


def _text_number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?\d{1,20}(?:\.\d{1,18})?", text, re.ASCII) else None
