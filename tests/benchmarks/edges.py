"""Many gateways in one process, for load: batches sealed beforehand, a window each, resends.

    python -m tests.benchmarks.edges PORT GATEWAYS BATCHES CHANNELS TIMES PREFIX

Says `ready`, waits for a line, sends, and says how long it took until all was acknowledged.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware_bridge.contract.envelope import Link, Sealed, seal
from firmware_bridge.contract.messages import Ack, decode_down
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from firmware_bridge.contract.topics import QOS, down, gateway_of, up

WINDOW = 8
RESEND_S = 5.0
QUARTER = timedelta(minutes=15)


class Gateway:
    """One sender: everything above `cum`, at most a window of it at once."""

    def __init__(self, name: str, batches: list[Sealed]) -> None:
        self.name = name
        self.batches = batches
        self.limit = 1
        self.cum = 0
        self.sent = 0
        self.heard_at = time.monotonic()

    def due(self) -> list[bytes]:
        until = min(self.limit, self.cum + WINDOW)
        batches = self.batches[self.sent : until]
        self.sent = max(self.sent, until)
        return [batch.payload for batch in batches]

    def hear(self, ack: Ack) -> None:
        if ack.cum > self.cum and self.batches[ack.cum - 1].sha256 == ack.cum_hash:
            self.cum = ack.cum
            self.heard_at = time.monotonic()


def seal_all(name: str, batches: int, channels: int, times: int) -> list[Sealed]:
    """A meter with so many registers; each batch holds so many quarter-hours of all of them."""
    made = [
        Channel(
            "BNC", name, Obis(bytes((1, 0, 1 + i, 8, 0, 255))), Kind.REGISTER, 900,
            Source.PROFILE, Unit.WATT_HOUR,
        )
        for i in range(channels)
    ]  # fmt: skip
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start -= batches * times * QUARTER
    link, sealed = Link.first(name, uuid4()), []
    for number in range(batches):
        values = [
            Reading(made[c], start + (number * times + t) * QUARTER, 100_000 + number * t * 7, 0)
            for c in range(channels)
            for t in range(times)
        ]
        sealed.append(seal(link, start, values))
        link = link.after(sealed[-1])
    return sealed


class Fleet:
    """All gateways over one connection."""

    def __init__(self, port: int, edges: dict[str, Gateway]) -> None:
        self._edges = edges
        self._done = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(0)
        self._client.max_queued_messages_set(0)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        for name in edges:
            self._client.subscribe(down(name), QOS)

    def _send(self, edge: Gateway) -> None:
        for payload in edge.due():
            self._client.publish(up(edge.name), payload, QOS)

    def _hear(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        edge = self._edges[gateway_of(message.topic)]
        said = decode_down(bytes(message.payload))
        if isinstance(said, Ack):
            edge.hear(said)
            self._send(edge)
            if all(e.cum == e.limit for e in self._edges.values()):
                self._done.set()

    def run(self) -> float:
        """Send everything up to each gateway's limit; seconds until all is acknowledged."""
        self._done.clear()
        began = time.perf_counter()
        for edge in self._edges.values():
            self._send(edge)
        while not self._done.wait(0.5):
            self._resend()
        return time.perf_counter() - began

    def _resend(self) -> None:
        for edge in self._edges.values():
            if time.monotonic() - edge.heard_at > RESEND_S and edge.cum < edge.limit:
                edge.sent, edge.heard_at = edge.cum, time.monotonic()
                self._send(edge)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def main() -> None:
    port, gateways, batches, channels, times = map(int, sys.argv[1:6])
    names = [f"{sys.argv[6]}-{number}" for number in range(gateways)]
    edges = {name: Gateway(name, seal_all(name, batches, channels, times)) for name in names}
    fleet = Fleet(port, edges)
    fleet.run()  # the first batch of each makes its channels appear; what is measured follows
    for edge in edges.values():
        edge.limit = len(edge.batches)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(f"{fleet.run()}\n")
    fleet.close()


if __name__ == "__main__":
    main()
