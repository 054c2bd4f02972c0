"""Text in requests that no store can hold is refused before anything is done with it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from firmware_bridge.contract.errors import BadTextError
from firmware_bridge.contract.plain_text import flaw

_DEEPEST: Final = 8


def refuse_bad_address(request: Request) -> None:
    """Refuse a path or query that holds NUL, an unpaired surrogate or a control character.

    Raises:
        BadTextError: It does.
    """
    _refuse("The path", request.scope["path"])
    query = request.scope["query_string"].decode("latin-1")
    for name, value in parse_qsl(query, keep_blank_values=True):
        _refuse("The name of a query parameter", name)
        _refuse(f"The query parameter {name}", value)


def _refuse(where: str, text: str) -> None:
    if (bad := flaw(text)) is not None:
        message = f"{where} holds {bad}."
        raise BadTextError(message, value=text)


def flaw_within(value: object, *, lines: bool = False, depth: int = 0) -> str | None:
    """What stands somewhere in a body's value that cannot be kept; None where nothing does.

    Args:
        value: As JSON gave it.
        lines: Whether texts are documents, in which tabs and line ends belong.
        depth: How deep in the body it stands.
    """
    if isinstance(value, str):
        return flaw(value, lines=lines)
    if depth > _DEEPEST:
        return "too many nested lists" if isinstance(value, list | dict) else None
    inside: list[object] = []
    if isinstance(value, list):
        inside = value
    elif isinstance(value, dict):
        inside = [*value.keys(), *value.values()]
    found = (flaw_within(one, lines=lines, depth=depth + 1) for one in inside)
    return next((bad for bad in found if bad is not None), None)
