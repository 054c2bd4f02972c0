"""The batch: the unit in which readings are sealed, sent, stored and acknowledged.

Layout, frozen for every version:

    offset 0   2 bytes   magic "ML"
           2   1 byte    message kind, "B"
           3   1 byte    format version
           4   16 bytes  epoch (UUID)
           20  8 bytes   sequence, unsigned, big-endian, from 1
           28  32 bytes  SHA-256 over gateway, version, epoch, sequence and body
           60  ...       body

The hash covers the gateway's name, so that a batch published under another gateway's topic fails
it. The body of version 1 is a msgpack map; see `body.py`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from firmware_bridge.contract.body import (
    Body,
    Columns,
    Void,
    decode_body,
    encode_readings,
    encode_void,
)
from firmware_bridge.contract.errors import (
    BadMagicError,
    HashMismatchError,
    OversizeError,
    SchemaError,
    TruncatedError,
    UnknownVersionError,
)
from firmware_bridge.contract.event import MeterEvent
from firmware_bridge.contract.reading import Channel, Reading, to_ms

MAGIC = b"MLB"
VERSION = 1
BATCH_MAX_BYTES = 64 * 1024
NO_HASH = bytes(32)
SEQUENCE_MAX = 2**63 - 1

_HEADER = struct.Struct(">3sB16sQ32s")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Header:
    """What every version of a batch says of itself, its hash verified.

    Args:
        version: Format version of the body.
        epoch: The life of the buffer file that sealed it.
        sequence: Position in that life, from 1.
        sha256: Hash over gateway, version, epoch, sequence and body.
    """

    version: int
    epoch: UUID
    sequence: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """Where a batch stands in the chain of its epoch.

    Args:
        gateway: The sender.
        epoch: The life of its buffer file.
        sequence: Position in that life, from 1.
        prev_hash: Hash of the batch before; NO_HASH for the first.
    """

    gateway: str
    epoch: UUID
    sequence: int
    prev_hash: bytes

    @classmethod
    def first(cls, gateway: str, epoch: UUID) -> Link:
        """The place of an epoch's first batch."""
        return cls(gateway, epoch, 1, NO_HASH)

    def after(self, sealed: Sealed) -> Link:
        """The place behind a batch that was sealed here."""
        return Link(self.gateway, self.epoch, sealed.sequence + 1, sealed.sha256)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch exactly as it is kept and sent.

    Args:
        epoch: The life of the buffer file.
        sequence: Position in that life, from 1.
        sha256: The hash in its header.
        payload: Header and body.
        count: Readings in it.
    """

    epoch: UUID
    sequence: int
    sha256: bytes
    payload: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded batch.

    Args:
        header: Identity and hash.
        prev_hash: Hash of the batch before it in the epoch; 32 zero bytes for the first.
        made_at_ms: When it was sealed, by the gateway's clock. [ms since 1970 UTC]
        channels: What the rows refer to by index.
        columns: The rows.
        void: Set where the batch stands for one that was lost in the buffer, and has no rows.
        events: What some of the rows show besides counting up.
    """

    header: Header
    prev_hash: bytes
    made_at_ms: int
    channels: tuple[Channel, ...]
    columns: Columns
    void: Void | None
    events: tuple[MeterEvent, ...] = ()


def digest(gateway: str, version: int, epoch: UUID, sequence: int, body: bytes) -> bytes:
    """SHA-256 that binds a body to its gateway, epoch and sequence."""
    name = gateway.encode()
    state = hashlib.sha256(bytes((len(name),)) + name)
    state.update(struct.pack(">B16sQ", version, epoch.bytes, sequence))
    state.update(body)
    return state.digest()


def seal(
    link: Link,
    made_at: datetime,
    readings: Sequence[Reading],
    events: Sequence[MeterEvent] = (),
) -> Sealed:
    """Seal readings into one batch.

    Args:
        link: Where the batch stands.
        made_at: Now, by the gateway's clock. Aware.
        readings: 1 .. 1,000 of them, in any order; the batch keeps them by channel and time.
        events: What some of these readings show.

    Raises:
        OversizeError: More readings, events or bytes than a batch holds.
        InvalidValueError: An event names a reading that is not among them.
    """
    body = encode_readings(link.prev_hash, to_ms(made_at), readings, events)
    return _finish(link, body, len(readings))


