"""One hash for values: SHA-256 over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

_EXACT = {str, int, bool, type(None)}
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def digest(value: object) -> str:
    """Hex SHA-256 of a JSON value: keys sorted, no spaces, ASCII. Floats are refused.

    Raises:
        TypeError: The value holds a float or something JSON cannot say.
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: object) -> str:
    """The canonical JSON text of a value, which `digest` hashes.

    Raises:
        TypeError: The value holds a float or something JSON cannot say.
    """
    if type(value) is not str:
        _refuse_floats(value)
    return _encode(value)


def canonical_again(value: object) -> str:
    """As `canonical`, of what was in a value that this has written already."""
    return _encode(value)


def digest_parts(parts: Mapping[str, str]) -> str:
    """What `digest` gives for an object whose members are canonical text already.

    Args:
        parts: Name, which JSON writes as it is, to canonical text.
    """
    (text,) = canonical_objects({name: (part,) for name, part in parts.items()}, 1)
    return hashlib.sha256(text.encode()).hexdigest()


Piece = str | list[str]
"""Canonical text that many objects share, or that of each."""


def canonical_texts(pieces: Iterable[Piece], count: int) -> list[str]:
    """The canonical text of many objects, put together from pieces.

    Args:
        pieces: In order.
        count: How many objects there are.
    """
    columns: list[Iterable[str]] = []
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
        else:
            columns += [repeat(before), piece]
            before = ""
    return list(map("".join, zip(*columns, repeat(before, count), strict=False)))


def canonical_objects(members: Mapping[str, Sequence[Piece]], count: int) -> list[str]:
    """The canonical text of many JSON objects, from the pieces of their members.

    Args:
        members: By name, which JSON writes as it is.
        count: How many objects there are.
    """
    pieces: list[Piece] = []
    for name in sorted(members):
        pieces += ["," if pieces else "{", f'"{name}":', *members[name]]
    return canonical_texts([*pieces, "}"], count)


def _refuse_floats(value: object) -> None:
    """A loop, since every line of every bill passes here."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        members: Iterable[object]
        if isinstance(one, dict):
            members = one.values()
        elif isinstance(one, list | tuple):
            members = one
        elif isinstance(one, float):
            message = f"{one!r} is a float; money and energy must be exact."
            raise TypeError(message)
        else:
            continue
        # Most hold texts alone: asked for their kinds together, they are not looked at singly.
        if not _EXACT.issuperset(map(type, members)):
            waiting.extend(members)
