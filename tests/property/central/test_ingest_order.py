"""Ingest is idempotent: any order, any repetition, any cut into windows comes to the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from central.service.ingest.classify import Examined
from central.service.ingest.ingest import Ingest
from firmware_bridge.contract.reading import Reading
from tests.support.actors import noted
from tests.support.ingest import NOW, Edge, MemoryPeek, channel, expected
from tests.support.memory.ingest import MemoryIngestStore
from tests.support.size import sized

ORDERS = sized("METERLINE_ORDERS", 60, 5_000)
START = NOW - timedelta(days=20)
INSTANTS = st.integers(0, 40)
BATCH = st.lists(st.tuples(st.sampled_from("AB"), INSTANTS), min_size=1, max_size=8)


def sealed(batches: list[list[tuple[str, int]]]) -> tuple[Edge, dict[tuple[str, int], Reading]]:
    """A gateway whose batches overlap; one place always has one value."""
    edge = Edge("gw1", UUID(int=1))
    made: dict[tuple[str, int], Reading] = {}
    for places in batches:
        values = {}
        for serial, hour in places:
            at = START + timedelta(hours=hour)
            values[serial, hour] = Reading(channel(serial), at, hour * 100, 0)
        made |= values
        edge.seal(list(values.values()))
    return edge, made


async def ingested(items: list[Examined], cuts: Random) -> tuple[MemoryIngestStore, int]:
    store = MemoryIngestStore()
    await store.enrol("gw1", noted(NOW))
    workers = [Ingest(store, lambda: NOW) for _ in range(3)]
    cum = 0
    while items:
        size = cuts.randint(1, 5)
        window, items = items[:size], items[size:]
        result = await cuts.choice(workers).commit(window)
        cum = max([cum, *(reply.ack.cum for reply in result.replies)])
    return store, cum


@settings(max_examples=ORDERS, deadline=None)
@given(st.lists(BATCH, min_size=1, max_size=10), st.randoms(use_true_random=False), st.data())
def test_order_repetition_and_windows_do_not_matter(
    batches: list[list[tuple[str, int]]], random: Random, data: st.DataObject
) -> None:
    edge, made = sealed(batches)
    order = [batch for batch in edge.sealed for _ in range(data.draw(st.integers(1, 3)))]
    random.shuffle(order)
    store, cum = asyncio.run(ingested(edge.arrive(*order), random))
    assert cum == len(batches)
    assert asyncio.run(MemoryPeek(store).readings()) == expected(made.values())
    assert not store.state.conflicts
    assert not store.state.findings
    for batch in store.state.batches.values():
        parts = batch.stored + batch.duplicate + batch.conflict + batch.new.quarantined
        assert parts == batch.new.received
    assert sum(batch.stored for batch in store.state.batches.values()) == len(made)
