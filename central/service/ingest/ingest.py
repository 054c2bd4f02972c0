"""Store what gateways send: once, in any order, beside other workers; then acknowledge.

A window of messages becomes one transaction. In it, in the order that every worker keeps:

    claim the batches' sequences -> place their readings -> lock cursors -> raise them

What the store refuses, and unexpected errors, is taken apart by halves until the message at fault
stands alone, see `isolate`; a batch is then quarantined under its sequence, anything else kept as
refused. A gateway that was at fault goes behind all others for a while. A store that is away leaves
what is not committed as it was, for the caller to retry.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from central.domain.audit.change import change
from central.service.ingest.classify import (
    UNKNOWN_GATEWAY,
    Arrival,
    Examined,
    Greeting,
    Readable,
    RefusedMessage,
    Unreadable,
    is_sealed_by,
)
from central.service.ingest.commit import BatchCandidate, Window, rejection
from central.service.ingest.error_fields import error_fields
from central.service.ingest.handshake import answer_hello
from central.service.ingest.isolate import NOBODYS, Blamed, Part, Rest, isolate
from central.service.ingest.outcome import (
    GatewayReply,
    MessageOutcome,
    OutcomeKind,
    Result,
    refused_finding,
)
from central.service.ingest.rows import ChannelList, above_floors, tabulate
from central.service.ingest.signatures import MESSAGES, fault_of
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateway_quota import QuotaExceededError
from central.service.ports.ingest import IngestStore
from central.service.ports.ingest_records import (
    BatchKey,
    EpochKey,
    GatewayId,
    GatewayRecord,
    IngestFinding,
    Rejection,
)
from firmware_bridge.contract.envelope import Header
from firmware_bridge.contract.errors import HashMismatchError
from firmware_bridge.contract.reading import Channel

REVOKED_GATEWAY = "REVOKED_GATEWAY"
REVOKED_EPOCH = "REVOKED_EPOCH"
WRONG_GATEWAY = "WRONG_GATEWAY"
_log = structlog.get_logger(__name__)
_SUSPECTED_FOR = timedelta(minutes=10)
_SUSPECTS_MAX = 10_000
_CACHED_CHANNELS_MAX = 200_000
_BARRED = {
    UNKNOWN_GATEWAY: "The gateway {gateway} is not enrolled.",
    REVOKED_GATEWAY: "The gateway {gateway} is revoked.",
    REVOKED_EPOCH: "The epoch of this batch of {gateway} is revoked.",
}
_Batches: TypeAlias = Sequence[Readable | Unreadable | RefusedMessage]


class Ingest:
    """The use-case. One object serves one worker.

    Args:
        store: Where readings are kept.
        clock: Now, aware.
        rest: Waits. [s]
    """

    def __init__(
        self, store: IngestStore, clock: Callable[[], datetime], rest: Rest = asyncio.sleep
    ) -> None:
        self._store = store
        self._clock = clock
        self._rest = rest
        self._suspects: dict[str, datetime] = {}
        self._lists: dict[tuple[GatewayId, tuple[Channel, ...]], ChannelList] = {}
        self._cached = 0

    async def commit(self, window: Sequence[Examined]) -> Result:
        """Store a window of messages; what it returns is committed.

        Args:
            window: Any messages of any gateways, in any order.

        Returns:
            An outcome for each message, and the acknowledgements to send.

        Raises:
            StoreUnavailableError: Nothing of the batches was stored, or not all; call again with
                the same window.
        """
        result = Result()
        async for piece in self.pieces(window):
            result += piece
        return result

    async def begin_import(self, note: DecisionNote, gateway: str, file_sha256: bytes) -> UUID:
        """Note that a file is imported under a gateway's name, with a row of the audit log.

        It is said before the first reading is stored: what is stopped half-way is told of as well.

        Args:
            note: Who asks.
            gateway: The gateway's name.
            file_sha256: Of the file.

        Returns:
            The file's epoch.
        """
        epoch = UUID(bytes=file_sha256[:16])
        record = (await self._store.gateways({gateway})).get(gateway)
        begun = {"gateway": gateway, "sha256": file_sha256.hex()}
        async with self._store.transaction(note.at) as tx:
            if record is not None:
                await tx.note_import(EpochKey(record.id, epoch), file_sha256, note.actor)
            await tx.audit(note, "readings.import_begun", str(epoch), change(None, begun))
        return epoch

    async def audit(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Write a row of the audit log, of what is done by hand."""
        async with self._store.transaction(note.at) as tx:
            await tx.audit(note, action, subject, detail)

    async def pieces(
        self, window: Sequence[Examined], behind: list[Examined] | None = None
    ) -> AsyncIterator[Result]:
        """Store a window of messages piece by piece: what comes out is committed.

        Usually it is one piece, and one for each hello.

        Args:
            window: Any messages of any gateways, in any order.
            behind: Where it is given, takes the messages of gateways that are or were at fault,
                to be given here again where no other waits for them.

        Raises:
            StoreUnavailableError: Of what did not come out nothing was stored; call again with the
                same window.
            StoreUnfitError: The deployment is at fault; calling again does not help.
        """
        suspected = self._suspected(window)
        apart = [item for item in window if item.arrival.gateway in suspected]
        others = [item for item in window if item.arrival.gateway not in suspected]
        parts = _parts(others) if behind is not None else [*_parts(others), *_parts(apart)]
        if behind is not None:
            behind += apart
        async for end in isolate(parts, self._commit_part, self._rest, behind):
            if isinstance(end, Blamed):
                self._suspect(end)
                yield await self._set_aside(end)
            else:
                yield end

    def _suspected(self, window: Sequence[Examined]) -> set[str]:
        """Those gateways of a window that were at fault lately."""
        if not self._suspects:
            return set()
        now = self._clock()
        self._suspects = {name: at for name, at in self._suspects.items() if at > now}
        return {item.arrival.gateway for item in window} & self._suspects.keys()

    async def _commit_part(self, part: Part) -> Result:
        if isinstance(greeting := part[0], Greeting):
            return await self._greet(greeting)
        return await self._commit_whole([item for item in part if not isinstance(item, Greeting)])

    def _suspect(self, blamed: Blamed) -> None:
        """Put a gateway behind others; the first time, the log has all there is to know."""
        name = blamed.item.arrival.gateway
        if name not in self._suspects:
            _log.error(
                "message_failed", gateway=name, code=blamed.code, **error_fields(blamed.error)
            )
        if len(self._suspects) < _SUSPECTS_MAX:
            self._suspects[name] = self._clock() + _SUSPECTED_FOR

    async def _set_aside(self, blamed: Blamed) -> Result:
        """Keep a message that fails alone: a batch under its sequence, else as a refused one."""
        item, arrival = blamed.item, blamed.item.arrival
        header = None if isinstance(item, Greeting) else item.header
        ways: list[Unreadable | RefusedMessage] = [
            RefusedMessage(arrival, blamed.code, blamed.message, header)
        ]
        is_full = isinstance(blamed.error, QuotaExceededError)
        if isinstance(item, Readable | Unreadable) and not is_full:
            unreadable = Unreadable(arrival, item.header, blamed.code, blamed.message)
            ways.insert(0, unreadable)
        for way in ways:
            try:
                return await self._commit_whole([way], is_found=isinstance(way, RefusedMessage))
            except NOBODYS:
                raise
            except Exception as error:  # noqa: BLE001 - one message ends nothing
                _log.error("message_not_kept", gateway=arrival.gateway, **error_fields(error))
        return Result([MessageOutcome(OutcomeKind.UNKEPT, blamed.code, arrival.gateway)])

    async def _commit_whole(self, window: _Batches, *, is_found: bool = False) -> Result:
        readable, unreadable, refused = await self._admit(window)
        lists = await self._resolve(readable, self._clock())
        homes = await self._store.homes({meter for listed in lists for meter in listed.distinct})
        batches = [
            (candidate.key.gateway_id, candidate.item.batch, listed)
            for candidate, listed in zip(readable, lists, strict=True)
        ]
        now = self._clock()
        table = await above_floors(self._store, tabulate(batches, homes, now), now)
        allowed = table.rows.at_ms[table.reason == 0]
        if len(allowed):
            await self._store.prepare(int(allowed.min()), int(allowed.max()), now)
        # As late as may be: everything that is written says this time.
        now = self._clock()
        async with self._store.transaction(now) as tx:
            work = Window(tx, now, [*readable, *unreadable], table)
            result = await work.run() if readable or unreadable else Result()
            owners: dict[UUID, str | None] = {}
            kept = [await self._reject(item, owners) for item in refused]
            if kept or work.refused:
                await tx.reject([*kept, *work.refused])
            if is_found and (findings := await self._findings_of(refused)):
                await tx.find(findings)
        return result + Result([_rejected(rejection) for rejection in kept])

    async def _admit(
        self, window: _Batches
    ) -> tuple[
        list[BatchCandidate[Readable]], list[BatchCandidate[Unreadable]], list[RefusedMessage]
    ]:
        """Ask the registry who may send; the others' messages are refused."""
        known = await self._store.gateways({item.arrival.gateway for item in window})
        revoked = await self._store.revoked_epochs({record.id for record in known.values()})
        readable: list[BatchCandidate[Readable]] = []
        unreadable: list[BatchCandidate[Unreadable]] = []
        refused: list[RefusedMessage] = []
        for item in window:
            record = known.get(item.arrival.gateway)
            if isinstance(item, RefusedMessage):
                refused.append(item)
                continue
            code = _bar(record, item, revoked)
            if record is None or code is not None:
                refused.append(_barred(item.arrival, code or UNKNOWN_GATEWAY, item.header))
                continue
            key = BatchKey(record.id, item.header.epoch, item.header.sequence)
            fault = fault_of(record, item.arrival)
            if fault is not None:
                item = Unreadable(item.arrival, item.header, fault, MESSAGES[fault])  # noqa: PLW2901
            if isinstance(item, Readable):
                readable.append(BatchCandidate(item, key, record.signing))
            else:
                unreadable.append(BatchCandidate(item, key, record.signing))
        return readable, unreadable, refused

    async def _resolve(
        self, candidates: Sequence[BatchCandidate[Readable]], now: datetime
    ) -> list[ChannelList]:
        """Find the batches' channels; a new one appears by itself, before the transaction.

        A gateway names the same channels in batch after batch, and a channel's key, meter and unit
        never change, so what was found once is kept; what was not made is asked for again.
        """
        if self._cached > _CACHED_CHANNELS_MAX:
            self._lists.clear()
            self._cached = 0
        asked = [(each.key.gateway_id, each.item.batch.channels) for each in candidates]
        unseen = {one: None for one in asked if one not in self._lists}
        pairs = {(gateway, c): None for gateway, channels in unseen for c in channels}
        records = await self._store.resolve(list(pairs), now)
        lists = {one: ChannelList.of(*one, records) for one in unseen}
        whole = {one: listed for one, listed in lists.items() if listed.is_whole}
        self._lists |= whole
        self._cached += sum(len(channels) for _, channels in whole)
        return [lists[one] if one in lists else self._lists[one] for one in asked]

    async def _reject(self, item: RefusedMessage, owners: dict[UUID, str | None]) -> Rejection:
        """What is kept of a refused message; a stray one is traced to its sender.

        Args:
            item: The message.
            owners: Whose epochs are, as far as somebody asked; a flood asks once.
        """
        if item.code == HashMismatchError.code and item.header is not None:
            epoch = item.header.epoch
            if epoch not in owners:
                owners[epoch] = await self._store.owner_of_epoch(epoch)
            owner = owners[epoch]
            if owner is not None and is_sealed_by(owner, item.arrival.payload):
                message = f"The batch was sealed by {owner} but sent by {item.arrival.gateway}."
                return rejection(item.arrival, WRONG_GATEWAY, message, item.header)
        return rejection(item.arrival, item.code, item.message, item.header)

    async def _findings_of(self, refused: Sequence[RefusedMessage]) -> list[IngestFinding]:
        """What somebody should know of refused messages, where their senders are enrolled."""
        known = await self._store.gateways({item.arrival.gateway for item in refused})
        return [
            refused_finding(known[item.arrival.gateway], item.code, item.message)
            for item in refused
            if item.arrival.gateway in known
        ]

    async def _greet(self, greeting: Greeting) -> Result:
        arrival = greeting.arrival
        record = (await self._store.gateways({arrival.gateway})).get(arrival.gateway)
        if record is None or record.revoked:
            code = UNKNOWN_GATEWAY if record is None else REVOKED_GATEWAY
            return await self._commit_whole([_barred(arrival, code, None)])
        now = self._clock()
        async with self._store.transaction(now) as tx:
            acks = await answer_hello(tx, record, greeting.hello, now)
        outcome = MessageOutcome(OutcomeKind.HELLO, "HELLO", arrival.gateway)
        return Result([outcome], [GatewayReply(arrival.gateway, ack) for ack in acks])


def _parts(items: Sequence[Examined]) -> list[Part]:
    """Batches in one go, and hellos one by one."""
    batches = [item for item in items if not isinstance(item, Greeting)]
    return [batches, *([item] for item in items if isinstance(item, Greeting))]


def _bar(
    record: GatewayRecord | None, item: Readable | Unreadable, revoked: Collection[EpochKey]
) -> str | None:
    """Why a gateway's batch is refused, if it is."""
    if record is None:
        return UNKNOWN_GATEWAY
    if record.revoked:
        return REVOKED_GATEWAY
    return REVOKED_EPOCH if (record.id, item.header.epoch) in revoked else None


def _barred(arrival: Arrival, code: str, header: Header | None) -> RefusedMessage:
    return RefusedMessage(arrival, code, _BARRED[code].format(gateway=arrival.gateway), header)


def _rejected(kept: Rejection) -> MessageOutcome:
    return MessageOutcome(OutcomeKind.REJECTED, kept.code, kept.gateway, kept.epoch, kept.sequence)
