"""Compare the batches that a gateway has with those of the centre, and reply.

| the gateway's epoch | the centre | answer |
|---|---|---|
| ends below `cum`, or has another batch at its end | | `new_epoch` |
| ends below `cum`, where what follows was sealed after the hello was sent | | `cum` |
| no longer keeps what follows `cum` | was restored from a backup | LOST_RANGE, `cum` moves on |
| acknowledged above `cum` | was restored from a backup | `cum`; the nonce lets it lower |
| has another batch at its own `cum` | was restored, and a twin came first | 0, `new_epoch` |
| acknowledged below `cum` | an acknowledgement was lost | `cum` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from central.service.ingest.cursors import advance_cursors
from central.service.ports.ingest import IngestTransaction
from central.service.ports.ingest_records import (
    BatchKey,
    EpochCursor,
    EpochKey,
    FindingCode,
    GatewayId,
    GatewayRecord,
    IngestFinding,
    StoredLink,
)
from firmware_bridge.contract.envelope import NO_HASH
from firmware_bridge.contract.messages import Ack, EpochState, Hello


async def answer_hello(
    tx: IngestTransaction, gateway: GatewayRecord, hello: Hello, now: datetime
) -> list[Ack]:
    """Answer a hello, one acknowledgement for each epoch that it names.

    Args:
        tx: An open transaction.
        gateway: The sender, enrolled.
        hello: What it says.
        now: When.

    Returns:
        Acknowledgements that echo the nonce; none for a revoked epoch.
    """
    return await _Visit(tx, gateway, hello, now).answer()


def two_live_epochs_finding(name: str, gateway_id: GatewayId, epoch: UUID) -> IngestFinding:
    """The alarm that stands until an operator revokes one of the epochs."""
    return IngestFinding(
        two_live_epochs_key(name),
        FindingCode.TWO_LIVE_EPOCHS,
        f"Two devices send as {name}: epoch {epoch} still gets batches although a newer one exists."
        " Revoke one of the two.",
        gateway_id,
        epoch,
    )


def two_live_epochs_key(name: str) -> str:
    """The key of a gateway's alarm."""
    return f"{FindingCode.TWO_LIVE_EPOCHS}:{name}"


def _predecessors(gateway_id: GatewayId, states: Sequence[EpochState]) -> set[EpochKey]:
    return {EpochKey(gateway_id, s.previous) for s in states if s.previous is not None}


def _lost(key: EpochKey, first: int, last: int) -> IngestFinding:
    return IngestFinding(
        f"LOST_RANGE:{key.gateway_id}:{key.epoch}:{first}-{last}",
        FindingCode.LOST_RANGE,
        f"Batches {first} to {last} of epoch {key.epoch} are lost at the centre and the gateway.",
        key.gateway_id,
        key.epoch,
        first,
        last,
    )


