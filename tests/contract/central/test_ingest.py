"""Ingest keeps its promises on every store.

One module, longer than others: every store passes the same suite, and a promise that stands apart
would be easy to leave out for one of them.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from central.service.gateways.enrolment import (
    enrol_gateway,
    move_meter,
    revoke_epoch,
    revoke_gateway,
)
from central.service.ingest.classify import Readable, Unreadable
from central.service.ingest.gap_findings import watch_gaps
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import MessageOutcome, OutcomeKind, Result
from central.service.ingest.requeue import requeue
from central.service.ports.ingest_records import FindingCode
from firmware_bridge.contract.envelope import HEADER_BYTES, NO_HASH, digest
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.messages import (
    Ack,
    EpochState,
    GatewayState,
    Status,
)
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading, to_ms
from tests.support.actors import OPERATOR
from tests.support.ingest import (
    NOW,
    Edge,
    Stores,
    arrive,
    channel,
    expected,
    hello,
    readings,
    state_of,
)

START = NOW - timedelta(days=10)
WHEN = lambda: NOW  # noqa: E731 - a clock


@pytest.fixture
async def ingest(stores: Stores) -> Ingest:
    await enrol_gateway(stores.gateways, "gw1", OPERATOR, WHEN)
    return Ingest(stores.ingest, WHEN)


def ends(result: Result) -> list[tuple[str, str]]:
    return sorted((outcome.kind.value, outcome.code) for outcome in result.outcomes)


def only_ack(result: Result) -> Ack:
    """The word on where the epoch stands; what repeats an earlier batch is told of it besides."""
    (epoch,) = {reply.ack.epoch for reply in result.replies}
    ack = result.replies[-1].ack
    assert ack.epoch == epoch
    return ack


async def codes(stores: Stores) -> list[FindingCode]:
    return sorted(finding.code for finding in await stores.ingest.open_findings())


async def test_batches_out_of_order_are_acknowledged_as_far_as_they_are_whole(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(30, START)
    first, second, third = (edge.seal(values[i : i + 10]) for i in (0, 10, 20))
    ack = only_ack(await ingest.commit(edge.arrive(third)))
    assert (ack.cum, ack.cum_hash) == (0, NO_HASH)
    ack = only_ack(await ingest.commit(edge.arrive(first)))
    assert (ack.cum, ack.cum_hash) == (1, first.sha256)
    ack = only_ack(await ingest.commit(edge.arrive(second)))
    assert (ack.cum, ack.cum_hash) == (3, third.sha256)
    assert await stores.peek.readings() == expected(values)


async def test_a_batch_that_comes_again_is_stored_once_and_acknowledged_again(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(10, START)
    batch = edge.seal(values)
    first = await ingest.commit(edge.arrive(batch, batch))
    assert ends(first) == [("duplicate", "DUPLICATE"), ("stored", "STORED")]
    again = await ingest.commit(edge.arrive(batch))
    assert ends(again) == [("duplicate", "DUPLICATE")]
    assert only_ack(again).cum == 1
    assert await stores.peek.readings() == expected(values)
    assert await stores.peek.batches() == [(1, "stored", None, 10, 10, 0, 0, 0)]


async def test_the_same_identity_with_other_bytes_is_kept_unacknowledged_and_ends_the_epoch(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    twin = Edge("gw1", edge.epoch)
    original = edge.seal(readings(5, START))
    other = twin.seal(readings(5, START + timedelta(days=1)))
    await ingest.commit(edge.arrive(original))
    result = await ingest.commit(twin.arrive(other))
    assert ends(result) == [("conflict", "IDENTITY_CLASH")]
    ack = only_ack(result)
    assert (ack.cum, ack.cum_hash, ack.new_epoch) == (1, original.sha256, True)
    assert await stores.peek.rejected() == [("gw1", "IDENTITY_CLASH", len(other.payload))]
    assert await codes(stores) == [FindingCode.IDENTITY_CLASH]
    assert len(await stores.peek.readings()) == 5


async def test_a_place_taken_by_another_value_is_a_conflict_kept_aside(
    stores: Stores, ingest: Ingest
) -> None:
    edge, again = Edge("gw1"), Edge("gw1")
    values = readings(4, START)
    await ingest.commit(edge.arrive(edge.seal(values)))
    changed = [*values[:3], Reading(channel(), values[3].at, 999, 0)]
    fresh = readings(2, START + timedelta(days=2), first=50)
    result = await ingest.commit(again.arrive(again.seal([*changed, *fresh])))
    (outcome,) = result.outcomes
    assert (outcome.kind, outcome.code) == (OutcomeKind.CONFLICT, "VALUE_CONFLICT")
    assert (outcome.received, outcome.stored, outcome.duplicate, outcome.conflict) == (6, 2, 3, 1)
    assert only_ack(result).cum == 1
    assert await stores.peek.readings() == expected([*values, *fresh])
    assert await stores.peek.conflicts() == [(999, 3)]
    assert (1, "stored", None, 6, 2, 3, 1, 0) in await stores.peek.batches()


async def test_one_value_written_with_other_digits_is_no_conflict(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    first = edge.seal([Reading(channel(), START, 15, -1)])
    second = edge.seal([Reading(channel(), START, 150, -2)])
    result = await ingest.commit(edge.arrive(first))
    result = await ingest.commit(edge.arrive(second))
    assert [(o.duplicate, o.conflict) for o in result.outcomes] == [(1, 0)]
    assert await stores.peek.readings() == {("A1", to_ms(START)): (15, -1)}


async def test_a_key_repeated_in_one_window_is_stored_once(stores: Stores, ingest: Ingest) -> None:
    edge = Edge("gw1")
    same, other = (Reading(channel(), START, value, 0) for value in (7, 8))
    batches = [edge.seal([same]), edge.seal([same]), edge.seal([other])]
    result = await ingest.commit(edge.arrive(*batches))
    assert ends(result) == [
        ("conflict", "VALUE_CONFLICT"), ("stored", "STORED"), ("stored", "STORED"),
    ]  # fmt: skip
    assert await stores.peek.readings() == expected([same])
    assert await stores.peek.conflicts() == [(8, 7)]


async def test_an_unknown_version_is_quarantined_acknowledged_and_passed(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(20, START)
    first, second = edge.seal(values[:10]), edge.seal(values[10:])
    body = first.payload[HEADER_BYTES:]
    sha256 = digest("gw1", 9, edge.epoch, 1, body)
    unknown = b"".join(
        [first.payload[:3], b"\x09", first.payload[4 : HEADER_BYTES - 32], sha256, body]
    )
    result = await ingest.commit(arrive("gw1", unknown))
    assert ends(result) == [("quarantined", "UNKNOWN_VERSION")]
    ack = only_ack(result)
    assert (ack.cum, ack.cum_hash, ack.quarantined) == (1, sha256, (1,))
    assert await stores.peek.batches() == [(1, "quarantined", "UNKNOWN_VERSION", None, 0, 0, 0, 0)]
    (still,) = await requeue(stores.ingest, WHEN, OPERATOR)
    assert (still.released, still.code) == (False, "UNKNOWN_VERSION")
    # The successor names the hash of what was sealed, so here the chain breaks.
    result = await ingest.commit(edge.arrive(second))
    assert only_ack(result).new_epoch


async def test_readings_out_of_range_are_held_and_the_rest_is_stored(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    good = readings(3, START)
    bad = [
        Reading(channel(), NOW + timedelta(hours=1, seconds=1), 5, 0),
        Reading(channel(), NOW - timedelta(days=4 * 365), 5, 0),
    ]
    result = await ingest.commit(edge.arrive(edge.seal([*good, *bad])))
    (outcome,) = result.outcomes
    assert (outcome.kind.value, outcome.code) == ("quarantined", "START_OUT_OF_RANGE")
    assert (outcome.stored, outcome.quarantined) == (3, 2)
    assert only_ack(result).cum == 1
    assert await stores.peek.readings() == expected(good)
    assert await codes(stores) == [FindingCode.QUARANTINE]
    later = lambda: NOW + timedelta(minutes=30)  # noqa: E731 - a clock
    (requeued,) = await requeue(stores.ingest, later, OPERATOR)
    assert not requeued.released
    assert len(await stores.peek.readings()) == 4
    assert await stores.peek.batches() == [(1, "quarantined", "START_OUT_OF_RANGE", 5, 4, 0, 0, 1)]


async def test_a_meter_behind_another_gateway_is_held_until_it_is_moved(
    stores: Stores, ingest: Ingest
) -> None:
    await enrol_gateway(stores.gateways, "gw2", OPERATOR, WHEN)
    home, other = Edge("gw1"), Edge("gw2")
    here, there = readings(2, START), readings(2, START + timedelta(days=1), first=10)
    own = readings(2, START, of=channel("B2"))
    await ingest.commit(home.arrive(home.seal(here)))
    result = await ingest.commit(other.arrive(other.seal([*there, *own])))
    assert ends(result) == [("quarantined", "METER_ELSEWHERE")]
    assert await stores.peek.readings() == expected([*here, *own])
    await move_meter(stores.gateways, "MTL", "A1", "gw2", OPERATOR, WHEN)
    before = len(await stores.peek.touched())
    (released,) = await requeue(
        stores.ingest, WHEN, OPERATOR, gateway="gw2", code="METER_ELSEWHERE"
    )
    assert released.released
    assert await stores.peek.readings() == expected([*here, *there, *own])
    assert (1, "stored", None, 4, 4, 0, 0, 0) in await stores.peek.batches()
    reopened = (await stores.peek.touched())[before:]
    day = to_ms(there[0].at)
    assert ("A1", day, to_ms(there[1].at) + 1) in reopened
    assert await codes(stores) == []
    assert await requeue(stores.ingest, WHEN, OPERATOR) == []


async def test_what_a_gateway_noticed_of_registers_comes_once_with_the_readings_that_show_it(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(3, START)
    before, after = (Shown(one.at, one.mantissa, one.exponent) for one in values[1:])
    reset = MeterEvent(EventKind.RESET, channel(), after, before)
    exchange = MeterEvent(EventKind.EXCHANGE, channel(), after, None, Nameplate("MTL", "A0"))
    batch = edge.seal(values, events=[reset, exchange])
    await ingest.commit(edge.arrive(batch, batch))
    await ingest.commit(edge.arrive(batch))
    found = await stores.ingest.open_findings(FindingCode.EDGE_RESET)
    assert [(one.epoch, one.from_sequence) for one in found] == [(edge.epoch, 1)]
    assert "MTL/A1 1-0:1.8.0*255 was reset: 1 Wh at 2026-11-10T12:15" in found[0].message
    (other,) = await stores.ingest.open_findings(FindingCode.EDGE_EXCHANGE)
    assert "MTL/A0 before, 2 Wh at 2026-11-10T12:30" in other.message
    assert await stores.peek.readings() == expected(values)


async def test_what_a_gateway_noticed_of_a_clock_is_found_when_it_goes_wrong_and_when_it_is_right(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(2, START)
    first, second = (Shown(one.at, one.mantissa, one.exponent) for one in values)
    own = Shown(datetime(2000, 11, 6, 20, tzinfo=UTC), first.mantissa, first.exponent)
    wrong = MeterEvent(EventKind.CLOCK_WRONG, channel(), first, own)
    right = MeterEvent(EventKind.CLOCK_RIGHT, channel(), second)
    batch = edge.seal(values, events=[wrong, right])
    await ingest.commit(edge.arrive(batch, batch))
    (found,) = await stores.ingest.open_findings(FindingCode.EDGE_CLOCK_WRONG)
    assert "MTL/A1 is wrong: it showed 2000-11-06T20:00:00+00:00" in found.message
    (later,) = await stores.ingest.open_findings(FindingCode.EDGE_CLOCK_RIGHT)
    assert "MTL/A1 is right again" in later.message
    assert await stores.peek.readings() == expected(values)


async def test_events_of_a_batch_that_could_not_be_read_are_raised_when_it_is_released(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(2, START)
    shown = [Shown(one.at, one.mantissa, one.exponent) for one in values]
    event = MeterEvent(EventKind.BACKWARD, channel(), shown[1], shown[0])
    (item,) = edge.arrive(edge.seal(values, events=[event]))
    assert isinstance(item, Readable)
    # As a centre that knew no events held it.
    refused = Unreadable(item.arrival, item.header, "SCHEMA", "The body has an unknown key.")
    await ingest.commit([refused])
    assert await codes(stores) == [FindingCode.QUARANTINE]
    (released,) = await requeue(stores.ingest, WHEN, OPERATOR)
    assert released.released
    assert await codes(stores) == [FindingCode.EDGE_BACKWARD]
    assert await stores.peek.readings() == expected(values)


async def test_a_changed_unit_is_held(stores: Stores, ingest: Ingest) -> None:
    edge = Edge("gw1")
    await ingest.commit(edge.arrive(edge.seal(readings(2, START))))
    other = readings(2, START + timedelta(days=1), of=channel(unit=Unit.VAR_HOUR))
    result = await ingest.commit(edge.arrive(edge.seal(other)))
    assert ends(result) == [("quarantined", "UNIT_CHANGED")]
    assert only_ack(result).quarantined == (2,)
    assert len(await stores.peek.readings()) == 2


async def test_a_void_batch_keeps_the_chain_and_its_original_may_still_come(
    stores: Stores, ingest: Ingest
) -> None:
    edge, values = Edge("gw1"), readings(30, START)
    first, damaged, third = (edge.seal(values[i : i + 10]) for i in (0, 10, 20))
    void = edge.seal_void(damaged)
    result = await ingest.commit(edge.arrive(first, void, third))
    ack = only_ack(result)
    assert (ack.cum, ack.cum_hash) == (3, third.sha256)
    assert ("stored", "VOID") in ends(result)
    assert await codes(stores) == [FindingCode.VOID_BATCH]
    late = await ingest.commit(edge.arrive(damaged))
    assert ends(late) == [("stored", "STORED")]
    assert not only_ack(late).new_epoch
    assert await stores.peek.readings() == expected(values)
    for again in (damaged, void):
        assert ends(await ingest.commit(edge.arrive(again))) == [("duplicate", "DUPLICATE")]


async def test_a_void_for_a_batch_that_is_here_is_a_duplicate(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    batch = edge.seal(readings(5, START))
    void = edge.seal_void(batch)
    result = await ingest.commit(edge.arrive(batch))
    result = await ingest.commit(edge.arrive(void))
    assert ends(result) == [("duplicate", "DUPLICATE")]
    assert not only_ack(result).new_epoch
    assert len(await stores.peek.readings()) == 5


async def test_a_batch_that_does_not_follow_from_the_one_before_stops_the_cursor(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    twin = Edge("gw1", edge.epoch)
    edge.seal(readings(5, START))
    twin.seal(readings(5, START + timedelta(days=1)))
    stray = twin.seal(readings(5, START + timedelta(days=2)))
    result = await ingest.commit(edge.arrive(edge.sealed[0], stray))
    ack = only_ack(result)
    assert (ack.cum, ack.cum_hash, ack.new_epoch) == (1, edge.sealed[0].sha256, True)
    assert await codes(stores) == [FindingCode.CHAIN_BROKEN]


async def test_what_cannot_claim_a_sequence_is_rejected_by_name_and_kept(
    stores: Stores, ingest: Ingest
) -> None:
    for name in ("gw2", "gw3"):
        await enrol_gateway(stores.gateways, name, OPERATOR, WHEN)
    await revoke_gateway(stores.gateways, "gw3", OPERATOR, WHEN)
    edge, other, gone, stranger = (Edge(name) for name in ("gw1", "gw2", "gw3", "gw4"))
    batch = edge.seal(readings(50, START))
    theirs = other.seal(readings(5, START, of=channel("B2")))
    await ingest.commit(other.arrive(theirs))
    flipped = batch.payload[:-1] + bytes([batch.payload[-1] ^ 1])
    window = [
        *arrive("gw1", batch.payload[:40], batch.payload[:-5], flipped, b"", b"hello"),
        *arrive("gw1", batch.payload + bytes(64 * 1024), theirs.payload),
        *gone.arrive(gone.seal(readings(1, START))),
        *stranger.arrive(stranger.seal(readings(1, START))),
        *edge.arrive(batch),
    ]
    result = await ingest.commit(window)
    assert ends(result) == [
        ("rejected", "BAD_MAGIC"),
        ("rejected", "HASH_MISMATCH"),
        ("rejected", "OVERSIZE"),
        ("rejected", "REVOKED_GATEWAY"),
        ("rejected", "TRUNCATED"),
        ("rejected", "TRUNCATED"),
        ("rejected", "TRUNCATED"),
        ("rejected", "UNKNOWN_GATEWAY"),
        ("rejected", "WRONG_GATEWAY"),
        ("stored", "STORED"),
    ]
    assert [(reply.gateway, reply.ack.cum) for reply in result.replies] == [("gw1", 1)]
    kept = await stores.peek.rejected()
    assert len(kept) == 9
    assert ("gw1", "OVERSIZE", len(batch.payload) + 64 * 1024) in kept
    again = await ingest.commit(arrive("gw1", flipped))
    assert ends(again) == [("rejected", "HASH_MISMATCH")]
    assert len(await stores.peek.rejected()) == 9


async def test_a_hello_is_answered_with_its_nonce_and_where_the_centre_stands(
    ingest: Ingest,
) -> None:
    edge = Edge("gw1")
    for day in range(3):
        edge.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(edge.arrive(*edge.sealed[:2]))
    ack = only_ack(await ingest.commit(arrive("gw1", hello(state_of(edge, cum=1)))))
    assert (ack.nonce, ack.cum, ack.cum_hash) == (b"n" * 16, 2, edge.sealed[1].sha256)
    # The edge knows of a higher cum: this centre was restored from a backup.
    result = await ingest.commit(arrive("gw1", hello(state_of(edge, cum=3))))
    acks = [(reply.ack.nonce, reply.ack.cum, reply.ack.new_epoch) for reply in result.replies]
    assert acks == [(b"n" * 16, 2, False), (b"n" * 16, 0, False)]


async def test_a_restored_centre_that_a_twin_filled_asks_for_everything_again(
    ingest: Ingest,
) -> None:
    edge = Edge("gw1")
    twin = Edge("gw1", edge.epoch)
    for day in range(3):
        edge.seal(readings(5, START + timedelta(days=day)))
        twin.seal(readings(5, START + timedelta(days=day), first=100))
    await ingest.commit(twin.arrive(*twin.sealed))
    ack = only_ack(await ingest.commit(arrive("gw1", hello(state_of(edge, cum=2)))))
    assert (ack.nonce, ack.cum, ack.new_epoch) == (b"n" * 16, 0, True)


async def test_what_neither_side_has_is_a_lost_range_and_the_cursor_moves_on(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    for day in range(8):
        edge.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(edge.arrive(edge.sealed[0], edge.sealed[3]))
    greeting = hello(state_of(edge, first=7, cum=6))
    ack = only_ack(await ingest.commit(arrive("gw1", greeting)))
    assert (ack.cum, ack.cum_hash) == (6, edge.sealed[5].sha256)
    lost = await stores.ingest.open_findings(FindingCode.LOST_RANGE)
    assert [(f.from_sequence, f.until_sequence) for f in lost] == [(2, 3), (5, 6)]
    ack = only_ack(await ingest.commit(edge.arrive(*edge.sealed[6:])))
    assert (ack.cum, ack.new_epoch) == (8, False)
    # Said once.
    await ingest.commit(arrive("gw1", greeting))
    assert len(await stores.ingest.open_findings(FindingCode.LOST_RANGE)) == 2


async def test_an_epoch_that_ends_below_the_centre_is_told_to_begin_anew(ingest: Ingest) -> None:
    edge = Edge("gw1")
    for day in range(3):
        edge.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(edge.arrive(*edge.sealed))
    restored = Edge("gw1", edge.epoch, edge.sealed[:2])
    later = hello(state_of(restored, cum=2), after_s=7200)
    ack = only_ack(await ingest.commit(arrive("gw1", later)))
    assert (ack.new_epoch, ack.cum) == (True, 3)


async def test_a_hello_that_a_batch_overtook_is_no_reason_for_a_new_epoch(ingest: Ingest) -> None:
    edge = Edge("gw1")
    for day in range(3):
        edge.seal(readings(5, START + timedelta(days=day)))
    early = hello(state_of(Edge("gw1", edge.epoch, edge.sealed[:1])))
    await ingest.commit(edge.arrive(*edge.sealed))
    ack = only_ack(await ingest.commit(arrive("gw1", early)))
    assert (ack.new_epoch, ack.cum) == (False, 3)


async def test_a_copied_card_is_told_of_its_own_batches_until_it_parts_from_its_twin(
    ingest: Ingest,
) -> None:
    edge = Edge("gw1")
    for day in range(6):
        edge.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(edge.arrive(*edge.sealed))
    twin = Edge("gw1", edge.epoch, edge.sealed[:4])
    result = await ingest.commit(twin.arrive(*twin.sealed[1:]))
    acks = [(reply.ack.cum, reply.ack.cum_hash) for reply in result.replies]
    assert acks == [(4, edge.sealed[3].sha256), (6, edge.sealed[5].sha256)]
    parted = twin.seal(readings(5, START + timedelta(days=9)))
    assert only_ack(await ingest.commit(twin.arrive(parted))).new_epoch


async def test_an_epoch_with_another_batch_at_its_end_is_told_to_begin_anew(
    ingest: Ingest,
) -> None:
    edge = Edge("gw1")
    twin = Edge("gw1", edge.epoch)
    for day in range(3):
        edge.seal(readings(5, START + timedelta(days=day)))
        twin.seal(readings(5, START + timedelta(days=day), first=100))
    await ingest.commit(edge.arrive(*edge.sealed))
    assert only_ack(await ingest.commit(arrive("gw1", hello(state_of(twin))))).new_epoch
    assert not only_ack(await ingest.commit(arrive("gw1", hello(state_of(edge))))).new_epoch


async def test_a_revoked_gateway_is_neither_admitted_nor_is_its_status_noted(
    stores: Stores,
) -> None:
    status = Status(GatewayState.ONLINE, "1.0")
    await enrol_gateway(stores.gateways, "gw9", OPERATOR, WHEN)
    assert await stores.gateways.save_status("gw9", status, NOW)
    assert "gw9" in await stores.gateways.admitted()
    await revoke_gateway(stores.gateways, "gw9", OPERATOR, WHEN)
    assert not await stores.gateways.save_status("gw9", status, NOW)
    assert "gw9" not in await stores.gateways.admitted()
    await enrol_gateway(stores.gateways, "gw9", OPERATOR, WHEN)
    assert await stores.gateways.save_status("gw9", status, NOW)


@pytest.mark.parametrize("name", ["meterline-central", "meterline-ingest-1", "GW", "gw/1"])
async def test_no_gateway_has_a_name_of_the_centres_or_one_that_is_no_topic(
    stores: Stores, name: str
) -> None:
    with pytest.raises(InvalidValueError):
        await enrol_gateway(stores.gateways, name, OPERATOR, WHEN)
    assert name not in await stores.gateways.admitted()


async def test_two_live_epochs_alarm_until_one_is_revoked(stores: Stores, ingest: Ingest) -> None:
    one, two = Edge("gw1"), Edge("gw1")
    await ingest.commit(arrive("gw1", hello(state_of(one), after_s=0)))
    await ingest.commit(arrive("gw1", hello(state_of(two), after_s=10)))
    assert await codes(stores) == [FindingCode.TWO_LIVE_EPOCHS]
    await revoke_epoch(stores.gateways, "gw1", two.epoch, OPERATOR, WHEN)
    assert await codes(stores) == []
    batch = two.seal(readings(5, START))
    result = await ingest.commit(two.arrive(batch))
    assert ends(result) == [("rejected", "REVOKED_EPOCH")]
    assert list(result.replies) == []
    answer = await ingest.commit(arrive("gw1", hello(state_of(two), after_s=20)))
    assert list(answer.replies) == []
    await ingest.commit(arrive("gw1", hello(state_of(one), after_s=30)))
    assert await codes(stores) == []


async def test_a_successor_that_names_its_predecessor_raises_no_alarm(
    stores: Stores, ingest: Ingest
) -> None:
    one, two = Edge("gw1"), Edge("gw1")
    one.seal(readings(5, START))
    await ingest.commit(one.arrive(*one.sealed))
    await ingest.commit(arrive("gw1", hello(state_of(one))))
    heir = EpochState(two.epoch, 1, 0, NO_HASH, 0, NO_HASH, one.epoch, 1)
    await ingest.commit(arrive("gw1", hello(heir, after_s=10)))
    assert await codes(stores) == []
    # The file that was set aside is written again: somebody has a copy of it.
    one.seal(readings(5, START + timedelta(days=1)))
    await ingest.commit(one.arrive(one.sealed[1]))
    assert await codes(stores) == [FindingCode.TWO_LIVE_EPOCHS]


async def test_what_went_down_with_a_file_is_lost_by_name(stores: Stores, ingest: Ingest) -> None:
    one, two = Edge("gw1"), Edge("gw1")
    for day in range(4):
        one.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(one.arrive(*one.sealed[:2]))
    heir = EpochState(two.epoch, 1, 0, NO_HASH, 0, NO_HASH, one.epoch, 4)
    await ingest.commit(arrive("gw1", hello(heir)))
    (lost,) = await stores.ingest.open_findings(FindingCode.LOST_RANGE)
    assert (lost.epoch, lost.from_sequence, lost.until_sequence) == (one.epoch, 3, 4)


async def test_a_hole_that_does_not_fill_is_a_finding_until_it_does(
    stores: Stores, ingest: Ingest
) -> None:
    edge = Edge("gw1")
    for day in range(4):
        edge.seal(readings(5, START + timedelta(days=day)))
    await ingest.commit(edge.arrive(edge.sealed[0], edge.sealed[3]))
    # Servers stamp with their own clock, which may be either side of this test's.
    far = NOW + timedelta(days=36_500)
    assert await watch_gaps(stores.ingest, NOW - timedelta(days=36_500)) == []
    (gap,) = await watch_gaps(stores.ingest, far)
    assert (gap.from_sequence, gap.until_sequence) == (2, 3)
    assert await codes(stores) == [FindingCode.GAP]
    await ingest.commit(edge.arrive(*edge.sealed[1:3]))
    assert await watch_gaps(stores.ingest, far) == []
    assert await codes(stores) == []


async def test_workers_at_once_store_each_reading_once(stores: Stores) -> None:
    edges = [Edge(f"gw{number}") for number in range(4)]
    values: list[Reading] = []
    for number, edge in enumerate(edges):
        await enrol_gateway(stores.gateways, edge.name, OPERATOR, WHEN)
        for day in range(6):
            part = readings(40, START + timedelta(days=day), day * 40, channel(f"M{number}"))
            values += part
            edge.seal(part)
    arrivals = [item for edge in edges for item in edge.arrive(*edge.sealed)]
    workers = [Ingest(stores.ingest, WHEN) for _ in range(4)]

    async def work(number: int) -> list[MessageOutcome]:
        # Each takes everything, in an order of its own, in windows that straddle gateways.
        mine = arrivals[number * 5 :] + arrivals[: number * 5]
        mine = mine if number % 2 else mine[::-1]
        found: list[MessageOutcome] = []
        for i in range(0, len(mine), 7):
            found += (await workers[number].commit(mine[i : i + 7])).outcomes
        return found

    outcomes = [o for found in await asyncio.gather(*map(work, range(4))) for o in found]
    assert sorted({o.kind.value for o in outcomes}) == ["duplicate", "stored"]
    assert sum(o.stored for o in outcomes) == len(values)
    assert await stores.peek.readings() == expected(values)
    acks = [only_ack(await workers[0].commit(edge.arrive(edge.sealed[0]))) for edge in edges]
    assert [ack.cum for ack in acks] == [6, 6, 6, 6]
    assert await codes(stores) == []


async def test_a_transaction_that_fails_leaves_nothing(stores: Stores, ingest: Ingest) -> None:
    edge = Edge("gw1")
    batch = edge.seal(readings(5, START))

    class PowerCut(BaseException):  # no code goes on after it
        pass

    async def cut() -> None:
        async with stores.ingest.transaction(NOW) as tx:
            original = tx.save_cursors

            async def fail(cursors: object) -> None:
                await original(cursors)  # type: ignore[arg-type]
                raise PowerCut

            object.__setattr__(tx, "save_cursors", fail)
            worker = Ingest(_Given(stores.ingest, tx), WHEN)  # type: ignore[arg-type]
            await worker.commit(edge.arrive(batch))

    with pytest.raises(PowerCut):
        await cut()
    assert await stores.peek.readings() == {}
    assert await stores.peek.batches() == []
    assert await stores.peek.touched() == []
    assert only_ack(await ingest.commit(edge.arrive(batch))).cum == 1
    assert len(await stores.peek.readings()) == 5


class _Given:
    """A store whose transaction is one that is open already."""

    def __init__(self, store: object, tx: object) -> None:
        self._store = store
        self._tx = tx

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def transaction(self, now: datetime) -> _Given:
        del now
        return self

    async def __aenter__(self) -> object:
        return self._tx

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_an_epoch_of_its_own_for_each_gateway(stores: Stores, ingest: Ingest) -> None:
    await enrol_gateway(stores.gateways, "gw2", OPERATOR, WHEN)
    epoch = uuid4()
    one, two = Edge("gw1", epoch), Edge("gw2", epoch)
    window = [
        *one.arrive(one.seal(readings(2, START))),
        *two.arrive(two.seal(readings(2, START, of=channel("B2")))),
    ]
    result = await ingest.commit(window)
    assert sorted((r.gateway, r.ack.cum) for r in result.replies) == [("gw1", 1), ("gw2", 1)]
    assert len(await stores.peek.readings()) == 4
