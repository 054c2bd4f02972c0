"""What edge and centre say to each other beside batches: acknowledgement, hello, start, status.

Acknowledgement and start go down, as msgpack maps `{v, kind, ...}`. A hello goes up on the batches'
topic, so it begins with a magic of its own. The status is retained JSON, for people and dashboards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from firmware_bridge.contract import codec
from firmware_bridge.contract.envelope import SEQUENCE_MAX
from firmware_bridge.contract.errors import (
    BadMagicError,
    OversizeError,
    SchemaError,
    UnknownVersionError,
)
from firmware_bridge.contract.reading import AT_MAX_MS, from_ms, to_ms
from firmware_bridge.contract.reports import (
    REFUSALS_MAX,
    UPDATES_MAX,
    ConfigurationReport,
    RefusalReport,
    UpdateReport,
    configuration_fields,
    configuration_report,
    refusal_fields,
    refusal_report,
    update_fields,
    update_report,
)

VERSION = 1
HELLO_MAGIC = b"MLH"
NONCE_BYTES = 16
MESSAGE_MAX_BYTES = 64 * 1024
QUARANTINED_MAX = 1_000
EPOCHS_MAX = 64
# What follows a position that a hello names must still be one that the centre can keep.
POSITION_MAX = SEQUENCE_MAX - 1


@dataclass(frozen=True, slots=True)
class Ack:
    """The centre's word that it has a gateway's batches up to `cum`, committed.

    Args:
        epoch: The epoch of the buffer that it acknowledges.
        cum: Every sequence up to this one is stored, quarantined or recorded as lost. 0 is none.
        cum_hash: Hash of the batch `cum`; 32 zero bytes for 0. The edge obeys only where its own
            row has that hash.
        nonce: The hello's nonce, where this answers one; only then may `cum` be lower than before.
        quarantined: Sequences that were kept but could not be used, for the gateway's log.
        new_epoch: True asks the edge to abandon `epoch` and seal what is unacknowledged anew.
    """

    epoch: UUID
    cum: int
    cum_hash: bytes
    nonce: bytes | None = None
    quarantined: tuple[int, ...] = ()
    new_epoch: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """The centre's broadcast that it has started; every edge answers with a hello.

    Args:
        instance: Names this start, for logs.
    """

    instance: UUID


@dataclass(frozen=True, slots=True)
class EpochState:
    """What an edge still has of one epoch.

    Args:
        epoch: The life of the buffer.
        first: First sequence kept; `last + 1` where none is.
        last: Last sequence sealed; 0 for none.
        last_hash: Hash of `last`; 32 zero bytes for 0.
        cum: Highest sequence known to be acknowledged.
        cum_hash: Hash of `cum` at the edge; 32 zero bytes for 0 or where it is no longer known.
        previous: The epoch before, whose file was set aside or which was abandoned.
        previous_last: Last sequence known of it.
    """

    epoch: UUID
    first: int
    last: int
    last_hash: bytes
    cum: int
    cum_hash: bytes
    previous: UUID | None = None
    previous_last: int = 0


@dataclass(frozen=True, slots=True)
class Hello:
    """What a gateway says of itself on connecting, hourly, and when the centre starts.

    Args:
        nonce: 16 random bytes; the answer echoes them.
        sent_at: By the gateway's clock. Aware.
        agent: Name and version of the software.
        epochs: The current epoch last.
    """

    nonce: bytes
    sent_at: datetime
    agent: str
    epochs: tuple[EpochState, ...]


class GatewayState(StrEnum):
    """Whether a gateway is connected to the broker."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Status:
    """The retained word of a gateway's connection; the last will says OFFLINE.

    Args:
        state: Connected or not.
        agent: Name and version of the software.
        since: When the connection was made, by the gateway's clock; None in a last will.
        backlog: Unacknowledged batches at that moment; None where unknown.
        config: The configuration at work; None where the gateway takes none from the centre.
        updates: Each component's last update.
        refused: What meters sent and could not be read, the latest first; at most `REFUSALS_MAX`.
    """

    state: GatewayState
    agent: str
    since: datetime | None = None
    backlog: int | None = None
    config: ConfigurationReport | None = None
    updates: tuple[UpdateReport, ...] = ()
    refused: tuple[RefusalReport, ...] = ()


