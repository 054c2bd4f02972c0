"""Tell that a day has come which rules ask for: so many days before or after a date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from central.domain.notices.date_rule import DateOffset
from central.service.ports.date_notices import DateStore
from central.service.ports.notices import NoticeSource

EVERY = timedelta(minutes=15)
"""How often dates are looked at; zones differ from each other by quarters of an hour."""

_log = structlog.get_logger(__name__)


class NotifyDates:
    """The use-case. Any number of workers share one store: a day of a date is told once.

    Args:
        rules: Where rules of notices are kept.
        store: Where dates are kept.
        clock: Now, aware.
    """

    def __init__(
        self,
        rules: NoticeSource,
        store: DateStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rules = rules
        self._store = store
        self._clock = clock
        self._next: datetime | None = None

    async def waits(self, at: datetime) -> bool:
        """Whether dates are to be looked at again."""
        return self._next is None or at >= self._next

    async def notify(self) -> int:
        """Write a notice for each date whose day has come.

        Returns:
            How many.

        Raises:
            StoreUnavailableError: What was written stays; call again.
        """
        at = self._clock()
        asked: dict[DateOffset, datetime] = {}
        for version in await self._rules.rules():
            offset = version.rule.date
            if offset is not None and not version.rule.off:
                since = version.recorded_at
                asked[offset] = min(since, asked.get(offset, since))
        written = 0
        for offset, since in asked.items():
            written += await self._store.add_due(offset, since, at)
        if asked:
            await self._store.forget(at)
        if written:
            _log.info("dates_told", notices=written)
        self._next = at + EVERY
        return written
