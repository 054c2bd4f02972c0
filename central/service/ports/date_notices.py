"""What telling dates needs of a store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from central.domain.notices.date_rule import DateOffset


class DateStore(Protocol):
    """Where what has dates is kept, and which of their days were told."""

    async def add_due(self, offset: DateOffset, since: datetime, at: datetime) -> int:
        """Write a notice of each date whose day has come, in one transaction, once for each.

        A day comes at midnight where its service point is. Days before `since` are told to
        nobody, nor those that are longer past than `LATE_MAX`.

        Args:
            offset: Which days.
            since: When somebody first asked for them, aware.
            at: Now, aware.

        Returns:
            How many were written.
        """

    async def forget(self, at: datetime) -> None:
        """Forget what was told so long ago that it is not told again.

        Args:
            at: Now, aware.
        """
