"""Raising cursors in the store over what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from central.service.ingest.hash_chain import advance
from central.service.ports.ingest import IngestTransaction
from central.service.ports.ingest_records import EpochCursor, EpochKey

LINKS_AT_ONCE = 1_000


async def advance_cursors(
    tx: IngestTransaction,
    cursors: Mapping[EpochKey, EpochCursor],
    start: Mapping[EpochKey, int],
    now: datetime,
    broken: Callable[[EpochKey, int], None],
) -> dict[EpochKey, EpochCursor]:
    """Raise locked cursors as far as what is stored reaches.

    Args:
        tx: The transaction that locked them.
        cursors: The locked cursors.
        start: Those to raise, each with its `cum`.
        now: When.
        broken: Told of each epoch and sequence where the chain breaks.

    Returns:
        The cursors named in `start`, risen or not; unsaved.
    """
    risen = {key: cursors[key] for key in start}
    waiting = dict(start)
    while waiting:
        links = await tx.links(waiting)
        waiting = {}
        for key, found in links.items():
            step = advance(risen[key], found, now)
            risen[key] = step.cursor
            if step.broken_at is not None:
                broken(key, step.broken_at)
            elif len(found) >= LINKS_AT_ONCE and found[-1].sequence == step.cursor.cum:
                waiting[key] = step.cursor.cum
    return risen
