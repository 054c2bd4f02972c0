"""One transaction of ingest on PostgreSQL; the statements are in `ingest.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.ingest.rows import BigintArray, copy_rows, timestamps
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.service.ingest.finding_quota import within_quota
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateway_quota import EpochsFullError, GatewayQuota, QuarantineFullError
from central.service.ports.ingest import StoreUnavailableError
from central.service.ports.ingest_records import (
    BatchCounts,
    BatchId,
    BatchKey,
    EpochCursor,
    EpochKey,
    GatewayId,
    IngestFinding,
    NewBatch,
    Placement,
    Quarantine,
    ReadingFate,
    Rejection,
    Rows,
    SequenceClaim,
    StoredLink,
    StoredSignature,
)
from central.service.ports.meter_clocks import ClockLook
from firmware_bridge.contract.reading import from_ms

REJECTED_MAX = 10_000
REJECTED_OF_GATEWAY = 500
_PROBES_MAX = 5
_SQL = load_queries(Path(__file__).with_name("ingest.sql"))


class TimescaleTransaction:
    """`IngestTransaction` on a connection that is in a transaction.

    Args:
        connection: With `register_arrays` done.
        now: What is written says that it was written then.
        quota: How much one gateway may fill.
    """

    def __init__(
        self, connection: AsyncConnection[tuple[Any, ...]], now: datetime, quota: GatewayQuota
    ) -> None:
        self._quota = quota
        self._connection = connection
        self._now = now
        # Batches that an earlier transaction stored, and this one reads again.
        self._filled: set[BatchId] = set()

    async def claim(self, batches: Sequence[NewBatch]) -> list[SequenceClaim]:
        """See `IngestTransaction`."""
        if not batches:
            return []
        names = ("sha256", "prev_hash", "made_at", "replaces", "code", "received", "quarantined")
        columns = {name: [getattr(b, name) for b in batches] for name in names}
        rows = await self._rows(
            "claim",
            **_identities([b.key for b in batches]),
            **columns,
            outcome=[b.state.value for b in batches],
            received_at=[b.received_at for b in batches],
            now=self._now,
        )
        fresh = {BatchKey(*row[1:]): BatchId(row[0]) for row in rows}
        claimed = await self._claimed([b.key for b in batches if b.key not in fresh])
        return [
            SequenceClaim(fresh[b.key], fresh=True, stored=b.link)
            if b.key in fresh
            else claimed[b.key]
            for b in batches
        ]

    async def _claimed(self, keys: Sequence[BatchKey]) -> dict[BatchKey, SequenceClaim]:
        if not keys:
            return {}
        rows = await self._rows("claimed", **_identities(keys))
        return {
            BatchKey(*row[1:4]): SequenceClaim(
                BatchId(row[0]),
                fresh=False,
                stored=StoredLink(*row[3:7]),
                empty=row[7] == 0,
                code=row[8],
            )
            for row in rows
        }

    async def fill(self, batch_id: BatchId, batch: NewBatch) -> None:
        """See `IngestTransaction`."""
        names = ("sha256", "prev_hash", "made_at", "replaces", "code", "received", "quarantined")
        values = {name: getattr(batch, name) for name in names}
        outcome = batch.state.value
        await self._run("fill", batch_id=batch_id, outcome=outcome, now=self._now, **values)
        if not batch.quarantined and batch.received is not None:
            await self._run("release", batch_id=batch_id, now=self._now)
        self._filled.add(batch_id)

    async def store(self, rows: Rows) -> Placement:
        """See `IngestTransaction`.

        The common case costs one COPY. Where it meets a key that is taken, the savepoint goes, the
        taken keys are looked up, and the rest is copied; another worker may take one in between.
        """
        place = np.zeros(len(rows), np.uint8)
        kept: dict[int, tuple[int, int]] = {}
        free = np.arange(len(rows))
        for _ in range(_PROBES_MAX):
            if not len(free):
                return Placement(place, kept)
            try:
                async with self._connection.transaction():
                    await self._copy("copy_readings", _reading_columns(rows.take(free)))
            except UniqueViolation:
                free = await self._probe(rows, place, kept)
            else:
                await self._record_again(rows.take(free))
                return Placement(place, kept)
        message = "Other workers store the same readings again and again."
        raise StoreUnavailableError(message)

    async def _record_again(self, rows: Rows) -> None:
        """Note since when readings are known that came of a batch stored before."""
        if not self._filled or not len(rows):
            return
        late = rows.take(np.flatnonzero(np.isin(rows.batch_id, list(self._filled))))
        await self._run(
            "recorded_again",
            channel_id=BigintArray(late.channel_id),
            at_us=BigintArray(timestamps(late.at_ms)),
            now=self._now,
        )

    async def _probe(
        self, rows: Rows, place: NDArray[np.uint8], kept: dict[int, tuple[int, int]]
    ) -> NDArray[np.intp]:
        """Judge the rows whose key is taken; what it returns are positions of the others."""
        taken = np.zeros(len(rows), np.bool_)
        found = await self._rows(
            "probe_readings",
            position=BigintArray(np.arange(len(rows))),
            channel_id=BigintArray(rows.channel_id),
            at_us=BigintArray(timestamps(rows.at_ms)),
            from_at=from_ms(int(rows.at_ms.min())),
            until_at=from_ms(int(rows.at_ms.max())),
        )
        for position, mantissa, exponent, batch_id in found:
            taken[position] = True
            value = int(rows.mantissa[position]), int(rows.exponent[position])
            if not _equal((mantissa, exponent), value):
                place[position] = ReadingFate.CONFLICT
                kept[position] = (mantissa, exponent)
            elif batch_id != rows.batch_id[position]:
                place[position] = ReadingFate.DUPLICATE
        return np.flatnonzero(~taken)

    async def recount(self, counts: Sequence[BatchCounts]) -> None:
        """See `IngestTransaction`."""
        await self._run("recount", **_columns(BatchCounts, counts))

    async def keep_conflicts(self, rows: Rows, kept: Sequence[tuple[int, int]]) -> None:
        """See `IngestTransaction`."""
        names = ("batch_id", "channel_id", "mantissa", "exponent", "flags", "span_ms")
        await self._run(
            "keep_conflicts",
            **{name: BigintArray(getattr(rows, name)) for name in names},
            at_us=BigintArray(timestamps(rows.at_ms)),
            kept_mantissa=[mantissa for mantissa, _ in kept],
            kept_exponent=[exponent for _, exponent in kept],
            now=self._now,
        )

    async def quarantine(self, batches: Sequence[Quarantine]) -> None:
        """See `IngestTransaction`."""
        await self._run("quarantine", now=self._now, **_columns(Quarantine, batches))
        counts = await self._rows("quarantined_of", batches=[b.batch_id for b in batches])
        if any(count > self._quota.quarantined for _, count in counts):
            message = f"The gateway has {self._quota.quarantined} batches in quarantine."
            raise QuarantineFullError(message, value=self._quota.quarantined)

    async def keep_signatures(self, signatures: Sequence[StoredSignature]) -> None:
        """See `IngestTransaction`."""
        await self._run("keep_signatures", now=self._now, **_columns(StoredSignature, signatures))

    async def queue_for_validation(
        self,
        channel_id: NDArray[np.int64],
        from_ms: NDArray[np.int64],
        until_ms: NDArray[np.int64],
    ) -> None:
        """See `IngestTransaction`."""
        columns = (channel_id, timestamps(from_ms), timestamps(until_ms))
        await self._copy("copy_touched", [("i8", column) for column in columns])

    async def lock_cursors(self, keys: Collection[EpochKey]) -> dict[EpochKey, EpochCursor]:
        """See `IngestTransaction`."""
        columns = {"gateway_id": [k.gateway_id for k in keys], "epoch": [k.epoch for k in keys]}
        rows = await self._rows("lock_cursors", **columns)
        if len(rows) < len(keys):
            await self._run("add_cursors", now=self._now, **columns)
            counts = await self._rows("epochs_of", gateways=list({k.gateway_id for k in keys}))
            if any(count > self._quota.epochs for _, count in counts):
                message = f"The gateway has begun {self._quota.epochs} epochs."
                raise EpochsFullError(message, value=self._quota.epochs)
            rows = await self._rows("lock_cursors", **columns)
        cursors = (cursor_of(row) for row in rows)
        return {cursor.key: cursor for cursor in cursors}

    async def links(self, after: Mapping[EpochKey, int]) -> dict[EpochKey, list[StoredLink]]:
        """See `IngestTransaction`."""
        rows = await self._rows(
            "links",
            gateway_id=[key.gateway_id for key in after],
            epoch=[key.epoch for key in after],
            after=list(after.values()),
        )
        found: dict[EpochKey, list[StoredLink]] = {}
        for gateway, epoch, *link in rows:
            found.setdefault(EpochKey(gateway, epoch), []).append(StoredLink(*link))
        return found

    async def made_at(self, key: BatchKey) -> datetime | None:
        """See `IngestTransaction`."""
        rows = await self._rows("made_at", **key._asdict())
        return rows[0][0] if rows else None

    async def save_cursors(self, cursors: Collection[EpochCursor]) -> None:
        """See `IngestTransaction`."""
        columns = _columns(EpochCursor, cursors)
        del columns["key"], columns["revoked"]
        await self._run(
            "save_cursors",
            gateway_id=[c.key.gateway_id for c in cursors],
            epoch=[c.key.epoch for c in cursors],
            now=self._now,
            **columns,
        )

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        """See `IngestTransaction`."""
        ordered = sorted(rejections, key=lambda r: (r.gateway, r.code, r.payload_sha256))
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                _SQL["reject"],
                [{name: getattr(r, name) for name in Rejection.__slots__} for r in ordered],
            )
        gateways = sorted({rejection.gateway for rejection in ordered})
        await self._run("trim_rejected_of", gateways=gateways, bound=REJECTED_OF_GATEWAY)
        await self._run("trim_rejected", bound=REJECTED_MAX)

    async def note_clocks(self, looks: Sequence[ClockLook]) -> None:
        """See `IngestTransaction`."""
        if looks:
            await self._run("note_clocks", now=self._now, **_columns(ClockLook, looks))

    async def find(self, findings: Sequence[IngestFinding]) -> None:
        """See `IngestTransaction`."""
        gateways = list({f.gateway_id for f in findings if f.gateway_id is not None})
        counts = dict(await self._rows("open_findings_of", gateways=gateways))
        open_keys = {
            key for (key,) in await self._rows("open_keys", keys=[f.key for f in findings])
        }
        raised = within_quota(findings, open_keys, counts, self._quota.findings)
        await self._run("find", now=self._now, **_columns(IngestFinding, raised))

    async def close_findings(self, keys: Collection[str], closed_by: Actor) -> None:
        """See `IngestTransaction`."""
        values = {"keys": list(keys), "closed_by": closed_by.key, "now": self._now}
        await self._run("close_findings", **values)

    async def audit(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """See `IngestTransaction`."""
        await audit(self._connection, note.at, note.actor, action, subject, detail)

    async def note_import(self, key: EpochKey, sha256: bytes, imported_by: Actor) -> None:
        """See `IngestTransaction`."""
        values = {"sha256": sha256, "imported_by": imported_by.key, "now": self._now}
        await self._run("note_import", **key._asdict(), **values)

    async def save_hello(
        self, gateway_id: GatewayId, agent: str, epoch: UUID, at: datetime
    ) -> None:
        """See `IngestTransaction`."""
        await self._run("save_hello", gateway_id=gateway_id, agent=agent, epoch=epoch, at=at)

    async def _run(self, query: str, **parameters: object) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.execute(_SQL[query], parameters)

    async def _rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[query], parameters)
            return await cursor.fetchall()

    async def _copy(self, query: str, columns: Sequence[tuple[str, NDArray[np.int64]]]) -> None:
        payload = copy_rows(columns)
        async with self._connection.cursor() as cursor, cursor.copy(_SQL[query]) as copy:
            await copy.write(payload)


def cursor_of(row: Sequence[Any]) -> EpochCursor:
    """A row of `lock_cursors` or `stalled`."""
    return EpochCursor(EpochKey(row[0], row[1]), *row[2:])


def _reading_columns(rows: Rows) -> list[tuple[str, NDArray[np.int64]]]:
    return [
        ("i8", rows.channel_id),
        ("i8", timestamps(rows.at_ms)),
        ("i8", rows.mantissa),
        ("i8", rows.batch_id),
        ("i8", rows.span_ms),
        ("i2", rows.exponent),
        ("i2", rows.flags),
    ]


def _identities(keys: Sequence[BatchKey]) -> dict[str, list[Any]]:
    return {name: [getattr(key, name) for key in keys] for name in BatchKey._fields}


def _columns(kind: type[Any], values: Collection[Any]) -> dict[str, list[Any]]:
    """The fields of values as lists, by name."""
    return {f.name: [getattr(value, f.name) for value in values] for f in fields(kind)}


def _equal(left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Whether mantissa and exponent name one value, however its digits are written."""
    if left[1] == right[1]:
        return left[0] == right[0]
    return Decimal(left[0]).scaleb(left[1]) == Decimal(right[0]).scaleb(right[1])