def encode_ack(ack: Ack) -> bytes:
    """An acknowledgement as it is sent."""
    fields: dict[str, object] = {
        "v": VERSION,
        "kind": "ack",
        "epoch": ack.epoch.bytes,
        "cum": ack.cum,
        "cum_hash": ack.cum_hash,
    }
    if ack.nonce is not None:
        fields["nonce"] = ack.nonce
    if ack.quarantined:
        fields["quarantined"] = list(ack.quarantined)
    if ack.new_epoch:
        fields["new_epoch"] = True
    return codec.pack(fields)


def encode_start(start: Start) -> bytes:
    """A start broadcast as it is sent."""
    return codec.pack({"v": VERSION, "kind": "start", "instance": start.instance.bytes})


def decode_down(payload: bytes) -> Ack | Start:
    """Read what the centre says.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    fields = _open_map("A message from the centre", payload)
    kind = fields.get("kind")
    if kind == "start":
        codec.mapping("A start", fields, frozenset({"v", "kind", "instance"}), frozenset())
        return Start(_uuid("instance", fields["instance"]))
    if kind != "ack":
        codec.refuse("kind", kind, "ack or start")
    return _decode_ack(fields)


def _decode_ack(fields: dict[str, object]) -> Ack:
    required = frozenset({"v", "kind", "epoch", "cum", "cum_hash"})
    codec.mapping("An ack", fields, required, frozenset({"nonce", "quarantined", "new_epoch"}))
    new_epoch = fields.get("new_epoch", False)
    if not isinstance(new_epoch, bool):
        codec.refuse("new_epoch", new_epoch, "true or false")
    quarantined = codec.sequence("quarantined", fields.get("quarantined", []), QUARANTINED_MAX)
    return Ack(
        epoch=_uuid("epoch", fields["epoch"]),
        cum=codec.integer("cum", fields["cum"], 0, SEQUENCE_MAX),
        cum_hash=codec.octets("cum_hash", fields["cum_hash"], 32),
        nonce=codec.optional(
            fields.get("nonce"), lambda value: codec.octets("nonce", value, NONCE_BYTES)
        ),
        quarantined=tuple(codec.integer("quarantined", s, 1, SEQUENCE_MAX) for s in quarantined),
        new_epoch=new_epoch,
    )


def encode_hello(hello: Hello) -> bytes:
    """A hello as it is sent."""
    fields = {
        "nonce": hello.nonce,
        "sent_at": to_ms(hello.sent_at),
        "agent": hello.agent,
        "epochs": [
            {
                "epoch": state.epoch.bytes,
                "first": state.first,
                "last": state.last,
                "last_hash": state.last_hash,
                "cum": state.cum,
                "cum_hash": state.cum_hash,
                "previous": None if state.previous is None else state.previous.bytes,
                "previous_last": state.previous_last,
            }
            for state in hello.epochs
        ],
    }
    return HELLO_MAGIC + bytes((VERSION,)) + codec.pack(fields)


def is_hello(payload: bytes) -> bool:
    """Whether a message calls itself a hello."""
    return payload.startswith(HELLO_MAGIC)


def decode_hello(payload: bytes) -> Hello:
    """Read what a gateway says of itself.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    _check_size(payload)
    if not is_hello(payload):
        message = f"The message begins with {payload[:4].hex()}, so it is not a hello."
        raise BadMagicError(message, value=payload[:4])
    head = len(HELLO_MAGIC) + 1
    if payload[head - 1 : head] != bytes((VERSION,)):
        message = f"The hello does not have format version {VERSION}."
        raise UnknownVersionError(message, value=payload[head - 1 : head])
    fields = codec.mapping(
        "A hello",
        codec.unpack(payload[head:]),
        frozenset({"nonce", "sent_at", "agent", "epochs"}),
        frozenset(),
    )
    epochs = codec.sequence("epochs", fields["epochs"], EPOCHS_MAX)
    if not epochs:
        message = "A hello must name the current epoch."
        raise SchemaError(message)
    return Hello(
        nonce=codec.octets("nonce", fields["nonce"], NONCE_BYTES),
        sent_at=from_ms(codec.integer("sent_at", fields["sent_at"], 0, AT_MAX_MS)),
        agent=codec.text("agent", fields["agent"], 100),
        epochs=tuple(_decode_epoch(state) for state in epochs),
    )


