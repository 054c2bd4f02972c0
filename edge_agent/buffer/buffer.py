"""The outbox: every reading is here, committed, until the centre has said that it has it.

How it works. One SQLite file, one connection, one transaction per poll cycle. A row is one sealed
batch exactly as it is sent. What the centre acknowledges is noted in memory at once and written
with the next transaction, or by `flush`; losing such a note costs a resend and nothing else. The
guarantee is explained in docs/explanation/edge-buffer.md. How the file itself survives is
`edge_agent.buffer.engine`.

Nothing here reads a clock: every time comes in as an argument.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from uuid import UUID

from edge_agent.buffer import schema
from edge_agent.buffer.batches import Contents
from edge_agent.buffer.engine import Strongbox
from edge_agent.buffer.epochs import Ledger, Life
from edge_agent.buffer.records import (
    EVENT,
    PRUNED,
    READ,
    VOIDED,
    WITHHELD,
    Counts,
    Cycle,
    EpochView,
    HeldRow,
    Row,
)
from edge_agent.buffer.recovery.bit_repair import contents_of, is_sound, stand_in
from edge_agent.buffer.transaction import Transaction
from edge_agent.errors import BatchMissingError, BufferDamagedError
from firmware_bridge.contract.envelope import NO_HASH, Link, Sealed
from firmware_bridge.contract.messages import EpochState
from firmware_bridge.contract.reading import to_ms

PRUNE_EVERY = timedelta(hours=1)


class Buffer(Strongbox):
    """The buffer of one gateway. Made by `Buffer.open`."""

    _pruned_at: datetime | None = None

    # --- what is known without asking the file ---

    @property
    def current(self) -> UUID:
        """The epoch that new batches are sealed under."""
        return self._ledger.current.epoch

    @property
    def last(self) -> int:
        """The last sequence of the current epoch; 0 for none."""
        return self._ledger.current.last

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return self._ledger.backlog

    @property
    def unwritten(self) -> int:
        """How many acknowledged batches only memory knows of."""
        return self._books.acknowledged

    def views(self) -> tuple[EpochView, ...]:
        """What a session starts from, and what `Renewed` carries."""
        return self._ledger.views()

    def states(self) -> tuple[EpochState, ...]:
        """What a hello says."""
        return self._ledger.states()

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

        return await self._persist(work, cycle.made_at)

    async def _store(self, transaction: Transaction, cycle: Cycle) -> tuple[Sealed, ...]:
        contents = Contents(cycle.readings, cycle.events)
        sealed = await transaction.seal(self._ledger.current, cycle.made_at, contents)
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
        life = self._ledger.find(epoch)
        if life is None or not life.first <= sequence <= life.last:
            message = f"The buffer does not hold the batch {epoch}/{sequence}."
            raise BatchMissingError(message, value=(epoch, sequence))
        database = self._database
        try:
            row = await self._row(life, sequence)
        except BufferDamagedError as error:
            await self._recover(database, now, str(error))
            return await self.fetch(epoch, sequence, now)
        if is_sound(self.gateway, life.epoch, sequence, row):
            return row.payload
        return await self._replace(life, sequence, row, now)

    async def _row(self, life: Life, sequence: int) -> Row:
        rows = await self._database.rows(
            "SELECT sha256, payload FROM batch WHERE id = ?", (life.id_of(sequence),)
        )
        return Row.read(*rows[0]) if rows else Row(NO_HASH, b"")

    async def _replace(self, life: Life, sequence: int, row: Row, now: datetime) -> bytes:
        before = await self._row(life, sequence - 1)
        link = Link(self.gateway, life.epoch, sequence, before.sha256)
        sealed, void = stand_in(link, row, self.path, now)

        async def work(transaction: Transaction) -> None:
            await transaction.replace(life, sealed, row.sha256 if void else None)
            await transaction.write_marks()

        await self._transact(work, now)
        code = "batch_voided" if void else "batch_mended"
        self.note(now, code, f"Batch {sequence} of epoch {life.epoch} failed its hash.")
        return sealed.payload

    async def knows(self, epoch: UUID, sequence: int, sha256: bytes, now: datetime) -> bool:
        """Whether the own batch at that place has that hash, or replaced one that had it.

        Raises:
            BufferUnavailableError: The file cannot be read.
        """
        life = self._ledger.find(epoch)
        if life is None or sequence == 0 or sha256 == NO_HASH:
            return life is not None and sequence == 0 and sha256 == NO_HASH
        if sequence == life.cum:
            return sha256 == life.cum_hash
        database = self._database
        try:
            rows = await database.rows(
                "SELECT 1 FROM batch WHERE id = ? AND (sha256 = ? OR replaces = ?)",
                (life.id_of(sequence), sha256, sha256),
            )
        except BufferDamagedError as error:
            await self._recover(database, now, str(error))
            return await self.knows(epoch, sequence, sha256, now)
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
        life = self._ledger.find(epoch)
        if life is None or not life.cum < cum <= life.last:
            return
        gained = cum - life.cum
        life.cum, life.cum_hash = cum, cum_hash
        at_ms = to_ms(at) if synchronised else 0
        self._books.acknowledge(life.id_of(cum), cum_hash, at_ms, gained)

    def reopen(self, epoch: UUID, cum: int, cum_hash: bytes) -> None:
        """Count everything of an epoch above `cum` as unacknowledged again."""
        life = self._ledger.find(epoch)
        if life is None or cum >= life.cum:
            return
        life.cum, life.cum_hash = cum, cum_hash
        self._books.reopen(life.id_of(0), life.id_of(cum), cum_hash)

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
            old = self._ledger.current
            if old.epoch != abandoned:
                return False
            life = Life(old.ordinal + 1, self._new_id(), to_ms(now), old.epoch, old.last)
            await transaction.begin(life)
            for source in self._ledger:
                await transaction.move(source, life, now, self._contents)
            await transaction.write_marks()
            return True

        return await self._transact(work, now)

    async def fold(self, epoch: UUID, now: datetime) -> None:
        """Seal what a closed epoch still holds unacknowledged anew in the current one.

        Raises:
            BufferFullError, BufferUnavailableError: Nothing changed.
        """

        async def work(transaction: Transaction) -> None:
            source = self._ledger.find(epoch)
            if source is not None and source is not self._ledger.current:
                await transaction.move(source, self._ledger.current, now, self._contents)
                await transaction.write_marks()

        await self._transact(work, now)

    def _contents(self, life: Life, sequence: int, row: Row) -> Contents | None:
        return contents_of(Link(self.gateway, life.epoch, sequence, NO_HASH), row)

    async def _carry_over(self, before: Ledger, now: datetime) -> None:
        # What the centre had already said is still true.
        for life in before:
            if await self.knows(life.epoch, life.cum, life.cum_hash, now):
                self.acknowledge(life.epoch, life.cum, life.cum_hash, now, synchronised=False)

    # --- asking the file ---

    async def held(self, limit: int = 1_000) -> tuple[HeldRow, ...]:
        """The oldest held readings whose row is intact."""
        rows = await self._database.rows(
            "SELECT id, boot, taken_ms, count, readings, crc FROM held ORDER BY id LIMIT ?",
            (limit,),
        )
        sound = [row for row in rows if row[5] == schema.checksum(*row[1:5])]
        return tuple(HeldRow(row[0], row[1], row[2], row[4]) for row in sound)

    async def held_boots(self) -> dict[str, int]:
        """Each boot that readings are held from, oldest first, and how long it lasted at least.

        Milliseconds from its start to the last of them.
        """
        rows = await self._database.rows(
            "SELECT boot, max(taken_ms) FROM held GROUP BY boot ORDER BY min(id)"
        )
        return {row[0]: row[1] for row in rows}

    async def newest(self, readings: int) -> AsyncIterator[Contents]:
        """The newest batches, oldest first; those whose bytes are lost are left out.

        Args:
            readings: How many at most, over all of them.

        Raises:
            BufferUnavailableError: The file cannot be read.
        """
        identities: list[int] = []
        for identity, count in await self._database.rows(
            "SELECT id, count FROM batch ORDER BY id DESC LIMIT ?", (readings,)
        ):
            readings -= count
            if readings < 0:
                break
            identities.append(identity)
        for identity in reversed(identities):
            for row in await self._database.rows(
                "SELECT sha256, payload FROM batch WHERE id = ?", (identity,)
            ):
                ordinal, sequence = schema.split_id(identity)
                life = next((life for life in self._ledger if life.ordinal == ordinal), None)
                if life and (contents := self._contents(life, sequence, Row.read(*row))):
                    yield contents

    async def held_count(self) -> int:
        """Readings that wait for the clock."""
        rows = await self._database.rows("SELECT coalesce(sum(count), 0) FROM held")
        return int(rows[0][0])

    async def counts(self) -> Counts:
        """Readings by where they are."""
        held = await self.held_count()
        acknowledged, unacknowledged = self._marks.get(PRUNED, 0), 0
        for life in self._ledger:
            rows = await self._database.rows(
                "SELECT coalesce(sum(count) FILTER (WHERE id <= :cum), 0), "
                "coalesce(sum(count) FILTER (WHERE id > :cum), 0) "
                "FROM batch WHERE id BETWEEN :first AND :last",
                {
                    "cum": life.id_of(life.cum),
                    "first": life.id_of(0),
                    "last": life.id_of(life.last),
                },
            )
            acknowledged += rows[0][0]
            unacknowledged += rows[0][1]
        voided = self._marks.get(VOIDED, 0)
        return Counts(self._marks.get(READ, 0), held, unacknowledged, acknowledged, voided)

    async def oldest_unacknowledged_ms(self) -> int | None:
        """When the oldest unacknowledged batch was sealed; None where there is none."""
        for life in self._ledger:
            if life.cum < life.last:
                oldest = life.id_of(max(life.cum + 1, life.first))
                rows = await self._database.rows(
                    "SELECT made_at_ms FROM batch WHERE id = ?", (oldest,)
                )
                return int(rows[0][0]) if rows else None
        return None
