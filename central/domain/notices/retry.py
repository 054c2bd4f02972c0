"""When a notice that was not taken is sent again, and when nobody tries any more.

Source: https://www.standardwebhooks.com, version 1.0.0, on retries
"""

from __future__ import annotations

from datetime import datetime, timedelta

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each attempt that failed the next one is made; three days in all."""


def next_try(attempts: int, at: datetime, asked: timedelta | None = None) -> datetime | None:
    """When it is tried again; None where it is given up.

    Args:
        attempts: Made by now, at least one.
        at: When the last one failed.
        asked: How long the receiver asks to be left alone.
    """
    if attempts > len(RETRIES):
        return None
    wait = RETRIES[attempts - 1]
    return at + (wait if asked is None else min(max(wait, asked), RETRIES[-1]))
