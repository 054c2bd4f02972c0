"""What one gateway may send in a minute: the rest waits there, and somebody hears of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from central.service.ingest.classify import Arrival
from central.service.ingest.gateway_rate import GatewayRates
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import GatewayReply
from central.service.ingest.over_quota import OverQuota
from central.service.ingest.queue import Intake
from central.service.ports.gateway_rate import RateQuota, Sent
from central.service.ports.ingest import StoreUnavailableError
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

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at_s - 5_000.0)


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


class SharedTable:
    """What several processes wrote down, filled by the same clock; down while `is_down`."""

    def __init__(self, clock: Turned) -> None:
        self._clock = clock
        self._left: dict[str, tuple[Sent, float]] = {}
        self.debits = 0
        self.is_down = False

    async def debit(
        self, sent: Mapping[str, Sent], quota: RateQuota, now: datetime
    ) -> dict[str, Sent]:
        assert now == self._clock.now()
        if self.is_down:
            raise StoreUnavailableError("It is down.")
        self.debits += 1
        left: dict[str, Sent] = {}
        for name, each in sent.items():
            full = Sent(quota.messages, quota.payload_bytes)
            before, at_s = self._left.get(name, (full, self._clock.at_s))
            share = (self._clock.at_s - at_s) / 60
            left[name] = Sent(
                min(full.messages, before.messages + share * full.messages) - each.messages,
                min(full.payload_bytes, before.payload_bytes + share * full.payload_bytes)
                - each.payload_bytes,
            )
            self._left[name] = left[name], self._clock.at_s
        return left


async def told(rates: GatewayRates) -> bool:
    """Tell the others where there is something to tell; whether there was."""
    try:
        async with asyncio.timeout(0):
            await rates.share()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("processes", [1, 2, 5])
async def test_all_processes_together_take_the_quota(processes: int) -> None:
    clock, quota = Turned(), RateQuota(messages=600, payload_bytes=6_000 * KIB)
    table = SharedTable(clock)
    several = [GatewayRates(quota, clock, clock.now, table) for _ in range(processes)]
    taken = 0
    for _ in range(3_000):  # ten minutes of some 100 messages a second, in turns
        for rates in several:
            taken += sum(rates.admits("gw1", KIB) for _ in range(20 // processes))
            await told(rates)
        clock.at_s += 0.2
    # A minute's worth at once, ten minutes' after it, and what processes had not told yet.
    assert 600 * 11 - 60 <= taken <= 600 * 11 + 20 * processes


async def test_bytes_are_shared_as_well() -> None:
    clock, quota = Turned(), RateQuota(messages=600_000, payload_bytes=6_000 * KIB)
    table = SharedTable(clock)
    one, other = (GatewayRates(quota, clock, clock.now, table) for _ in range(2))
    for _ in range(30):
        assert one.admits("gw1", 100 * KIB)
        await told(one)
    taken = 0
    for _ in range(60):
        taken += other.admits("gw1", 100 * KIB)
        await told(other)
    assert taken == 30


async def test_who_sends_little_is_told_to_nobody() -> None:
    clock = Turned()
    table = SharedTable(clock)
    rates = GatewayRates(RateQuota(), clock, clock.now, table)
    for number in range(59):
        assert rates.admits(f"gw{number % 3}", KIB)
    assert not await told(rates)
    assert table.debits == 0


async def test_what_could_not_be_told_is_told_later_and_no_outage_is_waited_off() -> None:
    clock = Turned()
    table = SharedTable(clock)
    rates, other = (GatewayRates(QUOTA, clock, clock.now, table) for _ in range(2))
    table.is_down = True
    for _ in range(30):  # half an hour
        for _ in range(60):
            assert rates.admits("gw1", KIB)
        clock.at_s += 60
        with pytest.raises(StoreUnavailableError):
            await told(rates)
    table.is_down = False
    assert await told(rates)
    assert not rates.admits("gw1", KIB)
    assert other.admits("gw1", KIB)
    assert await told(other)
    assert not other.admits("gw1", KIB)
    clock.at_s += 60
    assert rates.admits("gw1", KIB)
