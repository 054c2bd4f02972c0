"""Times on a command line: the option `--as-of`, and instants with an offset."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Annotated

import typer

from central.service.knowledge_time import KnowledgeTime
from firmware_bridge.contract.errors import InvalidValueError

AsOf = Annotated[
    str | None,
    typer.Option(
        help="Answer as of a time, such as 2026-11-01T00:00:00Z, five minutes ago or earlier."
    ),
]


def known_time(text: str | None) -> KnowledgeTime | None:
    """The time of knowledge that was given, if one was.

    Raises:
        InvalidValueError: It is none, has no UTC offset, or is later than five minutes ago.
    """
    return None if text is None else KnowledgeTime.parse(text, datetime.now(UTC))


def instant_of(text: str) -> datetime:
    """A time that was given as text.

    Raises:
        InvalidValueError: It is none, or has no UTC offset.
    """
    with contextlib.suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at
    remedy = "Write it as 2026-11-01T00:00:00Z."
    raise InvalidValueError(f"{text!r} is not a time with an offset.", value=text, remedy=remedy)
