"""A register's events open as they were sealed, and no hostile body gets past the decoder."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buffer.batches import seal_all
from firmware_bridge.contract.body import decode_body, encode_readings
from firmware_bridge.contract.envelope import HEADER_BYTES, NO_HASH, Link, open_batch, seal
from firmware_bridge.contract.errors import InvalidValueError, MessageError
from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, from_ms
from tests.support.size import sized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FUZZ = sized("METERLINE_FUZZ", 20_000, 1_000_000)
SEED = 20_261_123
START = datetime(2026, 10, 1, tzinfo=UTC)
LINK = Link.first("roof-7", UUID(int=1))
CHANNELS = [
    Channel("EAS", serial, obis, Kind.REGISTER, 900, source, Unit.WATT_HOUR)
    for serial in ("1", "2")
    for obis in (ACTIVE_IMPORT, ACTIVE_EXPORT)
    for source in Source
]

instants = st.integers(0, 253_402_214_400_000).map(from_ms)
mantissas = st.integers(-(2**63), 2**63 - 1)
exponents = st.integers(-30, 30)
readings = st.builds(
    Reading,
    channel=st.sampled_from(CHANNELS),
    at=instants,
    mantissa=mantissas,
    exponent=exponents,
)
plates = st.builds(
    Nameplate,
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=16),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32),
)


def shown_by(reading: Reading) -> Shown:
    return Shown(reading.at, reading.mantissa, reading.exponent)


@st.composite
def contents(draw: st.DrawFn) -> tuple[list[Reading], list[MeterEvent]]:
    values = draw(st.lists(readings, min_size=1, max_size=20, unique=True))
    chosen = draw(st.lists(st.sampled_from(values), max_size=5))
    events = [
        MeterEvent(
            draw(st.sampled_from(EventKind)),
            reading.channel,
            shown_by(reading),
            draw(st.none() | st.builds(Shown, instants, mantissas, exponents)),
            draw(st.none() | plates),
        )
        for reading in chosen
    ]
    return values, events


@given(contents())
def test_events_open_as_they_were_sealed(sealing: tuple[list[Reading], list[MeterEvent]]) -> None:
    values, events = sealing
    sealed = seal(LINK, START, values, events)
    assert open_batch("roof-7", sealed.payload).events == tuple(events)


def counting(count: int) -> list[Reading]:
    return [Reading(CHANNELS[0], START + timedelta(minutes=i), i, 0) for i in range(count)]


def events_at(values: Sequence[Reading], places: Sequence[int]) -> list[MeterEvent]:
    return [MeterEvent(EventKind.BACKWARD, values[i].channel, shown_by(values[i])) for i in places]


def test_each_event_goes_with_the_batch_of_its_reading_however_many_batches_it_takes() -> None:
    values = counting(2_500)
    events = events_at(values, [0, 999, 1_000, 2_499])
    batches = [
        open_batch("roof-7", sealed.payload) for sealed in seal_all(LINK, START, values, events)
    ]
    assert [[event.after.mantissa for event in batch.events] for batch in batches] == [
        [0, 999],
        [1_000],
        [2_499],
    ]


def test_a_batch_without_events_is_as_it_always_was() -> None:
    body = encode_readings(NO_HASH, 0, counting(5))
    assert "events" not in msgpack.unpackb(body)
    assert decode_body(body).events == ()


def test_an_event_without_its_reading_is_not_sealed() -> None:
    values = counting(5)
    with pytest.raises(InvalidValueError, match="no reading"):
        seal(LINK, START, values[:4], events_at(values, [4]))


def test_hostile_events_are_refused_with_errors_of_ours(
    record_property: Callable[[str, object], None],
) -> None:
    values = counting(3)
    events = [
        *events_at(values, [0, 2]),
        MeterEvent(
            EventKind.EXCHANGE,
            CHANNELS[0],
            shown_by(values[1]),
            Shown(START, 2**63 - 1, -3),
            Nameplate("EAS", "17"),
        ),
    ]
    body = seal(LINK, START, values, events).payload[HEADER_BYTES:]
    begin = body.index(b"\xa6events")
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    refused = 0
    for _ in range(FUZZ):
        changed = bytearray(body)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(begin, len(changed))
            if chance.random() < 0.7:
                changed[at] = chance.choice(
                    (0, 1, 0x7F, 0x80, 0x90, 0xC0, 0xFF, chance.randrange(256))
                )
            else:
                changed[at:at] = chance.randbytes(chance.randint(1, 4))
        try:
            decode_body(bytes(changed))
        except MessageError:
            refused += 1
    record_property("hostile events", f"{FUZZ}, refused {refused}, seed {SEED}")
    assert refused
