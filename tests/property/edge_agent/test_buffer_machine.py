"""Whatever the network, the power and the centre do: nothing unacknowledged is dropped."""

from __future__ import annotations

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.uplink.session_runner import SessionRunner, SessionTime
from firmware_bridge.contract.envelope import NO_HASH, is_batch, open_batch
from firmware_bridge.contract.messages import Start, encode_ack, encode_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.edge_centre import Centre
from tests.support.size import sized

T = TypeVar("T")

LIVES = sized("METERLINE_BUFFER_LIVES", 20, 2_000)
GATEWAY = "gw-1"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)


class EdgeAndCentre(RuleBasedStateMachine):
    """One edge on a real file, one centre, and a network that may do anything to messages."""

    def __init__(self) -> None:
        super().__init__()
        # Memory serves here: what a power cut leaves of a disk is tried elsewhere.
        shared = Path("/dev/shm")  # noqa: S108 - a fresh folder within
        where = shared if shared.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="meterline-edge-", dir=where))
        self.path = self.folder / "buffer.db"
        self.runner = asyncio.Runner()
        self.random = Random(7)  # noqa: S311 - repeatable
        self.seconds = 0.0
        self.names = 0
        self.taken = 0
        self.accepted: set[int] = set()
        self.only_there: set[int] = set()
        self.ever_stored: set[tuple[UUID, int, bytes]] = set()
        self.centre = Centre(GATEWAY)
        self.backup = copy.deepcopy(self.centre)
        self.up: list[bytes] = []
        self.down: list[bytes] = []
        self.connected = False

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def now(self) -> SessionTime:
        return SessionTime(self.seconds, T0 + timedelta(seconds=self.seconds))

    def new_id(self) -> UUID:
        self.names += 1
        return UUID(int=self.names)

    def open(self) -> None:
        self.buffer = self.do(Buffer.open(self.path, GATEWAY, self.now().wall, new_id=self.new_id))
        self.session_runner = SessionRunner(self.buffer, self.random)
        self.connected = False

    @initialize()
    def start(self) -> None:
        self.open()

    @rule(count=st.integers(1, 5))
    def poll(self, count: int) -> None:
        for _ in range(count):
            self.taken += 1
            self.seconds += 1
            reading = Reading(CHANNEL, self.now().wall, self.taken, 0)
            self.do(self.buffer.store(Cycle(self.now().wall, [reading])))
            self.accepted.add(self.taken)
        self.up += self.do(self.session_runner.stored(self.now()))

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.connected = True
        self.up += self.do(self.session_runner.connected(self.now()))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self) -> None:
        self.connected = False
        self.do(self.session_runner.disconnected(self.now()))

    @precondition(lambda self: self.up)
    @rule(which=st.integers(0, 1 << 16), again=st.booleans())
    def deliver_up(self, which: int, again: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        index = which % len(self.up)
        payload = self.up[index] if again else self.up.pop(index)
        self.arrive(payload)

    @rule()
    def exchange_everything(self) -> None:
        if not self.connected:
            self.connect()
        rounds = 0
        while self.up or self.down:
            rounds += 1
            assert rounds < 60, "the two sides never come to rest"
            while self.up:
                self.arrive(self.up.pop(0))
            while self.down:
                self.up += self.do(self.session_runner.received(self.down.pop(0), self.now()))

    def arrive(self, payload: bytes) -> None:
        acks = self.centre.receive(payload)
        if is_batch(payload):
            header = open_batch(GATEWAY, payload).header
            kept = self.centre.epochs[header.epoch].batches[header.sequence]
            self.ever_stored.add((header.epoch, header.sequence, kept.header.sha256))
        self.down += [encode_ack(ack) for ack in acks]

    @precondition(lambda self: self.down)
    @rule(which=st.integers(0, 1 << 16), again=st.booleans())
    def deliver_down(self, which: int, again: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        index = which % len(self.down)
        payload = self.down[index] if again else self.down.pop(index)
        self.up += self.do(self.session_runner.received(payload, self.now()))

    @rule()
    def lose_what_is_under_way(self) -> None:
        self.up.clear()
        self.down.clear()

    @rule(seconds=st.sampled_from([5.0, 31.0, 400.0, 3700.0]))
    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.up += self.do(self.session_runner.elapsed(self.now()))

    @rule(flush=st.booleans())
    def restart(self, flush: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
        self.do(self.buffer.close(flush=flush))
        self.open()

    @rule()
    def the_centre_starts(self) -> None:
        self.up += self.do(
            self.session_runner.received(encode_start(Start(UUID(int=1))), self.now())
        )

    @rule()
    def back_up_the_centre(self) -> None:
        self.backup = copy.deepcopy(self.centre)

    @rule()
    def restore_the_centre(self) -> None:
        self.centre = copy.deepcopy(self.backup)
        self.down.clear()
        # A card and a backup that are both older than a reading: nobody has it any more.
        self.accepted -= self.only_there - self.at_the_centre()

    @rule(before=st.integers(0, 4), after=st.integers(0, 8), known=st.booleans())
    def put_an_older_image_of_the_card_back(self, before: int, after: int, known: bool) -> None:  # noqa: FBT001
        """A twin of the card goes on from an earlier point; sequences are used twice.

        What only the newer card had is lost with it; nothing else may be.
        """
        self.do(self.buffer.close())
        shutil.copy(self.path, self.folder / "image.db")
        self.open()
        if before:
            self.poll(before)
        if known:
            self.exchange_everything()
        self.do(self.buffer.close())
        shutil.copy(self.folder / "image.db", self.path)
        self.open()
        self.only_there |= self.accepted - self.in_the_buffer()
        self.accepted &= self.at_the_centre() | self.in_the_buffer()
        if after:
            self.poll(after)

    @precondition(lambda self: self.buffer.last > 0)
    @rule(position=st.integers(0, 1 << 16))
    def hit_a_bit_of_an_unsent_batch(self, position: int) -> None:
        """One flipped bit is turned back by the hash."""
        view = self.buffer.views()[-1]
        if view.cum == view.last:
            return
        sequence = view.cum + 1

        async def flip() -> None:
            life = self.buffer.engine.ledger.current
            row = await self.buffer._row(life, sequence)
            damaged = bytearray(row.payload)
            damaged[position // 8 % len(damaged)] ^= 1 << position % 8

            async def work(connection: Any) -> None:  # noqa: ANN401 - aiosqlite's
                await connection.execute(
                    "UPDATE batch SET payload = ? WHERE id = ?",
                    (bytes(damaged), life.id_of(sequence)),
                )

            await self.buffer.engine.database.transact(work, lambda: None)

        self.do(flip())
        payload = self.do(self.buffer.fetch(self.buffer.current, sequence, self.now().wall))
        assert open_batch(GATEWAY, payload).void is None

    def rows(self) -> list[tuple[UUID, int, bytes, bytes]]:
        found = []
        for view in self.buffer.views():
            life = self.buffer.engine.ledger.find(view.epoch)
            assert life is not None
            for sequence in range(view.first, view.last + 1):
                row = self.do(self.buffer._row(life, sequence))
                found.append((view.epoch, sequence, row.sha256, row.payload))
        return found

    def in_the_buffer(self) -> set[int]:
        return {
            value
            for *_, payload in self.rows()
            for value in open_batch(GATEWAY, payload).columns.mantissa
        }

    def at_the_centre(self) -> set[int]:
        return {row[2] for row in self.centre.rows()}

    @invariant()
    def every_accepted_reading_is_somewhere(self) -> None:
        if hasattr(self, "buffer"):
            assert self.accepted <= self.in_the_buffer() | self.at_the_centre()

    @invariant()
    def only_what_the_centre_had_is_released(self) -> None:
        if not hasattr(self, "buffer"):
            return
        cums = {view.epoch: view.cum for view in self.buffer.views()}
        for epoch, sequence, sha256, _ in self.rows():
            if sequence <= cums[epoch]:
                assert (epoch, sequence, sha256) in self.ever_stored

    @invariant()
    def the_chain_holds(self) -> None:
        if not hasattr(self, "buffer"):
            return
        before: dict[UUID, bytes] = {}
        for epoch, sequence, sha256, payload in self.rows():
            batch = open_batch(GATEWAY, payload)
            assert (batch.header.epoch, batch.header.sequence) == (epoch, sequence)
            if sequence == 1:
                assert batch.prev_hash == NO_HASH
            elif epoch in before:
                assert batch.prev_hash == before[epoch]
            before[epoch] = sha256

    @invariant()
    def readings_reconcile(self) -> None:
        if hasattr(self, "buffer"):
            assert self.do(self.buffer.counts()).reconcile

    def teardown(self) -> None:
        try:
            if hasattr(self, "buffer"):
                try:
                    self.settle()
                finally:
                    self.do(self.buffer.close(flush=False))
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    def settle(self) -> None:
        """Once the network behaves, everything arrives and the backlog ends."""
        if self.connected:
            self.disconnect()
        self.up.clear()
        self.down.clear()
        self.connect()
        for _ in range(50):
            self.exchange_everything()
            if not self.buffer.backlog:
                break
            self.seconds += 301
            self.up += self.do(self.session_runner.elapsed(self.now()))
        assert self.buffer.backlog == 0
        assert self.accepted <= self.at_the_centre()


def test_edge_and_centre_agree_whatever_happens() -> None:
    # Shrinking takes minutes with a file behind each step; a failure prints its steps as they were.
    run_state_machine_as_test(
        EdgeAndCentre,
        settings=settings(
            max_examples=LIVES, stateful_step_count=30, deadline=None, phases=[Phase.generate]
        ),
    )
