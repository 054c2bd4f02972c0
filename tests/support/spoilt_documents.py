"""Mutants of parsed documents: what a person may get wrong in a file, without the file.

What they are made of stays what TOML and JSON have: tables, lists, texts, numbers, true and false.
"""

from __future__ import annotations

import random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 255, 65_535, 65_536, 2**31, -(2**31), 2**70, 0.5, -1e300,
    float("nan"), float("inf"), "", " ", "a", "1-0:1.8.0", "1-0:16.7.0*255", "x" * 300,
    "kW", "u16", "float64", "bcd32", "0-0:96.1.0", "CDAB", "ascii", "null", "any", "octet-string",
    "{key}", "{serial}/{serial...}", "a.b[0].c", "[999]", "*", "\u0000", "\ud800", "mqtt://x:1", [],
    "mqtt://x:65536", [1], ["any"], [[]], {}, {"key": 1}, {"path": "a", "form": "stamp"},
)  # fmt: skip
_STEPS = (-1, 1, 2, 16, 256)


def copied(document: Any) -> Any:  # noqa: ANN401 - any document
    """The document again, with no table or list in common."""
    if isinstance(document, dict):
        return {key: copied(value) for key, value in document.items()}
    return [copied(value) for value in document] if isinstance(document, list) else document


def spoilt(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A mutant with one to three changes, each at a place of any depth."""
    mutant: dict[str, Any] = copied(document)
    for _ in range(chance.randint(1, 3)):
        _change(mutant, chance)
    return mutant


def _change(mutant: dict[str, Any], chance: random.Random) -> None:
    container, key = _position(mutant, chance)
    if key is None:
        return
    kind = chance.randrange(6)
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = copied(chance.choice(ODD))
    elif kind == 2:
        other, at = _position(mutant, chance)
        container[key] = copied(other[at]) if at is not None else None
    elif kind == 3:
        _add(container, key, chance)
    else:
        container[key] = _near(container[key], chance)


def _position(tree: Any, chance: random.Random) -> tuple[Any, Any]:  # noqa: ANN401 - any document
    """A container and one of its keys; the key is None where there is none."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        if not keys:
            return tree, None
        key = chance.choice(keys)
        inner = tree[key]
        # Most of what a document says stands at its ends.
        if not isinstance(inner, dict | list) or not inner or chance.randrange(6) == 0:
            return tree, key
        tree = inner


def _add(container: Any, key: Any, chance: random.Random) -> None:  # noqa: ANN401 - as above
    """The same once more: an entry of a list twice, a key under another name."""
    if isinstance(container, list):
        container.insert(key, copied(container[key]))
    else:
        container[f"{key}{chance.choice(('s', '_', ''))}"[chance.randrange(2) :]] = copied(
            container[key]
        )


def _near(value: Any, chance: random.Random) -> Any:  # noqa: ANN401 - as above
    """A value a little beside."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + chance.choice(_STEPS) if chance.randrange(2) else -value
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(("", "0", "9", ".", "*", "{", "/", "z")) + value[at + 1 :]
    if isinstance(value, list):
        return value[::-1]
    return copied(chance.choice(ODD))
