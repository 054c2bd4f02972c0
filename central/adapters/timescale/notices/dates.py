"""Days that are told before or after a date; the statements are in `dates.sql`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.notices.date_rule import LATE_MAX, DateOffset

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_KEPT = 2 * LATE_MAX
_COLUMNS = {
    "bill.issued_on": "issued_on",
    "bill.due_on": "due_on",
    "agreement.first": "first",
    "agreement.end": "end",
}


class TimescaleDates:
    """`DateStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_due(self, offset: DateOffset, since: datetime, at: datetime) -> int:
        """See `DateStore`."""
        kind = offset.field.value.partition(".")[0]
        # A day wider to both sides than any zone; then the zone decides.
        base = at.date() - timedelta(days=offset.days)
        values = {
            "field": offset.field.value,
            "column": _COLUMNS[offset.field.value],
            "days": offset.days,
            "since": since,
            "at": at,
            "late": LATE_MAX.days,
            "lower": base - LATE_MAX - timedelta(days=1),
            "upper": base + timedelta(days=1),
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                return (await connection.execute(_SQL[f"add_due_{kind}"], values)).rowcount

    async def forget(self, at: datetime) -> None:
        """See `DateStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["forget"], {"before": at.date() - _KEPT})
