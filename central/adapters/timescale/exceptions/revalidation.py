"""What is done again, on PostgreSQL; the statements are in `revalidation.sql`."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.service.ports.exception_notes import ActionNote
from central.service.ports.validation import ChannelDay, PointChannelId

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleRevalidation:
    """`RevalidationStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def queue_day(self, finding: int, answer: ActionNote) -> bool:
        """See `RevalidationStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if not await rows_of(connection, _SQL, "queue_day", finding=finding):
                    return False
                note = answer.note
                detail = change(None, {"reason_code": answer.code.value}, note.reason)
                subject = f"finding {finding}"
                await audit(
                    connection, note.at, note.actor, "finding.validated_again", subject, detail
                )
                return True

    async def day_of(self, finding: int) -> ChannelDay | None:
        """See `RevalidationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await rows_of(connection, _SQL, "day_of", finding=finding)
        return ChannelDay(PointChannelId(rows[0][0]), rows[0][1]) if rows else None

    async def bill_uid(self, number: int) -> UUID | None:
        """See `RevalidationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await rows_of(connection, _SQL, "bill_uid", number=number)
        return rows[0][0] if rows else None

    async def rated_again(self, uid: UUID, answer: ActionNote, state: str) -> None:
        """See `RevalidationStore`."""
        note = answer.note
        detail = change(None, {"state": state, "reason_code": answer.code.value}, note.reason)
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await audit(connection, note.at, note.actor, "bill.rated_again", str(uid), detail)
