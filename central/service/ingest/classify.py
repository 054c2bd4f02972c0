"""Classify a gateway's message by its bytes alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgpack
import structlog

from central.service.ingest.error_fields import error_fields
from firmware_bridge.contract.envelope import (
    HEADER_BYTES,
    Batch,
    Header,
    digest,
    is_batch,
    open_body,
    open_header,
)
from firmware_bridge.contract.errors import (
    HashMismatchError,
    InvalidValueError,
    MessageError,
    TruncatedError,
)
from firmware_bridge.contract.messages import Hello, decode_hello, is_hello
from firmware_bridge.contract.signed_batch import (
    SIGNED_BATCH_AT,
    BatchSignature,
    is_signed_batch,
    open_signed_batch,
)
from firmware_bridge.contract.topics import check_gateway

UNKNOWN_GATEWAY = "UNKNOWN_GATEWAY"
UNFORESEEN = "UNFORESEEN"
_log = structlog.get_logger(__name__)
# The header is frozen for every version, see `firmware_bridge.contract.envelope`.
_HEADER = struct.Struct(">3sB16sQ32s")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it arrived.

    Args:
        gateway: The name on its topic.
        payload: Its bytes.
        at: When it came. Aware.
        is_imported: Whether somebody imports it here, so that no gateway has to sign it.
    """

    gateway: str
    payload: bytes
    at: datetime
    is_imported: bool = False

    @property
    def signature(self) -> BatchSignature | None:
        """The signature that came with the batch; None where there is none."""
        return _unsigned(self.payload)[0]

    @property
    def bare(self) -> bytes:
        """The message without a signature."""
        return _unsigned(self.payload)[1]


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that claims no sequence: rejected, and never acknowledged."""

    arrival: Arrival
    code: str
    message: str
    header: Header | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An intact batch whose body cannot be used: quarantined under its sequence."""

    arrival: Arrival
    header: Header
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Readable:
    """A batch."""

    arrival: Arrival
    batch: Batch

    @property
    def header(self) -> Header:
        """Its identity and hash."""
        return self.batch.header


@dataclass(frozen=True, slots=True)
class Greeting:
    """A hello."""

    arrival: Arrival
    hello: Hello


Examined = RefusedMessage | Unreadable | Readable | Greeting


def examine(arrival: Arrival) -> Examined:
    """Classify a message. No content of a message makes this raise.

    A fault of the decoder itself refuses the message, which the gateway keeps: the next release may
    read it.
    """
    try:
        return _examine(arrival)
    except Exception as error:  # noqa: BLE001 - one message ends nothing
        _log.error("decoder_failed", gateway=arrival.gateway, **error_fields(error))
        message = f"The decoder failed with {type(error).__name__}."
        return RefusedMessage(arrival, UNFORESEEN, message, claimed_header(arrival.bare))


def _examine(arrival: Arrival) -> Examined:
    try:
        check_gateway(arrival.gateway)
    except InvalidValueError as error:
        return RefusedMessage(arrival, UNKNOWN_GATEWAY, error.message)
    try:
        if is_hello(arrival.payload):
            return Greeting(arrival, decode_hello(arrival.payload))
        header = open_header(arrival.gateway, arrival.bare)
    except HashMismatchError as error:
        return _name_mismatch(arrival, error)
    except MessageError as error:
        return RefusedMessage(arrival, error.code, error.message)
    try:
        return Readable(arrival, open_body(header, arrival.bare))
    except MessageError as error:
        return Unreadable(arrival, header, error.code, error.message)


def _unsigned(payload: bytes) -> tuple[BatchSignature | None, bytes]:
    if not is_signed_batch(payload) or len(payload) <= SIGNED_BATCH_AT:
        return None, payload
    return open_signed_batch(payload)


def claimed_header(payload: bytes) -> Header | None:
    """What a message's header says, without believing it; None where it has none."""
    if len(payload) < HEADER_BYTES or not is_batch(payload):
        return None
    _, version, epoch, sequence, sha256 = _HEADER.unpack_from(payload)
    return Header(version, UUID(bytes=epoch), sequence, sha256)


def is_sealed_by(gateway: str, payload: bytes) -> bool:
    """Whether a batch's hash is right for another gateway's name."""
    header = claimed_header(payload)
    return header is not None and header.sha256 == digest(
        gateway, header.version, header.epoch, header.sequence, payload[HEADER_BYTES:]
    )


def _name_mismatch(arrival: Arrival, error: HashMismatchError) -> RefusedMessage:
    """A body that stops in the middle explains a wrong hash better than the hash does."""
    header = claimed_header(arrival.bare)
    unpacker = msgpack.Unpacker()
    unpacker.feed(arrival.bare[HEADER_BYTES:])
    try:
        unpacker.skip()
    except msgpack.OutOfData:
        message = f"The batch of {arrival.gateway} ends in the middle of its body."
        return RefusedMessage(arrival, TruncatedError.code, message, header)
    except (msgpack.UnpackException, ValueError):
        pass  # the bytes are damaged otherwise; the hash is all there is to say
    return RefusedMessage(arrival, error.code, error.message, header)
