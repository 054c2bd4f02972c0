"""How far each epoch is sent and acknowledged, and how much may be under way at once.

First in, first out, over all epochs together. The window begins small and widens while a backlog
drains without a timeout, for then the round trip is what holds it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from edge_agent.buffer.records import EpochView
from edge_agent.uplink.events import SendBatch

WINDOW: Final = 8
WINDOW_MAX: Final = 64


@dataclass(slots=True)
class EpochProgress:
    """One epoch's progress.

    Args:
        epoch: Its name.
        first: First sequence kept.
        last: Last sequence sealed.
        cum: Highest sequence acknowledged.
        sent: Highest sequence published since the last rewind.
    """

    epoch: UUID
    first: int
    last: int
    cum: int
    sent: int


class Progress:
    """All epochs, the current one last.

    Args:
        views: What the buffer holds; never empty.
        window: Batches under way at once.
        window_max: How far the window may widen while a backlog drains.
    """

    def __init__(self, views: Sequence[EpochView], window: int, window_max: int) -> None:
        self._epochs: list[EpochProgress] = []
        self._base = window
        self._max = window_max
        self.window = window
        self.replace(views)

    def __iter__(self) -> Iterator[EpochProgress]:
        return iter(self._epochs)

    @property
    def current(self) -> EpochProgress:
        """The epoch that new batches are sealed under."""
        return self._epochs[-1]

    @property
    def under_way(self) -> int:
        """Batches published and not acknowledged."""
        return sum(epoch.sent - epoch.cum for epoch in self._epochs)

    @property
    def backlog(self) -> int:
        """Batches not acknowledged."""
        return sum(epoch.last - epoch.cum for epoch in self._epochs)

    def find(self, name: UUID) -> EpochProgress | None:
        """The epoch of that name, if it is held."""
        return next((epoch for epoch in self._epochs if epoch.epoch == name), None)

    def replace(self, views: Sequence[EpochView]) -> None:
        """The buffer's epochs changed."""
        self._epochs = [_opened(view) for view in views]

    def narrow(self) -> None:
        """Back to the first window: nobody knows how much the other side takes now."""
        self.window = self._base

    def rewind(self) -> None:
        """What was under way counts as not sent."""
        for epoch in self._epochs:
            epoch.sent = epoch.cum

    def advance(self, epoch: EpochProgress, cum: int) -> None:
        """An acknowledgement raised `cum`."""
        draining = self.under_way >= self.window
        gained, epoch.cum = cum - epoch.cum, cum
        epoch.sent = max(epoch.sent, epoch.cum)
        if self.backlog == 0:
            self.narrow()
        elif draining:
            self.window = min(self.window + gained, self._max)

    def fill(self) -> list[SendBatch]:
        """Take what the window has room for."""
        sends: list[SendBatch] = []
        room = self.window - self.under_way
        for epoch in self._epochs:
            until = min(epoch.last, epoch.sent + max(room, 0))
            sequences = range(epoch.sent + 1, until + 1)
            sends.extend(SendBatch(epoch.epoch, sequence) for sequence in sequences)
            room -= until - epoch.sent
            epoch.sent = until
        return sends


def _opened(view: EpochView) -> EpochProgress:
    # Sequences below the first kept one that were never acknowledged cannot be sent any more; the
    # hello tells the centre, which records the lost range.
    cum = max(view.cum, view.first - 1)
    return EpochProgress(view.epoch, view.first, view.last, cum, cum)
