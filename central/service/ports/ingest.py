"""What ingest needs of a store.

Every store keeps the same promises, and the suite in `tests/contract` holds each to them:

- a transaction commits as a whole or leaves nothing;
- an identity (gateway, epoch, sequence) is claimed once, whoever claims it at the same time;
- a natural key (channel, start, revision) is taken once;
- what waits, waits in one order (batches, readings, cursors; each by key), so that workers sharing
  the stream cannot deadlock by design; where a store deadlocks all the same, it says
  `StoreUnavailableError` and the caller tries again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.contract.errors import EnvironmentFaultError, Fault, MeterlineError
from firmware_bridge.contract.reading import Channel

GatewayId = NewType("GatewayId", int)
MeterId = NewType("MeterId", int)
ChannelId = NewType("ChannelId", int)
BatchId = NewType("BatchId", int)


class StoreUnavailableError(EnvironmentFaultError):
    """Connection, transaction, resources or an operator stood in the way; nothing was stored."""

    code = "STORE_UNAVAILABLE"


class PoisonError(MeterlineError):
    """The store refuses the data itself (SQLSTATE class 22, 23 or 54); nothing was stored.

    `value` is the SQLSTATE.
    """

    code = "POISON"
    fault = Fault.PEER


class EpochKey(NamedTuple):
    """One life of one gateway's buffer."""

    gateway_id: GatewayId
    epoch: UUID


class BatchKey(NamedTuple):
    """A batch's identity."""

    gateway_id: GatewayId
    epoch: UUID
    sequence: int

    @property
    def of_epoch(self) -> EpochKey:
        """The epoch it belongs to."""
        return EpochKey(self.gateway_id, self.epoch)


@dataclass(frozen=True, slots=True)
class GatewayRecord:
    """A gateway as the registry has it.

    Args:
        id: Its key.
        name: Its name on the wire.
        revoked: Whether it is refused.
        current_epoch: What its newest hello called current.
        hello_at: When that hello was sent, by the gateway's clock.
    """

    id: GatewayId
    name: str
    revoked: bool
    current_epoch: UUID | None = None
    hello_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel as the registry has it; none of it ever changes."""

    id: ChannelId
    meter_id: MeterId
    unit: str


@dataclass(frozen=True, slots=True)
class EpochCursor:
    """How far the centre has an epoch without a hole.

    Args:
        key: Gateway and epoch.
        cum: Every sequence up to this one is stored, quarantined or recorded as lost.
        cum_hash: Hash of the batch `cum`; 32 zero bytes where it is not known.
        high: Highest sequence held; above `cum` when there is a hole.
        advanced_at: When `cum` last rose, or the epoch was first seen.
        superseded_by: The epoch that named this one as its predecessor.
        superseded_last: The last sequence that it knew of this one.
        new_epoch_at: When the gateway was asked to abandon this epoch.
        revoked: Whether its batches are refused.
    """

    key: EpochKey
    cum: int
    cum_hash: bytes
    high: int
    advanced_at: datetime
    superseded_by: UUID | None = None
    superseded_last: int | None = None
    new_epoch_at: datetime | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A held batch as a link of its epoch's hash chain.

    Args:
        sequence: Its position.
        sha256: Its hash.
        prev_hash: What it says of the batch before; None where its body could not be read.
        replaces: The other hash it is known by: of the batch that a void stands for.
    """

    sequence: int
    sha256: bytes
    prev_hash: bytes | None
    replaces: bytes | None

    def is_known_as(self, sha256: bytes) -> bool:
        """Whether the hash names this batch."""
        return sha256 in (self.sha256, self.replaces)


