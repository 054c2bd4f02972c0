"""One hash for values: SHA-256 over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


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
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_parts(parts: Mapping[str, str]) -> str:
    """What `digest` gives for an object whose members are told in canonical text already.

    Args:
        parts: Name, which JSON writes as it is, to canonical text.
    """
    text = ",".join(f'"{name}":{parts[name]}' for name in sorted(parts))
    return hashlib.sha256(f"{{{text}}}".encode()).hexdigest()


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
