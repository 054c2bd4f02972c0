"""One message that fails alone ends nothing, is named and kept, and keeps nobody waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from central.service.ingest.classify import Arrival, Examined, Greeting, RefusedMessage, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.isolate import TRIES, Blamed, isolate
from central.service.ingest.outcome import MessageOutcome, OutcomeKind, Result
from central.service.ports.faults import StoreFaultError, StoreUnfitError
from central.service.ports.ingest import IngestTransaction, PoisonError, StoreUnavailableError
from central.service.ports.ingest_records import FindingCode
from firmware_bridge.contract.messages import EpochState, Hello
from tests.support.actors import noted
from tests.support.hostile import bad_batches, bad_hellos, bad_statuses
from tests.support.ingest import NOW, Edge, channel, readings
from tests.support.memory.ingest import MemoryIngestStore

START = NOW - timedelta(days=3)
POISON, FAULT = "poison", "fault"


def messages(count: int, *bad: int) -> list[Examined]:
    """Refused messages by number; those in `bad` carry what makes `Trial` fail."""
    return [
        RefusedMessage(Arrival(f"gw{i}", b"", NOW), "bad" if i in bad else "", "")
        for i in range(count)
    ]


class Trial:
    """Commits what it is given, and fails as told."""

    def __init__(self, error: Exception, failures: int = 10**6) -> None:
        self.error = error
        self.failures = failures
        self.attempts: list[int] = []
        self.rests: list[float] = []

    async def commit(self, part: Sequence[Examined]) -> Result:
        self.attempts.append(len(part))
        if any(isinstance(item, RefusedMessage) and item.code for item in part) and self.failures:
            self.failures -= 1
            raise self.error
        return Result(
            [MessageOutcome(OutcomeKind.STORED, "STORED", i.arrival.gateway) for i in part]
        )

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    async def run(self, window: Sequence[Examined]) -> list[Result | Blamed]:
        return [end async for end in isolate([window], self.commit, self.rest)]


def stored(ends: Sequence[Result | Blamed]) -> set[str]:
    return {o.gateway for end in ends if isinstance(end, Result) for o in end.outcomes}


def blamed(ends: Sequence[Result | Blamed]) -> dict[str, str]:
    return {end.item.arrival.gateway: end.code for end in ends if isinstance(end, Blamed)}


async def test_a_window_without_fault_is_one_piece() -> None:
    trial = Trial(PoisonError("x", value="22021"))
    assert len(await trial.run(messages(1_000))) == 1
    assert trial.attempts == [1_000]


@pytest.mark.parametrize("place", [0, 500, 999])
async def test_poison_is_found_by_halving_without_a_pause(place: int) -> None:
    trial = Trial(PoisonError("x", value="22021"))
    ends = await trial.run(messages(1_000, place))
    assert blamed(ends) == {f"gw{place}": "POISON_22021"}
    assert len(stored(ends)) == 999
    assert len(trial.attempts) <= 22
    assert not trial.rests


@pytest.mark.parametrize("error", [KeyError("x"), StoreFaultError("x"), AssertionError()])
async def test_what_nobody_foresaw_is_tried_a_few_times_behind_all_others(error: Exception) -> None:
    trial = Trial(error)
    ends = await trial.run(messages(100, 7, 70))
    assert blamed(ends) == dict.fromkeys(("gw7", "gw70"), "UNEXPECTED")
    assert len(stored(ends)) == 98
    # The honest are done before the first pause; what pauses there are all suspects share.
    assert [isinstance(end, Blamed) for end in ends][-2:] == [True, True]
    assert len(trial.rests) == TRIES - 1
    assert sum(trial.rests) < 0.5


async def test_what_passes_by_itself_is_not_blamed() -> None:
    trial = Trial(KeyError("x"), failures=TRIES - 1)
    ends = await trial.run(messages(1, 0))
    assert blamed(ends) == {}
    assert stored(ends) == {"gw0"}


@pytest.mark.parametrize("error", [StoreUnavailableError("x"), StoreUnfitError("x")])
async def test_what_is_no_messages_fault_is_raised_at_once(error: Exception) -> None:
    trial = Trial(error)
    with pytest.raises(type(error)):
        await trial.run(messages(8, 3))
    assert trial.attempts == [8]


class Brittle(MemoryIngestStore):
    """Fails in some methods, where what they are given shows a sign."""

    def __init__(self, error: Exception, *methods: str, sign: str = "666") -> None:
        super().__init__()
        self.error = error
        self.methods = methods
        self.sign = sign
        self.calls = 0

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[IngestTransaction]:
        async with super().transaction(now) as tx:
            for method in self.methods:
                object.__setattr__(tx, method, self._failing(getattr(tx, method)))
            yield tx

    def _failing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def fail(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 - any method
            if self.sign in repr(args) + repr(kwargs):
                self.calls += 1
                raise self.error
            return await original(*args, **kwargs)

        return fail


async def test_what_failed_and_its_senders_other_messages_are_left_for_a_lane_of_their_own() -> (
    None
):
    window = messages(64, 5, 40)
    window += [RefusedMessage(Arrival("gw5", b"", NOW), "", "") for _ in range(9)]
    trial = Trial(PoisonError("x", value="22021"))
    behind: list[Examined] = []
    ends = [end async for end in isolate([window], trial.commit, trial.rest, behind)]
    assert set(blamed(ends)) == {"gw5", "gw40"}
    assert len(stored(ends)) == 62
    assert {item.arrival.gateway for item in behind} == {"gw5"}
    assert len(behind) == 9


async def no_rest(_: float) -> None:
    pass


async def worker(store: MemoryIngestStore, *names: str) -> Ingest:
    for name in names:
        await store.enrol(name, noted(NOW))
    return Ingest(store, lambda: NOW, no_rest)


def greeting(name: str, agent: str) -> Greeting:
    state = EpochState(Edge(name).epoch, 1, 0, bytes(32), 0, bytes(32))
    return Greeting(Arrival(name, b"hello", NOW), Hello(b"n" * 16, NOW, agent, (state,)))


@pytest.mark.parametrize("agent", ["a\0b", "\ud800"])
async def test_hellos_that_the_store_refuses_are_kept_and_stop_nothing(agent: str) -> None:
    store = MemoryIngestStore()
    ingest = await worker(store, "gw1", "gw2")
    honest = Edge("gw1")
    batch = honest.arrive(honest.seal(readings(4, START)))
    result = await ingest.commit([*(greeting("gw2", agent) for _ in range(4)), *batch])
    kinds = sorted((o.gateway, o.kind.value, o.code) for o in result.outcomes)
    assert kinds == [("gw1", "stored", "STORED"), *[("gw2", "rejected", "POISON_22021")] * 4]
    assert [r.code for r in store.state.rejected.values()] == ["POISON_22021"]
    assert [f.code for f in store.state.findings.values()] == [FindingCode.REFUSED]


@pytest.mark.parametrize("error", [KeyError("x"), StoreFaultError("x", value="XX000")])
async def test_a_batch_that_fails_in_the_code_is_quarantined_and_found(error: Exception) -> None:
    store = Brittle(error, "store")
    ingest = await worker(store, "gw1", "gw2")
    honest, hostile = Edge("gw1"), Edge("gw2")
    bad = hostile.seal(readings(2, START, 666, channel("B2")))
    window = honest.arrive(honest.seal(readings(4, START))) + hostile.arrive(bad)
    result = await ingest.commit(window)
    assert {o.gateway: o.code for o in result.outcomes} == {"gw1": "STORED", "gw2": "UNEXPECTED"}
    assert {reply.gateway: reply.ack.cum for reply in result.replies} == {"gw1": 1, "gw2": 1}
    assert [q.payload for q in store.state.quarantine.values()] == [bad.payload]
    assert [f.code for f in store.state.findings.values()] == [FindingCode.QUARANTINE]
    assert store.calls == TRIES + 1  # with the window, and then alone


async def test_who_was_at_fault_goes_behind_the_others_and_costs_them_no_second_attempt() -> None:
    store = Brittle(PoisonError("x", value="23514"), "store")
    ingest = await worker(store, "gw1", "gw2")
    honest, hostile = Edge("gw1"), Edge("gw2")
    await ingest.commit(hostile.arrive(hostile.seal(readings(2, START, 666, channel("B2")))))
    bad = hostile.arrive(hostile.seal(readings(2, START, 666, channel("B2"))))
    window = bad + honest.arrive(honest.seal(readings(4, START)))
    pieces = [piece async for piece in ingest.pieces(window)]
    assert [[o.gateway for o in piece.outcomes] for piece in pieces] == [["gw1"], ["gw2"]]


async def test_what_can_be_kept_in_no_way_is_counted_and_stays_unacknowledged() -> None:
    store = Brittle(KeyError("x"), "quarantine", "reject", sign="")
    ingest = await worker(store, "gw1", "gw2")
    edge = Edge("gw1")
    honest = edge.arrive(edge.seal(readings(4, START)))
    spoilt = bad_batches("gw2")["batch meters.0.0 is NUL"]
    result = await ingest.commit([examine(Arrival("gw2", spoilt, NOW)), *honest])
    assert {o.gateway: o.kind.value for o in result.outcomes} == {"gw1": "stored", "gw2": "unkept"}
    assert [reply.gateway for reply in result.replies] == ["gw1"]


def test_nothing_that_a_gateway_sends_makes_examining_raise() -> None:
    payloads = [*bad_batches("gw1").values(), *bad_hellos().values(), *bad_statuses().values()]
    codes = {getattr(examine(Arrival("gw1", payload, NOW)), "code", "") for payload in payloads}
    assert codes >= {"", "BAD_TEXT", "SCHEMA", "MALFORMED", "NESTING"}
    assert "UNFORESEEN" not in codes
    for name in ("GW 1", "", "a\0", "\ud800", "x" * 5_000):
        assert isinstance(examine(Arrival(name, payloads[0], NOW)), RefusedMessage)


def test_a_fault_of_the_decoder_refuses_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("central.service.ingest.classify.open_header", fail)
    edge = Edge("gw1")
    (item,) = edge.arrive(edge.seal(readings(4, START)))
    assert isinstance(item, RefusedMessage)
    assert (item.code, item.header is not None) == ("UNFORESEEN", True)
