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
class Life:
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
        lives: Ascending by ordinal, never empty.
    """

    def __init__(self, lives: Sequence[Life]) -> None:
        self._lives = list(lives)

    def __iter__(self) -> Iterator[Life]:
        return iter(self._lives)

    @property
    def current(self) -> Life:
        """The epoch that new batches are sealed under."""
        return self._lives[-1]

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return sum(max(life.last - max(life.cum, life.first - 1), 0) for life in self._lives)

    def find(self, epoch: UUID) -> Life | None:
        """The epoch of that name, if it is held."""
        return next((life for life in self._lives if life.epoch == epoch), None)

    def begin(self, life: Life) -> None:
        """Make a new epoch the current one."""
        self._lives.append(life)

    def forget_empty(self) -> None:
        """Drop closed epochs of which nothing is kept any more.

        One that another came after is still named: a centre restored from an old backup learns from
        it what neither side has, since only what was unacknowledged went over to its successor.
        """
        current = self.current
        kept = [life for life in self._lives if life is current or life.first <= life.last]
        named = {life.epoch for life in kept} | {life.previous for life in kept}
        self._lives = [life for life in self._lives if life.epoch in named]

    def views(self) -> tuple[EpochView, ...]:
        """What the session works with."""
        return tuple(EpochView(life.epoch, life.first, life.last, life.cum) for life in self._lives)

    def states(self) -> tuple[EpochState, ...]:
        """What a hello says."""
        return tuple(
            EpochState(
                epoch=life.epoch,
                first=life.first,
                last=life.last,
                last_hash=life.last_hash,
                cum=life.cum,
                cum_hash=life.cum_hash,
                previous=life.previous,
                previous_last=life.previous_last,
            )
            for life in self._lives[-EPOCHS_MAX:]
        )
