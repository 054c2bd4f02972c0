"""The session and a buffer's file together: bytes in, bytes out, and what waits for the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.errors import BatchMissingError, BufferUnavailableError
from edge_agent.uplink import session_runner as module
from edge_agent.uplink.events import Fold, StartEpoch
from edge_agent.uplink.session import HELLO_S
from edge_agent.uplink.session_runner import RETRY_S, SessionRunner, SessionTime
from firmware_bridge.contract.envelope import NO_HASH, open_batch, open_header
from firmware_bridge.contract.errors import MessageError
from firmware_bridge.contract.messages import (
    Ack,
    Hello,
    Start,
    decode_hello,
    encode_ack,
    encode_start,
    is_hello,
)
from tests.support.edge_parts import NOON, entry


@dataclass
class Site:
    """A buffer in a file, and its runner."""

    buffer: Buffer
    runner: SessionRunner
    passed: float = 0.0

    @property
    def now(self) -> SessionTime:
        return SessionTime(self.passed, NOON + timedelta(seconds=self.passed))

    async def store(self, *numbers: int) -> list[bytes]:
        for number in numbers:
            await self.buffer.store(Cycle(self.now.wall, [entry(number)]))
        return await self.runner.stored(self.now)

    async def connect(self) -> tuple[Hello, list[bytes]]:
        hello, *batches = sorted(await self.runner.connected(self.now), key=_is_batch)
        return decode_hello(hello), batches

    async def ack(self, cum: int, cum_hash: bytes, **further: object) -> list[bytes]:
        message = Ack(self.buffer.current, cum, cum_hash, **further)  # type: ignore[arg-type]
        return await self.runner.received(encode_ack(message), self.now)

    async def events(self) -> list[str]:
        await self.buffer.flush()
        rows = await self.buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
        return [row[0] for row in rows]


def _is_batch(payload: bytes) -> bool:
    try:
        open_header("gw-1", payload)
    except MessageError:
        return False
    return True


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    buffer = await Buffer.open(folder / "buffer.db", "gw-1", NOON)
    yield Site(buffer, SessionRunner(buffer, Random(1), agent="agent 1"))  # noqa: S311 - repeatable
    await buffer.close()


def sequences(payloads: list[bytes]) -> list[int]:
    return [open_header("gw-1", payload).sequence for payload in payloads if _is_batch(payload)]


async def test_a_connection_begins_with_a_hello_and_what_waits(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        hello, batches = await gateway.connect()
        assert (hello.agent, hello.epochs[0].last) == ("agent 1", 2)
        assert sequences(batches) == [1, 2]
        assert gateway.runner.wake_at is not None
        assert sequences(await gateway.store(3)) == [3]


async def test_what_is_acknowledged_leaves_the_backlog(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        _, batches = await gateway.connect()
        header = open_header("gw-1", batches[1])
        await gateway.ack(2, header.sha256)
        assert gateway.runner.backlog == 0
        assert gateway.buffer.unwritten == 2


async def test_a_long_drain_is_written_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_BATCHES", 2)
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        _, batches = await gateway.connect()
        await gateway.ack(2, open_header("gw-1", batches[1]).sha256)
        assert gateway.buffer.unwritten == 0


async def test_what_cannot_be_read_is_kept_as_an_event_with_its_bytes(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.connect()
        assert await gateway.runner.received(b"garbage", gateway.now) == []
        await gateway.buffer.flush()
        rows = await gateway.buffer.engine.database.rows("SELECT code, raw FROM event")
        assert rows == [("message_refused", b"garbage")]


async def test_a_start_of_the_centre_is_greeted(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.connect()
        assert await gateway.runner.received(encode_start(Start(UUID(int=9))), gateway.now) == []
        gateway.passed += 3
        (hello,) = await gateway.runner.elapsed(gateway.now)
        assert is_hello(hello)


async def test_an_hour_brings_another_hello(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.connect()
        assert await gateway.runner.elapsed(gateway.now) == []
        gateway.passed += HELLO_S
        (hello,) = await gateway.runner.elapsed(gateway.now)
        assert is_hello(hello)
        await gateway.runner.disconnected(gateway.now)
        assert gateway.runner.wake_at is None


async def test_a_centre_that_went_back_gets_all_again(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        _, batches = await gateway.connect()
        await gateway.ack(2, open_header("gw-1", batches[1]).sha256)
        hello, _ = await gateway.connect()
        again = await gateway.ack(0, NO_HASH, nonce=hello.nonce)
        assert sequences(again) == [1, 2]
        assert "centre_went_back" in await gateway.events()


async def test_a_twins_acknowledgement_is_noted_once(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        await gateway.connect()
        for strange in (1, 2, 1):
            await gateway.ack(strange, bytes([7]) * 32)
        assert (await gateway.events()).count("ack_of_other_batch") == 1


async def test_a_new_epoch_is_sealed_when_the_centre_asks(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1, 2)
        await gateway.connect()
        before = gateway.buffer.current
        out = await gateway.ack(0, NO_HASH, new_epoch=True)
        assert gateway.buffer.current != before
        batches = [open_batch("gw-1", payload) for payload in out if _is_batch(payload)]
        assert [b.header.epoch for b in batches] == [gateway.buffer.current] * 2
        assert "new_epoch" in await gateway.events()


async def test_an_epoch_that_cannot_be_sealed_now_is_owed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1)
        await gateway.connect()
        before, new_epoch, fails = gateway.buffer.current, gateway.buffer.new_epoch, [True]

        async def new(abandoned: UUID, now: datetime) -> bool:
            if fails:
                message = "The disk fails."
                raise BufferUnavailableError(message, value=fails.pop())
            return await new_epoch(abandoned, now)

        monkeypatch.setattr(gateway.buffer, "new_epoch", new)
        await gateway.ack(0, NO_HASH, new_epoch=True)
        assert gateway.buffer.current == before
        assert gateway.runner.wake_at == gateway.passed + RETRY_S
        gateway.passed += RETRY_S
        await gateway.runner.elapsed(gateway.now)
        assert gateway.buffer.current != before


async def test_a_closed_epoch_that_cannot_be_settled_is_folded(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1)
        closed = gateway.buffer.current
        await gateway.buffer.new_epoch(closed, NOON)
        out: list[bytes] = []
        follow_up = await gateway.runner._perform(Fold(closed), gateway.now, out)
        assert follow_up is not None
        assert "epoch_folded" in await gateway.events()
        assert gateway.buffer.backlog == 1


async def test_epochs_that_changed_under_the_session_are_learnt(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1)
        await gateway.connect()
        await gateway.runner._perform(StartEpoch(gateway.buffer.current), gateway.now, [])
        gateway.buffer.engine.generation += 1
        out = await gateway.runner.stored(gateway.now)
        assert {open_header("gw-1", p).epoch for p in out if _is_batch(p)} == {
            gateway.buffer.current
        }


@pytest.mark.parametrize("changed", [False, True])
async def test_a_batch_that_is_gone_or_was_replaced_renews_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, changed: bool
) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1)
        fetch, times = gateway.buffer.fetch, [1]

        async def gone(epoch: UUID, sequence: int, now: datetime) -> bytes:
            if times:
                times.pop()
                if not changed:
                    message = "It was pruned."
                    raise BatchMissingError(message)
                gateway.buffer.engine.generation += 1
            return await fetch(epoch, sequence, now)

        monkeypatch.setattr(gateway.buffer, "fetch", gone)
        out = await gateway.runner.connected(gateway.now)
        assert sequences(out)[-1] == 1
        assert sum(not _is_batch(payload) for payload in out) == 2


async def test_a_batch_that_cannot_be_read_now_is_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as gateway:
        await gateway.store(1)

        async def fails(*_which: object) -> bytes:
            message = "The disk fails."
            raise BufferUnavailableError(message)

        with monkeypatch.context() as patched:
            patched.setattr(gateway.buffer, "fetch", fails)
            assert sequences(await gateway.runner.connected(gateway.now)) == []
        gateway.passed += 400
        assert sequences(await gateway.runner.elapsed(gateway.now)) == [1]


async def test_the_connections_own_events_are_noted(tmp_path: Path) -> None:
    async with site(tmp_path) as gateway:
        gateway.runner.note("broker_silent", "It does not answer.", gateway.now)
        assert await gateway.events() == ["broker_silent"]