class BatchState(StrEnum):
    """What became of a batch that claimed its sequence."""

    STORED = "stored"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch that claims its sequence.

    Args:
        key: Its identity.
        sha256: Its hash.
        state: Whether anything of it is quarantined.
        code: Why, where something is; VOID for a void batch.
        prev_hash: Hash of the batch before; None where the body could not be read.
        made_at: When it was sealed, by the gateway's clock; None likewise.
        replaces: Of a void batch, the hash that it stands for.
        received: Readings in it; None where the body could not be read.
        quarantined: Readings of it that are held back.
        received_at: When it arrived.
    """

    key: BatchKey
    sha256: bytes
    state: BatchState
    code: str | None
    prev_hash: bytes | None
    made_at: datetime | None
    replaces: bytes | None
    received: int | None
    quarantined: int
    received_at: datetime

    @property
    def link(self) -> StoredLink:
        """The batch as a link of its chain."""
        return StoredLink(self.key.sequence, self.sha256, self.prev_hash, self.replaces)


@dataclass(frozen=True, slots=True)
class SequenceClaim:
    """The answer to a claim.

    Args:
        batch_id: Key of the batch that has the sequence.
        fresh: Whether this claim won it; otherwise `held` is what was there.
        held: The batch that has the sequence.
        empty: Whether what is held is a void batch, without readings.
    """

    batch_id: BatchId
    fresh: bool
    held: StoredLink
    empty: bool = False


class ReadingFate(IntEnum):
    """What became of a reading."""

    STORED = 0
    DUPLICATE = 1
    CONFLICT = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as columns of one length, revision 0.

    Args:
        channel_id: int64.
        at_ms: int64, instant or start. [ms since 1970 UTC]
        mantissa: int64. [channel's unit * 10 ** exponent]
        exponent: int64.
        flags: int64, see `firmware_bridge.contract.reading.unpack_flags`.
        span_ms: int64. [ms]
        batch_id: int64.
    """

    channel_id: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    mantissa: NDArray[np.int64]
    exponent: NDArray[np.int64]
    flags: NDArray[np.int64]
    span_ms: NDArray[np.int64]
    batch_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.channel_id)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        """The rows at positions, or where a mask is true."""
        return Rows(*(getattr(self, name)[index] for name in Rows.__slots__))


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of each row of a call to `store`.

    Args:
        place: A `ReadingFate` for each row, uint8.
        kept: For the rows in conflict, the mantissa and exponent that keep the place.
    """

    place: NDArray[np.uint8]
    kept: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """A batch's readings by what became of them, and its state with them.

    Args:
        batch_id: The batch.
        stored: In `reading`.
        duplicate: There already, with the same value.
        conflict: There already, with another value; kept aside.
        quarantined: Held back.
    """

    batch_id: BatchId
    stored: int
    duplicate: int
    conflict: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a batch is held, whole or in part, with its bytes."""

    batch_id: BatchId
    code: str
    message: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class QuarantinedBatch:
    """A quarantined batch as requeue finds it.

    Args:
        gateway: Name of its gateway.
        key: Its identity.
        quarantine: Why it is held, and its bytes.
        sha256: Its hash.
        received_at: When it arrived.
    """

    gateway: str
    key: BatchKey
    quarantine: Quarantine
    sha256: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused message.

    Args:
        gateway: The name on its topic.
        code: Why.
        message: Why, for people.
        payload: Its bytes, cut to what is kept.
        payload_bytes: How long it was.
        payload_sha256: Hash of all of it.
        at: When it arrived.
        epoch: What its header says, where it has one.
        sequence: What its header says, where it has one.
    """

    gateway: str
    code: str
    message: str
    payload: bytes
    payload_bytes: int
    payload_sha256: bytes
    at: datetime
    epoch: UUID | None = None
    sequence: int | None = None


class FindingCode(StrEnum):
    """What can be found while storing. Never renamed. EDGE_: what a gateway noticed itself."""

    LOST_RANGE = "LOST_RANGE"
    GAP = "GAP"
    VOID_BATCH = "VOID_BATCH"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    IDENTITY_CLASH = "IDENTITY_CLASH"
    TWO_LIVE_EPOCHS = "TWO_LIVE_EPOCHS"
    QUARANTINE = "QUARANTINE"
    REFUSED = "REFUSED"
    EDGE_ROLLOVER = "EDGE_ROLLOVER"
    EDGE_EXCHANGE = "EDGE_EXCHANGE"
    EDGE_RESET = "EDGE_RESET"
    EDGE_ZERO_GLITCH = "EDGE_ZERO_GLITCH"
    EDGE_BACKWARD = "EDGE_BACKWARD"
    EDGE_CLOCK_WRONG = "EDGE_CLOCK_WRONG"
    EDGE_CLOCK_RIGHT = "EDGE_CLOCK_RIGHT"


@dataclass(frozen=True, slots=True)
class IngestFinding:
    """What somebody should know; raised once while it is open.

    Args:
        key: Names the thing found.
        code: Which kind.
        message: One sentence.
        gateway_id: Where.
        epoch: Where.
        from_sequence: First sequence concerned.
        until_sequence: Last sequence concerned.
    """

    key: str
    code: FindingCode
    message: str
    gateway_id: GatewayId | None = None
    epoch: UUID | None = None
    from_sequence: int | None = None
    until_sequence: int | None = None


class IngestTransaction(Protocol):
    """One transaction of ingest; the methods are called in the order in which they stand."""

    async def claim(self, batches: Sequence[NewBatch]) -> list[SequenceClaim]:
        """Claim sequences, waiting for whoever is claiming the same; one claim per batch.

        Identities must differ from each other.
        """

    async def fill(self, batch_id: BatchId, batch: NewBatch) -> None:
        """Put the batch that a void stood for in its place; the void's hash stays known."""

    async def store(self, rows: Rows) -> Placement:
        """Place readings. Keys must ascend and differ from each other.

        A row whose place is held by the same batch is STORED.
        """

    async def recount(self, counts: Sequence[BatchCounts]) -> None:
        """Correct the counts of batches. A batch with nothing quarantined is stored."""

    async def keep_conflicts(self, rows: Rows, kept: Sequence[tuple[int, int]]) -> None:
        """Keep values whose place is taken, each with the value that has it."""

    async def quarantine(self, held: Sequence[Quarantine]) -> None:
        """Keep batches that cannot be used; again for one that is held changes its reason."""

    async def queue_for_validation(
        self,
        channel_id: NDArray[np.int64],
        from_ms: NDArray[np.int64],
        until_ms: NDArray[np.int64],
    ) -> None:
        """Queue ranges of channels for validation."""

    async def lock_cursors(self, keys: Collection[EpochKey]) -> dict[EpochKey, EpochCursor]:
        """Lock cursors until the end of the transaction, making those that are missing."""

    async def links(self, after: Mapping[EpochKey, int]) -> dict[EpochKey, list[StoredLink]]:
        """Per epoch the held batches from a sequence on, that one included, ascending.

        At most a thousand per epoch; ask again from the last for more.
        """

    async def made_at(self, key: BatchKey) -> datetime | None:
        """When a held batch was sealed, by its gateway's clock; None where that is not known."""

    async def save_cursors(self, cursors: Collection[EpochCursor]) -> None:
        """Write locked cursors, and that their epochs were heard of now."""

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        """Keep refused messages, within the store's bound; the oldest make room."""

    async def find(self, findings: Sequence[IngestFinding]) -> None:
        """Raise findings; one that is open stays as it is."""

    async def close_findings(self, keys: Collection[str], closed_by: str) -> None:
        """Close findings, if they are open."""

    async def save_hello(
        self, gateway_id: GatewayId, agent: str, epoch: UUID, at: datetime
    ) -> None:
        """Note what a gateway's newest hello said."""