def _decode_epoch(value: object) -> EpochState:
    names = frozenset(EpochState.__slots__)
    fields = codec.mapping("An epoch", value, names, frozenset())

    def position(name: str) -> int:
        return codec.integer(name, fields[name], 0, POSITION_MAX)

    return EpochState(
        epoch=_uuid("epoch", fields["epoch"]),
        first=position("first"),
        last=position("last"),
        last_hash=codec.octets("last_hash", fields["last_hash"], 32),
        cum=position("cum"),
        cum_hash=codec.octets("cum_hash", fields["cum_hash"], 32),
        previous=codec.optional(fields["previous"], lambda given: _uuid("previous", given)),
        previous_last=position("previous_last"),
    )


def encode_status(status: Status) -> bytes:
    """A status as it is retained."""
    fields: dict[str, object] = {"v": VERSION, "state": status.state, "agent": status.agent}
    if status.since is not None:
        fields["since"] = status.since.isoformat()
    if status.backlog is not None:
        fields["backlog"] = status.backlog
    if status.config is not None:
        fields["config"] = configuration_fields(status.config)
    if status.updates:
        fields["updates"] = [update_fields(update) for update in status.updates]
    if status.refused:
        fields["refused"] = [refusal_fields(refusal) for refusal in status.refused[:REFUSALS_MAX]]
    return json.dumps(fields, separators=(",", ":")).encode()


def decode_status(payload: bytes) -> Status:
    """Read a retained status.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    _check_size(payload)
    required = frozenset({"v", "state", "agent"})
    further = frozenset({"since", "backlog", "config", "updates", "refused"})
    fields = codec.mapping("A status", codec.unpack_json(payload), required, further)
    _check_version("A status", fields["v"])
    if fields["state"] not in [state.value for state in GatewayState]:  # it may not be hashable
        codec.refuse("state", fields["state"], "online or offline")
    return Status(
        GatewayState(fields["state"]),
        codec.text("agent", fields["agent"], 100),
        codec.optional(fields.get("since"), lambda given: codec.instant("since", given)),
        codec.optional(
            fields.get("backlog"), lambda given: codec.integer("backlog", given, 0, SEQUENCE_MAX)
        ),
        codec.optional(fields.get("config"), configuration_report),
        tuple(
            update_report(update)
            for update in codec.sequence("updates", fields.get("updates", []), UPDATES_MAX)
        ),
        tuple(
            refusal_report(refusal)
            for refusal in codec.sequence("refused", fields.get("refused", []), REFUSALS_MAX)
        ),
    )


def _open_map(name: str, payload: bytes) -> dict[str, object]:
    _check_size(payload)
    fields = codec.unpack(payload)
    if not isinstance(fields, dict) or "v" not in fields:
        message = f"{name} must be a map with a version."
        raise SchemaError(message)
    _check_version(name, fields["v"])
    return fields


def _check_version(name: str, version: object) -> None:
    if type(version) is not int or version != VERSION:
        message = f"{name} has format version {codec.shown(version)}; this release reads {VERSION}."
        raise UnknownVersionError(message, value=version)


def _check_size(payload: bytes) -> None:
    if len(payload) > MESSAGE_MAX_BYTES:
        message = f"The message has {len(payload)} bytes; the limit is {MESSAGE_MAX_BYTES}."
        raise OversizeError(message, value=len(payload))


def _uuid(name: str, value: object) -> UUID:
    return UUID(bytes=codec.octets(name, value, 16))
