"""How far an epoch is stored without a hole and with its hash chain whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from central.service.ports.ingest_records import EpochCursor, StoredLink
from firmware_bridge.contract.envelope import NO_HASH


@dataclass(frozen=True, slots=True)
class Advance:
    """Where a cursor comes to stand.

    Args:
        cursor: The cursor, risen or not.
        broken_at: The sequence that does not follow from the one before it, where one does not.
    """

    cursor: EpochCursor
    broken_at: int | None = None


def advance(cursor: EpochCursor, links: Sequence[StoredLink], now: datetime) -> Advance:
    """Raise a cursor over what follows it.

    A void batch is known by two hashes, and the batch behind it may name either. Behind a batch
    whose body could not be read, or whose hash was lost with a range, any batch follows.

    Args:
        cursor: Where it stands.
        links: Stored batches from `cursor.cum` on, ascending.
        now: When.

    Returns:
        The cursor, and where the chain breaks.
    """
    before = StoredLink(cursor.cum, cursor.cum_hash, None, None)
    cum, cum_hash, broken_at = cursor.cum, cursor.cum_hash, None
    for link in links:
        if link.sequence <= cum:
            if link.sequence == cum:
                before = link
                # It came after it was given up for lost.
                cum_hash = link.sha256 if cum_hash == NO_HASH else cum_hash
            continue
        if link.sequence != cum + 1:
            break
        if not _follows(link, before):
            broken_at = link.sequence
            break
        before, cum, cum_hash = link, link.sequence, link.sha256
    high = max([cursor.high, cum, *(link.sequence for link in links[-1:])])
    if cum == cursor.cum:
        return Advance(replace(cursor, cum_hash=cum_hash, high=high), broken_at)
    risen = replace(cursor, cum=cum, cum_hash=cum_hash, high=high, advanced_at=now)
    return Advance(risen, broken_at)


def _follows(link: StoredLink, before: StoredLink) -> bool:
    if link.prev_hash is None:
        return True
    if before.sequence > 0 and NO_HASH in (before.sha256, before.replaces):
        return True
    return before.is_known_as(link.prev_hash)
