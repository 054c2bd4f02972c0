"""The records that the buffer stores in one transaction, and those it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from firmware_bridge.contract.envelope import (
    NO_HASH,
)
from firmware_bridge.contract.event import EventKind, MeterEvent
from firmware_bridge.contract.reading import Reading

READ = "total.read"
PRUNED = "total.pruned"
VOIDED = "total.voided"
"""Names of the totals: readings accepted, pruned after retention, and lost to damage."""
EVENT = "event."
WITHHELD = "withheld"
"""The totals of what registers did, by kind: `event.rollover`; and those that were not sent."""


@dataclass(frozen=True, slots=True)
class WaitingReadings:
    """Readings that wait for the clock.

    Args:
        boot: Which boot of the gateway they were taken in.
        taken_ms: Since that boot. [ms]
        readings: Their `at` is not kept.
    """

    boot: str
    taken_ms: int
    readings: Sequence[Reading]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row of waiting readings as it is stored; see `edge_agent.buffer.batches.unpack_waiting`."""

    identity: int
    boot: str
    taken_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one transaction stores.

    Args:
        made_at: Now, by the gateway's clock. Aware.
        readings: To be sealed, in sending order; any number.
        marks: Named integers that are written with them.
        held: Readings whose time is not known yet.
        release: Identities of held rows whose readings are all of `readings`.
        synchronised: Whether `made_at` can be trusted; nothing is pruned where it cannot.
        events: What some of `readings` show; they go with them.
        withheld: Events that a noisy register has had too many of; they are only counted.
    """

    made_at: datetime
    readings: Sequence[Reading] = ()
    marks: Mapping[str, int] = field(default_factory=dict)
    held: Sequence[WaitingReadings] = ()
    release: Sequence[int] = ()
    synchronised: bool = True
    events: Sequence[MeterEvent] = ()
    withheld: int = 0

    @property
    def accepted(self) -> int:
        """How many readings this cycle adds to those the buffer answers for."""
        fresh = 0 if self.release else len(self.readings)
        return fresh + sum(len(held.readings) for held in self.held)


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """Readings by where they are; `read` is the sum of the others, or something is wrong.

    Args:
        read: Ever accepted by this buffer.
        held: Waiting for the clock.
        unacknowledged: Sealed, not yet known to be at the centre.
        acknowledged: At the centre, pruned ones included.
        voided: Lost to damage of the file, reported as void batches.
    """

    read: int
    held: int
    unacknowledged: int
    acknowledged: int
    voided: int

    @property
    def reconcile(self) -> bool:
        """Whether every reading is accounted for."""
        return self.read == self.held + self.unacknowledged + self.acknowledged + self.voided


def event_counts(marks: Mapping[str, int]) -> dict[str, int]:
    """Counts of register events since the start of the buffer, by kind."""
    kinds = [*(kind.name.lower() for kind in EventKind), WITHHELD]
    return {kind: marks.get(EVENT + kind, 0) for kind in kinds}


@dataclass(frozen=True, slots=True)
class EpochView:
    """The state of one epoch in the buffer, for the session.

    Args:
        epoch: The life of the buffer.
        first: First sequence kept.
        last: Last sequence sealed; 0 for none.
        cum: Highest sequence acknowledged; 0 for none.
    """

    epoch: UUID
    first: int
    last: int
    cum: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as it was found in the file: the hash stored beside it, and its bytes."""

    sha256: bytes
    payload: bytes

    @classmethod
    def read(cls, sha256: object, payload: object) -> BatchRow:
        """From columns whose types nothing guarantees after damage."""
        whole = isinstance(sha256, bytes) and len(sha256) == len(NO_HASH)
        return cls(
            sha256 if isinstance(sha256, bytes) and whole else NO_HASH,
            payload if isinstance(payload, bytes) else b"",
        )
