"""A gateway on the real buffer and conversation, with a card that can be copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.uplink.session_runner import SessionRunner, SessionTime
from firmware_bridge.contract.body import Columns
from firmware_bridge.contract.envelope import is_batch, open_batch
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, to_ms

GATEWAY = "gw1"
Key = tuple[str, int]


@dataclass
class Record:
    """What every device of a run made, and under which identities it travelled."""

    made: dict[Key, int] = field(default_factory=dict)
    identities: dict[Key, set[tuple[UUID, int]]] = field(default_factory=dict)


def _keys(channels: tuple[Channel, ...], columns: Columns) -> list[Key]:
    pairs = zip(columns.channel, columns.at_ms, strict=True)
    return [(channels[index].serial, at_ms) for index, at_ms in pairs]


class Device:
    """One piece of hardware: alive or not, connected or not."""

    def __init__(
        self, card: Path, serial: str, record: Record, random: Random, new_id: Callable[[], UUID]
    ) -> None:
        self.card = card
        self.serial = serial
        self.record = record
        self.connected = False
        self.wall_offset = timedelta()
        self.runner: SessionRunner | None = None
        self.buffer: Buffer | None = None
        self.released: Callable[[list[Key]], None] = lambda _: None
        self._random = random
        self._new_id = new_id
        self._channel = Channel(
            "SIM", serial, ACTIVE_IMPORT, Kind.REGISTER, 900, Source.PROFILE, Unit.WATT_HOUR
        )
        self._cums: dict[UUID, int] = {}
        self.contents: dict[tuple[UUID, int], list[Key]] = {}

    def moment(self, monotonic: float, wall: datetime) -> SessionTime:
        return SessionTime(monotonic, wall + self.wall_offset, synchronised=not self.wall_offset)

    async def boot(self, now: SessionTime) -> None:
        if self.buffer is None:
            self.buffer = await Buffer.open(self.card, GATEWAY, now.wall, new_id=self._new_id)
            self.runner = SessionRunner(self.buffer, self._random, agent=f"sim-{self.serial}")
            self._cums = {view.epoch: view.cum for view in self.buffer.views()}

    async def die(self) -> None:
        """Power off: what was not committed is gone."""
        if self.buffer is not None:
            await self.buffer.close(flush=False)
        self.buffer = self.runner = None
        self.connected = False

    async def store(self, now: SessionTime, instants: list[datetime]) -> None:
        """One poll cycle; on return it is accepted, so it must arrive."""
        if self.buffer is None:
            return
        values = [Reading(self._channel, at, to_ms(at) // 900_000, 0) for at in instants]
        for sealed in await self.buffer.store(
            Cycle(now.wall, values, synchronised=now.synchronised)
        ):
            self._note(sealed.payload)
        for reading in values:
            self.record.made[self.serial, to_ms(reading.at)] = reading.mantissa

    def _note(self, payload: bytes) -> None:
        batch = open_batch(GATEWAY, payload)
        identity = (batch.header.epoch, batch.header.sequence)
        self.contents[identity] = _keys(batch.channels, batch.columns)
        for key in self.contents[identity]:
            self.record.identities.setdefault(key, set()).add(identity)

    def outgoing(self, payloads: list[bytes]) -> list[bytes]:
        """Note what is sent, and check what was released on the way."""
        for payload in payloads:
            if is_batch(payload):
                self._note(payload)
        self._check_releases()
        return payloads

    def _check_releases(self) -> None:
        if self.buffer is None:
            return
        views = {view.epoch: view.cum for view in self.buffer.views()}
        raised = {e: (self._cums.get(e, 0), cum) for e, cum in views.items()}
        self._cums = views
        keys = [
            key
            for (epoch, sequence), contents in self.contents.items()
            if epoch in raised and raised[epoch][0] < sequence <= raised[epoch][1]
            for key in contents
        ]
        if keys:
            self.released(keys)

    def copy_to(self, twin: Device) -> None:
        """Copy the card, as a power cut would leave it, into another device."""
        for name in (self.card.name, f"{self.card.name}-wal"):
            source = self.card.with_name(name)
            if source.exists():
                target = twin.card.with_name(name.replace(self.card.name, twin.card.name))
                shutil.copyfile(source, target)
        twin.contents = dict(self.contents)
