"""The words between the session and its runner: events go in, actions come out.

`edge_agent.uplink.session` says how it works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from edge_agent.buffer.records import EpochView
from firmware_bridge.contract.messages import Ack


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is up and both subscriptions are confirmed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Batches up to `last` are committed in the buffer.

    Args:
        epoch: The current epoch.
        last: Its last sequence.
    """

    epoch: UUID
    last: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The centre's acknowledgement arrived.

    Args:
        ack: As decoded.
        known: Whether the buffer's own batch `ack.cum` of that epoch has `ack.cum_hash`.
        first: First sequence of that epoch that the buffer keeps now; retention raises it.
    """

    ack: Ack
    known: bool
    first: int = 1


@dataclass(frozen=True, slots=True)
class CentreStarted:
    """The centre said that it has started."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Time has passed; `Session.wake_at` says when this is next worth telling."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The buffer's epochs changed: a new one was sealed, one was folded, or a file set aside.

    Args:
        epochs: All of them, the current one last.
    """

    epochs: tuple[EpochView, ...]


Event: TypeAlias = (
    Connected | Disconnected | Stored | Acknowledged | CentreStarted | Elapsed | Renewed
)


@dataclass(frozen=True, slots=True)
class SendHello:
    """Publish a hello with this nonce and the buffer's present epochs."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class SendBatch:
    """Publish one batch exactly as the buffer keeps it."""

    epoch: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class ReleaseBatches:
    """The centre has committed everything of the epoch up to `cum`, whose hash it knows."""

    epoch: UUID
    cum: int
    cum_hash: bytes


@dataclass(frozen=True, slots=True)
class Reopen:
    """The centre went back (a restored backup): what lies above `cum` counts as unacknowledged.

    `cum_hash` is 32 zero bytes where the batch `cum` is no longer kept.
    """

    epoch: UUID
    cum: int
    cum_hash: bytes


@dataclass(frozen=True, slots=True)
class StartEpoch:
    """Seal everything unacknowledged anew under a new epoch; answer with `Renewed`."""

    abandoned: UUID


@dataclass(frozen=True, slots=True)
class Fold:
    """Seal what a closed epoch still holds anew in the current one; answer with `Renewed`.

    The centre has more of a set-aside file's epoch than could be salvaged, or other bytes there, so
    its acknowledgements can no longer be checked against the edge's own batches.
    """

    epoch: UUID


@dataclass(frozen=True, slots=True)
class SessionReport:
    """Something for the log and the event table; nothing else follows from it.

    Args:
        code: Stable.
        epoch: Which epoch it is about.
        sequence: Where in it.
    """

    code: str
    epoch: UUID
    sequence: int


Action: TypeAlias = (
    SendHello | SendBatch | ReleaseBatches | Reopen | StartEpoch | Fold | SessionReport
)
