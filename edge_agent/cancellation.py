"""Ending a task for certain."""

from __future__ import annotations

import asyncio

ASK_AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait until they are over.

    Python 3.11's `asyncio.wait_for`, which aiomqtt uses, loses a cancellation that comes in the
    moment its result does; so it is repeated.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_S)
