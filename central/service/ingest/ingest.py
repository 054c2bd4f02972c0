"""Store what gateways send: once, in any order, beside other workers; then acknowledge.

A window of messages becomes one transaction. In it, in the order that every worker keeps:

    claim the batches' sequences -> place their readings -> lock cursors -> raise them

Only what the store calls poison is taken apart, by halves, until the batch at fault stands alone
and is quarantined. Whatever else goes wrong leaves the window as it was, for the caller to retry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from central.service.ingest.classify import (
    UNKNOWN_GATEWAY,
    Arrival,
    Examined,
    Greeting,
    Readable,
    Refused,
    Unreadable,
    is_sealed_by,
)
from central.service.ingest.commit import Candidate, Window, rejection
from central.service.ingest.handshake import answer_hello
from central.service.ingest.outcome import Outcome, OutcomeKind, Reply, Result
from central.service.ingest.rows import ChannelList, tabulate
from central.service.ports.ingest import (
    BatchKey,
    EpochKey,
    GatewayId,
    GatewayRecord,
    IngestStore,
    PoisonError,
    Rejection,
)
from firmware_bridge.contract.envelope import Header
from firmware_bridge.contract.errors import HashMismatchError
from firmware_bridge.contract.reading import Channel

REVOKED_GATEWAY = "REVOKED_GATEWAY"
REVOKED_EPOCH = "REVOKED_EPOCH"
WRONG_GATEWAY = "WRONG_GATEWAY"
_CACHED_CHANNELS_MAX = 200_000
_BARRED = {
    UNKNOWN_GATEWAY: "The gateway {gateway} is not enrolled.",
    REVOKED_GATEWAY: "The gateway {gateway} is revoked.",
    REVOKED_EPOCH: "The epoch of this batch of {gateway} is revoked.",
}


class Ingest:
    """The use-case. One object serves one worker.

    Args:
        store: Where readings are kept.
        clock: Now, aware.
    """

    def __init__(self, store: IngestStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lists: dict[tuple[Channel, ...], ChannelList] = {}
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
        hellos = [item for item in window if isinstance(item, Greeting)]
        others = [item for item in window if not isinstance(item, Greeting)]
        result = await self._commit_or_split(others) if others else Result()
        for greeting in hellos:
            result += await self._greet(greeting)
        return result

    async def _commit_or_split(self, window: Sequence[Readable | Unreadable | Refused]) -> Result:
        try:
            return await self._commit_whole(window)
        except PoisonError as error:
            if len(window) > 1:
                middle = len(window) // 2
                first = await self._commit_or_split(window[:middle])
                return first + await self._commit_or_split(window[middle:])
            item = window[0]
            if not isinstance(item, Readable):
                raise
            code = f"POISON_{error.value}"
            poisoned = Unreadable(item.arrival, item.header, code, error.message)
            return await self._commit_whole([poisoned])

    async def _commit_whole(self, window: Sequence[Readable | Unreadable | Refused]) -> Result:
        readable, unreadable, refused = await self._admit(window)
        lists = await self._resolve(readable)
        homes = await self._store.homes({meter for listed in lists for meter in listed.distinct})
        batches = [
            (candidate.key.gateway_id, candidate.item.batch, listed)
            for candidate, listed in zip(readable, lists, strict=True)
        ]
        now = self._clock()
        table = tabulate(batches, homes, now)
        allowed = table.rows.at_ms[table.reason == 0]
        if len(allowed):
            await self._store.prepare(int(allowed.min()), int(allowed.max()))
        async with self._store.transaction() as tx:
            work = Window(tx, now, [*readable, *unreadable], table)
            result = await work.run() if readable or unreadable else Result()
            kept = [await self._reject(item) for item in refused]
            if kept or work.clashes:
                await tx.reject([*kept, *work.clashes])
        return result + Result([_rejected(rejection) for rejection in kept])

    async def _admit(
        self, window: Sequence[Readable | Unreadable | Refused]
    ) -> tuple[list[Candidate[Readable]], list[Candidate[Unreadable]], list[Refused]]:
        """Ask the registry who may send; the others' messages are refused."""
        known = await self._store.gateways({item.arrival.gateway for item in window})
        revoked = await self._store.revoked_epochs({record.id for record in known.values()})
        readable: list[Candidate[Readable]] = []
        unreadable: list[Candidate[Unreadable]] = []
        refused: list[Refused] = []
        for item in window:
            record = known.get(item.arrival.gateway)
            if isinstance(item, Refused):
                refused.append(item)
                continue
            code = _bar(record, item, revoked)
            if record is None or code is not None:
                refused.append(_barred(item.arrival, code or UNKNOWN_GATEWAY, item.header))
                continue
            key = BatchKey(record.id, item.header.epoch, item.header.sequence)
            if isinstance(item, Readable):
                readable.append(Candidate(item, key))
            else:
                unreadable.append(Candidate(item, key))
        return readable, unreadable, refused

    async def _resolve(self, candidates: Sequence[Candidate[Readable]]) -> list[ChannelList]:
        """Find the batches' channels; a new one appears by itself, before the transaction.

        A gateway names the same channels in batch after batch, and a channel's key, meter and unit
        never change, so what was found once is kept.
        """
        if self._cached > _CACHED_CHANNELS_MAX:
            self._lists.clear()
            self._cached = 0
        unseen: dict[tuple[Channel, ...], GatewayId] = {}
        for candidate in candidates:
            channels = candidate.item.batch.channels
            if channels not in self._lists:
                unseen.setdefault(channels, candidate.key.gateway_id)
        homes = {channel: home for channels, home in unseen.items() for channel in channels}
        records = await self._store.resolve([(home, c) for c, home in homes.items()])
        for channels in unseen:
            self._lists[channels] = ChannelList.of(channels, records)
            self._cached += len(channels)
        return [self._lists[candidate.item.batch.channels] for candidate in candidates]

    async def _reject(self, item: Refused) -> Rejection:
        """What is kept of a refused message; a stray one is traced to its sender."""
        if item.code == HashMismatchError.code and item.header is not None:
            owner = await self._store.owner_of_epoch(item.header.epoch)
            if owner is not None and is_sealed_by(owner, item.arrival.payload):
                message = f"The batch was sealed by {owner}; it came from {item.arrival.gateway}."
                return rejection(item.arrival, WRONG_GATEWAY, message, item.header)
        return rejection(item.arrival, item.code, item.message, item.header)

    async def _greet(self, greeting: Greeting) -> Result:
        arrival = greeting.arrival
        record = (await self._store.gateways({arrival.gateway})).get(arrival.gateway)
        if record is None or record.revoked:
            code = UNKNOWN_GATEWAY if record is None else REVOKED_GATEWAY
            return await self._commit_whole([_barred(arrival, code, None)])
        async with self._store.transaction() as tx:
            acks = await answer_hello(tx, record, greeting.hello, self._clock())
        outcome = Outcome(OutcomeKind.HELLO, "HELLO", arrival.gateway)
        return Result([outcome], [Reply(arrival.gateway, ack) for ack in acks])


def _bar(
    record: GatewayRecord | None, item: Readable | Unreadable, revoked: Collection[EpochKey]
) -> str | None:
    """Why a gateway's batch is refused, if it is."""
    if record is None:
        return UNKNOWN_GATEWAY
    if record.revoked:
        return REVOKED_GATEWAY
    return REVOKED_EPOCH if (record.id, item.header.epoch) in revoked else None


def _barred(arrival: Arrival, code: str, header: Header | None) -> Refused:
    return Refused(arrival, code, _BARRED[code].format(gateway=arrival.gateway), header)


def _rejected(kept: Rejection) -> Outcome:
    return Outcome(OutcomeKind.REJECTED, kept.code, kept.gateway, kept.epoch, kept.sequence)
