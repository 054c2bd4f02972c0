"""Delete what is past its term, some rows at a time; a receipt and an audit row of each month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.retention import RetentionKind, RetentionPausedError, RetentionReceipt
from central.service.ports.retention_rules import RetentionRuleStore

AT_ONCE = 2_000
"""Rows of a transaction."""
CHANNELS = 100
"""Channels of which readings of a month go in a transaction, where others of it stay."""


async def delete_past_term(
    store: RetentionRuleStore,
    actor: Actor,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    at_once: int = AT_ONCE,
) -> list[RetentionReceipt]:
    """Delete what is past its term and on no legal hold.

    Args:
        store: Where it is.
        actor: Who deletes.
        clock: Now, aware; asked anew for each transaction.
        at_once: Rows of a transaction.

    Returns:
        The receipts. Whoever is interrupted calls again.

    Raises:
        RetentionPausedError: The database was restored, and nobody resumed since.
        StoreUnavailableError: What was committed stays deleted, with its receipts.
    """
    if not await store.rules():
        return []
    if (restored := await store.restored_at(clock())) is not None:
        message = f"The database was restored on {restored:%Y-%m-%d}: nothing is deleted yet."
        raise RetentionPausedError(message, value=restored.isoformat())
    receipts: list[RetentionReceipt] = []
    for kind in RetentionKind:
        limit = CHANNELS if kind is RetentionKind.READINGS else at_once
        while gone := await store.drop(kind, clock(), limit, actor):
            receipts += gone
    return receipts


def deleted_text(receipts: Sequence[RetentionReceipt]) -> str:
    """How many rows of which kinds went, in words."""
    counts = {
        kind: sum(receipt.deleted for receipt in receipts if receipt.kind is kind)
        for kind in RetentionKind
    }
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) + " deleted"
