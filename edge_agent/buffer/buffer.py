"""The buffer: it keeps every reading, committed, until the centre acknowledges it.

How it works. One SQLite file, one connection, one transaction per poll cycle. A row is one sealed
batch exactly as it is sent. What the centre acknowledges is noted in memory at once and written
with the next transaction, or by `flush`; losing such a note costs a resend and nothing else. The
guarantee is explained in docs/explanation/edge-buffer.md. How the file itself survives is
`edge_agent.buffer.engine`.

Nothing here reads a clock: every time comes in as an argument.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from edge_agent.buffer import schema, stored
from edge_agent.buffer.engine import StorageEngine
from edge_agent.buffer.epochs import EpochRecord, Ledger
from edge_agent.buffer.records import (
    EVENT,
    READ,
    WITHHELD,
    BatchRow,
    Cycle,
    EpochView,
    ReadingCounts,
    WaitingRow,
)
from edge_agent.buffer.recovery.bit_repair import batch_of, is_sound, stand_in
from edge_agent.buffer.transaction import Transaction
from edge_agent.errors import BatchMissingError, BufferDamagedError
from firmware_bridge.contract.envelope import NO_HASH, Batch, Link, Sealed
from firmware_bridge.contract.messages import EpochState
from firmware_bridge.contract.reading import to_ms

PRUNE_EVERY = timedelta(hours=1)


class Buffer:
    """The buffer of one gateway. Made by `Buffer.open`.

    Args:
        engine: Keeps the file.
    """

    def __init__(self, engine: StorageEngine) -> None:
        self._engine = engine
        self._pruned_at: datetime | None = None
        engine.carry_over = self._carry_over

    @classmethod
    async def open(
        cls, path: Path, gateway: str, now: datetime, *, new_id: Callable[[], UUID] = uuid4
    ) -> Self:
        """Open, create, or set aside and salvage a buffer file.

        Args:
            path: The file; its folder must exist.
            gateway: Whose buffer it is.
            now: By the gateway's clock. Aware.
            new_id: Where epoch names come from.

        Raises:
            BufferInUseError: Another agent has it open.
            BufferOwnerError: It belongs to another gateway.
            BufferForeignError: The file is not a buffer at all.
            BufferUnavailableError, BufferFullError: The environment does not let us.
        """
        return cls(await StorageEngine.open(path, gateway, now, new_id=new_id))

    async def close(self, *, flush: bool = True) -> None:
        """Close the file.

        Args:
            flush: False leaves the notes unwritten, as a crash does.
        """
        await self._engine.close(flush=flush)

    @property
    def engine(self) -> StorageEngine:
        """What keeps the file: its alarms, commit times and generation are told there."""
        return self._engine

    @property
    def path(self) -> Path:
        """The file."""
        return self._engine.path

    @property
    def gateway(self) -> str:
        """Whose it is."""
        return self._engine.gateway

    @property
    def marks(self) -> Mapping[str, int]:
        """All named integers, as of the last commit."""
        return self._engine.marks

    def note(self, at: datetime, code: str, detail: str, raw: bytes | None = None) -> None:
        """Record an event; it is written with the next transaction.

        Args:
            at: By the gateway's clock.
            code: Stable.
            detail: One sentence for people.
            raw: The bytes it is about.
        """
        self._engine.note(at, code, detail, raw)

    async def flush(self) -> None:
        """Write the notes that wait, in a transaction of their own.

        Raises:
            BufferFullError, BufferUnavailableError, BufferDamagedError: They still wait.
        """
        await self._engine.flush()

    # --- what is known without asking the file ---

    @property
    def current(self) -> UUID:
        """The epoch that new batches are sealed under."""
        return self._engine.ledger.current.epoch

    @property
    def last(self) -> int:
        """The last sequence of the current epoch; 0 for none."""
        return self._engine.ledger.current.last

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return self._engine.ledger.backlog

    @property
    def unwritten(self) -> int:
        """How many acknowledged batches only memory knows of."""
        return self._engine.notes.acknowledged

    def views(self) -> tuple[EpochView, ...]:
        """What a session starts from, and what `Renewed` carries."""
        return self._engine.ledger.views()

    def states(self) -> tuple[EpochState, ...]:
        """What a hello says."""
        return self._engine.ledger.states()

    # --- storing ---

    async def store(
        self, cycle: Cycle, then: Callable[[], None] | None = None
    ) -> tuple[Sealed, ...]:
        """Commit one cycle in one transaction; on return it is accepted.

        Args:
            cycle: What to store.
            then: Called once it is committed, also where nobody waits for the outcome any more.

        Returns:
            The batches that were sealed, in order.

        Raises:
            BufferFullError: No room even after acknowledged batches went; nothing was accepted.
            BufferUnavailableError: The file cannot be written; nothing was accepted.
        """

        async def work(transaction: Transaction) -> tuple[Sealed, ...]:
            transaction.after += [] if then is None else [then]
            return await self._store(transaction, cycle)

        return await self._engine.persist(work, cycle.made_at)

    async def _store(self, transaction: Transaction, cycle: Cycle) -> tuple[Sealed, ...]:
        current = self._engine.ledger.current
        sealed = await transaction.seal(current, cycle.made_at, cycle.readings, cycle.events)
        await transaction.hold(cycle.held)
        for identity in cycle.release:
            await transaction.connection.execute("DELETE FROM held WHERE id = ?", (identity,))
        transaction.add(READ, cycle.accepted)
        for event in cycle.events:
            transaction.add(EVENT + event.kind.name.lower(), 1)
        transaction.add(EVENT + WITHHELD, cycle.withheld)
        if cycle.synchronised and self._prune_due(cycle.made_at):
            await transaction.prune(cycle.made_at)
        await transaction.write_marks(cycle.marks)
        return sealed

    def _prune_due(self, now: datetime) -> bool:
        if self._pruned_at is not None and abs(now - self._pruned_at) < PRUNE_EVERY:
            return False
        self._pruned_at = now
        return True

    # --- sending ---

    async def fetch(self, epoch: UUID, sequence: int, now: datetime) -> bytes:
        """The bytes to send, verified.

        A row that fails its hash is mended where one flipped bit explains it, else replaced for
        good by a void batch of the same sequence.

        Raises:
            BatchMissingError: That sequence is not kept.
            BufferFullError, BufferUnavailableError: The file cannot be read or mended.
        """
        record = self._engine.ledger.find(epoch)
        if record is None or not record.first <= sequence <= record.last:
            message = f"The buffer does not hold the batch {epoch}/{sequence}."
            raise BatchMissingError(message, value=(epoch, sequence))
        database = self._engine.database
        try:
            row = await self._row(record, sequence)
        except BufferDamagedError as error:
            await self._engine.recover(database, now, str(error))
            return await self.fetch(epoch, sequence, now)
        if is_sound(self.gateway, record.epoch, sequence, row):
            return row.payload
        return await self._replace(record, sequence, row, now)

    async def _row(self, record: EpochRecord, sequence: int) -> BatchRow:
        rows = await self._engine.database.rows(
            "SELECT sha256, payload FROM batch WHERE id = ?", (record.id_of(sequence),)
        )
        return BatchRow.read(*rows[0]) if rows else BatchRow(NO_HASH, b"")

    async def _replace(
        self, record: EpochRecord, sequence: int, row: BatchRow, now: datetime
    ) -> bytes:
        before = await self._row(record, sequence - 1)
        link = Link(self.gateway, record.epoch, sequence, before.sha256)
        sealed, void = stand_in(link, row, self.path, now)

        async def work(transaction: Transaction) -> None:
            await transaction.replace(record, sealed, row.sha256 if void else None)
            await transaction.write_marks()

        await self._engine.transact(work, now)
        code = "batch_voided" if void else "batch_mended"
        self.note(
            now, code, f"The hash of batch {sequence} of epoch {record.epoch} does not match."
        )
        return sealed.payload

    async def has_batch(self, epoch: UUID, sequence: int, sha256: bytes, now: datetime) -> bool:
        """Whether the own batch at that place has that hash, or replaced one that had it.

        Raises:
            BufferUnavailableError: The file cannot be read.
        """
        record = self._engine.ledger.find(epoch)
        if record is None or sequence == 0 or sha256 == NO_HASH:
            return record is not None and sequence == 0 and sha256 == NO_HASH
        if sequence == record.cum:
            return sha256 == record.cum_hash
        database = self._engine.database
        try:
            rows = await database.rows(
                "SELECT 1 FROM batch WHERE id = ? AND (sha256 = ? OR replaces = ?)",
                (record.id_of(sequence), sha256, sha256),
            )
        except BufferDamagedError as error:
            await self._engine.recover(database, now, str(error))
            return await self.has_batch(epoch, sequence, sha256, now)
        return bool(rows)

    # --- what the session decides ---

    def acknowledge(
        self, epoch: UUID, cum: int, cum_hash: bytes, at: datetime, *, synchronised: bool = True
    ) -> None:
        """Release everything of an epoch up to `cum`; the caller has checked the hash.

        It counts at once, and is written with the next transaction.

        Args:
            epoch: Which one.
            cum: Only ever raises here.
            cum_hash: The hash of that batch.
            at: By the gateway's clock; the 35 days run from here.
            synchronised: Whether `at` can be trusted.
        """
        record = self._engine.ledger.find(epoch)
        if record is None or not record.cum < cum <= record.last:
            return
        gained = cum - record.cum
        record.cum, record.cum_hash = cum, cum_hash
        at_ms = to_ms(at) if synchronised else 0
        self._engine.notes.acknowledge(record.id_of(cum), cum_hash, at_ms, gained)

    def reopen(self, epoch: UUID, cum: int, cum_hash: bytes) -> None:
        """Count everything of an epoch above `cum` as unacknowledged again."""
        record = self._engine.ledger.find(epoch)
        if record is None or cum >= record.cum:
            return
        record.cum, record.cum_hash = cum, cum_hash
        self._engine.notes.reopen(record.id_of(0), record.id_of(cum), cum_hash)

    async def new_epoch(self, abandoned: UUID, now: datetime) -> bool:
        """Seal everything unacknowledged anew under a new epoch, in one transaction.

        Args:
            abandoned: Must be the current epoch, else nothing happens.
            now: By the gateway's clock.

        Returns:
            Whether a new epoch began.

        Raises:
            BufferFullError, BufferUnavailableError: Nothing changed.
        """

        async def work(transaction: Transaction) -> bool:
            old = self._engine.ledger.current
            if old.epoch != abandoned:
                return False
            record = EpochRecord(
                old.ordinal + 1, self._engine.new_id(), to_ms(now), old.epoch, old.last
            )
            await transaction.begin(record)
            for source in self._engine.ledger:
                await transaction.move(source, record, now, self._batch)
            await transaction.write_marks()
            return True

        return await self._engine.transact(work, now)

    async def fold(self, epoch: UUID, now: datetime) -> None:
        """Seal what a closed epoch still holds unacknowledged anew in the current one.

        Raises:
            BufferFullError, BufferUnavailableError: Nothing changed.
        """

        async def work(transaction: Transaction) -> None:
            source = self._engine.ledger.find(epoch)
            if source is not None and source is not self._engine.ledger.current:
                await transaction.move(source, self._engine.ledger.current, now, self._batch)
                await transaction.write_marks()

        await self._engine.transact(work, now)

    def _batch(self, record: EpochRecord, sequence: int, row: BatchRow) -> Batch | None:
        return batch_of(Link(self.gateway, record.epoch, sequence, NO_HASH), row)

    async def _carry_over(self, before: Ledger, now: datetime) -> None:
        # What the centre had already said is still true.
        for record in before:
            if await self.has_batch(record.epoch, record.cum, record.cum_hash, now):
                self.acknowledge(record.epoch, record.cum, record.cum_hash, now, synchronised=False)

    # --- asking the file ---

    async def waiting(self, limit: int = 1_000) -> tuple[WaitingRow, ...]:
        """The oldest readings that wait for the clock and whose row is intact."""
        return await stored.waiting(self._engine.database, limit)

    async def waiting_boots(self) -> dict[str, int]:
        """Each boot that readings wait from, oldest first, with its least length in ms."""
        return await stored.waiting_boots(self._engine.database)

    async def waiting_count(self) -> int:
        """Readings that wait for the clock."""
        return await stored.waiting_count(self._engine.database)

    async def newest(self, readings: int) -> AsyncIterator[Batch]:
        """The newest batches, oldest first; those whose bytes are lost are left out.

        Args:
            readings: Maximum number of readings, over all of them.

        Raises:
            BufferUnavailableError: The file cannot be read.
        """
        for identity in await stored.newest(self._engine.database, readings):
            ordinal, sequence = schema.split_id(identity)
            record = next((r for r in self._engine.ledger if r.ordinal == ordinal), None)
            if record is None:
                continue
            row = await self._row(record, sequence)
            if (batch := self._batch(record, sequence, row)) is not None:
                yield batch

    async def counts(self) -> ReadingCounts:
        """Readings by where they are."""
        engine = self._engine
        return await stored.counts(engine.database, engine.ledger, engine.marks)

    async def oldest_unacknowledged_ms(self) -> int | None:
        """When the oldest unacknowledged batch was sealed; None where there is none."""
        return await stored.oldest_unacknowledged_ms(self._engine.database, self._engine.ledger)
