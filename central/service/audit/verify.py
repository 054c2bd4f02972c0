"""Verify the audit log: every seal, every row, the anchors, and that nothing waits for long."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from central.domain.audit.chain import BreakCode, ChainBreak, ChainCheck, ChainHead, SealedRow
from central.service.ports.audit import AuditStore

UNSEALED_FOR = timedelta(minutes=5)
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """What verification found.

    Args:
        head: The last seal that holds.
        broken: The first place that does not; None where all hold.
    """

    head: ChainHead
    broken: ChainBreak | None


async def verify_audit(
    store: AuditStore,
    anchors: Mapping[int, bytes],
    now: datetime,
    patience: timedelta = UNSEALED_FOR,
) -> VerifiedLog:
    """Follow the chain from its first seal to its end.

    Args:
        store: Where the log is.
        anchors: Hashes anchored outside, by number of their seal.
        now: Aware.
        patience: How long a row may wait for its seal.

    Raises:
        StoreUnavailableError: Try again.
    """
    check = ChainCheck(anchors)
    async for rows in store.sealed(_AT_ONCE):
        broken = check.take(rows) or await _personal(store, rows)
        if broken is not None:
            return VerifiedLog(check.head, broken)
    return VerifiedLog(check.head, check.end() or await _waiting(store, now - patience))


async def _personal(store: AuditStore, rows: Sequence[SealedRow]) -> ChainBreak | None:
    """Whether a personal value that is kept is not the one that a row refers to."""
    meant = {
        uid: (row, digest)
        for row in rows
        if row.row is not None and '"personal"' in row.row.detail
        for uid, digest in json.loads(row.row.detail).get("personal", {}).items()
    }
    if not meant:
        return None
    for uid, digest in (await store.kept_digests(list(meant))).items():
        row, wanted = meant[uid]
        if digest != wanted:
            message = f"The personal values {uid} are not those that row {row.row_id} refers to."
            return ChainBreak(BreakCode.PERSONAL_CHANGED, message, row.number, row.row_id)
    return None


async def _waiting(store: AuditStore, before: datetime) -> ChainBreak | None:
    left = await store.unsealed(before)
    if left is None:
        return None
    message = (
        f"{left.count} rows have no seal, the oldest of {left.since:%Y-%m-%d %H:%M:%S%z}; a worker"
        " seals them."
    )
    return ChainBreak(BreakCode.ROW_UNSEALED, message, row_id=left.first)
