"""Try quarantined batches again, under the identity they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ingest.classify import Arrival, Readable, RefusedMessage, examine
from central.service.ingest.isolate import blame
from central.service.ingest.outcome import quarantine_key
from central.service.ingest.register_findings import clock_looks, event_findings
from central.service.ingest.rows import (
    ROW_MESSAGES,
    ChannelList,
    RowCode,
    above_floors,
    place,
    tabulate,
)
from central.service.ingest.signatures import SIGNATURE_CODES, fault_of, stored_signature
from central.service.ports.decisions import DecisionNote
from central.service.ports.faults import StoreFaultError
from central.service.ports.ingest import IngestStore, PoisonError
from central.service.ports.ingest_records import (
    BatchCounts,
    BatchState,
    NewBatch,
    Quarantine,
    QuarantinedBatch,
    ReadingFate,
)
from firmware_bridge.contract.reading import from_ms


@dataclass(frozen=True, slots=True)
class Requeued:
    """What became of one quarantined batch.

    Args:
        source: The batch as it was found.
        released: Whether nothing of it is quarantined any more.
        code: Why it still is, where it is.
    """

    source: QuarantinedBatch
    released: bool
    code: str | None


async def requeue(  # noqa: PLR0913, PLR0917 - who asks, and for which
    store: IngestStore,
    clock: Callable[[], datetime],
    actor: Actor,
    gateway: str | None = None,
    code: str | None = None,
    limit: int = 10_000,
) -> list[Requeued]:
    """Read quarantined batches again, after an upgrade or a decision, and store what can be.

    Their days are queued for validation again.

    Args:
        store: Where they are.
        clock: Now, aware.
        actor: Who asks.
        gateway: Only this gateway's.
        code: Only those quarantined for this reason.
        limit: How many batches to take at most.

    Raises:
        StoreUnavailableError: What was not reported is as it was.
        StoreUnfitError: Likewise; the deployment is at fault.
    """
    done = [
        await _try(store, source, DecisionNote(actor, "", clock()))
        for source in await store.quarantined(gateway, code, limit)
    ]
    for name, why in {(r.source.gateway, r.source.quarantine.code) for r in done if r.released}:
        if not await store.quarantined(name, why, 1):
            async with store.transaction(clock()) as tx:
                await tx.close_findings([quarantine_key(name, why)], actor)
    return done


async def _try(store: IngestStore, source: QuarantinedBatch, note: DecisionNote) -> Requeued:
    """Requeue one batch; what is still refused stays as it was, and stops no other."""
    try:
        return await _requeue(store, source, note)
    except (PoisonError, StoreFaultError) as error:
        still = blame(RefusedMessage(_arrival(source), "", ""), error)
        return Requeued(source, released=False, code=still.code)


def _arrival(source: QuarantinedBatch) -> Arrival:
    return Arrival(source.gateway, source.quarantine.payload, source.received_at)


def _subject(source: QuarantinedBatch) -> str:
    return f"{source.gateway} {source.key.epoch} {source.key.sequence}"


def _change(source: QuarantinedBatch, new: NewBatch, stored: int) -> dict[str, Any]:
    old = {"state": BatchState.QUARANTINED.value, "code": source.quarantine.code, "stored": 0}
    return change(old, {"state": new.state.value, "code": new.code, "stored": stored})


async def _requeue(store: IngestStore, source: QuarantinedBatch, note: DecisionNote) -> Requeued:
    """Read one batch again, with its signature where it has one, and store what can be."""
    item = examine(_arrival(source))
    if not isinstance(item, Readable):
        return Requeued(source, released=False, code=source.quarantine.code)
    record = (await store.gateways({source.gateway}))[source.gateway]
    # What is in doubt stays. What was imported, and kept for another reason, needed no signature.
    if source.quarantine.code in SIGNATURE_CODES and (fault := fault_of(record, item.arrival)):
        return Requeued(source, released=False, code=fault.value)
    signature = (
        None
        if fault_of(record, item.arrival)
        else stored_signature(source.quarantine.batch_id, item.arrival, record.signing)
    )
    batch, home = item.batch, source.key.gateway_id
    records = await store.resolve({(home, channel) for channel in batch.channels}, note.at)
    listed = ChannelList.of(home, batch.channels, records)
    table = tabulate([(home, batch, listed)], await store.homes(listed.distinct), note.at)
    table = await above_floors(store, table, note.at)
    allowed = table.rows.take(table.reason == 0)
    if len(allowed):
        await store.prepare(int(allowed.at_ms.min()), int(allowed.at_ms.max()), note.at)
    reason = table.code_of(0)
    quarantined = int(table.quarantined[0])
    batch_id = source.quarantine.batch_id
    new = NewBatch(
        key=source.key,
        sha256=source.sha256,
        state=BatchState.QUARANTINED if quarantined else BatchState.STORED,
        code=None if reason is None else reason.value,
        prev_hash=batch.prev_hash,
        made_at=from_ms(batch.made_at_ms),
        replaces=None if batch.void is None else batch.void.replaces,
        received=int(table.counts[0]),
        quarantined=quarantined,
        received_at=source.received_at,
    )
    async with store.transaction(note.at) as tx:
        await tx.fill(batch_id, new)
        if signature is not None:
            await tx.keep_signatures([signature])
        rows = replace(allowed, batch_id=np.full(len(allowed), batch_id, np.int64))
        places = await place(tx, rows)
        stored, duplicate, conflict = (int((places == value).sum()) for value in ReadingFate)
        await tx.recount([BatchCounts(batch_id, stored, duplicate, conflict, quarantined)])
        if batch.events and source.quarantine.code not in set(RowCode):
            # Where single rows were kept, the batch was read and its events are raised already.
            await tx.note_clocks(clock_looks(source.key, batch, note.at))
            await tx.find(event_findings(source.key, batch))
        if reason is not None:
            payload = source.quarantine.payload
            await tx.quarantine([Quarantine(batch_id, reason.value, ROW_MESSAGES[reason], payload)])
        await tx.audit(note, "batch.requeued", _subject(source), _change(source, new, stored))
    return Requeued(source, released=reason is None, code=None if reason is None else reason.value)
