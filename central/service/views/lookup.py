"""Things asked for by identifier that may not be there."""

from __future__ import annotations

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
