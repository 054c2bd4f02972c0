"""Work that a request begins and that goes on after its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

_log = structlog.get_logger(__name__)


class Background:
    """Tasks of one process. What is left of them at its end is begun again by asking again."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def begin(self, work: Coroutine[object, object, object]) -> None:
        """Let work go on; an error ends it, and is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def idle(self) -> None:
        """Wait until nothing is at work."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """End what is at work; each commits what it has done of itself."""
        for task in self._tasks:
            task.cancel()
        await self.idle()

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background_work_failed", exc_info=error)
