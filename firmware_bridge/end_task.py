"""End a task for certain: a library may lose a cancellation that meets the end of its wait."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.5


async def end_task(task: asyncio.Task[Any], again_s: float = AGAIN_S) -> None:
    """Cancel a task until it is done.

    Args:
        task: What it returns is dropped, what it raises is raised.
        again_s: Pause before it is cancelled once more. [s]
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=again_s)
    if not task.cancelled():
        task.result()