class _Visit:
    """One hello, in one transaction."""

    def __init__(
        self, tx: IngestTransaction, gateway: GatewayRecord, hello: Hello, now: datetime
    ) -> None:
        self._tx = tx
        self._gateway = gateway
        self._hello = hello
        self._now = now
        self._cursors: dict[EpochKey, EpochCursor] = {}
        self._findings: list[IngestFinding] = []

    async def answer(self) -> list[Ack]:
        hello, gateway = self._hello, self._gateway
        states = {EpochKey(gateway.id, state.epoch): state for state in hello.epochs}
        keys = {*states, *_predecessors(gateway.id, hello.epochs)}
        if gateway.current_epoch is not None:
            keys.add(EpochKey(gateway.id, gateway.current_epoch))
        self._cursors = await self._tx.lock_cursors(keys)
        current = self._cursors[EpochKey(gateway.id, hello.epochs[-1].epoch)]
        acks = [
            ack
            for key, state in states.items()
            if not self._cursors[key].revoked
            for ack in await self._compare(key, state)
        ]
        for state in hello.epochs:
            if state.previous is not None:
                await self._record_successor(state, state.previous)
        newest = gateway.hello_at is None or hello.sent_at > gateway.hello_at
        if newest and not current.revoked:
            self._watch_liveness(current)
            # A gateway whose clock runs ahead must not silence the hellos of a mended one.
            at = min(hello.sent_at, self._now)
            await self._tx.save_hello(gateway.id, hello.agent, current.key.epoch, at)
        await self._tx.save_cursors(self._cursors.values())
        if self._findings:
            await self._tx.find(self._findings)
        return acks

    async def _compare(self, key: EpochKey, state: EpochState) -> list[Ack]:
        cursor, nonce = self._cursors[key], self._hello.nonce
        is_other_cum = await self._is_other(key, state.cum, state.cum_hash)
        new_epoch = is_other_cum or await self._has_another_history(state, cursor)
        if new_epoch:
            cursor = replace(cursor, new_epoch_at=cursor.new_epoch_at or self._now)
        else:
            cursor = await self._skip_lost(cursor, state.first, state)
        self._cursors[key] = cursor
        word = Ack(state.epoch, cursor.cum, cursor.cum_hash, nonce, new_epoch=new_epoch)
        # A restored centre may have been told since, by a twin, something else than it had
        # acknowledged. Where the two part is not known here, so everything kept is asked for.
        everything = Ack(state.epoch, 0, NO_HASH, nonce, new_epoch=new_epoch)
        if is_other_cum:
            if state.first > 1:
                # What went before may have been this device's own too, and it no longer keeps it.
                self._findings.append(_lost(key, 1, state.first - 1))
            return [everything]
        # This one finds `cum` lowered by the word before it, unless that named a twin's batch.
        return [word, everything] if state.cum > cursor.cum else [word]

    async def _has_another_history(self, state: EpochState, cursor: EpochCursor) -> bool:
        """Whether the gateway's epoch ends otherwise than the centre has it."""
        if await self._is_other(cursor.key, state.last, state.last_hash):
            return True
        if state.last >= cursor.cum:
            return False
        # Another worker may have stored what was sealed after this hello was sent; then the hello
        # is late, and nothing is wrong with the epoch. Both times are the gateway's own.
        made_at = await self._tx.made_at(BatchKey(*cursor.key, state.last + 1))
        return made_at is None or made_at < self._hello.sent_at

    async def _is_other(self, key: EpochKey, sequence: int, sha256: bytes) -> bool:
        """Whether a batch is stored there, and not the one that the gateway has."""
        link = await self._link_at(key, sequence)
        return link is not None and sha256 != NO_HASH and not link.is_known_as(sha256)

    async def _link_at(self, key: EpochKey, sequence: int) -> StoredLink | None:
        if sequence == 0:
            return None
        found = (await self._tx.links({key: sequence})).get(key, [])
        return found[0] if found and found[0].sequence == sequence else None

    async def _skip_lost(
        self, cursor: EpochCursor, first_kept: int, state: EpochState | None
    ) -> EpochCursor:
        """Record as lost what neither the centre has nor the gateway keeps, and move on."""
        cursor = await self._advance(cursor)
        while cursor.cum < first_kept - 1:
            stored = (await self._tx.links({cursor.key: cursor.cum + 1})).get(cursor.key, [])
            until = min([first_kept - 1, *(link.sequence - 1 for link in stored[:1])])
            if until == cursor.cum:
                break  # stored, but the chain breaks there; ingest has said so
            self._findings.append(_lost(cursor.key, cursor.cum + 1, until))
            known = state is not None and state.cum == until
            cursor = replace(
                cursor,
                cum=until,
                cum_hash=state.cum_hash if state is not None and known else NO_HASH,
                high=max(cursor.high, until),
                advanced_at=self._now,
            )
            cursor = await self._advance(cursor)
        return cursor

    async def _advance(self, cursor: EpochCursor) -> EpochCursor:
        def ignore(_key: EpochKey, _sequence: int) -> None:
            """Ingest reports a broken chain when the batch arrives."""

        key = cursor.key
        return (
            await advance_cursors(self._tx, {key: cursor}, {key: cursor.cum}, self._now, ignore)
        )[key]

    async def _record_successor(self, state: EpochState, previous: UUID) -> None:
        """Note which epoch took over from which; what went down with a file is lost by name."""
        key = EpochKey(self._gateway.id, previous)
        cursor = self._cursors[key]
        if cursor.superseded_by is None:
            cursor = replace(cursor, superseded_by=state.epoch, superseded_last=state.previous_last)
        # After new_epoch the successor carries everything that was unacknowledged, unless a
        # restored centre found just now that the successor's beginning is lost as well. A file that
        # was set aside and of which nothing is left to send carries nothing.
        gone = all(other.epoch != previous for other in self._hello.epochs)
        carried = cursor.new_epoch_at is not None and not self._lacks_beginning(state)
        if gone and not carried and not cursor.revoked:
            cursor = await self._skip_lost(cursor, state.previous_last + 1, None)
        self._cursors[key] = cursor

    def _lacks_beginning(self, state: EpochState) -> bool:
        return any(f.epoch == state.epoch and f.from_sequence == 1 for f in self._findings)

    def _watch_liveness(self, current: EpochCursor) -> None:
        """An alarm when a newer hello does not descend from the epoch that was current."""
        gateway, states = self._gateway, self._hello.epochs
        before = gateway.current_epoch
        if before is None or before == current.key.epoch:
            return
        if self._cursors[EpochKey(gateway.id, before)].revoked:
            return
        ancestors = {state.previous for state in states} | {state.epoch for state in states}
        if before not in ancestors or current.superseded_by is not None:
            self._findings.append(
                two_live_epochs_finding(gateway.name, gateway.id, current.key.epoch)
            )
