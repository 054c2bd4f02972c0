"""What passes between ingest and its store: identities, batches, rows, cursors and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

GatewayId = NewType("GatewayId", int)
MeterId = NewType("MeterId", int)
ChannelId = NewType("ChannelId", int)
BatchId = NewType("BatchId", int)


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


class Signing(StrEnum):
    """Whether a gateway's batches have to be signed. Stored: never renamed."""

    OFF = "off"
    ACCEPTED = "accepted"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class GatewayRecord:
    """A gateway as the registry has it.

    Args:
        id: Its key.
        name: Its name on the wire.
        revoked: Whether it is refused.
        current_epoch: What its newest hello called current.
        hello_at: When that hello was sent, by the gateway's clock.
        signing: Whether its batches have to be signed.
        signing_keys: Its public keys by their ids; only ingest asks for them.
    """

    id: GatewayId
    name: str
    revoked: bool
    current_epoch: UUID | None = None
    hello_at: datetime | None = None
    signing: Signing = Signing.ACCEPTED
    signing_keys: Mapping[bytes, bytes] = field(default_factory=dict)


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
        high: Highest sequence stored; above `cum` when there is a hole.
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
    """A stored batch as a link of its epoch's hash chain.

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
        quarantined: Readings of it that are quarantined.
        received_at: When it arrived.
        is_proven: Whether nothing is wrong with its signature.
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
    is_proven: bool = True

    @property
    def link(self) -> StoredLink:
        """The batch as a link of its chain."""
        return StoredLink(self.key.sequence, self.sha256, self.prev_hash, self.replaces)


@dataclass(frozen=True, slots=True)
class SequenceClaim:
    """The answer to a claim.

    Args:
        batch_id: Key of the batch that has the sequence.
        fresh: Whether this claim won it; otherwise `stored` is what was there.
        stored: The batch that has the sequence.
        empty: Whether what is stored is a void batch, without readings.
        code: Why what is stored is quarantined, where it is.
    """

    batch_id: BatchId
    fresh: bool
    stored: StoredLink
    empty: bool = False
    code: str | None = None


class ClosedSpan(NamedTuple):
    """When a channel counted at a service point before the floor of that.

    Args:
        channel_id: The meter's channel.
        from_ms: Since when it was there. [ms since 1970, UTC]
        until_ms: Until when. [ms since 1970, UTC]
    """

    channel_id: int
    from_ms: int
    until_ms: int


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
        quarantined: Kept, but not stored as readings.
    """

    batch_id: BatchId
    stored: int
    duplicate: int
    conflict: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a batch is quarantined, whole or in part, with its bytes."""

    batch_id: BatchId
    code: str
    message: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredSignature:
    """A signature that was checked, with what it holds for.

    Args:
        batch_id: The batch.
        version: Of its format.
        key_id: Names the key.
        signature: Ed25519, over the batch's header.
        body: The batch behind its header.
    """

    batch_id: BatchId
    version: int
    key_id: bytes
    signature: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class QuarantinedBatch:
    """A quarantined batch as requeue finds it.

    Args:
        gateway: Name of its gateway.
        key: Its identity.
        quarantine: Why it is quarantined, and its bytes.
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
    TAKEN_OVER = "TAKEN_OVER"
    REFUSED = "REFUSED"
    OVER_QUOTA = "OVER_QUOTA"
    FINDINGS_FULL = "FINDINGS_FULL"
    EDGE_ROLLOVER = "EDGE_ROLLOVER"
    EDGE_EXCHANGE = "EDGE_EXCHANGE"
    EDGE_RESET = "EDGE_RESET"
    EDGE_ZERO_GLITCH = "EDGE_ZERO_GLITCH"
    EDGE_BACKWARD = "EDGE_BACKWARD"
    EDGE_CLOCK_WRONG = "EDGE_CLOCK_WRONG"
    EDGE_CLOCK_RIGHT = "EDGE_CLOCK_RIGHT"
    EDGE_LEAP = "EDGE_LEAP"
    EDGE_REFUSED = "EDGE_REFUSED"


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
