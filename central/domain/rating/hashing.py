"""One hash for values: SHA-256 over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

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
    _refuse_floats(value)
    return _encode(value)


def joined(parts: Mapping[str, str]) -> str:
    """The canonical text of an object whose members are told in canonical text already.

    Args:
        parts: Name, which JSON writes as it is, to canonical text.
    """
    return "{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}"


def digest_parts(parts: Mapping[str, str]) -> str:
    """What `digest` gives for an object whose members are told in canonical text already."""
    return hashlib.sha256(joined(parts).encode()).hexdigest()


Piece = str | list[str]
"""Canonical text that many objects share, or that of each."""


def told(
    example: Mapping[str, object], varying: Mapping[str, Sequence[Piece]], count: int
) -> list[str]:
    """The canonical text of many objects that are alike but for some members.

    Args:
        example: One of them.
        varying: What differs: by member, what its text is put together from.
        count: How many there are.
    """
    alike = {name: canonical(own) for name, own in example.items() if name not in varying}
    return told_parts(alike, varying, count)


def told_parts(
    alike: Mapping[str, str], varying: Mapping[str, Sequence[Piece]], count: int
) -> list[str]:
    """As `told`, from the canonical text of the members that are alike."""
    columns: list[Iterable[str]] = []
    before = "{"
    for name in sorted(alike.keys() | varying.keys()):
        before += f'"{name}":'
        for piece in varying.get(name, (alike.get(name, ""),)):
            if isinstance(piece, str):
                before += piece
            else:
                columns += [repeat(before), piece]
                before = ""
        before += ","
    end = before[:-1] + "}"
    return list(map("".join, zip(*columns, repeat(end, count), strict=False)))


def _refuse_floats(value: object) -> None:
    """A loop, since every line of every bill passes here."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is str:
            continue
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, float):
            message = f"{one!r} is a float; money and energy have none."
            raise TypeError(message)
