"""What a hostile gateway sends is refused alike by every store, and stops nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.classify import Arrival, Greeting, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import OutcomeKind
from central.service.ingest.statuses import Statuses
from central.service.ports.ingest import IngestTransaction, PoisonError
from central.service.ports.ingest_records import (
    EpochCursor,
    EpochKey,
    FindingCode,
    GatewayId,
    IngestFinding,
    Rejection,
)
from firmware_bridge.contract.envelope import NO_HASH
from firmware_bridge.contract.messages import EpochState, GatewayState, Hello, Status
from tests.support.actors import OPERATOR
from tests.support.hostile import bad_batches, bad_hellos, bad_statuses
from tests.support.ingest import NOW, Edge, Stores, channel, expected, readings

START = NOW - timedelta(days=10)
WHEN = lambda: NOW  # noqa: E731 - a clock
EPOCH = UUID(int=9)
BEYOND = 2**63
Use = Callable[[IngestTransaction, GatewayId, str], Awaitable[None]]


async def save_hello(tx: IngestTransaction, gateway: GatewayId, text: str) -> None:
    await tx.save_hello(gateway, text, EPOCH, NOW)


async def find(tx: IngestTransaction, gateway: GatewayId, text: str) -> None:
    await tx.find([IngestFinding(text, FindingCode.GAP, "x", gateway)])


async def reject(tx: IngestTransaction, _: GatewayId, text: str) -> None:
    await tx.reject([Rejection("gw1", "CODE", text, b"", 0, bytes(32), NOW)])


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("use", [save_hello, find, reject])
async def test_a_store_refuses_text_that_no_column_holds_as_poison(
    stores: Stores, use: Use, text: str
) -> None:
    gateway = await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
    with pytest.raises(PoisonError):
        async with stores.ingest.transaction(NOW) as tx:
            await use(tx, gateway.id, text)
    with pytest.raises(PoisonError):
        await stores.gateways.save_status("gw1", Status(GatewayState.ONLINE, text), NOW)
    async with stores.ingest.transaction(NOW) as tx:
        await use(tx, gateway.id, "good")


async def test_a_store_refuses_numbers_beyond_its_columns_as_poison(stores: Stores) -> None:
    gateway = await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
    key = EpochKey(gateway.id, EPOCH)
    cursor = EpochCursor(key, BEYOND, NO_HASH, BEYOND, NOW)
    async with stores.ingest.transaction(NOW) as tx:
        await tx.save_cursors((await tx.lock_cursors([key])).values())
    with pytest.raises(PoisonError):
        async with stores.ingest.transaction(NOW) as tx:
            await tx.save_cursors([cursor])
    with pytest.raises(PoisonError):
        async with stores.ingest.transaction(NOW) as tx:
            await tx.links({key: BEYOND})
    status = Status(GatewayState.ONLINE, "x", backlog=BEYOND)
    with pytest.raises(PoisonError):
        await stores.gateways.save_status("gw1", status, NOW)
    async with stores.ingest.transaction(NOW) as tx:
        await tx.save_cursors([replace(cursor, cum=1, high=BEYOND - 1)])


async def test_hellos_that_got_past_the_codec_are_isolated_and_the_honest_stored(
    stores: Stores,
) -> None:
    for name in ("gw1", "gw2"):
        await enrol_gateway(stores.gateways, name, OPERATOR, WHEN)
    ingest, honest = Ingest(stores.ingest, WHEN), Edge("gw1")
    state = EpochState(uuid4(), 1, 0, bytes(32), 0, bytes(32))
    hellos = [
        Greeting(Arrival("gw2", agent.encode(errors="replace"), NOW), hello)
        for agent in ("a\0b", "\0", "\ud800", "x\udfff")
        for hello in (Hello(b"n" * 16, NOW, agent, (state,)),)
    ]
    values = readings(10, START)
    result = await ingest.commit([*hellos, *honest.arrive(honest.seal(values))])
    codes = sorted(outcome.code for outcome in result.outcomes)
    assert codes == ["POISON_22021"] * 4 + ["STORED"]
    assert await stores.peek.readings() == expected(values)
    assert [f.code for f in await stores.ingest.open_findings()] == [FindingCode.REFUSED]


async def test_everything_that_a_hostile_gateway_sends_ends_by_name_among_honest_batches(
    stores: Stores,
) -> None:
    for name in ("gw1", "gw2"):
        await enrol_gateway(stores.gateways, name, OPERATOR, WHEN)
    ingest, honest = Ingest(stores.ingest, WHEN), Edge("gw1")
    spoilt = [*bad_hellos().values(), *bad_batches("gw2").values()]
    spoilt += [b"", b"ML", b"\xff" * 100, b"MLH\1" + b"\x91" * 60_000]
    values = []
    for number in range(0, len(spoilt), 40):
        fresh = readings(4, START + timedelta(minutes=3 * number), number, channel("GOOD"))
        values += fresh
        window = [examine(Arrival("gw2", p, NOW)) for p in spoilt[number : number + 40]]
        window[20:20] = honest.arrive(honest.seal(fresh))
        result = await ingest.commit(window)
        ends = {o.kind for o in result.outcomes if o.gateway == "gw1"}
        assert ends == {OutcomeKind.STORED}
        assert OutcomeKind.UNKEPT not in {o.kind for o in result.outcomes}
    stored = await stores.peek.readings()
    assert {key: v for key, v in stored.items() if key[0] == "GOOD"} == expected(values)


async def test_every_spoilt_status_is_noted_or_kept(stores: Stores) -> None:
    await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
    desk = Statuses(stores.gateways, stores.ingest, WHEN)
    spoilt = bad_statuses()
    noted = sum([await desk.note("gw1", payload) for payload in spoilt.values()])
    for name in ("stranger", "No Name", "x" * 9_000):
        assert not await desk.note(name, spoilt["status agent is a high surrogate"])
    assert noted + desk.counts["rejected"] == len(spoilt) + 3
    assert (desk.counts["unkept"], len(await stores.ingest.open_findings())) == (0, 0)
