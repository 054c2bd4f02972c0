"""The outcome of a message, as a value with a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from central.service.ports.ingest_records import FindingCode, GatewayRecord, IngestFinding
from firmware_bridge.contract.messages import Ack


class OutcomeKind(StrEnum):
    """The possible outcomes of a message. Never renamed."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    HELLO = "hello"
    UNKEPT = "unkept"
    """The store keeps it in no way; it is not acknowledged, so the gateway still has it."""


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """The outcome of one message.

    Args:
        kind: Which end.
        code: Why; the kind's own name where there is nothing more to say.
        gateway: The name on its topic.
        epoch: Its epoch, where the header could be read.
        sequence: Its sequence likewise.
        received: Readings in it, where the body could be read.
        stored: Readings placed.
        duplicate: Readings that were there with the same value.
        conflict: Readings whose place has another value.
        quarantined: Readings kept, but not stored as such.
    """

    kind: OutcomeKind
    code: str
    gateway: str
    epoch: UUID | None = None
    sequence: int | None = None
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class GatewayReply:
    """The reply to one gateway."""

    gateway: str
    ack: Ack


@dataclass(frozen=True, slots=True)
class Result:
    """The outcomes of a window of messages, and the replies.

    Args:
        outcomes: One for each message, in no particular order.
        replies: To send now that the transaction is committed.
    """

    outcomes: Sequence[MessageOutcome] = field(default=())
    replies: Sequence[GatewayReply] = field(default=())

    def __add__(self, other: Result) -> Result:
        return Result((*self.outcomes, *other.outcomes), (*self.replies, *other.replies))


def quarantine_key(gateway: str, code: str) -> str:
    """The key of the finding that a gateway's batches are quarantined for a reason."""
    return f"QUARANTINE:{gateway}:{code}"


def refused_finding(gateway: GatewayRecord, code: str, message: str) -> IngestFinding:
    """The finding for a message that could not be used."""
    return IngestFinding(
        f"REFUSED:{gateway.name}:{code}",
        FindingCode.REFUSED,
        f"A message of {gateway.name} could not be stored ({code}): {message}",
        gateway.id,
    )
