"""One window of batches in one transaction, see `ingest.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Generic, TypeVar

import numpy as np

from central.service.ingest.claims import is_original_of, is_proof_of, is_same
from central.service.ingest.classify import Arrival, Readable, Unreadable
from central.service.ingest.cursors import advance_cursors
from central.service.ingest.handshake import two_live_epochs_finding
from central.service.ingest.outcome import (
    GatewayReply,
    MessageOutcome,
    OutcomeKind,
    Result,
    quarantine_key,
)
from central.service.ingest.register_findings import clock_looks, event_findings
from central.service.ingest.rows import ROW_MESSAGES, Table, counted, place
from central.service.ingest.signatures import SIGNATURE_CODES, stored_signature
from central.service.ports.ingest import IngestTransaction
from central.service.ports.ingest_records import (
    BatchId,
    BatchKey,
    BatchState,
    EpochCursor,
    EpochKey,
    FindingCode,
    IngestFinding,
    NewBatch,
    Quarantine,
    Rejection,
    SequenceClaim,
    Signing,
    StoredLink,
)
from central.service.ports.meter_clocks import ClockLook
from firmware_bridge.contract.envelope import BATCH_MAX_BYTES, SEQUENCE_MAX, Header
from firmware_bridge.contract.messages import QUARANTINED_MAX, Ack
from firmware_bridge.contract.plain_text import plain
from firmware_bridge.contract.reading import from_ms

IDENTITY_CLASH = "IDENTITY_CLASH"
VALUE_CONFLICT = "VALUE_CONFLICT"
VOID = "VOID"
NOT_SIGNED = "Its sequence is taken, and it is not signed as its gateway signs."
# A topic may hold 65,535 bytes, which is more than the index over rejected messages takes.
_NAME_MAX = 100
_MESSAGE_MAX = 1_000


def rejection(arrival: Arrival, code: str, message: str, header: Header | None) -> Rejection:
    """What is kept of a message that claims no sequence."""
    if header is not None and header.sequence > SEQUENCE_MAX:
        header = None
    return Rejection(
        gateway=plain(arrival.gateway, _NAME_MAX),
        code=code,
        message=plain(message, _MESSAGE_MAX),
        payload=arrival.payload[:BATCH_MAX_BYTES],
        payload_bytes=len(arrival.payload),
        payload_sha256=sha256(arrival.payload).digest(),
        at=arrival.at,
        epoch=None if header is None else header.epoch,
        sequence=None if header is None else header.sequence,
    )


ItemT_co = TypeVar("ItemT_co", Readable, Unreadable, covariant=True)


@dataclass(frozen=True, slots=True)
class BatchCandidate(Generic[ItemT_co]):
    """A batch of a gateway that may send, and whether that has to sign."""

    item: ItemT_co
    key: BatchKey
    signing: Signing = Signing.ACCEPTED


class Window:
    """One attempt at one transaction.

    Args:
        tx: The transaction.
        now: When.
        candidates: Its batches; the readable ones first, as they stand in `table`.
        table: Their rows.
    """

    def __init__(
        self,
        tx: IngestTransaction,
        now: datetime,
        candidates: Sequence[BatchCandidate[Readable] | BatchCandidate[Unreadable]],
        table: Table,
    ) -> None:
        self._tx = tx
        self._now = now
        self._candidates = candidates
        self._table = table
        self._findings: list[IngestFinding] = []
        self._clocks: list[ClockLook] = []
        self._abandon: set[EpochKey] = set()
        self._filled: list[NewBatch] = []
        self.refused: list[Rejection] = []

    async def run(self) -> Result:
        """Store the window; `refused` then has what must be kept as rejected."""
        batches = [self._new_batch(i) for i in range(len(self._candidates))]
        claims = await self._claim(batches)
        outcomes = await self._place(batches, claims)
        await self._hold(batches, claims)
        await self._keep_signatures(batches, claims)
        acks = await self._advance(batches, claims)
        if self._clocks:
            await self._tx.note_clocks(self._clocks)
        if self._findings:
            await self._tx.find(self._findings)
        return Result(outcomes, acks)

    def _new_batch(self, position: int) -> NewBatch:
        item, key = self._candidates[position].item, self._candidates[position].key
        if isinstance(item, Unreadable):
            return NewBatch(
                key, item.header.sha256, BatchState.QUARANTINED, item.code,
                None, None, None, None, 0, item.arrival.at, item.code not in SIGNATURE_CODES,
            )  # fmt: skip
        batch = item.batch
        quarantined = int(self._table.quarantined[position])
        reason = self._table.code_of(position)
        code = reason.value if reason is not None else None if batch.void is None else VOID
        return NewBatch(
            key=key,
            sha256=item.header.sha256,
            state=BatchState.QUARANTINED if quarantined else BatchState.STORED,
            code=code,
            prev_hash=batch.prev_hash,
            made_at=from_ms(batch.made_at_ms),
            replaces=None if batch.void is None else batch.void.replaces,
            received=int(self._table.counts[position]),
            quarantined=quarantined,
            received_at=item.arrival.at,
        )

    async def _claim(self, batches: Sequence[NewBatch]) -> list[SequenceClaim]:
        """Claim each identity once; what repeats one within the window meets the first."""
        first: dict[BatchKey, int] = {}
        for position, batch in enumerate(batches):
            first.setdefault(batch.key, position)
        firsts = sorted(first.values(), key=lambda i: batches[i].key)
        won = dict(zip(firsts, await self._tx.claim([batches[i] for i in firsts]), strict=True))
        claims = []
        for position, batch in enumerate(batches):
            claim = won[first[batch.key]]
            if first[batch.key] != position:
                earlier = batches[first[batch.key]] if claim.fresh else None
                claim = SequenceClaim(
                    claim.batch_id,
                    fresh=False,
                    stored=claim.stored if earlier is None else earlier.link,
                    empty=claim.empty if earlier is None else earlier.received == 0,
                    code=claim.code if earlier is None else earlier.code,
                )
            if is_original_of(batch, claim) or is_proof_of(batch, claim):
                await self._tx.fill(claim.batch_id, batch)
                self._filled.append(batch)
                claim = SequenceClaim(claim.batch_id, fresh=True, stored=batch.link)
            claims.append(claim)
        return claims

    async def _place(
        self, batches: Sequence[NewBatch], claims: Sequence[SequenceClaim]
    ) -> list[MessageOutcome]:
        table = self._table
        size = len(table.counts)
        fresh = np.array([claim.fresh for claim in claims[:size]], np.bool_)
        ids = np.array([claim.batch_id for claim in claims[:size]], np.int64)
        rows = table.rows.take((table.reason == 0) & fresh[table.rows.batch_id])
        places = await place(self._tx, replace(rows, batch_id=ids[rows.batch_id]))
        counts = counted([BatchId(int(i)) for i in ids], rows, places, table)
        if counts:
            await self._tx.recount(counts)
        corrected = {count.batch_id: count for count in counts}
        outcomes = []
        for position, (batch, claim) in enumerate(zip(batches, claims, strict=True)):
            outcome = self._outcome(position, batch, claim)
            count = corrected.get(claim.batch_id) if claim.fresh else None
            if count is not None:
                outcome = replace(
                    outcome,
                    kind=OutcomeKind.CONFLICT if count.conflict else outcome.kind,
                    code=VALUE_CONFLICT if count.conflict else outcome.code,
                    stored=count.stored,
                    duplicate=count.duplicate,
                    conflict=count.conflict,
                )
            outcomes.append(outcome)
        return outcomes

    def _outcome(self, position: int, batch: NewBatch, claim: SequenceClaim) -> MessageOutcome:
        item = self._candidates[position].item
        received = batch.received or 0
        end = MessageOutcome(
            OutcomeKind(batch.state.value),
            batch.code or OutcomeKind(batch.state.value).name,
            item.arrival.gateway,
            batch.key.epoch,
            batch.key.sequence,
            received,
            stored=received - batch.quarantined,
            quarantined=batch.quarantined,
        )
        if claim.fresh:
            if isinstance(item, Readable):
                self._findings += event_findings(batch.key, item.batch)
                self._clocks += clock_looks(batch.key, item.batch, self._now)
            if batch.code == VOID:
                self._find(
                    FindingCode.VOID_BATCH, batch, "was damaged at the gateway and has no readings"
                )
            return end
        if is_same(batch, claim):
            return replace(
                end, kind=OutcomeKind.DUPLICATE, code="DUPLICATE", stored=0, quarantined=0
            )
        if not batch.is_proven and batch.code is not None:
            # Whoever has no key ends no epoch of who has.
            self.refused.append(rejection(item.arrival, batch.code, NOT_SIGNED, item.header))
            return replace(end, kind=OutcomeKind.REJECTED, quarantined=0)
        self._abandon.add(batch.key.of_epoch)
        self._find(FindingCode.IDENTITY_CLASH, batch, "arrived with two different contents")
        message = f"Another batch has the sequence {batch.key.sequence} of epoch {batch.key.epoch}."
        self.refused.append(rejection(item.arrival, IDENTITY_CLASH, message, item.header))
        return replace(end, kind=OutcomeKind.CONFLICT, code=IDENTITY_CLASH, stored=0, quarantined=0)

    async def _hold(self, batches: Sequence[NewBatch], claims: Sequence[SequenceClaim]) -> None:
        unusable = []
        for position, (batch, claim) in enumerate(zip(batches, claims, strict=True)):
            if not claim.fresh or batch.state is not BatchState.QUARANTINED:
                continue
            item = self._candidates[position].item
            reason = self._table.code_of(position) if isinstance(item, Readable) else None
            message = plain(item.message, _MESSAGE_MAX) if isinstance(item, Unreadable) else ""
            if reason is not None:
                message = ROW_MESSAGES[reason]
            code = batch.code or ""
            unusable.append(Quarantine(claim.batch_id, code, message, item.arrival.payload))
            name = item.arrival.gateway
            self._findings.append(
                IngestFinding(
                    quarantine_key(name, code),
                    FindingCode.QUARANTINE,
                    f"Batches of {name} are quarantined as {code}: {message}",
                    batch.key.gateway_id,
                )
            )
        if unusable:
            await self._tx.quarantine(unusable)

    async def _keep_signatures(
        self, batches: Sequence[NewBatch], claims: Sequence[SequenceClaim]
    ) -> None:
        """Keep good signatures with what they hold for."""
        signatures = [
            stored_signature(claim.batch_id, candidate.item.arrival, candidate.signing)
            for candidate, batch, claim in zip(self._candidates, batches, claims, strict=True)
            if claim.fresh and batch.is_proven
        ]
        if checked := [each for each in signatures if each is not None]:
            await self._tx.keep_signatures(checked)

    async def _advance(
        self, batches: Sequence[NewBatch], claims: Sequence[SequenceClaim]
    ) -> list[GatewayReply]:
        """Raise the cursors of the window's epochs, and say where they stand."""
        names = {c.key.of_epoch: c.item.arrival.gateway for c in self._candidates}
        cursors = await self._tx.lock_cursors(names.keys())
        for batch in self._filled:
            cursor = cursors[batch.key.of_epoch]
            if cursor.cum == batch.key.sequence:
                # The gateway obeys only where the hash is that of its own batch.
                cursors[cursor.key] = replace(cursor, cum_hash=batch.sha256)
        raised = {
            batch.key.of_epoch: cursors[batch.key.of_epoch].cum
            for batch, claim in zip(batches, claims, strict=True)
            if claim.fresh
        }
        cursors.update(await advance_cursors(self._tx, cursors, raised, self._now, self._broken))
        for batch, claim in zip(batches, claims, strict=True):
            if claim.fresh:
                self._watch_liveness(batch, cursors[batch.key.of_epoch], names)
        for key in self._abandon:
            if cursors[key].new_epoch_at is None:
                cursors[key] = replace(cursors[key], new_epoch_at=self._now)
        await self._tx.save_cursors(cursors.values())
        return self._replies(batches, claims, cursors, names)

    def _replies(
        self,
        batches: Sequence[NewBatch],
        claims: Sequence[SequenceClaim],
        cursors: dict[EpochKey, EpochCursor],
        names: dict[EpochKey, str],
    ) -> list[GatewayReply]:
        """Where each epoch of the window stands."""
        quarantined: dict[EpochKey, list[int]] = {}
        repeated: dict[EpochKey, StoredLink] = {}
        for batch, claim in zip(batches, claims, strict=True):
            key = batch.key.of_epoch
            if claim.fresh and batch.state is BatchState.QUARANTINED:
                quarantined.setdefault(key, []).append(batch.key.sequence)
            if not claim.fresh and is_same(batch, claim):
                stored = claim.stored
                before = repeated.get(key, stored)
                repeated[key] = max(before, stored, key=lambda link: link.sequence)
        # A copied card sends again what its twin sent before they parted. It does not know the
        # twin's batch at `cum`, so it is told of its own, and comes to where the two differ.
        acks = [
            (key, Ack(key.epoch, stored.sequence, stored.sha256))
            for key, stored in repeated.items()
            if stored.sequence < cursors[key].cum
        ]
        acks += [
            (
                key,
                Ack(
                    key.epoch,
                    cursors[key].cum,
                    cursors[key].cum_hash,
                    quarantined=tuple(quarantined.get(key, ())[:QUARANTINED_MAX]),
                    new_epoch=key in self._abandon,
                ),
            )
            for key in names
        ]
        return [GatewayReply(names[key], ack) for key, ack in acks]

    def _broken(self, key: EpochKey, sequence: int) -> None:
        self._abandon.add(key)
        self._findings.append(
            IngestFinding(
                f"CHAIN_BROKEN:{key.gateway_id}:{key.epoch}:{sequence}",
                FindingCode.CHAIN_BROKEN,
                f"Batch {sequence} of epoch {key.epoch} does not follow from the one before it.",
                key.gateway_id,
                key.epoch,
                sequence,
                sequence,
            )
        )

    def _watch_liveness(
        self, batch: NewBatch, cursor: EpochCursor, names: dict[EpochKey, str]
    ) -> None:
        """A new batch beyond what the successor knew means that somebody else writes this epoch."""
        last = cursor.superseded_last
        if last is not None and batch.key.sequence > last:
            name = names[batch.key.of_epoch]
            self._findings.append(
                two_live_epochs_finding(name, cursor.key.gateway_id, cursor.key.epoch)
            )

    def _find(self, code: FindingCode, batch: NewBatch, what: str) -> None:
        key = batch.key
        self._findings.append(
            IngestFinding(
                f"{code}:{key.gateway_id}:{key.epoch}:{key.sequence}",
                code,
                f"Batch {key.sequence} of epoch {key.epoch} {what}.",
                key.gateway_id,
                key.epoch,
                key.sequence,
                key.sequence,
            )
        )
