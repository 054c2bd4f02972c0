"""The least that a centre must do, as the contract says it, for tests of the edge alone."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiomqtt

from edge_agent.cancellation import end
from firmware_bridge.contract import topics
from firmware_bridge.contract.envelope import NO_HASH, is_batch, open_batch
from firmware_bridge.contract.messages import (
    Ack,
    Hello,
    Start,
    decode_hello,
    encode_ack,
    encode_start,
)
from firmware_bridge.contract.signed_batch import is_signed_batch, open_signed_batch

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from uuid import UUID

    from firmware_bridge.contract.envelope import Batch


@dataclass
class Ledger:
    """What the centre has of one epoch."""

    batches: dict[int, Batch] = field(default_factory=dict)
    cum: int = 0

    @property
    def cum_hash(self) -> bytes:
        kept = self.batches.get(self.cum)
        return NO_HASH if kept is None else kept.header.sha256


@dataclass
class Centre:
    """One gateway's batches: stored once, acknowledged by the highest without a hole."""

    gateway: str
    epochs: dict[UUID, Ledger] = field(default_factory=dict)
    duplicates: int = 0
    strangers: int = 0
    hellos: list[Hello] = field(default_factory=list)
    arrivals: list[tuple[UUID, int]] = field(default_factory=list)

    signed: int = 0

    def receive(self, payload: bytes) -> list[Ack]:
        if is_signed_batch(payload):
            self.signed += 1
            payload = open_signed_batch(payload)[1]
        if is_batch(payload):
            return [self._batch(payload)]
        hello = decode_hello(payload)
        self.hellos.append(hello)
        return [self._greet(hello, index) for index in range(len(hello.epochs))]

    def _batch(self, payload: bytes) -> Ack:
        batch = open_batch(self.gateway, payload)
        name, sequence = batch.header.epoch, batch.header.sequence
        self.arrivals.append((name, sequence))
        ledger = self.epochs.setdefault(name, Ledger())
        kept = ledger.batches.get(sequence)
        if kept is not None:
            self.duplicates += 1
            if kept.header.sha256 != batch.header.sha256:
                self.strangers += 1
                return Ack(name, ledger.cum, ledger.cum_hash, new_epoch=True)
            return Ack(name, ledger.cum, ledger.cum_hash)
        ledger.batches[sequence] = batch
        broken = self._advance(ledger)
        return Ack(name, ledger.cum, ledger.cum_hash, new_epoch=broken)

    def _greet(self, hello: Hello, index: int) -> Ack:
        state = hello.epochs[index]
        ledger = self.epochs.setdefault(state.epoch, Ledger())
        if ledger.cum < state.first - 1:
            # What lies below can never come any more.
            ledger.cum = state.first - 1
            self._advance(ledger)
        known = ledger.batches.get(state.last)
        other = known is not None and known.header.sha256 != state.last_hash
        return Ack(
            state.epoch,
            ledger.cum,
            ledger.cum_hash,
            nonce=hello.nonce,
            new_epoch=state.last < ledger.cum or other,
        )

    def _advance(self, ledger: Ledger) -> bool:
        """Raise `cum` over what follows by its hash chain; whether something does not follow."""
        while (following := ledger.batches.get(ledger.cum + 1)) is not None:
            before = ledger.batches.get(ledger.cum)
            known = {ledger.cum_hash} | (
                {before.void.replaces} if before and before.void else set()
            )
            if before is not None and following.prev_hash not in known:
                return True
            ledger.cum += 1
        return False

    def rows(self) -> list[tuple[str, int, int]]:
        """Every reading stored, by channel and time, as often as it was stored."""
        return sorted(
            (str(batch.channels[channel]), at_ms, mantissa)
            for ledger in self.epochs.values()
            for batch in ledger.batches.values()
            for channel, at_ms, mantissa in zip(
                batch.columns.channel, batch.columns.at_ms, batch.columns.mantissa, strict=True
            )
        )


@asynccontextmanager
async def listening(
    centre: Centre,
    port: int,
    *,
    announce: Start | None = None,
    tls_context: ssl.SSLContext | None = None,
) -> AsyncIterator[aiomqtt.Client]:
    """A centre at a real broker, for the time of the context."""
    at_once = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    async with aiomqtt.Client(
        "127.0.0.1", port, socket_options=at_once, tls_context=tls_context
    ) as client:
        await client.subscribe(topics.UP_FILTER, qos=topics.QOS)
        if announce is not None:
            await client.publish(topics.ALL_DOWN, encode_start(announce), qos=topics.QOS)
        task = asyncio.create_task(_serve(centre, client))
        try:
            yield client
        finally:
            await end(task)


async def _serve(centre: Centre, client: aiomqtt.Client) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        for ack in centre.receive(message.payload):
            await client.publish(topics.down(centre.gateway), encode_ack(ack), qos=topics.QOS)
