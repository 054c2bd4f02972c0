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
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from central.domain.actor import Actor
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateway_quota import GatewayQuota
from central.service.ports.ingest_records import (
    BatchCounts,
    BatchId,
    BatchKey,
    ChannelRecord,
    ClosedSpan,
    EpochCursor,
    EpochKey,
    FindingCode,
    GatewayId,
    GatewayRecord,
    IngestFinding,
    MeterId,
    NewBatch,
    Placement,
    Quarantine,
    QuarantinedBatch,
    Rejection,
    Rows,
    SequenceClaim,
    StoredLink,
    StoredSignature,
)
from central.service.ports.meter_clocks import ClockLook
from firmware_bridge.contract.errors import EnvironmentFaultError, Fault, MeterlineError
from firmware_bridge.contract.reading import Channel


class StoreUnavailableError(EnvironmentFaultError):
    """Connection, transaction, resources or an operator stood in the way; nothing was stored."""

    code = "STORE_UNAVAILABLE"
    default_remedy = "Start the database, or wait for it, then try again."


class PoisonError(MeterlineError):
    """The store refuses the data itself (SQLSTATE class 22, 23 or 54); nothing was stored.

    `value` is the SQLSTATE.
    """

    code = "POISON"
    default_remedy = "Correct the data that it refuses."
    fault = Fault.PEER


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

        A row whose place is taken by the same batch is STORED.
        """

    async def recount(self, counts: Sequence[BatchCounts]) -> None:
        """Correct the counts of batches. A batch with nothing quarantined is stored."""

    async def keep_conflicts(self, rows: Rows, kept: Sequence[tuple[int, int]]) -> None:
        """Keep values whose place is taken, each with the value that has it."""

    async def quarantine(self, batches: Sequence[Quarantine]) -> None:
        """Keep batches that cannot be used; again for one that is there changes its reason.

        Raises:
            QuarantineFullError: A gateway has as many as it may.
        """

    async def keep_signatures(self, signatures: Sequence[StoredSignature]) -> None:
        """Keep signatures with what they hold for; one that is there stays."""

    async def queue_for_validation(
        self,
        channel_id: NDArray[np.int64],
        from_ms: NDArray[np.int64],
        until_ms: NDArray[np.int64],
    ) -> None:
        """Queue ranges of channels for validation."""

    async def lock_cursors(self, keys: Collection[EpochKey]) -> dict[EpochKey, EpochCursor]:
        """Lock cursors until the end of the transaction, making those that are missing.

        Raises:
            EpochsFullError: A gateway has as many as it may.
        """

    async def links(self, after: Mapping[EpochKey, int]) -> dict[EpochKey, list[StoredLink]]:
        """Per epoch the stored batches from a sequence on, that one included, ascending.

        At most a thousand per epoch; ask again from the last for more.
        """

    async def made_at(self, key: BatchKey) -> datetime | None:
        """When a stored batch was sealed, by its gateway's clock; None where that is not known."""

    async def save_cursors(self, cursors: Collection[EpochCursor]) -> None:
        """Write locked cursors, and that their epochs were heard of now."""

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        """Keep refused messages, within the store's bound; the oldest make room."""

    async def note_clocks(self, looks: Sequence[ClockLook]) -> None:
        """Note how gateways saw clocks of meters at home behind them; another's say nothing.

        Channels of these meters are queued for validation from then on.
        """

    async def find(self, findings: Sequence[IngestFinding]) -> None:
        """Raise findings; one that is open stays as it is.

        Where a gateway has as many as it may, see `finding_quota`.
        """

    async def close_findings(self, keys: Collection[str], closed_by: Actor) -> None:
        """Close findings, if they are open."""

    async def audit(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Write a row of the audit log."""

    async def note_import(self, key: EpochKey, sha256: bytes, imported_by: Actor) -> None:
        """Note that an epoch is a file that somebody imported; again changes nothing."""

    async def save_hello(
        self, gateway_id: GatewayId, agent: str, epoch: UUID, at: datetime
    ) -> None:
        """Note what a gateway's newest hello said."""


class IngestStore(Protocol):
    """Where readings are kept."""

    quota: GatewayQuota

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[IngestTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Args:
            now: Aware, by the use-case's clock; all that the transaction writes is stamped with it.

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
        self, channels: Collection[tuple[GatewayId, Channel]], now: datetime
    ) -> dict[tuple[GatewayId, Channel], ChannelRecord]:
        """Find channels; a new one appears, and a new meter, at home behind the gateway named.

        Where its gateway has as many as it may, or the meter is at home elsewhere, none appears:
        the channel that it gets then has the key 0, and so has its meter where that is new.

        Args:
            channels: Each with the gateway that named it.
            now: When what is new was first seen.
        """

    async def homes(self, meters: Collection[MeterId]) -> dict[MeterId, GatewayId]:
        """The gateways that meters are at home behind."""

    async def closed_spans(self, channels: Collection[int]) -> list[ClosedSpan]:
        """When channels counted at service points before the floors of these."""

    async def prepare(self, from_ms: int, until_ms: int, now: datetime) -> None:
        """Make room for readings of a range of time, where the store needs telling.

        There is room for no time that lies years from `now`.
        """

    async def quarantined(
        self, gateway: str | None, code: str | None, limit: int
    ) -> list[QuarantinedBatch]:
        """Quarantined batches, oldest first."""

    async def stalled(self, before: datetime) -> list[EpochCursor]:
        """Cursors below a stored batch that have not risen since `before`."""

    async def open_findings(self, code: FindingCode | None = None) -> list[IngestFinding]:
        """What is open."""