def seal_void(link: Link, made_at: datetime, void: Void) -> Sealed:
    """Seal the stand-in for a batch whose bytes were damaged in the buffer.

    It keeps the sequence, so that nothing behind it waits, and names the hash it replaces, so that
    the chain can be followed.
    """
    return _finish(link, encode_void(link.prev_hash, to_ms(made_at), void), 0)


def _finish(link: Link, body: bytes, count: int) -> Sealed:
    sha256 = digest(link.gateway, VERSION, link.epoch, link.sequence, body)
    payload = _HEADER.pack(MAGIC, VERSION, link.epoch.bytes, link.sequence, sha256) + body
    if len(payload) > BATCH_MAX_BYTES:
        message = f"The batch has {len(payload)} bytes; the limit is {BATCH_MAX_BYTES}."
        raise OversizeError(message, value=len(payload), remedy="Seal fewer readings in one batch.")
    return Sealed(link.epoch, link.sequence, sha256, payload, count)


def header_bytes(version: int, epoch: UUID, sequence: int, sha256: bytes) -> bytes:
    """The first 60 bytes of a batch, from what they say."""
    return _HEADER.pack(MAGIC, version, epoch.bytes, sequence, sha256)


def is_batch(payload: bytes) -> bool:
    """Whether a message calls itself a batch."""
    return payload.startswith(MAGIC)


def open_header(gateway: str, payload: bytes) -> Header:
    """Read and verify the header, whatever the version of the body.

    Raises:
        OversizeError: Longer than any batch.
        TruncatedError: Shorter than a header.
        BadMagicError: Not a batch.
        HashMismatchError: Not the bytes that this gateway sealed.
        SchemaError: Intact, but of a sequence that cannot be.
    """
    if len(payload) > BATCH_MAX_BYTES:
        message = f"The batch has {len(payload)} bytes; the limit is {BATCH_MAX_BYTES}."
        raise OversizeError(message, value=len(payload))
    if not MAGIC.startswith(payload[: len(MAGIC)]):
        message = f"The message begins with {payload[:4].hex()}, so it is not a batch."
        raise BadMagicError(message, value=payload[:4])
    if len(payload) < HEADER_BYTES:
        message = (
            f"The message has {len(payload)} bytes, fewer than the {HEADER_BYTES} of a header."
        )
        raise TruncatedError(message, value=len(payload))
    _, version, epoch_bytes, sequence, sha256 = _HEADER.unpack_from(payload)
    epoch = UUID(bytes=epoch_bytes)
    if digest(gateway, version, epoch, sequence, payload[HEADER_BYTES:]) != sha256:
        message = f"The hash of batch {epoch}/{sequence} of {gateway} does not match its content."
        raise HashMismatchError(message, value=sha256)
    if not 1 <= sequence <= SEQUENCE_MAX:
        message = f"A batch cannot have the sequence {sequence}."
        raise SchemaError(message, value=sequence)
    return Header(version, epoch, sequence, sha256)


def open_body(header: Header, payload: bytes) -> Batch:
    """Decode the body behind a verified header.

    Raises:
        UnknownVersionError: A version this release does not know.
        MessageError: One of the decoder's other refusals.
    """
    if header.version != VERSION:
        message = (
            f"The batch has format version {header.version}; this release reads version {VERSION}."
        )
        raise UnknownVersionError(
            message, value=header.version, remedy="Upgrade the centre, then requeue the batch."
        )
    body: Body = decode_body(payload[HEADER_BYTES:])
    return Batch(
        header,
        body.prev_hash,
        body.made_at_ms,
        body.channels,
        body.columns,
        body.void,
        body.events,
    )


def open_batch(gateway: str, payload: bytes) -> Batch:
    """Verify and decode one batch.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    return open_body(open_header(gateway, payload), payload)
