"""Jobs without a time: due while something waits, which the rows that wait say themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime


class StandingJob:
    """A job that is due while something waits for it.

    Any number of workers share it; in one worker it is done once at a time.

    Args:
        waits: Whether something waits, given the present.
        work: Does what waits, and returns when nothing does.
        clock: Now, aware.
    """

    def __init__(
        self,
        waits: Callable[[datetime], Awaitable[bool]],
        work: Callable[[], Awaitable[object]],
        clock: Callable[[], datetime],
    ) -> None:
        self._waits = waits
        self._work = work
        self._clock = clock
        self._at_work = False

    async def due(self) -> bool:
        """Whether somebody should do it now.

        Raises:
            StoreUnavailableError: Ask again.
        """
        return not self._at_work and await self._waits(self._clock())

    async def do(self) -> None:
        """Do it, unless it is being done here.

        Raises:
            StoreUnavailableError: What is done stays done.
        """
        if self._at_work:
            return
        self._at_work = True
        try:
            await self._work()
        finally:
            self._at_work = False
