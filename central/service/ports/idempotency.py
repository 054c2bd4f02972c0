"""The memory of answers given to requests that carried an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

KEEP = timedelta(days=7)
"""How long an answer is remembered."""

ABANDONED_AFTER = timedelta(minutes=2)
"""A claim without an answer for longer belongs to a process that died; the key is free again."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a request was answered.

    Args:
        request_sha256: Hash of method, path and body of the request that first used the key.
        status: HTTP status; None while the request is still at work.
        body: The answer's bytes.
    """

    request_sha256: bytes
    status: int | None
    body: bytes


class AnswerStore(Protocol):
    """Remembers one answer per key."""

    async def claim(self, key: str, request_sha256: bytes, now: datetime) -> StoredAnswer | None:
        """Take a key for a request.

        Returns:
            None where the key was free and is now taken; else what it was taken for.
        """
        ...

    async def settle(self, key: str, answer: StoredAnswer) -> None:
        """Remember the answer of a key that was claimed."""
        ...

    async def release(self, key: str) -> None:
        """Give up a claim whose request failed before it changed anything."""
        ...
