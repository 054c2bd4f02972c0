"""Things asked for by identifier that may not be there."""

from __future__ import annotations

from collections.abc import Sized
from typing import TypeVar

from firmware_bridge.contract.errors import OperatorError

Thing = TypeVar("Thing")


class NotFoundError(OperatorError):
    """Nothing has the identifier that was asked for."""

    code = "NOT_FOUND"
    default_remedy = "Check the identifier."


def require(thing: Thing | None, kind: str, identifier: object) -> Thing:
    """The thing, if there is one.

    Raises:
        NotFoundError: There is none.
    """
    if thing is None:
        message = f"There is no {kind} {identifier}."
        raise NotFoundError(message, value=identifier)
    return thing


def require_any(things: Sized, kind: str, identifier: str | None, remedy: str) -> None:
    """Refuse a name that nothing has: an empty list would say that all is well.

    Args:
        things: All that the name selects, at whatever time.
        kind: What it names.
        identifier: The name; None where none is given.
        remedy: What lists the names.

    Raises:
        NotFoundError: A name is given, and nothing has it.
    """
    if identifier is not None and not things:
        message = f"There is no {kind} {identifier}."
        raise NotFoundError(message, value=identifier, remedy=remedy)
