"""What no store can hold or no calendar reckon with is refused before anything is done with it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from firmware_bridge.contract.errors import BadTextError
from firmware_bridge.contract.plain_text import flaw

_DEEPEST: Final = 8
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999


def far_day(value: object) -> str | None:
    """What is wrong with a day or time that is too far away to reckon with; None where it is not.

    A year and a day more or less, which is what use-cases look at, has to be a day too.
    """
    if isinstance(value, date | datetime) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        return f"{value.year} is not a year from {FIRST_YEAR} to {LAST_YEAR}"
    return None


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
