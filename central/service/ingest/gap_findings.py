"""A hole in an epoch that does not fill is a finding; billing sees it."""

from __future__ import annotations

from datetime import datetime, timedelta

from central.domain.actor import Actor
from central.service.ports.ingest import IngestStore
from central.service.ports.ingest_records import EpochCursor, FindingCode, IngestFinding

PATIENCE = timedelta(hours=1)
_ACTOR = Actor.job("ingest")


async def watch_gaps(
    store: IngestStore, now: datetime, patience: timedelta = PATIENCE
) -> list[IngestFinding]:
    """Raise a finding for every hole that has stood too long, and close those that have filled.

    The edge sends again within five minutes, so a hole that outlives `patience` has another cause.
    What a gateway was asked to seal anew in a new epoch is not missing; what somebody has answered
    for stays answered.

    Args:
        store: Where batches are kept.
        now: Aware.
        patience: How long a hole may stand.

    Returns:
        The holes that stand now.

    Raises:
        StoreUnavailableError: Try again.
    """
    stalled = await store.stalled(now - patience)
    holes = [c for c in stalled if not c.revoked and not _is_carried_on(c)]
    standing = await store.open_findings(FindingCode.GAP)
    async with store.transaction(now) as tx:
        found = []
        for cursor in holes:
            links = (await tx.links({cursor.key: cursor.cum + 1})).get(cursor.key, [])
            above = [link.sequence for link in links if link.sequence > cursor.cum + 1]
            # Stored right behind `cum` means that its chain breaks there, which is its own finding.
            if above and links[0].sequence != cursor.cum + 1:
                found.append(_gap(cursor, above[0] - 1))
        if found:
            await tx.find(found)
        keys = {finding.key for finding in found}
        filled = [finding.key for finding in standing if finding.key not in keys]
        if filled:
            await tx.close_findings(filled, _ACTOR)
    return found


def _is_carried_on(cursor: EpochCursor) -> bool:
    return cursor.new_epoch_at is not None and cursor.superseded_by is not None


def _gap(cursor: EpochCursor, until: int) -> IngestFinding:
    key, first = cursor.key, cursor.cum + 1
    return IngestFinding(
        f"GAP:{key.gateway_id}:{key.epoch}:{first}-{until}",
        FindingCode.GAP,
        f"Batches {first} to {until} of epoch {key.epoch} are missing before later ones.",
        key.gateway_id,
        key.epoch,
        first,
        until,
    )
