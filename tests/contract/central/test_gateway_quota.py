"""What one gateway may fill is bounded, in every store: the excess is named, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ingest.requeue import requeue
from central.service.ports.gateway_quota import GatewayQuota
from central.service.ports.ingest_records import FindingCode, GatewayId, IngestFinding
from firmware_bridge.contract.envelope import NO_HASH, Link, seal
from firmware_bridge.contract.messages import EpochState, Hello, encode_hello
from firmware_bridge.contract.obis import Obis
from tests.support.actors import OPERATOR, noted
from tests.support.hostile import bad_batches
from tests.support.ingest import NOW, Edge, Stores, channel, readings

START = NOW - timedelta(days=3)
WHEN = lambda: NOW  # noqa: E731 - a clock


async def enrolled(stores: Stores, *names: str) -> Ingest:
    for name in names:
        await enrol_gateway(stores.gateways, name, OPERATOR, WHEN)
    return Ingest(stores.ingest, WHEN)


async def home(stores: Stores, name: str) -> GatewayId:
    gateway = await stores.gateways.gateway(name)
    assert gateway is not None
    return gateway.id


async def codes(stores: Stores) -> list[str]:
    return sorted(finding.key for finding in await stores.ingest.open_findings())


async def test_a_batch_with_a_thousand_new_meters_makes_as_many_as_its_gateway_may(
    stores: Stores,
) -> None:
    ingest = await enrolled(stores, "gw1", "gw2")
    stores.ingest.quota = GatewayQuota(meters=20)
    flood, honest = Edge("gw1"), Edge("gw2")
    many = [readings(1, START, 7, channel(f"M{number}"))[0] for number in range(1_000)]
    result = await ingest.commit(
        [*flood.arrive(flood.seal(many)), *honest.arrive(honest.seal(readings(4, START)))]
    )
    outcomes = {outcome.gateway: outcome for outcome in result.outcomes}
    assert (outcomes["gw1"].code, outcomes["gw1"].stored) == ("TOO_MANY_METERS", 20)
    assert outcomes["gw1"].quarantined == 980
    assert (outcomes["gw2"].code, outcomes["gw2"].stored) == ("STORED", 4)
    assert await codes(stores) == ["QUARANTINE:gw1:TOO_MANY_METERS"]
    # What it has goes on, and once somebody decides so, so does the rest: nothing was lost.
    later = readings(1, START + timedelta(days=1), 8, channel("M0"))
    (outcome,) = (await ingest.commit(flood.arrive(flood.seal(later)))).outcomes
    assert outcome.code == "STORED"
    stores.ingest.quota = GatewayQuota(meters=1_000)
    (done,) = await requeue(stores.ingest, WHEN, OPERATOR)
    assert done.released
    assert len(await stores.peek.readings()) == 1_000 + 1 + 4
    fresh = readings(1, START, 9, channel("M1000"))
    assert (await ingest.commit(flood.arrive(flood.seal(fresh)))).outcomes[0].code == (
        "TOO_MANY_METERS"
    )


async def test_channels_of_a_gateways_meters_are_bounded_and_others_cannot_fill_them(
    stores: Stores,
) -> None:
    ingest = await enrolled(stores, "gw1", "gw2")
    stores.ingest.quota = GatewayQuota(channels=3)
    owner, other = Edge("gw1"), Edge("gw2")
    await ingest.commit(owner.arrive(owner.seal(readings(1, START))))
    named = [channel(obis=Obis.parse(f"1-0:1.8.{n}*255")) for n in range(1, 60)]
    foreign = [readings(1, START, 7, each)[0] for each in named]
    (outcome,) = (await ingest.commit(other.arrive(other.seal(foreign)))).outcomes
    assert (outcome.code, outcome.stored) == ("METER_ELSEWHERE", 0)
    # Those channels were not made, so its owner still has room for two; in one window as well.
    (outcome, same) = (
        await ingest.commit(
            [*other.arrive(other.seal(foreign)), *owner.arrive(owner.seal(foreign))]
        )
    ).outcomes
    by_gateway = {each.gateway: each for each in (outcome, same)}
    assert by_gateway["gw2"].code == "METER_ELSEWHERE"
    assert (by_gateway["gw1"].code, by_gateway["gw1"].stored) == ("TOO_MANY_METERS", 2)
    # And when the meter moves, its new home is asked again.
    assert await stores.gateways.move_meter("MTL", "A1", await home(stores, "gw2"), noted(NOW))
    stores.ingest.quota = GatewayQuota(channels=100)
    (outcome,) = (await ingest.commit(other.arrive(other.seal(foreign)))).outcomes
    assert (outcome.code, outcome.stored + outcome.duplicate) == ("STORED", len(foreign))


async def test_epochs_of_a_gateway_are_bounded_by_batches_and_by_hellos(stores: Stores) -> None:
    ingest = await enrolled(stores, "gw1", "gw2")
    stores.ingest.quota = GatewayQuota(epochs=3)
    edges = [Edge("gw1") for _ in range(5)]
    first = [edge.seal(readings(1, START)) for edge in edges]
    arrived = [
        item for edge, batch in zip(edges, first, strict=True) for item in edge.arrive(batch)
    ]
    honest = Edge("gw2")
    result = await ingest.commit(
        [*arrived, *honest.arrive(honest.seal(readings(1, START, 5, channel("B1"))))]
    )
    ends = sorted(outcome.code for outcome in result.outcomes if outcome.gateway == "gw1")
    assert ends.count("EPOCHS_FULL") == 2
    assert [o.code for o in result.outcomes if o.gateway == "gw2"] == ["STORED"]
    state = EpochState(uuid4(), 1, 0, NO_HASH, 0, NO_HASH)
    hello = encode_hello(Hello(b"n" * 16, NOW, "x", (state,)))
    refused = await ingest.commit([examine(Arrival("gw1", hello, NOW))])
    assert [outcome.code for outcome in refused.outcomes] == ["EPOCHS_FULL"]
    # Those that it has go on, and nothing was acknowledged of the others.
    known = edges[0].arrive(edges[0].seal(readings(1, START + timedelta(days=1))))
    assert (await ingest.commit(known)).outcomes[0].code == "STORED"
    assert {reply.ack.epoch for reply in result.replies} <= {
        honest.epoch, *(edge.epoch for edge in edges[:3])
    }  # fmt: skip
    assert await codes(stores) == ["REFUSED:gw1:EPOCHS_FULL"]


async def test_a_full_quarantine_leaves_further_batches_with_their_gateway(stores: Stores) -> None:
    ingest = await enrolled(stores, "gw1", "gw2")
    stores.ingest.quota = GatewayQuota(quarantined=3)
    epoch, sealed, before = uuid4(), [], NO_HASH
    for number in range(1, 7):
        far = readings(1, NOW + timedelta(days=30))
        sealed.append(seal(Link("gw1", epoch, number, before), NOW, far))
        before = sealed[-1].sha256
    items = [examine(Arrival("gw1", each.payload, NOW)) for each in sealed]
    result = await ingest.commit(items)
    again = await ingest.commit(items[3:])
    assert sorted(o.code for o in result.outcomes) == [
        *["QUARANTINE_FULL"] * 3, *["START_OUT_OF_RANGE"] * 3
    ]  # fmt: skip
    assert [o.code for o in again.outcomes] == ["QUARANTINE_FULL"] * 3
    assert max(reply.ack.cum for reply in result.replies) == 3
    assert len(await stores.ingest.quarantined(None, None, 100)) == 3
    assert len(await stores.peek.rejected()) == 3
    other = Edge("gw2")
    bad = next(iter(bad_batches("gw2").values()))
    honest = other.arrive(other.seal(readings(1, START, 5, channel("B1"))))
    assert (await ingest.commit([examine(Arrival("gw2", bad, NOW)), *honest])).outcomes
    assert {"REFUSED:gw1:QUARANTINE_FULL"} <= set(await codes(stores))


@pytest.mark.parametrize("at_once", [1, 4])
async def test_findings_of_a_gateway_are_bounded_and_one_says_so(
    stores: Stores, at_once: int
) -> None:
    await enrolled(stores, "gw1", "gw2")
    stores.ingest.quota = GatewayQuota(findings=5)
    first, second = await home(stores, "gw1"), await home(stores, "gw2")
    wanted = [IngestFinding(f"GAP:{n}", FindingCode.GAP, "x", first) for n in range(12)]
    for begin in range(0, len(wanted), at_once):
        async with stores.ingest.transaction(NOW) as tx:
            await tx.find(wanted[begin : begin + at_once])
    async with stores.ingest.transaction(NOW) as tx:
        await tx.find([
            IngestFinding("TWO_LIVE_EPOCHS:gw1", FindingCode.TWO_LIVE_EPOCHS, "x", first),
            IngestFinding("GAP:other", FindingCode.GAP, "x", second),
            IngestFinding("GAP:0", FindingCode.GAP, "x", first),
        ])  # fmt: skip
    raised = await codes(stores)
    alarms = [f"FINDINGS_FULL:{first}", "TWO_LIVE_EPOCHS:gw1"]
    assert raised == sorted([*(f"GAP:{n}" for n in range(5)), *alarms, "GAP:other"])
