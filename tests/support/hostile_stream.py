"""An endless mixture of what a hostile gateway may send, from a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from firmware_bridge.contract.envelope import HEADER_BYTES, NO_HASH, Link, digest, seal
from firmware_bridge.contract.messages import EpochState, Hello, encode_hello
from firmware_bridge.contract.topics import ROOT, status, up
from tests.support.hostile import EPOCH, bad_batches, bad_hellos, bad_statuses, good_batch
from tests.support.ingest import channel, readings

_HEADER = struct.Struct(">3sB16sQ32s")
_LONG = 70_000


class HostileStream:
    """Topics with payloads.

    Args:
        gateway: An enrolled gateway that turned.
        seed: Of all that is drawn.
        start: Of the readings of its good batches.
    """

    def __init__(self, gateway: str, seed: int, start: datetime) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - repeatable
        self._gateway = gateway
        self._start = start
        self._spoilt = [*bad_batches(gateway).values(), *bad_hellos().values()]
        self._statuses = list(bad_statuses().values())
        self._good = good_batch(gateway, 1)
        self._kinds = (
            self._bent, self._resealed, self._cut, self._noise, self._spoilt_fields, self._hello,
            self._stated, self._elsewhere, self._epochs, self._meters, self._repeated,
        )  # fmt: skip

    def messages(self, count: int) -> Iterator[tuple[str, bytes]]:
        """So many messages."""
        for _ in range(count):
            yield self._draw.choice(self._kinds)()

    def _up(self, payload: bytes) -> tuple[str, bytes]:
        return up(self._gateway), payload

    def _bent(self) -> tuple[str, bytes]:
        """A good batch with some of its bits turned over."""
        payload = bytearray(self._good)
        for _ in range(self._draw.randint(1, 8)):
            payload[self._draw.randrange(len(payload))] ^= 1 << self._draw.randrange(8)
        return self._up(bytes(payload))

    def _resealed(self) -> tuple[str, bytes]:
        """A body of bent bytes under a hash that is right."""
        body = bytearray(self._good[HEADER_BYTES:])
        body[self._draw.randrange(len(body))] ^= 1 << self._draw.randrange(8)
        magic, version, *_ = _HEADER.unpack_from(self._good)
        sequence = self._draw.choice((0, 1, 2**40, 2**63 - 1, 2**64 - 1, self._draw.randrange(9)))
        sha256 = digest(self._gateway, version, EPOCH, sequence, bytes(body))
        head = _HEADER.pack(magic, version, EPOCH.bytes, sequence, sha256)
        return self._up(head + bytes(body))

    def _cut(self) -> tuple[str, bytes]:
        return self._up(self._good[: self._draw.randrange(len(self._good))])

    def _noise(self) -> tuple[str, bytes]:
        """Anything, of any length; now and then more than a batch may have."""
        longest = _LONG if self._draw.random() < 0.01 else 300
        return self._up(self._draw.randbytes(self._draw.randrange(longest)))

    def _spoilt_fields(self) -> tuple[str, bytes]:
        return self._up(self._draw.choice(self._spoilt))

    def _hello(self) -> tuple[str, bytes]:
        """A hello of epochs that nobody knows."""
        epoch = UUID(int=self._draw.getrandbits(128))
        last = self._draw.choice((0, 5, 2**62))
        state = EpochState(epoch, 1, last, NO_HASH, 0, NO_HASH)
        hello = Hello(self._draw.randbytes(16), self._start, "hostile", (state,))
        return self._up(encode_hello(hello))

    def _stated(self) -> tuple[str, bytes]:
        return status(self._gateway), self._draw.choice(self._statuses)

    def _elsewhere(self) -> tuple[str, bytes]:
        """A topic that names nobody, or a batch of ours under somebody else's."""
        if self._draw.random() < 0.1:
            return up("gw1"), self._good
        name = self._draw.choice(
            ("", " ", "..", "GW1", "nobody", "\u202egw", "x" * 500, "a\ufeffb", "-x", "meterline-x")
        )
        verb = self._draw.choice(("up", "status", "down", "up/up", "cfg", "UP"))
        payload = self._draw.choice((b"", self._good, b"\x93\x01", b"{}"))
        return f"{ROOT}/gw/{name}/{verb}", payload

    def _epochs(self) -> tuple[str, bytes]:
        """A good batch of yet another epoch."""
        epoch = UUID(int=self._draw.getrandbits(128))
        values = readings(1, self._start, 7, channel("EVIL"))
        sequence = self._draw.randint(1, 5)
        return self._up(
            seal(Link(self._gateway, epoch, sequence, NO_HASH), self._start, values).payload
        )

    def _meters(self) -> tuple[str, bytes]:
        """A good batch of yet other meters, some of them somebody else's."""
        serials = ["gw1", *(f"E{self._draw.randrange(10**6)}" for _ in range(5))]
        at = self._start + timedelta(hours=self._draw.randrange(24))
        values = [readings(1, at, 7, channel(serial))[0] for serial in serials]
        sequence = self._draw.randrange(1, 10**6)
        return self._up(seal(Link(self._gateway, EPOCH, sequence, NO_HASH), at, values).payload)

    def _repeated(self) -> tuple[str, bytes]:
        return self._up(self._good)
