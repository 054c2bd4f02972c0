"""What one gateway may send in a minute: the rest waits there, and somebody hears of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from central.service.ingest.classify import Arrival
from central.service.ingest.gateway_rate import GatewayRates, RateQuota
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import GatewayReply
from central.service.ingest.over_quota import OverQuota
from central.service.ingest.queue import Intake
from central.service.ports.ingest_records import FindingCode
from tests.support.actors import noted
from tests.support.ingest import NOW, Edge, channel, readings
from tests.support.memory.ingest import MemoryIngestStore

KIB = 1024
QUOTA = RateQuota(messages=60, payload_bytes=600 * KIB)


class Turned:
    """A clock that the test turns. [s]"""

    def __init__(self) -> None:
        self.at_s = 5_000.0

    def __call__(self) -> float:
        return self.at_s

    @property
    def now(self) -> Callable[[], datetime]:
        return lambda: NOW + timedelta(seconds=self.at_s - 5_000.0)


def test_a_minutes_messages_go_at_once_and_then_as_many_as_the_minute_has() -> None:
    clock = Turned()
    rates = GatewayRates(QUOTA, clock)
    assert [rates.admits("gw1", KIB) for _ in range(62)] == [True] * 60 + [False] * 2
    assert rates.admits("gw2", KIB), "another gateway has its own"
    clock.at_s += 2.5
    assert [rates.admits("gw1", KIB) for _ in range(3)] == [True, True, False]
    clock.at_s += 3_600
    assert [rates.admits("gw1", KIB) for _ in range(61)].count(True) == 60, "never more at once"
    assert rates.deferred == {"gw1": 4}


def test_bytes_are_bounded_beside_messages_and_a_small_one_still_goes() -> None:
    clock = Turned()
    rates = GatewayRates(QUOTA, clock)
    assert [rates.admits("gw1", 100 * KIB) for _ in range(7)] == [True] * 6 + [False]
    clock.at_s += 0.5
    assert not rates.admits("gw1", 100 * KIB)
    assert rates.admits("gw1", 5 * KIB)


@pytest.mark.parametrize("interval_s", [1.0, 7.0, 900.0])
def test_who_sends_evenly_within_the_quota_is_never_refused(interval_s: float) -> None:
    clock = Turned()
    rates = GatewayRates(QUOTA, clock)
    for _ in range(5_000):
        assert rates.admits("gw1", 10 * KIB)
        clock.at_s += interval_s
    assert not rates.deferred


async def test_a_backlog_beyond_the_quota_comes_later_whole_and_delays_nobody() -> None:
    store = MemoryIngestStore()
    for name in ("gw1", "gw2"):
        await store.enrol(name, noted(NOW))
    clock = Turned()
    rates = GatewayRates(RateQuota(messages=10, payload_bytes=600 * KIB), clock)
    intake = Intake(Ingest(store, clock.now), rates=rates)
    flood, other = Edge("gw1"), Edge("gw2")
    start = NOW - timedelta(days=3)
    for number in range(35):
        hour = start + number * timedelta(hours=1)
        flood.seal(readings(4, hour, number * 4, channel("F")))
    cum = {"gw1": 0, "gw2": 0}
    came = asyncio.Event()

    async def send(reply: GatewayReply) -> None:
        cum[reply.gateway] = max(cum[reply.gateway], reply.ack.cum)
        came.set()

    async def until(gateway: str, sequence: int) -> None:
        async with asyncio.timeout(60):
            while cum[gateway] < sequence:
                came.clear()
                await came.wait()

    task = asyncio.create_task(intake.run(send))
    rounds = 0
    while cum["gw1"] < 35:
        taken = 0
        for batch in flood.sealed[cum["gw1"] :]:  # what is not acknowledged, all of it again
            taken += intake.offer(Arrival("gw1", batch.payload, clock.now()))
        hour = start + rounds * timedelta(hours=1)
        batch = other.seal(readings(1, hour, rounds, channel("O")))
        assert intake.offer(Arrival("gw2", batch.payload, clock.now()))
        await until("gw1", cum["gw1"] + taken)
        await until("gw2", rounds + 1)
        rounds += 1
        clock.at_s += 60
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert rounds == 4
    assert intake.deferred() == {"gw1": 25 + 15 + 5}
    assert intake.counts["deferred"] == 45
    assert len(store.state.readings) == 35 * 4 + 4


async def test_it_is_a_finding_until_ten_quiet_minutes_have_passed() -> None:
    store = MemoryIngestStore()
    await store.enrol("gw1", noted(NOW))
    clock = Turned()
    over = OverQuota(store, QUOTA, clock.now)
    await over.note(Counter())
    assert await store.open_findings() == []
    await over.note(Counter({"gw1": 7, "stranger": 9}))
    (finding,) = await store.open_findings(FindingCode.OVER_QUOTA)
    assert finding.key == "OVER_QUOTA:gw1"
    assert "60 messages or 600 KiB in a minute" in finding.message
    clock.at_s += 599
    await over.note(Counter())
    assert len(await store.open_findings()) == 1
    clock.at_s += 1
    await over.note(Counter())
    assert await store.open_findings() == []


async def test_a_finding_that_a_process_left_is_closed_by_the_next() -> None:
    store = MemoryIngestStore()
    await store.enrol("gw1", noted(NOW))
    clock = Turned()
    await OverQuota(store, QUOTA, clock.now).note(Counter({"gw1": 7}))
    restarted = OverQuota(store, QUOTA, clock.now)
    await restarted.note(Counter())
    assert len(await store.open_findings()) == 1
    clock.at_s += 600
    await restarted.note(Counter())
    assert await store.open_findings() == []
