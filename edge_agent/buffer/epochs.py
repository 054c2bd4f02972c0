"""What is known in memory of the epochs in a buffer: how far each is sealed and acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from edge_agent.buffer.records import EpochView
from edge_agent.buffer.schema import row_id
from firmware_bridge.contract.envelope import NO_HASH, Link
from firmware_bridge.contract.messages import EPOCHS_MAX, EpochState


@dataclass(slots=True)
class EpochRecord:
    """One epoch.

    Args:
        ordinal: Its place among the epochs of this file.
        epoch: Its name.
        created_ms: When it began, by the gateway's clock. [ms since 1970 UTC]
        previous: The epoch before; None for a gateway's first.
        previous_last: Last sequence known of that.
        first: First sequence kept; `last + 1` where none is.
        last: Last sequence kept; 0 for none.
        last_hash: Hash of `last`.
        cum: Highest sequence acknowledged.
        cum_hash: Hash of `cum`; 32 zero bytes where it is not known.
    """

    ordinal: int
    epoch: UUID
    created_ms: int
    previous: UUID | None = None
    previous_last: int = 0
    first: int = 1
    last: int = 0
    last_hash: bytes = NO_HASH
    cum: int = 0
    cum_hash: bytes = NO_HASH

    def link(self, gateway: str) -> Link:
        """Where the next batch stands."""
        return Link(gateway, self.epoch, self.last + 1, self.last_hash)

    def id_of(self, sequence: int) -> int:
        """The row of one of this epoch's batches."""
        return row_id(self.ordinal, sequence)


class Ledger:
    """The epochs of a buffer, the current one last.

    Args:
        records: Ascending by ordinal, never empty.
    """

    def __init__(self, records: Sequence[EpochRecord]) -> None:
        self._records = list(records)

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self._records)

    @property
    def current(self) -> EpochRecord:
        """The epoch that new batches are sealed under."""
        return self._records[-1]

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return sum(
            max(record.last - max(record.cum, record.first - 1), 0) for record in self._records
        )

    def find(self, epoch: UUID) -> EpochRecord | None:
        """The epoch of that name, if it is held."""
        return next((record for record in self._records if record.epoch == epoch), None)

    def begin(self, record: EpochRecord) -> None:
        """Make a new epoch the current one."""
        self._records.append(record)

    def forget_empty(self) -> None:
        """Drop closed epochs of which nothing is kept any more.

        One that another came after is still named: a centre restored from an old backup learns from
        it what neither side has, since only what was unacknowledged went over to its successor.
        """
        current = self.current
        kept = [
            record for record in self._records if record is current or record.first <= record.last
        ]
        named = {record.epoch for record in kept} | {record.previous for record in kept}
        self._records = [record for record in self._records if record.epoch in named]

    def views(self) -> tuple[EpochView, ...]:
        """What the session works with."""
        return tuple(
            EpochView(record.epoch, record.first, record.last, record.cum)
            for record in self._records
        )

    def states(self) -> tuple[EpochState, ...]:
        """What a hello says."""
        return tuple(
            EpochState(
                epoch=record.epoch,
                first=record.first,
                last=record.last,
                last_hash=record.last_hash,
                cum=record.cum,
                cum_hash=record.cum_hash,
                previous=record.previous,
                previous_last=record.previous_last,
            )
            for record in self._records[-EPOCHS_MAX:]
        )
