"""Wait for a store that is away, for as long as it is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from central.service.ports.ingest import StoreUnavailableError

T = TypeVar("T")


async def patiently(
    work: Callable[[], Awaitable[T]],
    on_failure: Callable[[StoreUnavailableError], None],
    longest_s: float = 5.0,
) -> T:
    """Do work again and again until the store is there.

    Args:
        work: May be done any number of times.
        on_failure: Called with each failure.
        longest_s: Longest pause between attempts, which has full jitter. [s]
    """
    pause_s = 0.0
    while True:
        try:
            return await work()
        except StoreUnavailableError as error:
            on_failure(error)
        # A deadlock is over when it is reported, so the first attempt follows at once.
        await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - jitter, no secret
        pause_s = min(longest_s, pause_s * 2 or 0.1)