class IngestStore(Protocol):
    """Where readings are kept."""

    def transaction(self) -> AbstractAsyncContextManager[IngestTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Raises:
            StoreUnavailableError: Try again.
            PoisonError: Never try again with the same data.
        """

    async def gateways(self, names: Collection[str]) -> dict[str, GatewayRecord]:
        """Those of the named gateways that are enrolled, revoked ones too."""

    async def revoked_epochs(self, gateways: Collection[GatewayId]) -> set[EpochKey]:
        """Epochs of these gateways that an operator revoked."""

    async def owner_of_epoch(self, epoch: UUID) -> str | None:
        """Name of the gateway whose epoch it is, if one is known."""

    async def resolve(
        self, channels: Collection[tuple[GatewayId, Channel]]
    ) -> dict[Channel, ChannelRecord]:
        """Find channels; a new one appears, and a new meter, at home behind the gateway named."""

    async def homes(self, meters: Collection[MeterId]) -> dict[MeterId, GatewayId]:
        """The gateways that meters are at home behind."""

    async def prepare(self, from_ms: int, until_ms: int) -> None:
        """Make room for readings of a range of time, where the store needs telling."""

    async def held(
        self, gateway: str | None, code: str | None, limit: int
    ) -> list[QuarantinedBatch]:
        """Quarantined batches, oldest first."""

    async def stalled(self, before: datetime) -> list[EpochCursor]:
        """Cursors below a held batch that have not risen since `before`."""

    async def open_findings(self, code: FindingCode | None = None) -> list[IngestFinding]:
        """What is open."""
