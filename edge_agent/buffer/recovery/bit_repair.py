"""Undoing a flipped bit: a SHA-256 says when the right one has been turned back."""

from __future__ import annotations

import hashlib
import struct
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from uuid import UUID

import msgpack

from edge_agent.buffer.records import BatchRow
from firmware_bridge.contract.body import Void
from firmware_bridge.contract.envelope import (
    BATCH_MAX_BYTES,
    HEADER_BYTES,
    MAGIC,
    NO_HASH,
    VERSION,
    Batch,
    Link,
    Sealed,
    digest,
    open_batch,
    open_header,
    seal_void,
)
from firmware_bridge.contract.errors import MessageError

# Trying each bit hashes the body eight times its length over; up to here that is half a second.
MEND_MAX_BYTES = 8 * 1024


def mend(link: Link, sha256: bytes, payload: bytes) -> bytes | None:
    """The batch whose hash this was, if its header can be rebuilt or one bit explains the damage.

    Args:
        link: Where the batch stands.
        sha256: The hash that was stored beside it; zeros where that is lost.
        payload: The damaged bytes.

    Returns:
        Bytes that pass their hash, or None.
    """
    body = payload[HEADER_BYTES:]
    wanted = {sha256, payload[HEADER_BYTES - 32 : HEADER_BYTES]} - {NO_HASH}
    found = digest(link.gateway, VERSION, link.epoch, link.sequence, body)
    if found not in wanted:
        mended = _turn_back(link, wanted, body)
        if mended is None:
            return None
        body, found = mended
    head = struct.pack(">3sB16sQ", MAGIC, VERSION, link.epoch.bytes, link.sequence)
    return head + found + body


def _turn_back(link: Link, wanted: set[bytes], body: bytes) -> tuple[bytes, bytes] | None:
    if len(body) > MEND_MAX_BYTES:
        return None
    name = link.gateway.encode()
    prefix = hashlib.sha256(bytes((len(name),)) + name)
    prefix.update(struct.pack(">B16sQ", VERSION, link.epoch.bytes, link.sequence))
    for index, byte in enumerate(body):
        rest = body[index + 1 :]
        for bit in range(8):
            state = prefix.copy()
            state.update(bytes((byte ^ 1 << bit,)))
            state.update(rest)
            if state.digest() in wanted:
                return body[:index] + bytes((byte ^ 1 << bit,)) + rest, state.digest()
        prefix.update(bytes((byte,)))
    return None


def is_sound(gateway: str, epoch: UUID, sequence: int, row: BatchRow) -> bool:
    """Whether a row holds the batch that its place names, with the hash that is stored."""
    try:
        header = open_header(gateway, row.payload)
    except MessageError:
        return False
    return (header.epoch, header.sequence, header.sha256) == (epoch, sequence, row.sha256)


def stand_in(link: Link, row: BatchRow, path: Path, now: datetime) -> tuple[Sealed, bool]:
    """What takes a damaged row's place: its mended or rescued bytes, or a void batch.

    Returns:
        The batch, and whether it is void.
    """
    whole = mend(link, row.sha256, row.payload) or rescue(path, link)
    if whole is None:
        reason = "the hash of the bytes in the buffer does not match"
        return seal_void(link, now, Void(row.sha256, reason)), True
    batch = open_batch(link.gateway, whole)
    count = len(batch.columns)
    return Sealed(link.epoch, link.sequence, batch.header.sha256, whole, count), False


def batch_of(link: Link, row: BatchRow) -> Batch | None:
    """The batch in a row, mended where that is needed and possible; None where it is lost."""
    payload: bytes | None = row.payload
    if not is_sound(link.gateway, link.epoch, link.sequence, row):
        payload = mend(link, row.sha256, row.payload)
    return None if payload is None else open_batch(link.gateway, payload)


def rescue(path: Path, link: Link) -> bytes | None:
    """A batch whose row SQLite misreads, found in the file's bytes by its own header.

    A flipped bit in a cell's pointer, row number or column types hides a batch that is intact. One
    that spills over to further pages is not found so.

    Args:
        path: The buffer file; its log is searched first.
        link: Where the batch stands.
    """
    head = struct.pack(">3sB16sQ", MAGIC, VERSION, link.epoch.bytes, link.sequence)
    for name in (path.with_name(path.name + "-wal"), path):
        if not name.exists() or not name.stat().st_size:
            continue
        with name.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            at = data.find(head)
            while at >= 0:
                if (
                    found := _whole_batch(link.gateway, data[at : at + BATCH_MAX_BYTES])
                ) is not None:
                    return found
                at = data.find(head, at + 1)
    return None


def _whole_batch(gateway: str, data: bytes) -> bytes | None:
    """The batch at the beginning of some bytes; msgpack tells where its body ends."""
    unpacker = msgpack.Unpacker(max_buffer_size=BATCH_MAX_BYTES)
    unpacker.feed(data[HEADER_BYTES:])
    try:
        unpacker.skip()
        payload = data[: HEADER_BYTES + unpacker.tell()]
        open_header(gateway, payload)
    except (MessageError, msgpack.UnpackException, ValueError):
        return None
    return payload
