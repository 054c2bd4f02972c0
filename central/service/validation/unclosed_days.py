"""Count the days that are over and not closed: what holds bills back first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from central.service.ports.unclosed_days import UnclosedDays, UnclosedDaysStore
from central.service.validation.validate import VeeSettings


class CountUnclosedDays:
    """The use-case.

    Args:
        store: Where days are closed.
        clock: Now, aware.
        settings: When a day is past its grace, and how far back days are closed.
    """

    def __init__(
        self, store: UnclosedDaysStore, clock: Callable[[], datetime], settings: VeeSettings
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    async def __call__(self, unless_within: timedelta | None = None) -> UnclosedDays:
        """Count them now, and keep it for those who look.

        Args:
            unless_within: Take what another process has counted no longer ago than this.

        Raises:
            StoreUnavailableError: Try again.
        """
        now = self._clock()
        if unless_within is not None:
            newest = await self._store.newest()
            if newest is not None and now - unless_within < newest.as_of <= now:
                return newest
        before = now - self._settings.grace
        counted = await self._store.count(now, before, before - self._settings.reach)
        await self._store.keep(counted)
        return counted
