"""The option `--as-of`: what was known at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from central.service.knowledge_time import KnowledgeTime

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
