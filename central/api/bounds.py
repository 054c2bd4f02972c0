"""Limit the size of request bodies.

A body is counted as it comes, so that no more than its bound is ever held: with a Content-Length,
in chunks, signed in or not.
"""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request
from starlette.types import Message, Receive

from central.api.problems import BodyTooLargeError

KIB = 1024
MIB = 1024 * KIB


class Bound(NamedTuple):
    """The largest body that paths with this prefix accept.

    Args:
        prefix: The beginning of the path.
        most: Largest body. [bytes]
    """

    prefix: str
    most: int


# The one table; the first that fits counts. Documentation: docs/reference/api.md.
BOUNDS = (
    Bound("/api/v1/tariffs", 4 * MIB),  # a document of a million signs, most of them one byte
    Bound("/api/v1/readings", MIB),  # 900 readings
    Bound("/api/v1/usage-events", 4 * MIB),  # 1,000 events of 4 KB
    Bound("/api/v1/shadow-bills", 4 * MIB),  # two files of a million signs, most of them one byte
    Bound("/api/", 64 * KIB),  # an account with every line full and every sign escaped: 53 KB
    Bound("/sign-in", 4 * KIB),
    Bound("/shadow-bills", 2 * MIB),  # two files of 200,000 signs, some of them escaped
    Bound("/tariff-editor", MIB),  # a document of 200,000 signs, some of them escaped
    Bound("/", 64 * KIB),  # forms
)


def most_for(path: str) -> int:
    """The largest body that a path takes. [bytes]."""
    return next((bound.most for bound in BOUNDS if path.startswith(bound.prefix)), 0)


def refuse_declared(request: Request) -> None:
    """Refuse a request that says beforehand that its body is too large.

    Raises:
        BodyTooLargeError: It does.
    """
    most = most_for(request.url.path)
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > most:
        raise _too_large(most)


def bounded(receive: Receive, most: int) -> Receive:
    """A request's body channel that gives no more than so many bytes.

    Args:
        receive: What the server gives.
        most: Largest body; where more comes, `BodyTooLargeError` is raised. [bytes]
    """
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> BodyTooLargeError:
    message = f"The body exceeds the limit of {most} bytes."
    return BodyTooLargeError(message, value=most, remedy="Send less in one request.")
