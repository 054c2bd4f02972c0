"""Retained statuses: noted, or kept by name; none of them ends anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from central.service.ingest.connects import MANY, WITHIN, Connects
from central.service.ingest.refused_findings import RECENT
from central.service.ingest.statuses import Statuses
from central.service.ports.faults import StoreUnfitError
from central.service.ports.ingest import PoisonError, StoreUnavailableError
from central.service.ports.ingest_records import FindingCode
from firmware_bridge.contract.messages import GatewayState, Status, encode_status
from firmware_bridge.contract.reports import REFUSALS_MAX, RefusalReport
from tests.support.actors import noted
from tests.support.hostile import bad_statuses
from tests.support.ingest import NOW
from tests.support.memory.ingest import MemoryIngestStore

GOOD = encode_status(Status(GatewayState.ONLINE, "edge/1", NOW, 7))
SURROGATE = b'{"v":1,"state":"online","agent":"\\ud800"}'


class Failing(MemoryIngestStore):
    """Fails to save a status as often as it is told to."""

    def __init__(self, error: Exception | None = None, failures: int = 0) -> None:
        super().__init__()
        self.error = error
        self.failures = failures

    async def save_status(self, name: str, status: Status, at: datetime) -> bool:
        if self.error is not None and self.failures:
            self.failures -= 1
            raise self.error
        return await super().save_status(name, status, at)


async def statuses(store: Failing) -> Statuses:
    await store.enrol("gw1", noted(NOW))

    async def no_rest(_: float) -> None:
        pass

    return Statuses(store, store, lambda: NOW, no_rest)


def kept(store: Failing) -> list[tuple[str, str]]:
    return [(r.gateway, r.code) for r in store.state.rejected.values()]


async def test_a_good_one_is_noted_and_a_strangers_is_not() -> None:
    store = Failing()
    desk = await statuses(store)
    assert await desk.note("gw1", GOOD)
    assert not await desk.note("stranger", GOOD)
    assert not await desk.note("gw1", b"")
    assert store.state.statuses["gw1"][0].backlog == 7
    assert kept(store) == []


@pytest.mark.parametrize("name", ["gw1", "stranger"])
async def test_a_surrogate_ends_nothing_and_is_kept_whoever_sends_it(name: str) -> None:
    store = Failing()
    desk = await statuses(store)
    assert not await desk.note(name, SURROGATE)
    assert kept(store) == [(name, "BAD_TEXT")]
    assert await desk.note("gw1", GOOD)


async def test_every_spoilt_status_is_noted_or_kept_under_every_kind_of_name() -> None:
    store = Failing()
    desk = await statuses(store)
    for payload in bad_statuses().values():
        for name in ("gw1", "stranger", "No Name", "a\0b", "x" * 9_000):
            before = desk.counts["rejected"]
            noted = await desk.note(name, payload)
            assert noted + desk.counts["rejected"] - before == 1 or name == "stranger"
    assert desk.counts["unkept"] == 0
    assert store.state.findings == {}


async def test_what_the_store_refuses_is_kept_and_found() -> None:
    store = Failing(PoisonError("x", value="22001"), failures=1)
    desk = await statuses(store)
    assert not await desk.note("gw1", GOOD)
    assert kept(store) == [("gw1", "POISON_22001")]
    assert [f.code for f in store.state.findings.values()] == [FindingCode.REFUSED]


async def test_what_nobody_foresaw_is_tried_a_few_times() -> None:
    store = Failing(KeyError("x"), failures=2)
    assert await (await statuses(store)).note("gw1", GOOD)
    store = Failing(KeyError("x"), failures=3)
    assert not await (await statuses(store)).note("gw1", GOOD)
    assert kept(store) == [("gw1", "UNEXPECTED")]


@pytest.mark.parametrize("error", [StoreUnavailableError("x"), StoreUnfitError("x")])
async def test_what_is_no_statuses_fault_is_the_callers_to_wait_for(error: Exception) -> None:
    store = Failing(error, failures=1)
    desk = await statuses(store)
    with pytest.raises(type(error)):
        await desk.note("gw1", GOOD)
    assert kept(store) == []


def online(second: int) -> bytes:
    at = NOW + timedelta(seconds=second)
    return encode_status(Status(GatewayState.ONLINE, "edge/1", at, 7))


async def test_a_gateway_that_connects_again_and_again_is_an_alarm_once() -> None:
    store = Failing()
    use_case = await statuses(store)
    # What a broker retains comes again at each of ingest's own connections, and is no connection.
    for _ in range(20):
        assert await use_case.note("gw1", online(0))
    assert store.state.findings == {}
    for second in range(1, 20):
        assert await use_case.note("gw1", online(second))
    (finding,) = store.state.findings.values()
    assert (finding.code, finding.key) == (FindingCode.TAKEN_OVER, "TAKEN_OVER:gw1")
    assert "copied card" in finding.message
    assert use_case.counts["taken_over"] == 1


def test_connections_now_and_then_are_none() -> None:
    connects = Connects()
    status = Status(GatewayState.ONLINE, "edge/1")
    times = [NOW + n * WITHIN / (MANY - 2) for n in range(50)]
    assert not any(connects.note("gw1", replace(status, since=at), at) for at in times)
    offline = Status(GatewayState.OFFLINE, "edge/1")
    assert not any(connects.note("gw2", offline, NOW) for _ in range(50))


def refusing(*reports: RefusalReport) -> bytes:
    return encode_status(Status(GatewayState.ONLINE, "edge/1", NOW, 0, refused=reports))


WRONG_KEY = RefusalReport(
    "house", "DECRYPTION", "The key is wrong. Set `key` to that of this meter.",
    NOW, 12, bytes.fromhex("db08"),
)  # fmt: skip


async def test_what_a_meter_sends_and_nobody_can_read_is_found_with_what_to_do() -> None:
    store = Failing()
    desk = await statuses(store)
    once = replace(WRONG_KEY, meter="garage", count=1, raw=b"")
    assert await desk.note("gw1", refusing(WRONG_KEY, once))
    assert {key: finding.message for key, finding in store.state.findings.items()} == {
        "EDGE_REFUSED:gw1:house:DECRYPTION": (
            "gw1 cannot read what its meter house sends (DECRYPTION, 12 times, last at"
            f" {NOW.isoformat()}): The key is wrong. Set `key` to that of this meter."
            " The last one begins db08."
        ),
        "EDGE_REFUSED:gw1:garage:DECRYPTION": (
            "gw1 cannot read what its meter garage sends (DECRYPTION, once, last at"
            f" {NOW.isoformat()}): The key is wrong. Set `key` to that of this meter."
        ),
    }


async def test_a_retained_word_of_long_ago_raises_nothing_that_somebody_closed() -> None:
    store = Failing()
    desk = await statuses(store)
    old = replace(WRONG_KEY, at=NOW - RECENT - timedelta(seconds=1))
    assert await desk.note("gw1", refusing(old))
    assert store.state.findings == {}
    assert await desk.note("stranger", refusing(WRONG_KEY)) is False
    assert store.state.findings == {}


async def test_a_gateway_that_invents_refusals_raises_no_more_findings_than_its_share() -> None:
    store = Failing()
    desk = await statuses(store)
    for number in range(200):
        reports = [
            replace(WRONG_KEY, meter=f"{number}-{at}", code=f"C{at}") for at in range(REFUSALS_MAX)
        ]
        assert await desk.note("gw1", refusing(*reports))
    found = [finding.code for finding in store.state.findings.values()]
    assert found.count(FindingCode.EDGE_REFUSED) == store.quota.findings
    assert found.count(FindingCode.FINDINGS_FULL) == 1
